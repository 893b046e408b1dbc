// Package signin is the door for people: the pages and endpoints by which they come in, stay, and go.
//
// There is one [Handler] with every way in, and they all end in the same step ([Handler.begin]): the account is completed
// where something is missing, the session that the browser brought is ended, and a new one begins.
//
//   - A password, where no other party signs people in (login.go). A name that nobody has answers like a wrong password,
//     in words and in time, and both are bounded for each name and each address (limit.go).
//   - A link that works once (links.go): the first owner's, a new person's, and for whoever lost a password.
//   - Another party, by OpenID Connect (external.go).
//   - An invitation, which also makes the account of somebody new (invitation.go).
//   - For programs, the device grant: its page (approve.go) and its endpoints (oauth.go).
//
// Pages work without scripts; the one script there is moves the secret of a link from the address's fragment, which no
// server ever sees, into a form. Every form must have been sent by a page of ours ([session.Gate.Form]). Programs send
// and get JSON at the same addresses.
package signin
