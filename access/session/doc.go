// Package session lets people stay signed in: an opaque token of 256 bits in a cookie, of which only a hash is stored.
//
// A session ends 12 hours after it was last used, seven days after it began, when its holder signs out or ends it from
// elsewhere, when the password changes, when the account is disabled, and when the way by which it began is no longer
// offered. Whatever ends it is seen by every server within a tenth of a second, open subscriptions included.
//
// A cookie is sent by browsers whoever makes them send a request. So [Gate.Authenticate] takes it as proof only where the
// request was made by a page of our own: by the Origin and Sec-Fetch-Site headers, for whatever changes something and for
// WebSockets; what changes something must be JSON besides, which no form can send.
package session
