package model

import (
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections/read"
)

// A Run is a run at one moment.
type Run struct {
	*Peers[Run]
	Row read.Run
}

// ID is the global id.
func (r *Run) ID() string { return r.At.ID(relay.Run, r.Row.Key) }

// RunID is the producer's.
func (r *Run) RunID() string { return r.Row.RunID }

// Number is its number among the runs of its pipeline.
func (r *Run) Number() int { return r.Row.Number }

// Status is where it stands.
func (r *Run) Status() RunStatus { return RunStatus(strings.ToUpper(string(r.Row.Status))) }

// StatusName is where it stands, as a text.
func (r *Run) StatusName() string { return string(r.Status()) }

// Contradictory says that its producer said different things about how it ended.
func (r *Run) Contradictory() bool { return r.Row.Contradictory }

// Placeholder says that nothing was reported of it.
func (r *Run) Placeholder() bool { return r.Row.OwnStatus == domain.StatusUnknown }

// Streaming says that it has no end to wait for.
func (r *Run) Streaming() bool { return r.Row.Streaming }

// Attempt is which attempt it is at.
func (r *Run) Attempt() int { return max(r.Row.Attempt, 1) }

// StartedAt is when it started, by its producer's clock.
func (r *Run) StartedAt() *time.Time { return Instant(r.Row.StartedAt) }

// EndedAt is when it ended, by its producer's clock.
func (r *Run) EndedAt() *time.Time { return Instant(r.Row.EndedAt) }

// DurationMs is from start to end in milliseconds.
func (r *Run) DurationMs() *int64 { return Millis(r.Row.StartedAt, r.Row.EndedAt) }

// CreatedRevision is the revision of the event that first named it.
func (r *Run) CreatedRevision() int64 { return int64(read.KeyRevision(r.Row.Key)) }

// ID is the global id of a thing of the moment's workspace.
func (m *Moment) ID(kind relay.Kind, key int64) string {
	return relay.ID{Kind: kind, Slug: m.Slug(), Key: key}.String()
}

// AppendID is ID for those who write many.
func (m *Moment) AppendID(b []byte, kind relay.Kind, key int64) []byte {
	return relay.ID{Kind: kind, Slug: m.Slug(), Key: key}.Append(b)
}

// IDOf is the global id of a thing of a workspace.
func IDOf(kind EntityKind, slug domain.Slug, key int64) string {
	return relay.ID{Kind: Prefix(kind), Slug: string(slug), Key: key}.String()
}

// A Ref is a thing that something else points to; the field entity reads it.
type Ref struct {
	At   *Moment
	Kind EntityKind
	Key  int64
}

// ID is the global id.
func (r Ref) ID() string { return r.At.ID(Prefix(r.Kind), r.Key) }

// KindOf is the schema's word for a kind of the domain.
func KindOf(k domain.Kind) EntityKind { return EntityKind(strings.ToUpper(string(k))) }

// Prefix is the kind as ids spell it.
func Prefix(k EntityKind) relay.Kind {
	switch k {
	case EntityKindWorkspace:
		return relay.Workspace
	case EntityKindPipeline:
		return relay.Pipeline
	case EntityKindPipelineVersion:
		return relay.PipelineVersion
	case EntityKindRun:
		return relay.Run
	case EntityKindStep:
		return relay.Step
	case EntityKindArtifact:
		return relay.Artifact
	}
	return relay.ArtifactVersion
}

// A SearchHit is something whose name was found.
type SearchHit struct {
	*Peers[SearchHit]
	Ref
	Namespace string
	Name      string
	Status    *string
}

// A LineageNode is a node of a walk.
type LineageNode struct {
	*Peers[LineageNode]
	Ref
	Name      string
	Status    *string
	Distance  int
	Tombstone bool
	Hidden    *int
}

// ID is the global id; an opaque node has a word that tells nothing.
func (n *LineageNode) ID() string { return idOf(n.Ref, n.Distance) }

// Workspace is the slug of the workspace that it is of.
func (n *LineageNode) Workspace() *string { return placeOf(n.Ref) }

// idOf is the id of what a walk reached. All that is opaque one way is one node, so that a direction is all its id says.
func idOf(r Ref, distance int) string {
	if r.At != nil {
		return r.ID()
	}
	return OpaqueID(distance)
}

// OpaqueID is the id of the opaque node on that side of the root.
func OpaqueID(distance int) string {
	if distance < 0 {
		return "opaque-up"
	}
	return "opaque-down"
}

func placeOf(r Ref) *string {
	if r.At == nil {
		return nil
	}
	return Word(r.At.Slug())
}

// Thing is what the field entity reads; nil where nobody may.
func (r *Ref) Thing() *Ref {
	if r.At == nil {
		return nil
	}
	return r
}

// An ImpactRow is a row of an impact table.
type ImpactRow struct {
	*Peers[ImpactRow]
	Ref
	Name     string
	Status   *string
	Distance int
	Hidden   *int
}

// ID is the global id; an opaque row has a word that tells nothing.
func (n *ImpactRow) ID() string { return idOf(n.Ref, n.Distance) }

// Workspace is the slug of the workspace that it is of.
func (n *ImpactRow) Workspace() *string { return placeOf(n.Ref) }
