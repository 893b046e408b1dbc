package model

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections/read"
)

// A Workspace is a workspace at one moment.
type Workspace struct {
	At  *Moment
	Row read.Workspace
	// Seen is what a list of workspaces read of it at once; nil where it was read alone.
	Seen *read.Overview
	// Peers are the workspaces of that list; nil where it was read alone.
	Peers *Peers[Workspace]
}

// ID is the global id.
func (w *Workspace) ID() string { return w.At.ID(relay.Workspace, 0) }

// Slug is the name in addresses.
func (w *Workspace) Slug() string { return w.At.Slug() }

// Name is the name for people.
func (w *Workspace) Name() string { return w.Row.Name }

// AsOf is the moment the answer is true at.
func (w *Workspace) AsOf() *Moment { return w.At }

// Status is where it stands in its life.
func (w *Workspace) Status() WorkspaceStatus {
	switch {
	case w.Row.Deleted:
		return WorkspaceStatusDeleted
	case w.Row.Archived:
		return WorkspaceStatusArchived
	}
	return WorkspaceStatusActive
}

// Labels are its labels, by key.
func (w *Workspace) Labels() []*Label {
	out := make([]*Label, 0, len(w.Row.Labels))
	for _, k := range slices.Sorted(maps.Keys(w.Row.Labels)) {
		out = append(out, &Label{Key: k, Value: w.Row.Labels[k]})
	}
	return out
}

// Kind is what it is for.
func (w *Workspace) Kind() WorkspaceKind { return WorkspaceKind(strings.ToUpper(string(w.Row.Kind))) }

// Environment is the stage it stands for, nil for none.
func (w *Workspace) Environment() *Environment {
	return upper[Environment](string(w.Row.Environment))
}

// Sensitivity is how its data are to be handled, nil where nobody said.
func (w *Workspace) Sensitivity() *DataSensitivity {
	return upper[DataSensitivity](string(w.Row.Sensitivity))
}

// Team is the one it is filed under, nil for none.
func (w *Workspace) Team() *string { return Word(w.Row.Team) }

// HidesCounts says whether its wall hides even how much there is.
func (w *Workspace) HidesCounts() bool { return w.Row.HidesCounts }

// upper is a word of the domain as GraphQL writes it, nil for none.
func upper[T ~string](word string) *T {
	if word == "" {
		return nil
	}
	t := T(strings.ToUpper(word))
	return &t
}

// CreatedRevision is that of the event that created it: the first one.
func (w *Workspace) CreatedRevision() int64 { return 0 }

// Revision is that of its last change.
func (w *Workspace) Revision() int64 { return int64(w.Row.Since) }

// A Pipeline is a pipeline at one moment.
type Pipeline struct {
	*Peers[Pipeline]
	Row read.Pipeline
	Job domain.JobInfo
}

// ID is the global id.
func (p *Pipeline) ID() string { return p.At.ID(relay.Pipeline, p.Row.Key) }

// Namespace is the producer's; empty for native ones.
func (p *Pipeline) Namespace() string { return p.Row.Namespace }

// Name is the name within the namespace.
func (p *Pipeline) Name() string { return p.Row.Name }

// Type is what kind of thing it is, in its producer's words.
func (p *Pipeline) Type() *string { return Word(p.Job.Type) }

// Integration is the tool it belongs to.
func (p *Pipeline) Integration() *string { return Word(p.Job.Integration) }

// Processing is how it works through data.
func (p *Pipeline) Processing() *string { return Word(p.Job.Processing) }

// CodeReference says where its code is.
func (p *Pipeline) CodeReference() *CodeReference { return Code(p.Row.Code) }

// CreatedRevision is the revision of the event that first named it.
func (p *Pipeline) CreatedRevision() int64 { return int64(read.KeyRevision(p.Row.Key)) }

// A PipelineVersion is a version of a pipeline.
type PipelineVersion struct {
	*Peers[PipelineVersion]
	Row  read.PipelineVersion
	Spec domain.Spec
}

// ID is the global id.
func (v *PipelineVersion) ID() string { return v.At.ID(relay.PipelineVersion, v.Row.Key) }

// Number is 1, 2, 3 in order of arrival.
func (v *PipelineVersion) Number() int { return v.Row.Number }

// Label is the caller's name of it.
func (v *PipelineVersion) Label() *string { return Word(v.Row.Label) }

// SpecHash is the hash of what it consists of.
func (v *PipelineVersion) SpecHash() string { return v.Row.Hash }

// CodeReference says where its code is.
func (v *PipelineVersion) CodeReference() *CodeReference { return Code(v.Row.Code) }

// CreatedRevision is the revision of the event that registered it.
func (v *PipelineVersion) CreatedRevision() int64 { return int64(read.KeyRevision(v.Row.Key)) }

// Steps are the steps it says there are.
func (v *PipelineVersion) Steps() []*StepSpec {
	out := make([]*StepSpec, len(v.Spec.Steps))
	for i, s := range v.Spec.Steps {
		out[i] = &StepSpec{Name: s.Name, Type: Word(s.Type), Source: Word(s.Source), Parameters: Named(s.Parameters)}
	}
	return out
}

// Edges say which step waits for which.
func (v *PipelineVersion) Edges() []*StepSpecEdge {
	out := make([]*StepSpecEdge, len(v.Spec.Edges))
	for i, e := range v.Spec.Edges {
		out[i] = &StepSpecEdge{From: e.From, To: e.To}
	}
	return out
}

// A Step is a step at one moment.
type Step struct {
	*Peers[Step]
	Row read.Step
}

// ID is the global id.
func (s *Step) ID() string { return s.At.ID(relay.Step, s.Row.Key) }

// Name is unique in its run.
func (s *Step) Name() string { return s.Row.Name }

// DisplayName is the name for people.
func (s *Step) DisplayName() string {
	if s.Row.Title != "" {
		return s.Row.Title
	}
	return s.Row.Name
}

// Status is where it stands.
func (s *Step) Status() StepStatus { return StepStatus(strings.ToUpper(string(s.Row.Status))) }

// StatusName is where it stands, as a text.
func (s *Step) StatusName() string { return string(s.Status()) }

// Contradictory says that its producer said different things about how it ended.
func (s *Step) Contradictory() bool { return s.Row.Contradictory }

// Placeholder says that nothing was reported of it.
func (s *Step) Placeholder() bool { return s.Row.OwnStatus == domain.StatusUnknown }

// Attempt is which attempt it is at.
func (s *Step) Attempt() int { return max(s.Row.Attempt, 1) }

// StartedAt is when it started, by its producer's clock.
func (s *Step) StartedAt() *time.Time { return Instant(s.Row.StartedAt) }

// EndedAt is when it ended, by its producer's clock.
func (s *Step) EndedAt() *time.Time { return Instant(s.Row.EndedAt) }

// DurationMs is from start to end in milliseconds.
func (s *Step) DurationMs() *int64 { return Millis(s.Row.StartedAt, s.Row.EndedAt) }

// CacheKey is the key under which its results can be reused.
func (s *Step) CacheKey() *string { return Word(s.Row.CacheKey) }

// Upstream are the steps it waited for.
func (s *Step) Upstream() []string { return s.Row.Upstream }

// CodeReference says where its code is.
func (s *Step) CodeReference() *CodeReference { return Code(s.Row.Code) }

// Warnings are what was odd about its facts.
func (s *Step) Warnings() []string {
	if s.Row.Warnings == nil {
		return []string{}
	}
	return s.Row.Warnings
}

// CreatedRevision is the revision of the event that first named it.
func (s *Step) CreatedRevision() int64 { return int64(read.KeyRevision(s.Row.Key)) }

// Code reads a code reference of a row.
func Code(raw json.RawMessage) *CodeReference {
	var c domain.CodeRef
	if len(raw) == 0 || json.Unmarshal(raw, &c) != nil || c == (domain.CodeRef{}) {
		return nil
	}
	return &CodeReference{Type: Word(c.Type), URL: Word(c.URL), Repo: Word(c.Repo), Version: Word(c.Version), Path: Word(c.Path), Branch: Word(c.Branch), Tag: Word(c.Tag)}
}

// Named are attributes as the schema has them.
func Named(attributes []domain.Attribute) []*NamedValue {
	out := make([]*NamedValue, len(attributes))
	for i, a := range attributes {
		out[i] = &NamedValue{Name: a.Name, Type: TypeOf(a.Value), Value: json.RawMessage(a.Value)}
	}
	return out
}

// TypeOf is the schema's word for the type of a value.
func TypeOf(v domain.Value) ValueType {
	switch v.Type() {
	case "string":
		return ValueTypeString
	case "number":
		return ValueTypeNumber
	case "bool":
		return ValueTypeBoolean
	case "null":
		return ValueTypeNull
	}
	return ValueTypeJSON
}
