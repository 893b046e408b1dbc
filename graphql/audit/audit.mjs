// The audits of GraphQL over HTTP (npm graphql-http) against a running server:
//
//   npm ci && node audit.mjs http://127.0.0.1:8080/graphql KEY
//
// Without KEY, ANNALS_API_KEY is taken. Exit code 1 when an audit is not "ok".
import { auditServer } from 'graphql-http';

const [url = process.env.ANNALS_GRAPHQL_URL ?? 'http://127.0.0.1:8080/graphql', key = process.env.ANNALS_API_KEY] = process.argv.slice(2);
const fetchFn = (target, init = {}) => fetch(target, { ...init, headers: { ...init.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) } });

const results = await auditServer({ url, fetchFn });
const bad = results.filter((r) => r.status !== 'ok');
for (const r of bad) console.log(r.status, r.id, r.name, '-', r.reason);
console.log(`${results.length - bad.length} passed, ${bad.length} failed`);
process.exitCode = bad.length || results.length !== 61 ? 1 : 0;
