import { test } from "node:test";
import assert from "node:assert/strict";
import { NotLeaderError, UnsupportedError, persistentSubscriptionToStreamSettingsFromDefaults } from "@kurrent/kurrentdb-client";
import { Follower, all, cluster, discover, events, fresh, nodes, plain, secure, untrusting } from "./servers.mjs";

test("a certificate of an unknown authority is not taken", async () => {
  const client = untrusting();
  await assert.rejects(client.appendToStream(fresh(), events(1)), { code: 14 });
  await assert.rejects(all(client.readStream(fresh())));
});

test("a cluster is found through any of its nodes, and its leader written to", async () => {
  const stream = fresh();
  for (const [i, client] of [cluster(), ...nodes.map(discover), cluster(undefined, "&nodePreference=follower")].entries()) {
    assert.equal((await client.appendToStream(stream, events(1))).nextExpectedRevision, BigInt(i));
    assert.equal((await all(client.readStream(stream))).length, i + 1);
    const follower = new Follower(() => client.subscribeToStream(stream));
    await follower.until(() => follower.events.length === i + 1, "the events so far");
    await follower.end();
  }
});

test("a node that is not the leader names it, and the client goes there", async () => {
  const client = cluster(nodes[1]);
  const stream = fresh();
  const append = () => client.appendToStream(stream, events(1), { requiresLeader: true, credentials: { username: "admin", password: "changeit" } });
  await assert.rejects(append(), (error) => {
    assert.ok(error instanceof NotLeaderError, String(error));
    assert.equal(`${error.leader.address}:${error.leader.port}`, nodes[0]);
    return true;
  });
  await append();
});

test("versions and methods are told", async () => {
  for (const [client, version] of [[plain(), "24.10.0"], [secure(), "25.1.0"]]) {
    const told = await client.capabilities;
    assert.equal(told.serverVersion, version);
  }
});

test("what the fake does not have is said to be unsupported", async () => {
  const client = secure();
  await assert.rejects(client.multiStreamAppend([]), UnsupportedError);
  await assert.rejects(client.createPersistentSubscriptionToStream(fresh(), "group", persistentSubscriptionToStreamSettingsFromDefaults()), /no method|UNIMPLEMENTED/);
});
