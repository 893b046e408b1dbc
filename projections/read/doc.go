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
// # The second wall
//
// Who may read what is decided at the door, and every statement names its workspace: that is the first wall. A DB from
// [Behind] stands behind a second one, in Postgres, for the day on which somebody forgets the first. Its connections are
// [Reader], whom row level security shows the rows of one workspace only: that which the transaction says, and the
// transaction says the moment's, if whoever asks in the context may read it, which is asked anew ([May]). Otherwise it
// says none, and every table is empty.
//
// So a statement goes through one of these, and never through the pool itself:
//
//   - list, ask, DB.query, DB.send: about the workspace of one moment. Nearly all.
//   - survey: one statement about several workspaces, such as the list of workspaces. It gets the numbers of those that
//     may be read, and sees no others.
//   - across: one that finds out which workspace something is in, or where somebody is a member; see [Crosser]. Its
//     tables are named in schema/postgres/read/wall.sql. What it answers is not given out as it is.
//   - a moment from Moment.blindly: a walk that counts what lies in a workspace that may not be seen. Numbers come out.
//   - [Moment.For]: a moment read for the sake of another place, such as the roster of a workspace's organization.
//
// What is read through the pool is empty, in production and behind the wall of tests alike.
//
// Below a policy Postgres lets an index answer only what cannot leak: comparisons of columns with =, <, ^@ and the like,
// and neither LIKE nor a function of a column. Where one is needed there is a generated column (name_first, run_id_hash).
// TestPlans holds every statement to its index behind the wall, too.
//
// # Pages
//
// Lists are read by keyset: a [Mark] is what the last row is sorted by, and its key. Every list has a total order, so
// pages neither skip nor repeat a row, and at a fixed moment nothing moves at all.
package read
