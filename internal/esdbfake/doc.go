// Package esdbfake is an EventStoreDB for tests: a gRPC server on 127.0.0.1 that speaks the protocol of
// EventStore-Client-Go v4 (streams, gossip, server features) and keeps its log in memory.
//
// It follows the server where a client can tell: expected revisions and what makes a write idempotent, soft deletion
// and tombstones, truncation by stream metadata, positions of two halves that are ordered and sparse, the most bytes
// in one append, subscriptions with checkpoints, credentials and access lists, leaders and followers. And it breaks
// on demand ([Server.Fail]), at the moments that are hard to meet with a real server: the connection drops in the
// middle of an append, before or after the commit; an answer never comes; the leader changes.
//
// A node with TLS answers HTTP/1.1 on its port too, with as much as clients' tests ask for: /health/live, and
// /admin/shutdown, at which another node leads and it comes back as a follower.
//
// A Server can also be told to lie ([Lie]), so that the suites which show that it is faithful are seen to fail on one
// that is not.
//
// Out of scope, and answered Unimplemented: persistent subscriptions, projections, operations and the second protocol
// of newer servers, none of which Annals uses. Scavenging never happens: what was deleted or truncated stays in $all,
// as on a server that was not scavenged yet. Links are not resolved: nothing writes any here.
package esdbfake
