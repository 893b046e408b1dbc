// Package access says who may do what.
//
// Four ideas carry it:
//
//   - A key is an opaque reference ([Mint], [Parse]): 256 random bits with a checksum, of which the server keeps an id
//     and a SHA-256. Nothing in a key can be read or changed by its holder, and one that is revoked opens nothing on any
//     server after a tenth of a second ([Keys], [Standing]). The token of a run is a key that writes that run ([Bound]).
//   - A [Principal] is who asks, and what their credential is good for: scopes, and perhaps one workspace.
//   - [Rights] are what whoever holds the credential may do, by the roles they hold at this moment in a workspace, its
//     organization and its teams. What a request may do is both: what the holder may, as far as the credential lets it
//     through ([Rights.Holds]). A workspace that one may not see is answered like one that does not exist.
//   - A [Mux] denies by default. A route is registered with what it needs or is said to be public; there is no third
//     way, and a path that nobody registered asks for a key before it admits to being nothing. What it refuses is JSON,
//     or in the words of the protocol that is spoken there ([Mux.Speak]).
//
// A key never appears in a log, an error or a metric: only its id does.
package access
