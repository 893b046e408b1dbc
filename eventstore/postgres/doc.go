// Package postgres keeps the log in PostgreSQL (15 or newer), in the schema "log".
//
// # Appending
//
// One [Store.Append] is one transaction, and on the common road one round trip: it moves the rows of the streams
// from the revisions that the slices expect, and fails as a whole where one is elsewhere; writes the command rows;
// takes the next positions from the one row of log.head; inserts the events under them; and commits. Where the guess
// fails, the streams' rows are locked first, and which slices fit is decided here ([eventstore.Plan]). Rows are locked
// in the order of ids, so that two servers cannot deadlock. The head row is locked last and to the commit, so
// positions are gapless and in the order of commits: a reader that has seen position n has seen all before it.
//
// Known commands cost nothing on that road: their rows are inserted blindly, and the unique key says when one is
// known. Then the attempt is rolled back and made again with a look-up, which leaves the known ones out.
//
// # Following
//
// Followers in this process get the events of a commit from memory, as long as they keep up; one that falls behind
// reads pages of the table. Other processes hear of commits by NOTIFY, sent outside of the transactions and at most
// once in a few milliseconds, and by looking at the head now and then: a lost notification only costs time.
//
// # Damage
//
// Nothing is deleted here, and grants and triggers keep it so. When a stream is touched first by a process, its last
// event is compared with what the stream's row says; holes are noticed when reading. A damaged stream takes no more
// events.
package postgres
