// Package model holds the Go types of the GraphQL schema.
//
// What has a page of its own (a [Run], an [Artifact]) is written by hand: a row of a read model, the [Moment] it was
// read at, and the [Peers] it was read with. Children inherit the moment, so one answer never mixes two; the peers
// let a child be read once for all rows of a page, however the page is walked. Inputs, payloads, enums and plain
// values are generated (models_gen.go) and hold what the schema says, no more.
package model
