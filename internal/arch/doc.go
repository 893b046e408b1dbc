// Package arch holds the shape of the house as tests: who may import whom, which room may know which library,
// what the pure packages must not do, and a few habits that a reader relies on everywhere.
//
// Imports go one way: domain <- eventstore <- projections <- {graphql, ingest, ...} <- cmd. A rule that stands
// here is a decision; a failing test is a question to the one who changed the code, not a list to append to.
package arch
