import { test } from "node:test";
import assert from "node:assert/strict";
import { END, START, StreamDeletedError, streamNameFilter } from "@kurrent/kurrentdb-client";
import { Follower, events, fresh, numbers, plain, secure, soon } from "./servers.mjs";

for (const [server, connect] of Object.entries({ plain, secure })) {
  const client = connect();

  test(`subscribe to a stream: what is there, then what comes, without gap or repetition, ${server}`, async () => {
    const stream = fresh();
    await client.appendToStream(stream, events(50));
    const follower = new Follower(() => client.subscribeToStream(stream, { fromRevision: START }));
    const writing = (async () => {
      for (let i = 50; i < 100; i++) await client.appendToStream(stream, events(1, "tried", i));
    })();
    await follower.until(() => follower.events.length === 100, "a hundred events");
    await writing;
    assert.deepEqual(numbers(follower.events), [...Array(100).keys()]);
    await follower.until(() => follower.caughtUp.length > 0, "that it caught up");
    assert.equal(follower.caughtUp.length, 1);
    await follower.end();
  });

  test(`subscriptions begin behind what they name, ${server}`, async () => {
    const stream = fresh();
    await client.appendToStream(stream, events(5));
    const third = new Follower(() => client.subscribeToStream(stream, { fromRevision: 2n }));
    const end = new Follower(() => client.subscribeToStream(stream, { fromRevision: END }));
    await end.until(() => end.caughtUp.length > 0, "that it caught up at the end");
    await client.appendToStream(stream, events(1, "tried", 5));
    await third.until(() => third.events.length === 3, "three events");
    await end.until(() => end.events.length === 1, "the new event");
    assert.deepEqual([numbers(third.events), numbers(end.events)], [[3, 4, 5], [5]]);
    await Promise.all([third.end(), end.end()]);
  });

  test(`a stream can be waited for, and tombstones end it, ${server}`, async () => {
    const stream = fresh();
    const follower = new Follower(() => client.subscribeToStream(stream));
    await follower.until(() => follower.caughtUp.length > 0, "that it caught up with nothing");
    await client.appendToStream(stream, events(1));
    await follower.until(() => follower.events.length === 1, "the first event");
    await client.tombstoneStream(stream);
    assert.ok((await soon(follower.failed, "the end")) instanceof StreamDeletedError);
  });

  test(`filtered: checkpoints lead past what does not match, and on from there nothing is missed, ${server}`, async () => {
    const prefix = fresh("wanted");
    const filter = (checkpointReached) => streamNameFilter({ prefixes: [prefix], maxSearchWindow: 5, checkpointInterval: 2, checkpointReached });
    const noise = () => client.appendToStream(fresh("noise"), events(25));
    const follow = (fromPosition) =>
      new Follower((reached) => client.subscribeToAll({ fromPosition, filter: filter(async (...said) => reached(...said)) }));
    await noise();
    await client.appendToStream(`${prefix}-1`, events(2));
    await noise();
    const first = follow(START);
    await first.until(() => first.events.length === 2 && first.caughtUp.length === 1, "two events, and that it caught up");
    const reached = first.checkpoints.length;
    assert.ok(reached >= 5, `${reached} checkpoints for 50 events of noise, one in ten`);
    await noise();
    await first.until(() => first.checkpoints.length >= reached + 2, "checkpoints over what comes and does not match");
    await first.end();
    for (let i = 1; i < first.checkpoints.length; i++) {
      assert.ok(first.checkpoints[i].commit > first.checkpoints[i - 1].commit, "checkpoints rise");
    }
    assert.deepEqual(numbers(first.events), [0, 1]);
    await client.appendToStream(`${prefix}-2`, events(1, "tried", 2));
    const second = follow(first.checkpoints.at(-1));
    await second.until(() => second.events.length === 1, "what was written since the checkpoint");
    assert.deepEqual(numbers(second.events), [2]);
    await second.end();
  });

  test(`twenty subscriptions to $all see the same in the same order, ${server}`, async () => {
    const stream = fresh();
    const { position } = await client.appendToStream(stream, events(1));
    const followers = Array.from({ length: 20 }, () => new Follower(() => client.subscribeToAll({ fromPosition: position })));
    for (let i = 0; i < 10; i++) await client.appendToStream(`${stream}-${i % 3}`, events(1, "tried", i));
    for (const follower of followers) {
      await follower.until(() => follower.events.filter((e) => e.streamId.startsWith(stream)).length === 10, "ten events");
      assert.deepEqual(numbers(follower.events.filter((e) => e.streamId.startsWith(stream))), [...Array(10).keys()]);
      await follower.end();
    }
  });
}

test("from version 25.1 on, catching up says when and where", async () => {
  const client = secure();
  const stream = fresh();
  await client.appendToStream(stream, events(3));
  const [one, every] = [() => client.subscribeToStream(stream), () => client.subscribeToAll()].map((s) => new Follower(s));
  for (const follower of [one, every]) await follower.until(() => follower.caughtUp.length > 0, "that it caught up");
  assert.equal(one.caughtUp[0].revision, 2n);
  assert.deepEqual(every.caughtUp[0].position, every.events.at(-1).position);
  await Promise.all([one.end(), every.end()]);
});
