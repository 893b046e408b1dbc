package model

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections/read"
)

// An Artifact is an artifact at one moment.
type Artifact struct {
	*Peers[Artifact]
	Row read.Artifact
}

// ID is the global id.
func (a *Artifact) ID() string { return a.At.ID(relay.Artifact, a.Row.Key) }

// Namespace is the producer's; empty for native ones.
func (a *Artifact) Namespace() string { return a.Row.Namespace }

// Name is the name within the namespace.
func (a *Artifact) Name() string { return a.Row.Name }

// Type is what kind of thing it is, in its producer's words.
func (a *Artifact) Type() *string { return Word(a.Row.Type) }

// Fields are those of its newest version that has any.
func (a *Artifact) Fields() []*SchemaField { return Fields(a.Row.Schema) }

// CreatedRevision is the revision of the event that first named it.
func (a *Artifact) CreatedRevision() int64 { return int64(read.KeyRevision(a.Row.Key)) }

// An ArtifactVersion is a version of an artifact at one moment.
type ArtifactVersion struct {
	*Peers[ArtifactVersion]
	Row read.Version
}

// ID is the global id.
func (v *ArtifactVersion) ID() string { return v.At.ID(relay.ArtifactVersion, v.Row.Key) }

// Number is 1, 2, 3 in order of arrival.
func (v *ArtifactVersion) Number() int { return v.Row.Number }

// Name is the producer's name of it.
func (v *ArtifactVersion) Name() *string { return Word(v.Row.Name) }

// Status is what is known of how it came to be.
func (v *ArtifactVersion) Status() ArtifactVersionStatus {
	switch v.Row.Kind {
	case "external":
		return ArtifactVersionStatusExternal
	case "observed":
		return ArtifactVersionStatusObserved
	case "received":
		return ArtifactVersionStatusReceived
	}
	return ArtifactVersionStatus(strings.ToUpper(v.Row.Outcome))
}

// CompletedAt is when it was complete, by its producer's clock.
func (v *ArtifactVersion) CompletedAt() *time.Time { return Instant(v.Row.CompletedAt) }

// CreatedRevision is the revision of the event that first named it.
func (v *ArtifactVersion) CreatedRevision() int64 { return int64(read.KeyRevision(v.Row.Key)) }

// Fields reads the fields of a schema.
func Fields(raw json.RawMessage) []*SchemaField {
	var fields []domain.Field
	if len(raw) > 0 && json.Unmarshal(raw, &fields) != nil {
		return []*SchemaField{}
	}
	out := make([]*SchemaField, len(fields))
	for i, f := range fields {
		out[i] = &SchemaField{Name: f.Name, Type: Word(f.Type)}
	}
	return out
}

// An ArtifactUse says that an execution read or wrote a version.
type ArtifactUse struct {
	*Peers[ArtifactUse]
	Execution int64
	Version   int64
	Role      *string
	Position  int
}

// A ColumnDependency says that a field of one artifact came from a field of another.
type ColumnDependency struct {
	*Peers[ColumnDependency]
	Field     *string
	Source    int64     // artifact; 0: elsewhere
	Elsewhere *Artifact // of another workspace, from where it was promoted; nil where it is not told
	FromField *string
	Type      *string
	Subtype   *string
	Masking   bool
	Hidden    bool // it is in a workspace that the caller may not see
}

// An AuditEvent is one event of a workspace's history.
type AuditEvent struct {
	*Peers[AuditEvent]
	Revision      int64
	Type          string
	Kind          domain.Kind
	Subject       int64 // 0: no page
	By            domain.Actor
	OccurredAt    *time.Time
	RecordedAt    time.Time
	CorrelationID *string
	CommandID     string
}

// Actor is who did it.
func (e *AuditEvent) Actor() *Actor {
	return actorOf(e, e.Peers, func(e *AuditEvent) domain.Actor { return e.By })
}

// SubjectKind is what kind of thing it happened to; nil for kinds that have no page.
func (e *AuditEvent) SubjectKind() *EntityKind {
	k := KindOf(e.Kind)
	if !k.IsValid() {
		return nil
	}
	return &k
}

// SubjectID is the global id of the thing it happened to.
func (e *AuditEvent) SubjectID() *string {
	k := e.SubjectKind()
	if k == nil || e.Subject == 0 && *k != EntityKindWorkspace {
		return nil
	}
	id := e.At.ID(Prefix(*k), e.Subject)
	return &id
}
