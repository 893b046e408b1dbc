// Package vault seals what must not be readable in the log.
//
// What names a person inside an event is sealed for one subject, under a key of that subject's own ([Keys.Seal]).
// Destroying the subject's key ([Keys.Destroy]) makes every such value unreadable for good, in every copy of the log,
// while events, hashes and proofs stay as they are.
//
// The keys lie in one directory, readable by its owner alone:
//
//	master.json              the keyset that wraps all others (Tink, AES-256-GCM), as it is or wrapped by a service
//	subjects/<digest>.json   one wrapped keyset a subject, with the subject's id
//	lock                     held by whoever writes keys
//
// Without master.json nothing sealed can be read again: it belongs into a backup of its own. Package kek opens the
// services that wrap it: what lies in the directory then opens nothing without them.
package vault
