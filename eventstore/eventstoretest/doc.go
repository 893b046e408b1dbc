// Package eventstoretest is the contract of [eventstore.Store] as tests. Every backend runs all of it: what one of
// them cannot promise, the contract does not say.
//
// A backend's own test is a call of [Run] with a [Backend]. The numbers in the names of the tests are those under
// which docs and reviews speak of the promises. Checks that look for a rare fault (an event that a reader missed, a
// write that was doubled) are also run against a store that is broken on purpose ([BrokenReader], [Forgetful]) and
// must fail there: a check that never fails proves nothing.
package eventstoretest
