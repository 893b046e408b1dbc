// The explorer: asks the API at this very address, and shows what it says. The question is kept in the address's
// fragment, which browsers do not send; so "back" returns to the question before, and a link carries one along.
import { examples } from './examples.js';
import { Schema } from './schema.js';

const at = (id) => document.getElementById(id);
const [key, query, variables, result, status, run, stop] = ['key', 'query', 'variables', 'result', 'status', 'run', 'stop'].map(at);
const KEY = 'annals.key';
const schema = new Schema(at('docs'), at('trail'), at('find'));
let running = null;

function say(text, bad = false) {
  status.textContent = text;
  status.classList.toggle('bad', bad);
}

function headers(accept) {
  const h = { 'content-type': 'application/json', accept };
  if (key.value) h.authorization = `Bearer ${key.value.trim()}`;
  return h;
}

// readFragment takes the question from the address. A key in it (the link the server prints) moves to the tab's own
// storage and leaves the address at once.
function readFragment() {
  const f = new URLSearchParams(location.hash.slice(1));
  if (f.has('key')) {
    sessionStorage.setItem(KEY, f.get('key'));
    f.delete('key');
    const rest = f.toString();
    history.replaceState(null, '', location.pathname + location.search + (rest ? `#${rest}` : ''));
  }
  key.value = sessionStorage.getItem(KEY) ?? '';
  query.value = f.get('query') ?? (query.value || examples[0].query);
  variables.value = f.get('variables') ?? '';
}

function writeFragment() {
  const f = new URLSearchParams({ query: query.value });
  if (variables.value.trim()) f.set('variables', variables.value);
  if (`#${f}` !== location.hash) history.pushState(null, '', `#${f}`);
}

async function ask(body, accept, signal) {
  return fetch(location.pathname, { method: 'POST', headers: headers(accept), body: JSON.stringify(body), signal });
}

// events yields the payloads of a stream of server-sent events.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value;
    for (let end; (end = held.indexOf('\n\n')) >= 0; held = held.slice(end + 2)) {
      const fields = Object.fromEntries(held.slice(0, end).split('\n').filter((l) => !l.startsWith(':')).map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 1).trimStart()]));
      if (fields.event === 'complete') return;
      if (fields.event === 'next') yield JSON.parse(fields.data);
    }
  }
}

async function go() {
  running?.abort();
  const mine = (running = new AbortController());
  let vars = null;
  if (variables.value.trim()) {
    try {
      vars = JSON.parse(variables.value);
    } catch (fault) {
      say(`The variables are no JSON: ${fault.message}`, true);
      variables.focus();
      return;
    }
  }
  writeFragment();
  const live = /^\s*subscription\b/m.test(query.value.replace(/#.*$/gm, ''));
  stop.hidden = !live;
  say('Asking…');
  const began = performance.now();
  try {
    const answer = await ask({ query: query.value, variables: vars }, live ? 'text/event-stream' : 'application/graphql-response+json', mine.signal);
    if (live && answer.ok) {
      result.textContent = '';
      let n = 0;
      for await (const next of events(answer)) {
        result.textContent = `${JSON.stringify(next, null, 2)}\n\n${result.textContent}`.slice(0, 200000);
        say(`Listening: ${++n} messages, the newest first.`);
      }
      say(`Complete: ${n} messages.`);
      return;
    }
    const text = await answer.text();
    const took = Math.round(performance.now() - began);
    let shown = text;
    let faults = !answer.ok;
    try {
      const parsed = JSON.parse(text);
      shown = JSON.stringify(parsed, null, 2);
      faults ||= Boolean(parsed.errors?.length);
    } catch { /* not JSON: shown as it is */ }
    result.textContent = shown;
    say(answer.status === 401 ? 'The server wants a key: paste one above.' : `${answer.status} in ${took} ms, ${(text.length / 1024).toFixed(1)} KB`, faults);
  } catch (fault) {
    if (fault.name === 'AbortError') say('Stopped.');
    else say(`The server could not be reached: ${fault.message}`, true);
  } finally {
    if (running === mine) {
      running = null;
      stop.hidden = true;
    }
  }
}

async function loadSchema() {
  try {
    const answer = await ask({ query: Schema.question }, 'application/json');
    const body = await answer.json();
    if (body.data) schema.show(body.data.__schema);
    else schema.explain(answer.status === 401 ? 'The schema is shown to those with a key.' : body.errors?.[0]?.message ?? 'The schema could not be read.');
  } catch {
    schema.explain('The schema could not be read.');
  }
}

key.addEventListener('change', () => {
  sessionStorage.setItem(KEY, key.value.trim());
  loadSchema();
});
for (const [i, e] of examples.entries()) at('examples').append(new Option(e.title, i));
at('examples').addEventListener('change', (e) => {
  if (e.target.value === '') return;
  const chosen = examples[e.target.value];
  query.value = chosen.query;
  variables.value = chosen.variables ? JSON.stringify(chosen.variables, null, 2) : '';
  e.target.value = '';
  query.focus();
});
run.addEventListener('click', go);
stop.addEventListener('click', () => running?.abort());
document.addEventListener('keydown', (e) => {
  if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) {
    e.preventDefault();
    go();
  }
});
addEventListener('popstate', readFragment);
addEventListener('hashchange', readFragment);
readFragment();
loadSchema();
