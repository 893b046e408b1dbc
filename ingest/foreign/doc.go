// Package foreign reads what other programs send: JSON that we did not write and must not change.
//
// Three ideas carry it. A body is scanned once, by [Scan], into a [Doc]: a flat list of where each value begins and
// ends. Nothing is decoded that nobody asks for, number literals stay as they were written, and an object that names
// a key twice is refused, since two readers could take it for two different things. From the same list
// [Doc.AppendCanonical] writes the one form that all spellings of a body share; its SHA-256 names the body for ever.
// And [Doc.Scrub] cuts credentials out of a body before anybody stores it.
//
// [Splitter] finds the bodies in a source: NDJSON, a JSON array, a single object, objects one after the other, any of
// them gzipped. It reads as it goes and holds one body at a time.
//
// Every no of this package is a [*Refusal], which names the place, the rule and a code. The package knows nothing of
// what the bodies mean.
package foreign
