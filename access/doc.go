// Package access says who may do what. Today that is API keys with scopes; accounts, roles and sessions come later and
// replace what stands behind [Authenticator], not those who call it.
//
// Three ideas carry it:
//
//   - A key is an opaque reference ([Mint], [Parse]): 256 random bits with a checksum, of which the server keeps an id
//     and a SHA-256. Nothing in a key can be read or changed by its holder, and revoking one works within a second
//     ([Keys]).
//   - A [Principal] is what a key may do, asked by the workspace it is about: [Principal.CanRead] and its siblings. A
//     workspace that a key may not see is answered like one that does not exist.
//   - A [Mux] denies by default. A route is registered with what it needs or is said to be public; there is no third
//     way, and a path that nobody registered asks for a key before it admits to being nothing. What it refuses is JSON,
//     or in the words of the protocol that is spoken there ([Mux.Speak]).
//
// A key never appears in a log, an error or a metric: only its id does.
package access
