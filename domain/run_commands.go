package domain

import "fmt"

// MoveRun asks that a run enters a phase: start it, complete it, cancel it. Unlike a report of an orchestrator
// ([Record]) it is refused where the run's status does not allow it.
type MoveRun struct{ RunReported }

// Needs is the run.
func (c MoveRun) Needs() []Entity { return []Entity{RunEntity(c.Run)} }

// Decide looks the move up in the table of transitions. A run that is there already cannot be started again.
func (c MoveRun) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	if err := Check(c.RunReported); err != nil {
		return nil, err
	}
	if c.Phase == Started && c.Pipeline == nil && c.Run.Job == (Name{}) {
		return nil, &Error{Code: Required, Subject: "pipeline", Message: "pipeline is missing: a run is started of a pipeline"}
	}
	return move(s.Of(RunEntity(c.Run)), "run "+clip(c.Run.String()), c.Phase, c.Attempt, c.RunReported)
}

// MoveStep asks that a step enters a phase.
type MoveStep struct{ StepReported }

// Needs is the step.
func (c MoveStep) Needs() []Entity { return []Entity{c.Subject()} }

// Decide looks the move up in the table of transitions.
func (c MoveStep) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	if err := Check(c.StepReported); err != nil {
		return nil, err
	}
	return move(s.Of(c.Subject()), fmt.Sprintf("step %s of run %s", clip(c.Step), clip(c.Run.String())), c.Phase, c.Attempt, c.StepReported)
}

// move answers the event where the transition is allowed, nothing where it is already true.
func move(st *State, what string, p Phase, attempt int, e Event) ([]Event, error) {
	if st.Deleted {
		return nil, &Error{Code: Gone, Subject: what, Message: "it was deleted"}
	}
	next, moves := statusOf[p]
	life := st.Life()
	from := life.Status
	if last := len(life.Attempts); attempt > 0 && last > 0 && attempt > life.Attempts[last-1].Number {
		from = StatusUnknown // a new attempt begins from nothing
	}
	switch {
	case !moves:
		return []Event{e}, nil
	case p == Started && from == StatusRunning:
		return nil, &Error{Code: AlreadyExists, Subject: what, Message: "it was already started"}
	case from == next:
		return nil, nil
	}
	for _, allowed := range transitions[from] {
		if allowed == p {
			return []Event{anew(e, p, life)}, nil
		}
	}
	return nil, &Error{Code: InvalidTransition, Subject: what, From: from, To: next, Allowed: from.Allowed(), Message: fmt.Sprintf("it is %s and cannot become %s", from, next)}
}

// anew numbers a start of what is over without ever having started: unnumbered, a lone start would be taken for a late
// report of the attempt that ended.
func anew(e Event, p Phase, life Life) Event {
	if p != Started || len(life.Attempts) == 0 {
		return e
	}
	last := life.Attempts[len(life.Attempts)-1]
	if last.hasStart || !last.over() {
		return e
	}
	switch e := e.(type) {
	case RunReported:
		if e.Attempt == 0 {
			e.Attempt = last.Number + 1
		}
		return e
	case StepReported:
		if e.Attempt == 0 {
			e.Attempt = last.Number + 1
		}
		return e
	}
	return e
}

// NestRun says that a run is part of another one.
type NestRun struct{ RunNested }

// Needs are the run and the other one.
func (c NestRun) Needs() []Entity { return []Entity{RunEntity(c.Run), RunEntity(c.Parent)} }

// Decide refuses a run as its own parent and one that is nested in it, and does nothing where it has that parent. It
// knows these two runs alone: a loop of more, which nobody can see when the words come in any order, is resolved where
// runs are read (projections/fold: the latest word is refused, and the run says so).
func (c NestRun) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	if err := Check(c.RunNested); err != nil {
		return nil, err
	}
	if c.Run == c.Parent {
		return nil, &Error{Code: Invalid, Subject: "parent", Message: "a run cannot be its own parent"}
	}
	st := s.Of(RunEntity(c.Run))
	if st.Deleted {
		return nil, &Error{Code: Gone, Subject: "run " + clip(c.Run.String()), Message: "it was deleted"}
	}
	if st.Parent != nil && *st.Parent == c.Parent {
		return nil, nil
	}
	if in := s.Of(RunEntity(c.Parent)).Parent; in != nil && *in == c.Run {
		return nil, &Error{Code: Invalid, Subject: "parent", Message: fmt.Sprintf("run %s is nested in run %s itself", clip(c.Parent.String()), clip(c.Run.String()))}
	}
	return []Event{c.RunNested}, nil
}

// Delete asks to hide a thing, with a reason in its request. Known says that the caller found the thing (in a read
// model), for things that exist by being named in facts about others.
type Delete struct {
	Event Event // RunDeleted, StepDeleted, PipelineDeleted, ArtifactDeleted or ArtifactVersionDeleted
	Known bool
}

// Needs is the thing.
func (c Delete) Needs() []Entity { return []Entity{c.Event.Subject()} }

// Decide refuses what is not there and does nothing for what is deleted already.
func (c Delete) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	st := s.Of(c.Event.Subject())
	switch {
	case st.Deleted:
		return nil, nil
	case !st.Exists && !c.Known:
		kind := c.Event.Subject().Kind
		return nil, &Error{Code: NotFound, Subject: string(kind), Message: fmt.Sprintf("there is no such %s", kind)}
	}
	return []Event{c.Event}, nil
}
