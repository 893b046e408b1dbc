package model

import (
	"context"

	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections/read"
)

// A List is what all connections have in common: a page of rows, each with its place in the list, and a way to count
// the whole list. Cursors are made when they are asked for.
type List[T any] struct {
	Nodes []*T
	Marks []read.Mark // the place of each row
	Shape string      // of the list: relay.Shape
	As    *Moment     // it was read at; nil for lists across workspaces
	Next  bool        // there is more after the last row
	Prev  bool        // there is more before the first row
	Count func(ctx context.Context, most int) (int, error)
}

// TotalCount counts the list up to most; one more means that there is more.
func (l *List[T]) TotalCount(ctx context.Context, max int) (int, error) { return l.Count(ctx, max) }

// PageInfo says where the page lies in the list.
func (l *List[T]) PageInfo() *PageInfo {
	p := &PageInfo{HasNextPage: l.Next, HasPreviousPage: l.Prev}
	if n := len(l.Nodes); n > 0 {
		first, last := l.cursor(0), l.cursor(n-1)
		p.StartCursor, p.EndCursor = &first, &last
	}
	return p
}

// AsOf is the moment that the list was read at.
func (l *List[T]) AsOf() *Moment { return l.As }

func (l *List[T]) cursor(i int) string {
	c := relay.Cursor{Place: l.Marks[i].String(), Filter: l.Shape}
	if l.As != nil {
		c.Revision = l.As.Revision()
	}
	return c.String()
}

// edgesOf pairs rows with their cursors.
func edgesOf[T, E any](l *List[T], edge func(cursor string, node *T) *E) []*E {
	out := make([]*E, len(l.Nodes))
	for i, n := range l.Nodes {
		out[i] = edge(l.cursor(i), n)
	}
	return out
}

// The connections of the schema.
type (
	// A WorkspaceConnection is a page of workspaces.
	WorkspaceConnection struct {
		List[Workspace]
		Group func(ctx context.Context, by WorkspaceGrouping, label string) ([]*WorkspaceGroup, error)
	}
	// A MemberConnection is a page of members.
	MemberConnection struct{ List[Member] }
	// A PipelineConnection is a page of pipelines.
	PipelineConnection struct{ List[Pipeline] }
	// A PipelineVersionConnection is a page of versions of a pipeline.
	PipelineVersionConnection struct{ List[PipelineVersion] }
	// A RunConnection is a page of runs.
	RunConnection struct {
		List[Run]
		Spread func(ctx context.Context) ([]*Facet, error)
	}
	// A StepConnection is a page of steps.
	StepConnection struct{ List[Step] }
	// An ArtifactConnection is a page of artifacts.
	ArtifactConnection struct{ List[Artifact] }
	// An ArtifactVersionConnection is a page of versions of artifacts.
	ArtifactVersionConnection struct{ List[ArtifactVersion] }
	// An ExecutionConnection is a page of executions.
	ExecutionConnection struct {
		List[Executing]
	}
	// An AuditEventConnection is a page of history.
	AuditEventConnection struct{ List[AuditEvent] }
	// An ImpactConnection is a page of an impact table.
	ImpactConnection struct {
		List[ImpactRow]
		ByDistance []*DistanceCount
		Complete   bool
		Workspaces []*LineageWorkspace
	}
)

// Executing holds a run or a step.
type Executing struct{ Execution }

// Facets tell how the runs that match are spread.
func (c *RunConnection) Facets(ctx context.Context) ([]*Facet, error) { return c.Spread(ctx) }

// Edges are the rows with their cursors.
func (c *WorkspaceConnection) Edges() []*WorkspaceEdge {
	return edgesOf(&c.List, func(s string, n *Workspace) *WorkspaceEdge { return &WorkspaceEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *MemberConnection) Edges() []*MemberEdge {
	return edgesOf(&c.List, func(s string, n *Member) *MemberEdge { return &MemberEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *PipelineConnection) Edges() []*PipelineEdge {
	return edgesOf(&c.List, func(s string, n *Pipeline) *PipelineEdge { return &PipelineEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *PipelineVersionConnection) Edges() []*PipelineVersionEdge {
	return edgesOf(&c.List, func(s string, n *PipelineVersion) *PipelineVersionEdge { return &PipelineVersionEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *RunConnection) Edges() []*RunEdge {
	return edgesOf(&c.List, func(s string, n *Run) *RunEdge { return &RunEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *StepConnection) Edges() []*StepEdge {
	return edgesOf(&c.List, func(s string, n *Step) *StepEdge { return &StepEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *ArtifactConnection) Edges() []*ArtifactEdge {
	return edgesOf(&c.List, func(s string, n *Artifact) *ArtifactEdge { return &ArtifactEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *ArtifactVersionConnection) Edges() []*ArtifactVersionEdge {
	return edgesOf(&c.List, func(s string, n *ArtifactVersion) *ArtifactVersionEdge { return &ArtifactVersionEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *ExecutionConnection) Edges() []*ExecutionEdge {
	return edgesOf(&c.List, func(s string, n *Executing) *ExecutionEdge { return &ExecutionEdge{s, n.Execution} })
}

// Nodes are the rows.
func (c *ExecutionConnection) Nodes() []Execution {
	out := make([]Execution, len(c.List.Nodes))
	for i, n := range c.List.Nodes {
		out[i] = n.Execution
	}
	return out
}

// Edges are the rows with their cursors.
func (c *AuditEventConnection) Edges() []*AuditEventEdge {
	return edgesOf(&c.List, func(s string, n *AuditEvent) *AuditEventEdge { return &AuditEventEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *ImpactConnection) Edges() []*ImpactEdge {
	return edgesOf(&c.List, func(s string, n *ImpactRow) *ImpactEdge { return &ImpactEdge{s, n} })
}

// Groups counts the workspaces of the list by a value.
func (c *WorkspaceConnection) Groups(ctx context.Context, by WorkspaceGrouping, label *string) ([]*WorkspaceGroup, error) {
	key := ""
	if label != nil {
		key = *label
	}
	return c.Group(ctx, by, key)
}
