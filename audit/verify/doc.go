// Package verify checks an export offline: that its events are what an instance once signed, all of them and no others. It
// reads files and knows no database and no server; beside the form of exports (package bundle) and of leaves it relies on
// x/mod's tlog and note alone, so that there is little to read for who wants to be sure of it. examples/verify.py does the
// same in another language.
//
// Of an export it checks, in this order: that every file is the one that the manifest lists; the signature of each
// checkpoint; that revisions follow each other without a hole, each in the stream it belongs to; that the tree of the events
// has the root that each checkpoint says, at its size, and that the last one covers all events; that a checkpoint which the
// auditor kept from before is a beginning of it; that the instance's tree has the last checkpoint; and that each piece of
// evidence is what its digest says.
//
// What it cannot find by the export alone is a history that was cut back to an earlier checkpoint, for that is what an
// earlier export looked like. Only who kept a later checkpoint can tell ([Options.Since]): it is what places outside are
// told checkpoints for.
package verify
