import { test } from "node:test";
import assert from "node:assert/strict";
import {
  ANY, MaxAppendSizeExceededError, NO_STREAM, STREAM_EXISTS, StreamDeletedError, WrongExpectedVersionError, binaryEvent, jsonEvent,
} from "@kurrent/kurrentdb-client";
import { admin, all, events, fresh, numbers, plain, secure } from "./servers.mjs";

// The client appends in batches of one call for all streams; where credentials come with the append, in a call of its
// own.
const ways = { batches: {}, calls: { credentials: admin } };
const servers = { plain, secure };

for (const [server, connect] of Object.entries(servers)) {
  for (const [way, options] of Object.entries(ways)) {
    const name = (of) => `append by ${way}, ${server}: ${of}`;
    const client = connect();
    const append = (stream, what, streamState) => client.appendToStream(stream, what, { ...options, streamState });
    const refused = (stream, what, streamState, expected, actual) =>
      assert.rejects(append(stream, what, streamState), (error) => {
        assert.ok(error instanceof WrongExpectedVersionError, String(error));
        assert.deepEqual([error.expectedState, error.actualState, error.streamName], [expected, actual, stream]);
        return true;
      });

    test(name("every expectation, met and not"), async () => {
      const stream = fresh();
      await refused(stream, events(1), STREAM_EXISTS, "stream_exists", "no_stream");
      await refused(stream, events(1), 0n, 0n, "no_stream");
      const first = await append(stream, events(2), NO_STREAM);
      assert.equal(first.success, true);
      assert.equal(first.nextExpectedRevision, 1n);
      assert.ok(first.position.commit > 0n);
      await refused(stream, events(1), NO_STREAM, "no_stream", 1n);
      await refused(stream, events(1), 0n, 0n, 1n);
      await refused(stream, events(1), 7n, 7n, 1n);
      assert.equal((await append(stream, events(1), 1n)).nextExpectedRevision, 2n);
      assert.equal((await append(stream, events(1), STREAM_EXISTS)).nextExpectedRevision, 3n);
      const last = await append(stream, events(1), ANY);
      assert.equal(last.nextExpectedRevision, 4n);
      assert.ok(last.position.commit > first.position.commit);
      assert.equal((await all(client.readStream(stream))).length, 5);
    });

    test(name("what was written comes back"), async () => {
      const stream = fresh();
      const bytes = Uint8Array.from([0, 255, 128, 10]);
      const json = jsonEvent({ type: "json", data: { text: "ä ∑ 🙂", deep: [1, { two: null }] }, metadata: { why: "because" } });
      const octets = binaryEvent({ type: "octets", data: bytes, metadata: bytes });
      const written = Date.now();
      await append(stream, [json, octets], NO_STREAM);
      const [a, b] = await all(client.readStream(stream));
      assert.deepEqual([a.id, a.type, a.isJson, a.revision, a.streamId], [json.id, "json", true, 0n, stream]);
      assert.deepEqual([a.data, a.metadata], [json.data, json.metadata]);
      assert.deepEqual([b.id, b.type, b.isJson, b.revision], [octets.id, "octets", false, 1n]);
      assert.deepEqual([...b.data], [...bytes]);
      assert.deepEqual([...b.metadata], [...bytes]);
      assert.ok(Math.abs(a.created - written) < 60000, `created ${a.created}`);
    });

    test(name("an append sent again is written once"), async () => {
      for (const state of [NO_STREAM, ANY]) {
        const stream = fresh();
        const batch = events(3);
        const first = await append(stream, batch, state);
        await append(stream, events(1, "later", 3), 2n);
        const again = await append(stream, batch, state);
        assert.equal(again.nextExpectedRevision, first.nextExpectedRevision);
        assert.equal((await all(client.readStream(stream))).length, 4);
      }
    });

    test(name("a batch of which a part is known is refused"), async () => {
      const stream = fresh();
      const batch = events(2);
      await append(stream, batch, NO_STREAM);
      await refused(stream, [batch[0], ...events(1)], NO_STREAM, "no_stream", 1n);
      await refused(stream, [...batch, ...events(1)], NO_STREAM, "no_stream", 1n);
      await refused(stream, [batch[0], ...events(1)], ANY, "any", 1n);
      assert.equal((await all(client.readStream(stream))).length, 2);
    });

    test(name("nothing is written over a tombstone"), async () => {
      const stream = fresh();
      await append(stream, events(1), NO_STREAM);
      await client.tombstoneStream(stream);
      for (const state of [NO_STREAM, ANY, STREAM_EXISTS, 0n]) {
        await assert.rejects(append(stream, events(1), state), StreamDeletedError);
      }
    });

    test(name("forty streams at once, each in order"), async () => {
      const streams = Array.from({ length: 40 }, () => fresh());
      await Promise.all(streams.map((stream) => append(stream, events(5), NO_STREAM)));
      for (const stream of streams) assert.deepEqual(numbers(await all(client.readStream(stream))), [0, 1, 2, 3, 4]);
    });

    test(name("of two writers one wins"), async () => {
      const stream = fresh();
      const ended = await Promise.allSettled([append(stream, events(1), NO_STREAM), append(stream, events(1), NO_STREAM)]);
      assert.deepEqual(ended.map((end) => end.status).sort(), ["fulfilled", "rejected"]);
    });
  }
}

for (const [way, options] of Object.entries(ways)) {
  test(`append by ${way}: more than 1 MiB is too much before version 25.1`, async () => {
    const stream = fresh();
    const big = [...Array(3)].map(() => binaryEvent({ type: "big", data: new Uint8Array(400_000) }));
    await assert.rejects(plain().appendToStream(stream, big, options), (error) => {
      assert.ok(error instanceof MaxAppendSizeExceededError, String(error));
      assert.equal(error.maxAppendSize, 1 << 20);
      return true;
    });
    const client = secure();
    await client.appendToStream(stream, big, options);
    assert.equal((await all(client.readStream(stream))).length, 3);
  });
}
