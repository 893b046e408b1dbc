// Package esdb keeps the log in EventStoreDB or KurrentDB, for users who have such a cluster. Evidence, and the
// table by which commands are recognised again, lie in a Postgres database beside it.
//
// It speaks the protocol with the messages and the connection strings of EventStore-Client-Go v4, over connections
// of its own. That client's calls can hang for ever, end the process on what a server sends, and lose the cause of a
// refusal; here every call ends with its context, a server's answer is data to be checked, and a status arrives as it
// was sent.
//
// What holds on every backend is held here so:
//
//   - A slice is one append with an exact expected revision, never "any". When its outcome is unknown, the identical
//     bytes are sent again until the server says what became of them: it compares event ids where it was told to
//     put them.
//   - Each event carries in its metadata the hash of the one before it and its own: a stream that was altered,
//     pierced or begun anew is noticed by whoever reads it.
//   - Postgres remembers how far each stream went. A stream that is shorter than that, deleted, truncated by its
//     metadata, or written to by somebody else, is damaged: nothing is appended to it.
//   - Before a slice is written, its command is looked for among those remembered in Postgres, and among the events
//     that Postgres has not been told of yet.
package esdb
