// Package seal seals history: it grows a Merkle tree of every stream of the log, signs how far it is, and answers receipts.
//
// A [Sealer] follows the log as it is stored, on any backend, and for each page of events writes in one transaction: the
// hashes of the leaves into tiles, the right edge of each tree, a signed checkpoint of each stream that grew (one for every
// thousand events at least), those checkpoints as leaves of the instance's tree, its checkpoint, and the position. Of all
// servers on a database one seals at a time: a lease with a term, which is checked and locked in that same transaction, so
// that a holder which was thought dead stores nothing more.
//
// It never signs what does not follow from what was signed before. Each tree is read with its last checkpoint, whose
// signature and root must fit; an event of a revision that is sealed already must be the very one; and what places outside
// were told last ([Sink]) must be a beginning of the tree. Where that fails, the tree is stopped, with the reason, until
// somebody has looked; appending events goes on all the while.
package seal
