package domain

import "slices"

// A Phase is what a report says happened to an execution. It is part of the event's type: "run.started".
type Phase string

// The phases. Observed is a report without a change (OpenLineage OTHER), Progressed says that it runs, Annotated
// only adds parameters, metadata or tags. Retrying is said of steps alone.
const (
	Queued       Phase = "queued"
	Initializing Phase = "initializing"
	Started      Phase = "started"
	Progressed   Phase = "progressed"
	Observed     Phase = "observed"
	Annotated    Phase = "annotated"
	Retrying     Phase = "retrying"
	Cancelling   Phase = "cancelling"
	Lost         Phase = "lost"
	Skipped      Phase = "skipped"
	Cached       Phase = "cached"
	Succeeded    Phase = "succeeded"
	Cancelled    Phase = "cancelled"
	Failed       Phase = "failed"
)

// phases lists every phase in the order of rank: at one instant a start comes before progress, progress before an
// end, and success before failure, so that failure has the last word.
var phases = []Phase{Queued, Initializing, Started, Annotated, Observed, Progressed, Retrying, Cancelling, Lost, Skipped, Cached, Succeeded, Cancelled, Failed}

// Phases are all phases, in the order of rank.
func Phases() []Phase { return slices.Clone(phases) }

func (p Phase) rank() int {
	if i := slices.Index(phases, p); i >= 0 {
		return i
	}
	return slices.Index(phases, Observed)
}

// Terminal says whether the phase ends an attempt.
func (p Phase) Terminal() bool {
	switch p {
	case Lost, Skipped, Cached, Succeeded, Cancelled, Failed:
		return true
	}
	return false
}

// A Status is the state of a run or step, folded from its facts.
type Status string

// The statuses. Unfinished is a run without an end whose parent has ended; a step that will run again is retrying,
// and an attempt that another one followed was retried.
const (
	StatusQueued       Status = "queued"
	StatusInitializing Status = "initializing"
	StatusRunning      Status = "running"
	StatusCancelling   Status = "cancelling"
	StatusSucceeded    Status = "succeeded"
	StatusFailed       Status = "failed"
	StatusCancelled    Status = "cancelled"
	StatusSkipped      Status = "skipped"
	StatusCached       Status = "cached"
	StatusUnfinished   Status = "unfinished"
	StatusLost         Status = "lost"
	StatusRetrying     Status = "retrying" // steps only
	StatusRetried      Status = "retried"  // attempts of steps only
	StatusUnknown      Status = "unknown"  // a placeholder: named, but nothing was reported
)

// Ended says whether nothing more is expected.
func (s Status) Ended() bool {
	switch s {
	case StatusSucceeded, StatusFailed, StatusCancelled, StatusSkipped, StatusCached, StatusLost, StatusUnfinished:
		return true
	}
	return false
}

// statusOf is the status that a phase alone leads to; Observed and Annotated lead to none.
var statusOf = map[Phase]Status{
	Queued: StatusQueued, Initializing: StatusInitializing, Started: StatusRunning, Progressed: StatusRunning,
	Retrying: StatusRetrying, Cancelling: StatusCancelling, Lost: StatusLost, Skipped: StatusSkipped, Cached: StatusCached,
	Succeeded: StatusSucceeded, Cancelled: StatusCancelled, Failed: StatusFailed,
}

// transitions is the one table of what a command may ask for: from a status, the phases that may come next.
// Reports of orchestrators do not look here: their facts are folded by time (FoldLife).
var transitions = map[Status][]Phase{
	StatusUnknown:      {Queued, Initializing, Started, Skipped, Cached, Cancelled, Failed, Succeeded},
	StatusQueued:       {Initializing, Started, Skipped, Cached, Cancelling, Cancelled, Failed, Lost},
	StatusInitializing: {Started, Skipped, Cached, Cancelling, Cancelled, Failed, Lost},
	StatusRunning:      {Cancelling, Succeeded, Failed, Cancelled, Retrying, Skipped, Cached, Lost},
	StatusRetrying:     {Started, Cancelling, Cancelled, Failed, Lost},
	StatusCancelling:   {Cancelled, Succeeded, Failed, Lost},
	StatusFailed:       {Started, Retrying},
	StatusCancelled:    {Started},
	StatusLost:         {Started, Succeeded, Failed, Cancelled},
	StatusUnfinished:   {Started, Succeeded, Failed, Cancelled, Lost},
	StatusSucceeded:    {},
	StatusSkipped:      {},
	StatusCached:       {},
}

// Allowed are the statuses that a command may lead to from this one.
func (s Status) Allowed() []Status {
	var out []Status
	for _, p := range transitions[s] {
		out = append(out, statusOf[p])
	}
	return out
}
