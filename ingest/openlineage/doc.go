// Package openlineage takes the events of OpenLineage producers (openlineage.io, core specification 2-0-2).
//
// [Parse] reads one body into an [Event]. It is lenient in what it accepts and exact in what it keeps: an event is
// refused only if it is no JSON, is over a limit, names no job, run or dataset, or has no time. Everything else that is
// odd is a [Warning], and a facet of an unexpected shape is left in the body, which is stored whole. What kind of event
// a body is shows in its shape, never in its schemaURL, which 40 % of the events in the world lack.
//
// An Event holds identities, names, numbers and times. Free text (descriptions, SQL, error messages, stack traces) and
// the names of owners are not copied out of the body: a [Text] says where in the body they lie. All of it is read from
// the body after credentials were cut out of it, so no value of an Event holds one; the id of the event, [Message.CommandID],
// is of the body as it was sent, so that the same event sent six times is one.
package openlineage
