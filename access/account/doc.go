// Package account keeps the people who sign in: [Accounts] in the table log.accounts, with what names a person, and in
// the log the facts about them, which name nobody.
//
// The order of writes is what makes it safe to be interrupted. A new account is first a row that holds its login name,
// then whatever lets the person in is used up (an invitation, a link), and only then come the event that opens the
// account's stream and the personal organization: [Accounts.Register]. What is missing at the end is made at the next
// sign-in ([Accounts.Finish]). Shutting somebody out is true in the table before it is a fact in the log; letting them
// in again the other way round.
//
// Who somebody is when another party vouches for them is that party and its subject, never an e-mail address: addresses
// are handed on to others.
package account
