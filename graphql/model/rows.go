package model

import (
	"encoding/json"
	"time"
)

// A Moment is a workspace at one revision of its stream. Everything that is read of the workspace for one answer is
// read at one Moment; it comes from [Reads.Open] and goes back into every other read.
type Moment struct {
	Slug     string    // the workspace
	Revision int64     // the state right after this event; -1 in a workspace without events
	Time     time.Time // when that event was recorded; zero without events
	Settled  bool      // asking for the same time again will give the same revision
	Handle   any       // what the reader needs besides: model schema, workspace number
}

// Version says when a row's thing was first named and last changed, as of the moment it was read at.
type Stamps struct {
	CreatedAt       time.Time
	UpdatedAt       time.Time
	CreatedRevision int64
	Revision        int64
}

// A Deletion says who took a thing away, when and why.
type Deletion struct {
	Reason   string
	At       time.Time
	Revision int64
	Actor    *Actor
}

// A WorkspaceRow is a workspace at a moment.
type WorkspaceRow struct {
	Stamps
	Slug        string
	Name        string
	Description *string
	Status      string // "active", "archived", "deleted"
	Labels      map[string]string
}

// A PipelineRow is a pipeline at a moment. Key is its number in the workspace.
type PipelineRow struct {
	Stamps
	Key         int64
	Namespace   string
	Name        string
	Description *string
	Type        *string
	Integration *string
	Processing  *string
	SQL         *string
	Tags        []*Tag
	Deleted     *Deletion
	LatestKey   int64 // of its newest version; 0: none
	LastRunKey  int64 // of its newest run; 0: none
	RunCount    int
	Code        *CodeReference
	Facets      json.RawMessage
}

// A PipelineVersionRow is a version of a pipeline at a moment.
type PipelineVersionRow struct {
	Stamps
	Key         int64
	PipelineKey int64
	Number      int
	Label       *string
	Steps       []*StepSpec
	Edges       []*StepSpecEdge
	SpecHash    string
	Code        *CodeReference
	Source      *string
}

// Executed is what runs and steps have in common.
type Executed struct {
	Stamps
	Key           int64
	Status        string // of domain.Status
	Contradictory bool
	Attempt       int
	StartedAt     *time.Time
	EndedAt       *time.Time
	Tags          []*Tag
	Failure       *Failure
	Code          *CodeReference
	Warnings      []string
	Deleted       *Deletion
}

// A RunRow is a run at a moment.
type RunRow struct {
	Executed
	RunID              string // the producer's
	Number             int    // among the runs of its pipeline, from 1
	Name               string
	PipelineKey        int64
	PipelineVersionKey int64 // 0: not known
	ParentKey          int64 // 0: nested in none
	RootKey            int64 // 0: nested in none
	Orchestrator       *Orchestrator
	Producer           *string
	Streaming          bool
	Facets             json.RawMessage
}

// A StepRow is a step at a moment.
type StepRow struct {
	Executed
	Name          string
	DisplayName   string
	RunKey        int64
	CacheKey      *string
	CachedFromKey int64 // 0: not cached
	Upstream      []string
}

// An ArtifactRow is an artifact at a moment.
type ArtifactRow struct {
	Stamps
	Key             int64
	Namespace       string
	Name            string
	Type            *string
	Description     *string
	Tags            []*Tag
	Aliases         []*ArtifactAlias
	CanonicalKey    int64 // of the artifact it is another name of; 0: it stands for itself
	LatestKey       int64 // of its newest complete version, else its newest; 0: none
	LastProducerKey int64 // of the newest execution that wrote it; 0: none
	Fields          []*SchemaField
	Facets          json.RawMessage
	Deleted         *Deletion
}

// An ArtifactVersionRow is a version of an artifact at a moment.
type ArtifactVersionRow struct {
	Stamps
	Key         int64
	ArtifactKey int64
	Number      int
	Name        *string
	Status      string // "complete", "failed", "unfinished", "external", "observed"
	URI         *string
	SizeBytes   *int64
	Digest      *string
	Type        *string
	Tags        []*Tag
	Fields      []*SchemaField
	ProducerKey int64 // of the execution that wrote it; 0: none
	CompletedAt *time.Time
	Facets      json.RawMessage
	Deleted     *Deletion
}

// A UseRow says that an execution read or wrote a version.
type UseRow struct {
	ExecutionKey int64
	VersionKey   int64
	Role         *string
	Position     int
}

// An AuditRow is one event of a workspace.
type AuditRow struct {
	EventID       string
	Revision      int64
	Type          string
	SchemaVersion int
	SubjectKind   string // of domain.Kind; empty for kinds without a page
	SubjectKey    int64  // 0: no page
	Actor         Actor
	OccurredAt    *time.Time
	RecordedAt    time.Time
	Summary       string
	Data          json.RawMessage
	Reason        *string
	CommandID     string
	CorrelationID *string
	CausationID   *string
}

// A ColumnRow says that a field of one artifact came from a field of another.
type ColumnRow struct {
	Field     *string
	FromKey   int64
	FromField string
	Type      *string
	Subtype   *string
	Masking   bool
}
