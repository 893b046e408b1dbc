package domain

import "github.com/google/uuid"

// SubjectErased says that what could be read about a subject was destroyed: a person's name, the free texts of a thing,
// or one raw body. It is written before anything is destroyed, so that what is gone can always be told from what was
// lost: evidence that is absent and named here was erased, evidence that is absent and not named here is damage.
//
// The event holds nothing of what was erased. Digests are of a salt and the bytes, and the salts go with the bytes.
type SubjectErased struct {
	Erasure  uuid.UUID `json:"erasure"`            // one for everything that was erased together, in whatever streams
	Kind     Kind      `json:"kind"`               // of what it was about
	ID       uuid.UUID `json:"id"`                 // of that, as in [Entity]
	Evidence []Digest  `json:"evidence,omitempty"` // of this stream: bytes and salts are gone
	Keys     []string  `json:"keys,omitempty"`     // subjects of [Personal] whose keys are gone
	Part     int       `json:"part,omitempty"`     // there are others, where one event could not hold all: from 1
}

// EventType is "subject.erased".
func (SubjectErased) EventType() string { return "subject.erased" }

// Subject is what it was about.
func (e SubjectErased) Subject() Entity { return Entity{e.Kind, e.ID} }

// MaxErasedEvidence is how many digests one event names at most: their hex stays well below [eventstore.MaxSlice].
const MaxErasedEvidence = 5000

// EraseSubject records that something is erased. What there is to erase, and who may, is settled before: the model has
// nothing against it, in a workspace that is archived or deleted neither.
type EraseSubject struct{ SubjectErased }

// Needs is what it is about.
func (c EraseSubject) Needs() []Entity { return []Entity{c.Subject()} }

// Decide never refuses.
func (c EraseSubject) Decide(States) ([]Event, error) { return []Event{c.SubjectErased}, nil }

// ErasePerson records that a person is erased, and shuts them out: nobody is left to sign in.
type ErasePerson struct{ SubjectErased }

// Needs is the account.
func (c ErasePerson) Needs() []Entity { return []Entity{c.Subject()} }

// Decide refuses an account that is not there.
func (c ErasePerson) Decide(s States) ([]Event, error) {
	if err := registered(s, c.ID); err != nil {
		return nil, err
	}
	if s.Of(c.Subject()).Disabled {
		return []Event{c.SubjectErased}, nil
	}
	return []Event{AccountDisabled{c.ID}, c.SubjectErased}, nil
}

// An OwnedText is a free text that an event refers to, and what it says something about.
type OwnedText struct {
	Of    Entity
	Run   Entity // of the texts of a step: its run; else zero
	Role  string // whose description it is, of the texts of a roster
	Field string // as readers know it: description, message, stack, sql, source, ownership
	Text
}

// Texts lists the free texts that an event refers to. Who erases those of a pipeline finds them in the reports of its
// runs, too: each of them repeats what the pipeline is. The plan of a promotion is none of them, and nor is column
// lineage too bulky for an event: these are facts, which only lie beside the log.
func Texts(e Event) []OwnedText {
	var t texts
	switch e := e.(type) {
	case WorkspaceCreated:
		t.add(WorkspaceEntity(), description, e.Description)
	case WorkspaceDescribed:
		t.add(WorkspaceEntity(), description, e.Description)
	case OrganizationDescribed:
		t.add(OrganizationEntity(e.Slug), description, e.Description)
	case RoleDefined:
		t.add(e.Subject(), description, e.Description)
		t.each(0, func(x *OwnedText) { x.Role = e.Name })
	case TeamCreated:
		t.add(e.Subject(), description, e.Description)
	case ServiceAccountCreated:
		t.add(e.Subject(), description, e.Description)
	case PipelineRegistered:
		t.add(e.Subject(), description, e.Description)
	case PipelineDescribed:
		t.add(e.Subject(), description, e.Description)
	case PipelineVersionRegistered:
		t.add(e.Subject(), "source", e.Source)
	case PipelineDeclared:
		t.job(e.Pipeline, e.Job)
		t.ios(e.Inputs)
		t.ios(e.Outputs)
	case RunReported:
		t.failure(RunEntity(e.Run), Entity{}, e.Failure)
		if name, ok := e.PipelineName(); ok {
			t.job(name, e.Job)
		}
	case StepReported:
		t.failure(e.Execution.Entity(), RunEntity(e.Execution.Run), e.Failure)
	case ArtifactsConsumed:
		t.ios(e.Inputs)
	case ArtifactsProduced:
		t.ios(e.Outputs)
	case ArtifactObserved:
		t.ios([]IO{e.IO})
	case ArtifactVersionReceived:
		t.ios([]IO{e.IO})
	case ArtifactDescribed:
		t.add(e.Subject(), description, e.Description)
	}
	return t
}

const description = "description"

type texts []OwnedText

func (t *texts) add(of Entity, field string, text *Text) {
	if text != nil {
		*t = append(*t, OwnedText{Of: of, Field: field, Text: *text})
	}
}

func (t *texts) failure(of, run Entity, f *Failure) {
	if f == nil {
		return
	}
	from := len(*t)
	t.add(of, "message", f.Message)
	t.add(of, "stack", f.Stack)
	t.each(from, func(x *OwnedText) { x.Run = run })
}

func (t *texts) each(from int, do func(*OwnedText)) {
	for i := from; i < len(*t); i++ {
		do(&(*t)[i])
	}
}

func (t *texts) job(name Name, j *JobInfo) {
	if j == nil {
		return
	}
	of := PipelineEntity(name)
	t.add(of, description, j.Description)
	t.add(of, "sql", j.SQL)
	t.add(of, "ownership", j.Ownership)
	t.add(of, "source", j.Source)
}

func (t *texts) ios(ios []IO) {
	for _, io := range ios {
		t.add(ArtifactEntity(io.Artifact), description, io.Docs)
	}
}

// RunOf is the run that an event is about, or about a part of: its steps, what it reads and writes, what it measured. ok
// is false for events about other things.
func RunOf(e Event) (run Entity, ok bool) {
	switch e := e.(type) {
	case RunReported:
		return RunEntity(e.Run), true
	case RunNested:
		return RunEntity(e.Run), true
	case RunDeleted:
		return RunEntity(e.Run), true
	case StepReported:
		return RunEntity(e.Execution.Run), true
	case StepDeleted:
		return RunEntity(e.Execution.Run), true
	case MetricsLogged:
		return RunEntity(e.Execution.Run), true
	case ArtifactsConsumed:
		return RunEntity(e.Execution.Run), true
	case ArtifactsProduced:
		return RunEntity(e.Execution.Run), true
	}
	return Entity{}, false
}
