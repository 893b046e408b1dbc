import { test } from "node:test";
import assert from "node:assert/strict";
import {
  BACKWARDS, END, FORWARDS, StreamNotFoundError, eventTypeFilter, excludeSystemEvents, streamNameFilter,
} from "@kurrent/kurrentdb-client";
import { all, events, fresh, numbers, plain, secure } from "./servers.mjs";

for (const [server, connect] of Object.entries({ plain, secure })) {
  const client = connect();

  test(`read a stream both ways from everywhere, ${server}`, async () => {
    const stream = fresh();
    await client.appendToStream(stream, events(10));
    const read = async (options) => numbers(await all(client.readStream(stream, options)));
    assert.deepEqual(await read({}), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(await read({ fromRevision: 7n }), [7, 8, 9]);
    assert.deepEqual(await read({ fromRevision: 3n, maxCount: 2 }), [3, 4]);
    assert.deepEqual(await read({ fromRevision: 99n }), []);
    assert.deepEqual(await read({ direction: BACKWARDS, fromRevision: END, maxCount: 3 }), [9, 8, 7]);
    assert.deepEqual(await read({ direction: BACKWARDS, fromRevision: 2n }), [2, 1, 0]);
    assert.deepEqual(await read({ direction: BACKWARDS, fromRevision: 0n }), [0]);
  });

  test(`a stream that is none is not found, ${server}`, async () => {
    await assert.rejects(all(client.readStream(fresh())), StreamNotFoundError);
  });

  test(`truncated streams begin later and keep counting, ${server}`, async () => {
    const stream = fresh();
    await client.appendToStream(stream, events(10));
    await client.setStreamMetadata(stream, { maxCount: 2 });
    assert.deepEqual((await all(client.readStream(stream))).map((e) => e.revision), [8n, 9n]);
    await client.setStreamMetadata(stream, { truncateBefore: 4 });
    assert.deepEqual((await all(client.readStream(stream, { maxCount: 1 }))).map((e) => e.revision), [4n]);
    await client.setStreamMetadata(stream, { truncateBefore: 10 });
    assert.deepEqual(await all(client.readStream(stream)), []);
    assert.equal((await client.appendToStream(stream, events(1), { streamState: 9n })).nextExpectedRevision, 10n);
  });

  test(`$all is in one order, and begins at a position with it, ${server}`, async () => {
    const [a, b] = [fresh(), fresh()];
    const { position } = await client.appendToStream(a, events(1));
    await client.appendToStream(b, events(2, "tried", 1));
    await client.appendToStream(a, events(1, "tried", 3));
    const ours = (got) => got.filter((event) => [a, b].includes(event.streamId));
    const forward = await all(client.readAll({ fromPosition: position, direction: FORWARDS }));
    assert.equal(forward[0].streamId, a);
    assert.deepEqual(numbers(ours(forward)), [0, 1, 2, 3]);
    for (let i = 1; i < forward.length; i++) assert.ok(forward[i].position.commit > forward[i - 1].position.commit);
    const backward = await all(client.readAll({ fromPosition: END, direction: BACKWARDS }));
    assert.deepEqual(numbers(ours(backward)), [3, 2, 1, 0]);
    const before = await all(client.readAll({ fromPosition: position, direction: BACKWARDS, maxCount: 10 }));
    assert.deepEqual(ours(before), [], "backwards from a position leaves out what lies at it");
  });

  test(`$all by filters, ${server}`, async () => {
    const [prefix, other] = [fresh("filter"), fresh("other")];
    const type = fresh("type");
    await client.appendToStream(`${prefix}-1`, events(2, type));
    await client.appendToStream(other, events(2, type, 2));
    await client.appendToStream(`${prefix}-2`, events(2, "tried", 4));
    const read = async (filter) => numbers(await all(client.readAll({ filter })));
    assert.deepEqual(await read(streamNameFilter({ prefixes: [prefix] })), [0, 1, 4, 5]);
    assert.deepEqual(await read(streamNameFilter({ regex: `^(${prefix}-2|${other})$` })), [2, 3, 4, 5]);
    assert.deepEqual(await read(eventTypeFilter({ prefixes: [type] })), [0, 1, 2, 3]);
    assert.deepEqual(await read(eventTypeFilter({ regex: `^${type}$` })), [0, 1, 2, 3]);
    const plainOnes = await all(client.readAll({ filter: excludeSystemEvents() }));
    assert.ok(plainOnes.length > 0 && plainOnes.every((event) => !event.type.startsWith("$")));
  });
}
