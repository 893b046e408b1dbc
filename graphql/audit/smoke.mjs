// Real clients of both subscription protocols against a running server, which they change:
//
//   npm ci && node smoke.mjs http://127.0.0.1:8080/graphql KEY
//
// Each protocol follows the default workspace while a batch of events is sent, is cut off, and resumes by revision:
// nothing may be missed and nothing may come twice. A WebSocket says its key by a header, or as browsers do, by the
// payload of connection_init.
import { createClient as createSSE } from 'graphql-sse';
import { createClient as createWS } from 'graphql-ws';
import WebSocket from 'ws';

const [url = 'http://127.0.0.1:8080/graphql', key = process.env.ANNALS_API_KEY] = process.argv.slice(2);
const authorization = `Bearer ${key}`;
const query = 'subscription($after: Int64) { events(workspace: "default", after: $after) { revision events { revision type } } }';

async function ask(text, variables) {
  const answer = await fetch(url, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify({ query: text, variables }) });
  const body = await answer.json();
  if (body.errors) throw new Error(JSON.stringify(body.errors));
  return body.data;
}

async function write(run) {
  const at = new Date().toISOString();
  const events = ['runQueued', 'runStarted', 'runCompleted'].map((type) => ({ id: `${run}-${type}`, run, pipeline: { name: 'smoke' }, at, body: { [type]: {} } }));
  const { ingestRunEvents: got } = await ask('mutation($input: IngestRunEventsInput!) { ingestRunEvents(input: $input) { accepted rejected revision } }', { input: { workspace: 'default', events } });
  if (got.accepted !== 3) throw new Error(`not accepted: ${JSON.stringify(got)}`);
  return got.revision;
}

// follow collects the revisions after one, until the one that is wanted came.
async function follow(client, after, until) {
  const seen = [];
  for await (const message of client.iterate({ query, variables: { after } })) {
    if (message.errors) throw new Error(JSON.stringify(message.errors));
    seen.push(...message.data.events.events.map((e) => e.revision));
    if (message.data.events.revision >= until()) break;
  }
  return seen;
}

const clients = {
  'graphql-sse': () => createSSE({ url, fetchFn: fetch, headers: { authorization }, retryAttempts: 0 }),
  'graphql-ws': () => createWS({ url: url.replace('http', 'ws'), webSocketImpl: class extends WebSocket { constructor(u, p) { super(u, p, { headers: { authorization } }); } }, retryAttempts: 0 }),
  'graphql-ws, connectionParams': () => createWS({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams: { authorization }, retryAttempts: 0 }),
};
let failed = 0;
for (const [name, client] of Object.entries(clients)) {
  try {
    const { workspace } = await ask('{ workspace(slug: "default") { progress { head } } }');
    const start = workspace.progress.head;
    let until = Infinity;
    const live = follow(client(), start, () => until);
    until = await write(`${name.replace(/\W+/g, '-')}-${Date.now()}-a`);
    const first = await live;
    const last = await write(`${name.replace(/\W+/g, '-')}-${Date.now()}-b`);
    const second = await follow(client(), until, () => last);
    const want = Array.from({ length: last - start }, (_, i) => start + 1 + i);
    if (JSON.stringify([...first, ...second]) !== JSON.stringify(want)) throw new Error(`saw ${[...first, ...second]}, want ${want}`);
    console.log(`ok ${name}: ${want.length} events, resumed at ${until}`);
  } catch (fault) {
    failed++;
    console.log(`failed ${name}: ${fault.stack ?? JSON.stringify(fault)}`);
  }
}
console.log(`${Object.keys(clients).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
