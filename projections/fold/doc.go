// Package fold says how each event changes the rows of the read model.
//
// [Apply] takes pages of events and one transaction. It loads what the pages touch in a few round trips, folds event
// by event in memory, and writes everything at the end. Rows are a function of the stream alone: after each event
// the rows it changed are compared with what they were, and each difference is a row of its own, with the event's
// revision as its since. So pages of 1, 7 and 5,000 events make the same rows, and nothing here reads a clock,
// draws a number or depends on the order of a map.
//
// # Tables
//
// A [table] describes its columns once and does the rest: loading by key, comparing, closing into x_was, upserting.
// One file holds one noun: its row, its columns, and what the events do to it.
//
// # Keys
//
// A key is revision * 1024 + ordinal. The ordinals of an event are given, from 1, to what it names for the first
// time, in this order: its subject, then what stands in the event from front to back (names.go), then the artifact
// versions that it makes (versions written, then versions from outside that a read now means), in the order of
// artifact, execution and attempt. Zero is no key.
//
// # Facts that come late
//
// What a run's facts, or the reads and writes of an artifact, amount to is defined in package domain as functions
// of sets. The facts lie in life_facts and io_facts. An event that adds one folds its execution anew
// (execution.go), compares what the execution reads and writes with what it did before (uses.go), and lets the
// artifact's class find the reads that may mean another version now (class.go). Only the part of a class that the
// page can touch is loaded (windows.go).
//
// Where facts set a field and the later one wins, the order of the fact that did is kept in the column said
// ([marks]); it changes in place, since it says nothing about the world.
package fold
