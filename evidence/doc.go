// Package evidence makes and reads what lies beside the log: raw foreign bodies and free text.
//
// An event holds facts and refers to its evidence by the SHA-256 of a random salt and the bytes. Without the salt
// the digest says nothing about the bytes, so that deleting salt and bytes erases a text for good, while the log and
// every proof over it stay whole. With the salt anybody can check that a body is the one an event was taken from.
//
// One body serves many texts: an event's [domain.Text] names the body and, by a JSON pointer (RFC 6901), the place in
// it. [Text] reads such a place; [Pointer] names one.
package evidence
