// Package history takes the history of a workspace out of an instance and brings it into another: it makes exports
// (package bundle) from a live server ([Exporter]), imports them ([Importer]), and opens them read-only.
//
// What is exported is what is stored: the very bytes of the events, and the bodies beside them. What was erased is not
// there any more, and is left out without a word in the log being changed. Names of people are sealed in the log, under keys that
// stay behind: they show as erased to whoever opens an export, unless it was made with them.
package history
