// Package native reads the run events that an orchestrator writes for Annals itself: one JSON object an event, the
// same shape in a line of NDJSON and in the GraphQL mutation ingestRunEvents.
//
//	{"id": "e-1", "run": "r-7", "pipeline": {"name": "train"}, "at": "2026-03-01T12:00:00Z",
//	 "body": {"type": "stepCompleted", "step": "load", "metadata": [{"name": "rows", "value": 12}]}}
//
// The body may also have the member of its type, as in the mutation: {"stepCompleted": {"step": "load", ...}}.
//
// Unlike a foreign body, a native one is read strictly: an unknown member, a wrong type or a missing identity is
// refused with its place, and nothing of the event is kept. What it says is a fact all the same: late, doubled and
// contradictory ones are folded by their time, never refused.
//
// [Read] turns an event into the facts to record; [Handler] serves NDJSON over HTTP, with an answer for each row.
package native
