package graphql

import (
	"context"
	"encoding/json"
	"time"

	"github.com/annals-io/annals/graphql/model"
)

// Reads is everything the resolvers read. The Moment fixes workspace, model version and revision; no read looks past it.
// Lists of keys are answered in the database's order (the resolvers line them up); missing keys are left out.
type Reads interface {
	Moments
	Workspaces
	Lists
	ByKey
	Details
	Walks
	Following
}

// An AsOf is the moment asked for: a time, a revision, or (both nil) now.
type AsOf struct {
	Time     *time.Time
	Revision *int64
}

// Moments opens moments.
type Moments interface {
	// Open fixes the moment of an answer about one workspace: now when asOf is empty. It waits at most wait until
	// atLeast (when not nil) has been applied. Errors: ErrNoWorkspace, *BeforeFirstEvent, *RevisionAhead,
	// *Stale (CONSISTENCY_TIMEOUT), *Paused (WORKSPACE_PAUSED).
	Open(ctx context.Context, slug string, asOf AsOf, atLeast *int64, wait time.Duration) (*model.Moment, error)
	// Progress says how far a workspace's read models are.
	Progress(ctx context.Context, slug string) (applied, head int64, state, reason string, err error)
}

// Workspaces reads workspaces.
type Workspaces interface {
	Workspace(ctx context.Context, at *model.Moment) (*model.WorkspaceRow, error)
	Counts(ctx context.Context, at *model.Moment) (pipelines, runs, steps, artifacts, versions int, err error)
	// Workspaces lists by slug, each at its own moment; slugs nil means all, empty none.
	Workspaces(ctx context.Context, q WorkspaceQuery) ([]model.WorkspaceRow, []*model.Moment, error)
}

// A WorkspaceQuery asks for a page of workspaces.
type WorkspaceQuery struct {
	Only     []string // slugs the caller may see; nil means all
	Statuses []string
	Text     string
	Labels   map[string]string
	Time     *time.Time
	Page     Page
	Count    int // > 0: count instead, up to this many
}

// A Page is a keyset page: Limit rows after the row with these sort values, read backwards when Back is set. The
// resolvers ask for one row more than the page to learn whether there is another; rows come back in list order.
type Page struct {
	Limit int
	After []any // the sort values of the row to begin behind (its key last); nil: the list's beginning (or end)
	Back  bool
}

// A Condition is one condition on a named value. Of is "last", "min" or "max" for metrics.
type Condition struct {
	Name   string
	Of     string
	Op     string // EQ NE LT LTE GT GTE IN CONTAINS EXISTS
	Value  json.RawMessage
	Values []json.RawMessage
}

// A RunQuery asks for runs. Zero fields ask nothing.
type RunQuery struct {
	Statuses, ExcludeStatuses     []string // of domain.Status
	Pipelines                     []int64  // keys
	Tags, ExcludeTags             []string // "key" or "key=value"
	Text, RunID                   string
	Nested                        bool
	Parent                        int64 // key
	StartedAfter, StartedBefore   *time.Time
	EndedAfter, EndedBefore       *time.Time
	CreatedAfter, CreatedBefore   *time.Time
	Contradictory                 *bool
	Parameters, Metadata, Metrics []Condition
	OrderBy, OrderName, OrderOf   string // CREATED STARTED ENDED DURATION PARAMETER METADATA METRIC; name; of
	Descending                    bool
	Page                          Page
}

// A NameQuery asks for pipelines or artifacts.
type NameQuery struct {
	Text              string
	Namespaces        []string
	Types             []string // artifacts
	Tags, ExcludeTags []string
	LastRunStatuses   []string // pipelines
	OrderBy           string   // NAME CREATED LAST_RUN LAST_VERSION
	Descending        bool
	Page              Page
}

// A StepQuery asks for steps of a run.
type StepQuery struct {
	Run      int64
	Statuses []string
	Text     string
	Name     string
	Page     Page
}

// An AuditQuery asks for events.
type AuditQuery struct {
	Types, ExcludeTypes         []string // "run.*" is a prefix
	Kinds                       []string
	SubjectKind                 string
	SubjectKey                  int64
	Actor, Command, Correlation string
	FromRevision, ToRevision    *int64
	From, To                    *time.Time
	Descending                  bool
	Page                        Page
}

// Sorted is a row with the values it is sorted by, for its cursor (the key last).
type Sorted[T any] struct {
	Row  T
	Sort []any
}

// Lists reads pages. The Count methods stop at most+1.
type Lists interface {
	Runs(ctx context.Context, at *model.Moment, q RunQuery) ([]Sorted[model.RunRow], error)
	CountRuns(ctx context.Context, at *model.Moment, q RunQuery, most int) (int, error)
	// RunFacets counts by "status", "pipeline" (value: key) and "tag", each without the condition on itself.
	RunFacets(ctx context.Context, at *model.Moment, q RunQuery) (map[string][]FacetCount, error)
	Steps(ctx context.Context, at *model.Moment, q StepQuery) ([]Sorted[model.StepRow], error)
	CountSteps(ctx context.Context, at *model.Moment, q StepQuery, most int) (int, error)
	Pipelines(ctx context.Context, at *model.Moment, q NameQuery) ([]Sorted[model.PipelineRow], error)
	CountPipelines(ctx context.Context, at *model.Moment, q NameQuery, most int) (int, error)
	PipelineVersions(ctx context.Context, at *model.Moment, pipeline int64, page Page) ([]Sorted[model.PipelineVersionRow], error)
	CountPipelineVersions(ctx context.Context, at *model.Moment, pipeline int64, most int) (int, error)
	Artifacts(ctx context.Context, at *model.Moment, q NameQuery) ([]Sorted[model.ArtifactRow], error)
	CountArtifacts(ctx context.Context, at *model.Moment, q NameQuery, most int) (int, error)
	ArtifactVersions(ctx context.Context, at *model.Moment, artifact int64, page Page) ([]Sorted[model.ArtifactVersionRow], error)
	CountArtifactVersions(ctx context.Context, at *model.Moment, artifact int64, most int) (int, error)
	// VersionsOfRun are the versions that the run, its steps and its nested runs read or wrote.
	VersionsOfRun(ctx context.Context, at *model.Moment, run int64, page Page) ([]Sorted[model.ArtifactVersionRow], error)
	CountVersionsOfRun(ctx context.Context, at *model.Moment, run int64, most int) (int, error)
	Consumers(ctx context.Context, at *model.Moment, version int64, page Page) ([]Sorted[ExecutionRow], error)
	CountConsumers(ctx context.Context, at *model.Moment, version int64, most int) (int, error)
	Audit(ctx context.Context, at *model.Moment, q AuditQuery) ([]model.AuditRow, error)
	CountAudit(ctx context.Context, at *model.Moment, q AuditQuery, most int) (int, error)
	Search(ctx context.Context, at *model.Moment, text string, kinds []string, limit int) ([]Hit, error)
}

// A FacetCount is how many rows have a value.
type FacetCount struct {
	Value, Label string
	Count        int
}

// An ExecutionRow is a run or a step: one of the two is set.
type ExecutionRow struct {
	Run  *model.RunRow
	Step *model.StepRow
}

// A Hit is something whose name was found.
type Hit struct {
	Kind            string // of domain.Kind
	Key             int64
	Namespace, Name string
	Status          string
}

// A NameRef is a natural name; a nil namespace means any.
type NameRef struct {
	Namespace *string
	Name      string
}

// ByKey reads by keys and natural keys. Deleted things are found by key, not by name.
type ByKey interface {
	RunsByKey(ctx context.Context, at *model.Moment, keys []int64) ([]model.RunRow, error)
	StepsByKey(ctx context.Context, at *model.Moment, keys []int64) ([]model.StepRow, error)
	ExecutionsByKey(ctx context.Context, at *model.Moment, keys []int64) ([]ExecutionRow, error)
	PipelinesByKey(ctx context.Context, at *model.Moment, keys []int64) ([]model.PipelineRow, error)
	PipelineVersionsByKey(ctx context.Context, at *model.Moment, keys []int64) ([]model.PipelineVersionRow, error)
	ArtifactsByKey(ctx context.Context, at *model.Moment, keys []int64) ([]model.ArtifactRow, error)
	ArtifactVersionsByKey(ctx context.Context, at *model.Moment, keys []int64) ([]model.ArtifactVersionRow, error)

	RunsByRunID(ctx context.Context, at *model.Moment, runID string, limit int) ([]model.RunRow, error)
	RunByNumber(ctx context.Context, at *model.Moment, pipeline int64, number int) (*model.RunRow, error)
	// PipelinesNamed and ArtifactsNamed answer those that any of the refs name (artifacts: aliases too).
	PipelinesNamed(ctx context.Context, at *model.Moment, refs []NameRef, limit int) ([]model.PipelineRow, error)
	ArtifactsNamed(ctx context.Context, at *model.Moment, refs []NameRef, limit int) ([]model.ArtifactRow, error)
	// VersionNamed is a version by number (when > 0) or by its producer's name; "latest" with neither.
	VersionNamed(ctx context.Context, at *model.Moment, artifact int64, number int, name string) (*model.ArtifactVersionRow, error)
	PipelineVersionByNumber(ctx context.Context, at *model.Moment, pipeline int64, number int) (*model.PipelineVersionRow, error)
}

// Details reads wide or dependent parts, for many parents at once. Maps are by parent key.
type Details interface {
	Parameters(ctx context.Context, at *model.Moment, executions []int64) (map[int64][]*model.NamedValue, error)
	Metadata(ctx context.Context, at *model.Moment, executions []int64) (map[int64][]*model.NamedValue, error) // executions and versions
	Metrics(ctx context.Context, at *model.Moment, executions []int64) (map[int64][]*model.Metric, error)
	Attempts(ctx context.Context, at *model.Moment, executions []int64) (map[int64][]*model.Attempt, error)
	Inputs(ctx context.Context, at *model.Moment, executions []int64, limit int) ([]model.UseRow, error)
	Outputs(ctx context.Context, at *model.Moment, executions []int64, limit int) ([]model.UseRow, error)
	StepCounts(ctx context.Context, at *model.Moment, runs []int64) (map[int64]map[string]int, error)
	Declared(ctx context.Context, at *model.Moment, pipelines []int64) (inputs, outputs map[int64][]int64, err error)
	Columns(ctx context.Context, at *model.Moment, artifact int64, field string, limit int) ([]model.ColumnRow, error)
	Neighbours(ctx context.Context, at *model.Moment, artifact int64, up bool, limit int) ([]int64, error)
	// Dag is a run's steps, nested runs and the versions between them.
	Dag(ctx context.Context, at *model.Moment, run int64, limit int) (nodes []GraphNode, edges []GraphEdge, complete bool, err error)
	Timeline(ctx context.Context, at *model.Moment, run int64, limit int) ([]Bar, error)
}

// A Bar is an attempt of a step or nested run.
type Bar struct {
	Kind               string
	Key                int64
	Name               string
	Attempt            int
	Status             string
	StartedAt, EndedAt *time.Time
	Upstream           []string // names of the steps it waited for
}

// A GraphNode is a node of a lineage walk or a run's graph.
type GraphNode struct {
	Kind      string // of domain.Kind
	Key       int64
	Name      string // NAMESPACE/NAME@VERSION of a version
	Status    string
	Distance  int // < 0 upstream, > 0 downstream
	Tombstone bool
	MoreUp    bool // neighbours that were not sent
	MoreDown  bool
}

// A GraphEdge joins two nodes by index, in the direction the data went.
type GraphEdge struct {
	From, To int
	Role     string
}

// A WalkQuery asks for a walk. Roots are keys of one kind.
type WalkQuery struct {
	RootKind                    string
	Root                        int64
	Up, Down                    bool
	Depth, MaxNodes             int
	ByArtifact                  bool
	Statuses, Namespaces        []string
	Pipelines                   []int64
	CreatedAfter, CreatedBefore *time.Time
}

// A Walk is what a walk found, nearest first.
type Walk struct {
	Nodes    []GraphNode
	Edges    []GraphEdge
	Complete bool
	CutBy    string // "MAX_NODES", "DEPTH" or empty
}

// Walks walks lineage.
type Walks interface {
	Lineage(ctx context.Context, at *model.Moment, q WalkQuery) (*Walk, error)
}

// Following tells when there is more to read.
type Following interface {
	// Applied yields the newest applied revision of a workspace each time it moved past the one yielded before,
	// starting at once; it is closed when ctx ends. Slow readers skip revisions, never miss the newest.
	Applied(ctx context.Context, slug string) (<-chan int64, error)
	// RunChangedSince says whether the run, its steps or uses changed after a revision, at the moment.
	RunChangedSince(ctx context.Context, at *model.Moment, run int64, after int64) (bool, error)
}
