import { test } from "node:test";
import assert from "node:assert/strict";
import {
  NO_STREAM, STREAM_EXISTS, StreamDeletedError, StreamNotFoundError, WrongExpectedVersionError, streamNameFilter,
} from "@kurrent/kurrentdb-client";
import { all, events, fresh, numbers, plain, secure } from "./servers.mjs";

for (const [server, connect] of Object.entries({ plain, secure })) {
  const client = connect();

  test(`a deleted stream is away, and comes back counting on, ${server}`, async () => {
    const stream = fresh();
    await client.appendToStream(stream, events(3));
    assert.ok((await client.deleteStream(stream, { expectedRevision: 2n })).position.commit > 0n);
    await assert.rejects(all(client.readStream(stream)), StreamNotFoundError);
    await assert.rejects(client.appendToStream(stream, events(1), { streamState: STREAM_EXISTS }), StreamDeletedError);
    const back = await client.appendToStream(stream, events(2, "tried", 3), { streamState: NO_STREAM });
    assert.equal(back.nextExpectedRevision, 4n);
    const got = await all(client.readStream(stream));
    assert.deepEqual([numbers(got), got[0].revision], [[3, 4], 3n]);
    const kept = await all(client.readAll({ filter: streamNameFilter({ prefixes: [stream] }) }));
    assert.deepEqual(numbers(kept), [0, 1, 2, 3, 4], "$all keeps what was not scavenged");
  });

  test(`deletions with a wrong revision are refused, ${server}`, async () => {
    const stream = fresh();
    await client.appendToStream(stream, events(3));
    for (const expectedRevision of [1n, 9n, NO_STREAM]) {
      await assert.rejects(client.deleteStream(stream, { expectedRevision }), (error) => {
        assert.ok(error instanceof WrongExpectedVersionError, String(error));
        assert.deepEqual([error.streamName, error.actualState], [stream, 2n]);
        return true;
      });
      await assert.rejects(client.tombstoneStream(stream, { expectedRevision }), WrongExpectedVersionError);
    }
    await assert.rejects(client.deleteStream(fresh()), WrongExpectedVersionError);
    assert.equal((await all(client.readStream(stream))).length, 3);
  });

  test(`a tombstone is for ever, ${server}`, async () => {
    const stream = fresh();
    await client.appendToStream(stream, events(1));
    await client.tombstoneStream(stream);
    await assert.rejects(all(client.readStream(stream)), StreamDeletedError);
    await assert.rejects(client.deleteStream(stream), StreamDeletedError);
    await assert.rejects(client.tombstoneStream(stream), StreamDeletedError);
    const never = fresh();
    await client.tombstoneStream(never, { expectedRevision: NO_STREAM });
    await assert.rejects(client.appendToStream(never, events(1)), StreamDeletedError);
  });

  test(`metadata is a stream of its own, with revisions, ${server}`, async () => {
    const stream = fresh();
    assert.equal((await client.getStreamMetadata(stream)).metadata, undefined);
    const wanted = { maxCount: 7, maxAge: 100, acl: { readRoles: ["$admins", "ops"] }, ours: { deep: true } };
    await client.setStreamMetadata(stream, wanted, { streamState: NO_STREAM });
    const { metadata } = await client.getStreamMetadata(stream);
    assert.deepEqual([metadata.maxCount, metadata.maxAge, metadata.ours], [7, 100, { deep: true }]);
    assert.deepEqual(metadata.acl.readRoles, ["$admins", "ops"]);
    await assert.rejects(client.setStreamMetadata(stream, {}, { streamState: NO_STREAM }), WrongExpectedVersionError);
    await client.setStreamMetadata(stream, {}, { streamState: 0n });
    await client.appendToStream(stream, events(1), { streamState: STREAM_EXISTS });
  });

  test(`a stream of metadata alone exists where that is asked, ${server}`, async () => {
    const stream = fresh();
    await client.setStreamMetadata(stream, { maxCount: 7 });
    await assert.rejects(all(client.readStream(stream)), StreamNotFoundError);
    assert.equal((await client.appendToStream(stream, events(1), { streamState: STREAM_EXISTS })).nextExpectedRevision, 0n);
  });
}
