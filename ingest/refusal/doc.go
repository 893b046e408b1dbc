// Package refusal says no over HTTP, the same way at every door for events: to OpenLineage's and to native ones.
//
// A [Problem] is a request, or one event of it, that is not taken. It names the field, the value's place, the rule and
// a code that never changes, so that a program can branch on it and a person can mend it. [OfBody] makes one of a
// refused body, [Of] of an error of carrying out a command; [Write] answers it as {"error": {...}}.
//
// What may succeed later is 503 with Retry-After, the one refusal that all clients repeat. Anything else ends an event
// for good.
package refusal
