package model

import (
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/graphql/relay"
)

// A Workspace is a workspace at one moment.
type Workspace struct {
	At *Moment
	WorkspaceRow
}

// ID is the global id.
func (w *Workspace) ID() string { return relay.ID{Kind: relay.Workspace, Slug: w.Slug}.String() }

// AsOf is the moment the answer is true at.
func (w *Workspace) AsOf() *Moment { return w.At }

// Status is where it stands in its life.
func (w *Workspace) Status() WorkspaceStatus {
	return WorkspaceStatus(strings.ToUpper(w.WorkspaceRow.Status))
}

// Labels are its labels, by key.
func (w *Workspace) Labels() []*Label {
	out := make([]*Label, 0, len(w.WorkspaceRow.Labels))
	for k, v := range w.WorkspaceRow.Labels {
		out = append(out, &Label{Key: k, Value: v})
	}
	slices.SortFunc(out, func(a, b *Label) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// A Pipeline is a pipeline at one moment.
type Pipeline struct {
	*Peers[Pipeline]
	PipelineRow
}

// ID is the global id.
func (p *Pipeline) ID() string {
	return relay.ID{Kind: relay.Pipeline, Slug: p.At.Slug, Key: p.Key}.String()
}

// A PipelineVersion is a version of a pipeline at one moment.
type PipelineVersion struct {
	*Peers[PipelineVersion]
	PipelineVersionRow
}

// ID is the global id.
func (v *PipelineVersion) ID() string {
	return relay.ID{Kind: relay.PipelineVersion, Slug: v.At.Slug, Key: v.Key}.String()
}

// CodeReference says where its code is.
func (v *PipelineVersion) CodeReference() *CodeReference { return v.Code }

// A Run is a run at one moment.
type Run struct {
	*Peers[Run]
	RunRow
}

// ID is the global id.
func (r *Run) ID() string { return relay.ID{Kind: relay.Run, Slug: r.At.Slug, Key: r.Key}.String() }

// Status is where it stands.
func (r *Run) Status() RunStatus { return RunStatus(strings.ToUpper(r.Executed.Status)) }

// A Step is a step at one moment.
type Step struct {
	*Peers[Step]
	StepRow
}

// ID is the global id.
func (s *Step) ID() string { return relay.ID{Kind: relay.Step, Slug: s.At.Slug, Key: s.Key}.String() }

// Status is where it stands.
func (s *Step) Status() StepStatus { return StepStatus(strings.ToUpper(s.Executed.Status)) }

// Placeholder is true while nothing was reported of it.
func (e *Executed) Placeholder() bool { return e.Status == "unknown" }

// CodeReference says where its code is.
func (e *Executed) CodeReference() *CodeReference { return e.Code }

// DurationMs is the time from start to end in milliseconds; nil while it has no end.
func (e *Executed) DurationMs() *int64 { return Millis(e.StartedAt, e.EndedAt) }

// Millis is the time between two instants in milliseconds; nil unless both are known.
func Millis(from, to *time.Time) *int64 {
	if from == nil || to == nil {
		return nil
	}
	ms := to.Sub(*from).Milliseconds()
	return &ms
}

// An Artifact is an artifact at one moment.
type Artifact struct {
	*Peers[Artifact]
	ArtifactRow
}

// ID is the global id.
func (a *Artifact) ID() string {
	return relay.ID{Kind: relay.Artifact, Slug: a.At.Slug, Key: a.Key}.String()
}

// An ArtifactVersion is a version of an artifact at one moment.
type ArtifactVersion struct {
	*Peers[ArtifactVersion]
	ArtifactVersionRow
}

// ID is the global id.
func (v *ArtifactVersion) ID() string {
	return relay.ID{Kind: relay.ArtifactVersion, Slug: v.At.Slug, Key: v.Key}.String()
}

// Status is what is known of how it came to be.
func (v *ArtifactVersion) Status() ArtifactVersionStatus {
	return ArtifactVersionStatus(strings.ToUpper(v.ArtifactVersionRow.Status))
}

// An ArtifactUse says that an execution read or wrote a version.
type ArtifactUse struct {
	*Peers[ArtifactUse]
	UseRow
}

// A ColumnDependency says that a field of one artifact came from a field of another.
type ColumnDependency struct {
	*Peers[ColumnDependency]
	ColumnRow
}

// An AuditEvent is one event of a workspace's history.
type AuditEvent struct {
	*Peers[AuditEvent]
	AuditRow
}

// ID is the event's own id.
func (e *AuditEvent) ID() string { return e.EventID }

// SubjectKind is what kind of thing it happened to; nil for kinds that have no page.
func (e *AuditEvent) SubjectKind() *EntityKind {
	if e.AuditRow.SubjectKey == 0 {
		return nil
	}
	k := EntityKind(strings.ToUpper(e.AuditRow.SubjectKind))
	return &k
}

// SubjectID is the global id of the thing it happened to.
func (e *AuditEvent) SubjectID() *string { return nil }

// A Ref is a thing that something else points to: an entity field reads it.
type Ref struct {
	*Peers[Ref]
	Kind EntityKind
	Key  int64
}

// ID is the global id.
func (r *Ref) ID() string { return relay.ID{Kind: kinds[r.Kind], Slug: r.At.Slug, Key: r.Key}.String() }

// kinds are the id prefixes of the kinds of things.
var kinds = map[EntityKind]relay.Kind{
	EntityKindWorkspace: relay.Workspace, EntityKindPipeline: relay.Pipeline, EntityKindPipelineVersion: relay.PipelineVersion,
	EntityKindRun: relay.Run, EntityKindStep: relay.Step, EntityKindArtifact: relay.Artifact, EntityKindArtifactVersion: relay.ArtifactVersion,
}

// A SearchHit is something whose name was found.
type SearchHit struct {
	*Ref
	Namespace string
	Name      string
	Status    *string
}

// A LineageNode is a node of a walk.
type LineageNode struct {
	*Ref
	Name      string
	Status    *string
	Distance  int
	Tombstone bool
}

// An ImpactRow is a row of an impact table.
type ImpactRow struct {
	*Ref
	Name     string
	Status   *string
	Distance int
}
