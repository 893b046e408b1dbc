package domain

import "fmt"

// A Command asks for facts. Needs lists the entities whose decision states Decide looks at; the first of them is
// what the optimistic lock of a caller ("unchanged since") is about. The workspace itself is always there.
type Command interface {
	Needs() []Entity
	// Decide answers the events to append, none where the command is already true, or an *Error. It must not keep
	// or change the states.
	Decide(States) ([]Event, error)
}

// States are the decision states that a command asked for; an entity no fact is about has the zero State.
type States map[Entity]*State

// Of is the state of an entity, never nil.
func (s States) Of(e Entity) *State {
	if st := s[e]; st != nil {
		return st
	}
	return &State{Changed: NoRevision}
}

// writable refuses what cannot be written to: a workspace that is missing, deleted or archived.
func writable(s States) error {
	w := s.Of(WorkspaceEntity())
	switch {
	case !w.Exists:
		return &Error{Code: NotFound, Subject: "workspace", Message: "there is no such workspace: create it first"}
	case w.Deleted:
		return &Error{Code: Gone, Subject: "workspace", Message: "the workspace was deleted; its slug is never used again"}
	case w.Archived:
		return &Error{Code: Archived, Subject: "workspace", Message: "the workspace is archived and read-only: restore it to write"}
	}
	return nil
}

// Record is the report of an orchestrator: facts that are taken as they come. Contradictions, repetitions and late
// arrivals are for the fold to settle, so nothing but the workspace's own state can refuse them.
type Record struct {
	Events []Event
}

// MaxNames is how many entities one event may name: their keys are the event's revision and an ordinal below 1,024.
// MaxItems keeps an event's list well inside it, since each item can name an artifact, aliases and a version.
const (
	MaxNames = 1024
	MaxItems = 200
)

// Needs is nothing but the workspace.
func (Record) Needs() []Entity { return nil }

// Decide checks what the events name and records them.
func (c Record) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	for i, e := range c.Events {
		if err := Check(e); err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
	}
	return c.Events, nil
}

// Check refuses an event whose identities cannot be kept, or that names more than one event may.
func Check(e Event) error {
	switch e := e.(type) {
	case RunReported:
		if e.Pipeline != nil {
			if err := checkNames("pipeline", *e.Pipeline); err != nil {
				return err
			}
		}
		return checkRun("run", e.Run)
	case RunNested:
		if err := checkRun("parent", e.Parent); err != nil {
			return err
		}
		return checkRun("run", e.Run)
	case RunDeleted:
		return checkRun("run", e.Run)
	case StepReported:
		return checkStep(e.Execution)
	case StepDeleted:
		return checkStep(e.Execution)
	case MetricsLogged:
		return checkMetrics(e)
	case ArtifactsConsumed:
		return checkIOs("inputs", e.Execution, e.Inputs)
	case ArtifactsProduced:
		return checkIOs("outputs", e.Execution, e.Outputs)
	case PipelineDeclared:
		if err := checkNames("pipeline", e.Pipeline); err != nil {
			return err
		}
		return checkList("inputs", append(e.Inputs[:len(e.Inputs):len(e.Inputs)], e.Outputs...))
	case ArtifactObserved:
		return checkIO("artifact", e.IO)
	case ArtifactVersionReceived:
		return checkIO("artifact", e.IO)
	case PipelineVersionRegistered:
		return checkSpec(e)
	}
	return nil
}

func checkRun(field string, r RunRef) error {
	if err := checkName(field+".id", r.ID, true); err != nil {
		return err
	}
	if r.Job == (Name{}) {
		return nil
	}
	return checkNames(field+".job", r.Job)
}

func checkNames(field string, n Name) error {
	if err := checkName(field+".namespace", n.Namespace, false); err != nil {
		return err
	}
	return checkName(field+".name", n.Name, true)
}

func checkStep(x Execution) error {
	if err := checkRun("run", x.Run); err != nil {
		return err
	}
	return checkName("step", x.Step, true)
}

func checkIOs(field string, x Execution, ios []IO) error {
	if err := checkRun("run", x.Run); err != nil {
		return err
	}
	if err := checkName("step", x.Step, false); err != nil {
		return err
	}
	return checkList(field, ios)
}

func checkList(field string, ios []IO) error {
	if len(ios) > MaxItems {
		return &Error{Code: TooLong, Subject: field, Message: fmt.Sprintf("%d items in one event; at most %d", len(ios), MaxItems)}
	}
	names := 0
	for i, io := range ios {
		if err := checkIO(fmt.Sprintf("%s[%d]", field, i), io); err != nil {
			return err
		}
		names += io.names()
	}
	if names > maxIONames {
		return &Error{Code: TooLong, Subject: field, Message: fmt.Sprintf("%d names of artifacts in one event; at most %d: send it in parts", names, maxIONames)}
	}
	return nil
}

// maxIONames leaves room below MaxNames for the run, the pipeline and versions that come to be known by the event.
const maxIONames = 900

// names is how many entities an item can name: artifact, version, other names, and what it was made from.
func (io IO) names() int {
	from := map[Name]bool{}
	for _, n := range io.From {
		from[n] = true
	}
	for _, c := range io.Columns {
		from[c.From] = true
	}
	return 2 + len(io.Aliases) + len(from)
}

func checkIO(field string, io IO) error {
	if err := checkNames(field+".artifact", io.Artifact); err != nil {
		return err
	}
	return checkName(field+".version", io.Version, false)
}

func checkMetrics(e MetricsLogged) error {
	if err := checkIOs("points", e.Execution, nil); err != nil {
		return err
	}
	if len(e.Points) == 0 || len(e.Points) > 1000 {
		return &Error{Code: TooLong, Subject: "points", Message: fmt.Sprintf("%d points in one event; 1 to 1000", len(e.Points))}
	}
	for i, p := range e.Points {
		if err := checkName(fmt.Sprintf("points[%d].name", i), p.Name, true); err != nil {
			return err
		}
	}
	return nil
}

func checkSpec(e PipelineVersionRegistered) error {
	if err := checkNames("pipeline", e.Pipeline); err != nil {
		return err
	}
	known := map[string]bool{}
	for i, st := range e.Spec.Steps {
		field := fmt.Sprintf("spec.steps[%d].name", i)
		if err := checkName(field, st.Name, true); err != nil {
			return err
		}
		if known[st.Name] {
			return &Error{Code: Invalid, Subject: field, Message: fmt.Sprintf("step %q stands there twice", clip(st.Name))}
		}
		known[st.Name] = true
	}
	for i, ed := range e.Spec.Edges {
		for _, end := range []string{ed.From, ed.To} {
			if !known[end] {
				return &Error{Code: Invalid, Subject: fmt.Sprintf("spec.edges[%d]", i), Message: fmt.Sprintf("there is no step %q in the specification", clip(end))}
			}
		}
	}
	if step := onCycle(e.Spec.Edges); step != "" {
		return &Error{Code: Invalid, Subject: "spec.edges", Message: fmt.Sprintf("step %q waits for itself: the edges make a cycle", clip(step))}
	}
	return nil
}

// onCycle is a step that can be reached from itself; "" where there is none.
func onCycle(edges []Edge) string {
	waits, next := map[string]int{}, map[string][]string{}
	for _, e := range edges {
		waits[e.To]++
		next[e.From] = append(next[e.From], e.To)
	}
	var free []string
	for _, e := range edges {
		if waits[e.From] == 0 {
			free, waits[e.From] = append(free, e.From), -1 // once is enough
		}
	}
	for len(free) > 0 {
		step := free[len(free)-1]
		free = free[:len(free)-1]
		for _, to := range next[step] {
			if waits[to]--; waits[to] == 0 {
				free = append(free, to)
			}
		}
	}
	// What still waits lies on a cycle or behind one: from there, a step that can be walked back to for ever is on it.
	for _, e := range edges {
		if waits[e.From] > 0 && waits[e.To] > 0 {
			return backOnto(edges, waits, e.From)
		}
	}
	return ""
}

// backOnto walks from step to a step it waits for, among those that still wait, until one comes again.
func backOnto(edges []Edge, waits map[string]int, step string) string {
	seen := map[string]bool{}
	for !seen[step] {
		seen[step] = true
		for _, e := range edges {
			if e.To == step && waits[e.From] > 0 {
				step = e.From
				break
			}
		}
	}
	return step
}
