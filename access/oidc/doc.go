// Package oidc signs people in at another party, by OpenID Connect: the authorization code flow with PKCE, state and nonce.
//
// An [Attempt] to sign in leaves with a browser and comes back with it. What comes back is believed only where all of it
// belongs together: the state is one that we gave out, once and a few minutes ago; it is the one in a cookie of the same
// browser, so that nobody can be signed in by a link of somebody else; the code is exchanged with the verifier that the
// challenge was made of; and the ID token is signed by the issuer with a key of two, meant for this client and this
// attempt (nonce), and not over. The way back is [Client.Finish].
//
// Who somebody is are issuer and subject. An e-mail address decides nothing but whether its domain is let in at all, and
// only where the issuer says that it has verified it.
package oidc
