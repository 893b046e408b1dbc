// Package projections carries the log into what is read: the read models of workspaces in Postgres, and the decision
// states that the executor begins cold decisions from.
//
// # How an event gets there
//
// A lane is a share of all streams, by their numbers; it is projected by whoever holds its lease, so that several
// processes share the work. A [feed] follows the event store and hands its lane pages of events, one Watermill message
// a page, the next one only after the page before was acknowledged. The handler applies a page in one transaction:
// it checks the lease, locks the progress of the page's streams, skips what is applied already, folds the rest into
// rows, moves progress from what it was to what it is now, and moves the lane's position. Rows and progress are one
// commit; it may be asynchronous, for after a crash both are gone and the log is the truth. Nothing in memory is ever
// taken for progress: every page, every question and every wait reads it from the database, and what memory holds are
// only wake-up calls.
//
// # When an event cannot be applied
//
// A page that fails for a passing reason (connection, conflict, timeout) is tried again, for ever. One that fails for
// its content is taken apart, by stream and then by halves, until everything before the event that cannot be folded is
// applied; that event is parked with its error and its stream is paused, alone. [Engine.Retry] goes on from there, in
// order, once the cause is mended.
//
// # Models
//
// A read model is a schema of its own, read_1, read_2, ... One of them is live. [Engine.Rebuild] fills another beside
// it, compares the two, and makes it the live one; the old one goes on being projected until it is dropped, so that
// [Engine.Rollback] can go back to it. A question fixes its model and its revision once, in [Engine.Open], and reads
// everything at that [read.Moment].
package projections
