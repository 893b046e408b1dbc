// Package device signs in a program that has no browser of its own, by the device authorization grant (RFC 8628): it shows
// a short code, its user types that into a page where he is signed in and says yes, and the program, which asks every few
// seconds, is handed a personal API key.
//
// A [Grant] is a row: of the device code only a hash is stored, and the row is deleted when the key is handed out, so that
// it works once. The user code is short because people type it; it lives for ten minutes, and who tries codes is stopped
// after five ([Grants.Look] is asked behind that bound). Nothing is ever granted without the page having asked.
package device
