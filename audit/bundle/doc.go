// Package bundle is the format of an export: the whole history of one workspace in a directory, for whoever is to read,
// replay, verify or import it without access to where it came from. It knows no database and no server.
//
//	manifest.json           what this is of, and the SHA-256 of every other file; written last
//	README.txt              for who finds the directory
//	events-00000.ndjson     the workspace's events, one a line, by revision
//	evidence-00000.ndjson   the bodies and texts beside the log; what was erased is not there
//	others-00000.ndjson     events of the organization and the accounts that the history refers to
//	checkpoints             the signed checkpoints of the workspace's tree, the oldest first
//	instance.ndjson         what ties the last of them to the log of the instance
//	golden.ndjson           every 1,000 revisions: where the line lies, and the root of the tree up to there
//	names.ndjson            only where it was asked for: the names of people, readable
//
// Every line of events holds the very bytes that are stored, data and metadata in base64, so that their leaves
// (package audit/leaf) can be hashed again. A line has one form only: members in a fixed order without spaces. What a
// [Writer] would not write, a [Bundle] does not read.
//
// A bundle is whole or it is none: a [Dir] is written beside its place and renamed at the end, and a stream of one (Tar)
// has the manifest last. [Bundle.Check] reads everything and finds a file that is cut, altered, missing or swapped.
// That nobody wrote another history with digests to match is for signed checkpoints to show (package audit/verify).
package bundle
