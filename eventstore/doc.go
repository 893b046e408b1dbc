// Package eventstore is the log: the contract that every backend keeps ([Store]), and the one way in for commands
// ([Executor]).
//
// A stream is an ordered list of events numbered by revision from 0, without holes. The log is all streams together,
// in the order of their commits, numbered by an opaque [Position]. Nothing is ever deleted, changed or cut off.
//
// [Store.Append] takes slices: the events of one command each, with the revision the decision was made at. A slice is
// written whole or not at all; slices are independent, so that one conflict never fails its neighbours. Evidence (raw
// bodies, free text) of a slice is durable no later than its events.
//
// The [Executor] has two levels. One actor per stream decides, in order, against cached decision states, and says at
// which revision; one group committer per process gathers the ready slices of all actors into one Append: at once
// when idle, else whatever queued while the last one was under way. Correctness rests on expected revisions and
// command ids alone: another process may write the same stream at any time.
package eventstore
