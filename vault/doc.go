// Package vault seals what must not be readable in the log.
//
// What names a person inside an event is sealed for one subject, under a key of that subject's own ([Keys.Seal]).
// Destroying the subject's key ([Keys.Destroy]) makes every such value unreadable for good, in every copy of the log,
// while events, hashes and proofs stay as they are.
//
// The keys lie in one directory, readable by its owner alone:
//
//	master.json              the keyset that wraps all others (Tink, AES-256-GCM)
//	subjects/<digest>.json   one wrapped keyset a subject; the name tells nobody who it is
//
// Without master.json nothing sealed can be read again: it belongs into a backup of its own.
package vault
