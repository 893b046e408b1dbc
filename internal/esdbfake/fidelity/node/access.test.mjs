import { test } from "node:test";
import assert from "node:assert/strict";
import { AccessDeniedError } from "@kurrent/kurrentdb-client";
import { Follower, admin, all, events, fresh, ops, secure, soon } from "./servers.mjs";

const denied = (promise) => assert.rejects(promise, AccessDeniedError);

for (const [who, user] of Object.entries({ "a wrong password": "admin:wrong@", "an unknown user": "nobody:changeit@", nobody: "" })) {
  test(`${who} may do nothing`, async () => {
    const client = secure(user);
    const stream = fresh();
    await secure().appendToStream(stream, events(1));
    await denied(client.appendToStream(stream, events(1)));
    await assert.rejects(all(client.readStream(stream)));
    await denied(client.deleteStream(stream));
    await denied(client.tombstoneStream(stream));
    const follower = new Follower(() => client.subscribeToStream(stream));
    assert.ok((await soon(follower.failed, "a refusal")) instanceof AccessDeniedError);
    assert.equal((await all(secure().readStream(stream))).length, 1);
  });
}

test("credentials of one call go before those of the connection", async () => {
  const client = secure();
  const stream = fresh();
  await client.appendToStream(stream, events(1), { credentials: ops });
  await denied(client.appendToStream(stream, events(1), { credentials: { ...admin, password: "wrong" } }));
  assert.equal((await all(client.readStream(stream, { credentials: ops }))).length, 1);
});

test("$all and system streams are for administrators", async () => {
  const client = secure("ops:changeit@");
  await denied(all(client.readAll({ maxCount: 1 })));
  await denied(all(client.readStream("$users")));
  await denied(client.appendToStream(fresh("$system"), events(1)));
  assert.ok((await all(secure().readStream("$users"))).length >= 2);
});

test("access lists say who may read, write, delete and see the metadata", async () => {
  const [client, other] = [secure(), secure("ops:changeit@")];
  const closed = fresh();
  await client.appendToStream(closed, events(1));
  const only = ["$admins"];
  await client.setStreamMetadata(closed, { acl: { readRoles: only, writeRoles: only, deleteRoles: only, metaReadRoles: only, metaWriteRoles: only } });
  await denied(all(other.readStream(closed)));
  await denied(other.appendToStream(closed, events(1)));
  await denied(other.appendToStream(closed, events(1), { credentials: ops }));
  await denied(other.deleteStream(closed));
  await denied(other.tombstoneStream(closed));
  await denied(other.getStreamMetadata(closed));
  await denied(other.setStreamMetadata(closed, {}));
  const open = fresh();
  await client.setStreamMetadata(open, { acl: { readRoles: ["ops"], writeRoles: ["$all"] } });
  await other.appendToStream(open, events(1));
  assert.equal((await all(other.readStream(open))).length, 1);
});
