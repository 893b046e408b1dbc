// Package read answers every question about a workspace from its temporal read model, for GraphQL, the command line
// and subscriptions. It only reads.
//
// # One moment
//
// Whoever asks first fixes a [Moment]: which workspace, which model (a Postgres schema) and which revision n of the
// workspace's stream. Every statement carries all three, so that the parts of one answer agree and the same question
// about the same revision has the same answer for ever. "Now" is nothing else: it is the newest revision that has
// been applied, and no statement relies on the current rows alone.
//
// A temporal table has two parts. x holds the row that is true now, one for every key ever named, with the revision
// since which it is true; x_was holds the rows that were true from since until before until. As of n:
//
//	x      where since <= n
//	x_was  where since <= n and until > n
//
// Every row that is true at n lies in exactly one of them.
//
// # Keys
//
// Things are numbered inside their workspace: revision of the event that first named them * 1,024 + their ordinal in
// that event. So keys are dense in time, keys of different kinds never meet, and what existed at n is a range of keys.
// A list that is sorted newest first walks x by key from the end of that range; where the row of x is younger than n,
// the row of that time is fetched from x_was.
//
// # Rare things in the past
//
// What was running at n is rare among the closed rows, and no index on a status alone finds it. Closed rows carry a
// level, the logarithm of how long they were true: a row that was true at n and has level l began in
// (n - 2^(l+1), n]. Some 25 short probes of the index (status, level, since) find all of them at once, and they are
// sorted after that, never by a LIMIT inside, which would lure the planner into walking everything.
//
// # What walks remember
//
// A walk of lineage reads some thousand short rows, and the next one mostly the same. A [DB] remembers them by node:
// the edges with since and until, and the row that says what the node is. What was read at n is right at every moment up
// to n. At a later one a walk takes it all the same, and in the end asks the indexes, in one round trip, whether any of
// the nodes changed after n; if so, it begins again without these. So no one has to be told of a change, whichever
// process projected it, and an answer from memory is the answer that reading gives.
//
// # Pages
//
// Lists are read by keyset: a [Mark] is what the last row is sorted by, and its key. Every list has a total order, so
// pages neither skip nor repeat a row, and at a fixed moment nothing moves at all.
package read
