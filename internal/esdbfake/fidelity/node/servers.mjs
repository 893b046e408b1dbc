// The servers to be tried, and what the tests share. `make test-esdbfake` starts fakes and names them here:
// PLAIN (no TLS), TLS, NODES (three of a cluster, the leader first) and CA, the file of their authority.
import { after } from "node:test";
import { randomUUID } from "node:crypto";
import { KurrentDBClient, jsonEvent } from "@kurrent/kurrentdb-client";

const { PLAIN, TLS, NODES, CA } = process.env;
export const nodes = NODES.split(",");
export const admin = { username: "admin", password: "changeit" };
export const ops = { username: "ops", password: "changeit" };

const clients = [];
after(() => Promise.all(clients.map((client) => client.dispose())));

export function connect(string) {
  const client = KurrentDBClient.connectionString(string);
  clients.push(client);
  return client;
}

export const plain = () => connect(`kurrentdb://${PLAIN}?tls=false`);
export const secure = (user = "admin:changeit@") => connect(`kurrentdb://${user}${TLS}?tlsCAFile=${CA}`);
export const cluster = (hosts = NODES, more = "") => connect(`kurrentdb://admin:changeit@${hosts}?tlsCAFile=${CA}${more}`);
export const discover = (host) => connect(`kurrentdb+discover://admin:changeit@${host}?tlsCAFile=${CA}`);
export const untrusting = () => connect(`kurrentdb://admin:changeit@${TLS}`);

export const fresh = (prefix = "node") => `${prefix}-${randomUUID()}`;

export function events(count, type = "tried", from = 0) {
  return Array.from({ length: count }, (_, i) => jsonEvent({ type, data: { n: from + i }, metadata: { of: "a test" } }));
}

export async function all(reading) {
  const got = [];
  for await (const { event } of reading) got.push(event);
  return got;
}

export const numbers = (got) => got.map((event) => event.data.n);

// PATIENCE is how long to wait for what should come at once, in milliseconds.
const patience = Number(process.env.PATIENCE ?? 10000);

export function soon(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${patience} ms for ${what}`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// A Follower keeps what a subscription says, and lets a test wait for it.
export class Follower {
  events = [];
  caughtUp = [];
  checkpoints = [];
  #wanted = [];

  constructor(subscribe) {
    this.subscription = subscribe((_, position) => this.#note(this.checkpoints, position));
    this.subscription.on("data", ({ event }) => this.#note(this.events, event));
    this.subscription.on("caughtUp", (where) => this.#note(this.caughtUp, where));
    this.failed = new Promise((resolve) => this.subscription.on("error", resolve));
  }

  #note(list, entry) {
    list.push(entry);
    this.#wanted = this.#wanted.filter(([enough, done]) => !enough() || done());
  }

  until(enough, what) {
    if (enough()) return Promise.resolve();
    return soon(new Promise((done) => this.#wanted.push([enough, done])), what);
  }

  end() {
    return this.subscription.unsubscribe();
  }
}
