// Package replay shows a history as it happened: events one after the other, as fast as they can be read or with the
// gaps between them that there were.
//
// An [Entry] is an event for people and programs: what the log holds, with sealed names opened and texts read out of
// their bodies where that can still be done. What was erased is the word "erased", never an error. [Pace] gives the
// recorded gaps their length; its clock is given to it, so that tests need not wait.
package replay
