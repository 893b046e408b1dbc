// Package domain is the model of a machine-learning workspace: the facts that can be recorded about it, the
// commands that ask for them, and the rules in between. It does no I/O, reads no clock and draws no random
// number: times and ids arrive in commands and envelopes, so the same code runs live, in replay and under fuzz.
//
// # Facts
//
// An [Event] is one immutable fact about one [Entity], its subject. Events of a workspace lie in one stream and
// are numbered by a [Revision] from 0. A fact that arrives late, twice or out of order is never an error: what a
// run's facts mean is a pure function of the set of them ([FoldLife]), ordered by event time, then rank, then
// content digest; what a read of an artifact means is a pure function of the facts on that artifact ([Versions]).
//
// The facts of an orchestrator are of five kinds: [RunReported] (the run entered a phase, or said something about
// itself), [StepReported] (the same for a step), [RunNested] (it names its parent), [ArtifactsConsumed] and
// [ArtifactsProduced] (the execution named what it reads or writes). A foreign message, such as one OpenLineage
// RunEvent, becomes one slice of such events, all with the message's own time as occurred-at and the message's
// digest as request digest: those two and the phase are the fact's [Order].
//
// # Commands
//
// A [Command] is judged by its Decide method against the decision states ([State]) of the entities it needs, and
// answers the events to append, none if it is already true, or an [*Error]. Reports of orchestrators are commands
// too ([Record]); they are refused only where the workspace is missing, archived or deleted.
//
// # Text and persons
//
// Events hold facts; free text and bodies are evidence beside the log and events refer to them by [Text]. What
// names a person is [Personal], sealed for one subject, so that it can be erased without touching the log.
package domain
