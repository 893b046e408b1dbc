// Package erasure erases: what can be read about a person, the free texts of a thing, one raw body.
//
// Events are never deleted. They hold facts; what can be read about a subject lies beside them, as evidence under salted
// digests and as names sealed with a key of the subject's own. Erasing destroys salts, bytes and keys, so that events,
// hashes and proofs stay as they are and say nothing any more. Whoever reads such a value later, at whatever moment, in a
// rebuilt model, a replay or an export, finds it erased, and no error.
//
// An erasure is a row in log.erasures first, then an event in each stream concerned (subject.erased), and only then
// anything is destroyed: keys, rows, and at last the pages of the database's files, which would keep the bytes of rows
// that are gone. Each step can be repeated. A server that dies in between leaves the row open, and [Desk.Run], here or on
// another server, carries it to its end; so it does what could not be done at once, since the database or the key was
// away. What was confirmed is erased in the end, or somebody reads in the log why not.
//
// What goes with it: one raw body holds many texts. Who erases one of them erases the body, and with it the other texts
// that lie in it. [Plan] counts them before anything is done.
package erasure
