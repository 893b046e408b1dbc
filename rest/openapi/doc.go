// Package openapi makes the OpenAPI 3.1 document of a server from the routes that it has registered.
//
// Whoever has routes describes each by an [Operation], named by the pattern it is registered under. [Build] joins what
// is registered with what is described: a route that nobody described and a description that no route has are errors,
// so that the document cannot tell of another server than the one that serves it. What bodies look like is taken from
// the Go types that are encoded and decoded ([Of], [Closed]); struct tags say what types cannot:
//
//	doc:"…" enum:"a,b" format:"…" pattern:"…" min:"…" max:"…" minLength:"…" maxLength:"…" example:"…"
//
// The package knows nothing of what is served: it has no I/O and imports nothing of ours.
package openapi
