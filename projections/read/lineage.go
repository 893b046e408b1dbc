package read

import (
	"context"
	"time"

	"github.com/annals-io/annals/domain"
)

// A Granularity is what the nodes of a walk are.
type Granularity int

// The granularities: artifact versions and the executions between them, or artifacts alone, joined where an
// execution or a declaration made one from the other.
const (
	ByVersion Granularity = iota
	ByArtifact
)

// A Cut is what cut a walk short.
type Cut string

// The cuts. No cut means that everything that can be reached is there.
const (
	CutByNodes Cut = "NODES"
	CutByDepth Cut = "DEPTH"
	CutByTime  Cut = "TIME"
	CutByWall  Cut = "WALL" // of what lies in another workspace not even the number is told, or it cannot be read now
)

// Bounds of walks.
const (
	MaxDepth     = 50
	MaxWalkNodes = 10_000
	// maxRoots is how many versions or executions a root may stand for: the newest of an artifact or a pipeline.
	maxRoots = 1000
	// moreBound is where counting the neighbours that were not sent ends.
	moreBound = 1000
	// moreAtLeast is how many are counted of each node at least, where there are very many beyond the walk.
	moreAtLeast = 10
)

// A Node names a thing by kind and key.
type Node struct {
	Kind domain.Kind
	Key  int64
}

// A LineageQuery asks for a walk. An artifact as root stands for its versions, a run for itself, its steps and the
// runs nested in it, a pipeline for its newest runs; by artifact, an execution stands for what it read (upwards) or
// wrote (downwards).
type LineageQuery struct {
	Roots       []Node
	Up, Down    bool // neither means both
	Depth       int  // edges each way; 0: 6
	MaxNodes    int  // 0: 500; the nearest are kept
	Granularity Granularity
	Collapse    bool // steps stand for their runs
	// Filters: the walk does not go on beyond what they leave out. Roots are never left out.
	Statuses                    []domain.Status // of executions
	Pipelines                   []int64         // of executions
	Namespaces                  []string        // of artifacts
	CreatedAfter, CreatedBefore time.Time       // recorded times of executions and versions; After means at or after
	Within                      time.Duration   // the walk answers what it has after this time; 0: no bound
	// Walls lets the walk go on through promotions into other workspaces, as far as whoever asks may see. Nil: it ends
	// at the walls of its own.
	Walls Walls
}

// A GraphNode is something that was reached.
type GraphNode struct {
	Node
	Name             string // for people: NAMESPACE/NAME@NUMBER of a version
	Status           string // of an execution; of a version: complete, failed, unfinished, external, observed
	Distance         int    // in edges: below 0 upstream, above 0 downstream
	Deleted          bool
	MoreUp, MoreDown int // neighbours that were not sent, in the directions that were walked; counted up to 1,000, or 10 where there are very many
	Place            int // in the graph's places: the workspace that it is of; -1 of an opaque node
	Hidden           int // of an opaque node: how many nodes it stands for; 0: that is not told
}

// A GraphEdge joins two nodes by index, in the direction the data went.
type GraphEdge struct {
	From, To int
	Role     string
	Pipeline int64 // that made the one from the other; by artifact only
}

// A Graph is what a walk found: nodes by distance, the roots first, and every edge between them that the walk saw.
type Graph struct {
	Nodes       []GraphNode
	Edges       []GraphEdge
	Complete    bool
	TruncatedBy Cut // empty when complete
	Revision    domain.Revision
	// Places are the workspaces that the nodes are of, each at its moment; the first is the one that the walk began in.
	Places []Moment
	// Astray says that one side of a promotion knows of another that cannot be read: it is not projected yet, mostly.
	Astray bool
}

// Frontier are the indices of the nodes with neighbours that were not sent: where to go on.
func (g Graph) Frontier() []int {
	var out []int
	for i, n := range g.Nodes {
		if n.MoreUp > 0 || n.MoreDown > 0 {
			out = append(out, i)
		}
	}
	return out
}

// Lineage walks from the roots.
//
// Up and down are walks of their own: nothing is reached by turning round, so the other children of an ancestor are
// not in the answer. Each walk goes breadth first with a visited set, one statement a level for what is not
// remembered; cycles and diamonds are normal. What it costs follows what it finds, not what there is.
func (d *DB) Lineage(ctx context.Context, m Moment, q LineageQuery) (Graph, error) {
	if !q.Up && !q.Down {
		q.Up, q.Down = true, true
	}
	if q.Depth <= 0 {
		q.Depth = 6
	}
	if q.MaxNodes <= 0 {
		q.MaxNodes = 500
	}
	q.Depth, q.MaxNodes = min(q.Depth, MaxDepth), min(q.MaxNodes, MaxWalkNodes)
	var deadline time.Time
	if q.Within > 0 {
		deadline = time.Now().Add(q.Within)
	}
	if q.Walls != nil && d.crosses(m) {
		return d.farWalk(ctx, m, q, deadline)
	}
	for try := 1; ; try++ {
		g, holds, joined, err := d.tryWalk(ctx, m, q, deadline, try)
		if err == nil && holds && joined && q.Walls != nil {
			d.joins.Store(joinKey{m.Schema, m.Number}, true)
			return d.farWalk(ctx, m, q, deadline)
		}
		if err != nil || holds {
			g.Places = []Moment{m}
			return g, err
		}
	}
}

// farWalk is Lineage where there are promotions to follow.
func (d *DB) farWalk(ctx context.Context, m Moment, q LineageQuery, deadline time.Time) (Graph, error) {
	for try := 1; ; try++ {
		g, holds, err := d.tryFar(ctx, m, q, deadline, try)
		if err != nil || holds {
			return g, err
		}
	}
}

// joinKey is a workspace in a model.
type joinKey struct {
	schema string
	number int32
}

// crosses says that the workspace is known to have taken part in a promotion. Where that is not known, a walk finds out
// beside its own work, and begins again if it has: nearly all have not.
func (d *DB) crosses(m Moment) bool {
	_, known := d.joins.Load(joinKey{m.Schema, m.Number})
	return known
}

// tryWalk is one try at a walk; holds is false where it was led by something that is no longer so. The first two tries
// take what is remembered in good faith, the third takes what is known, the fourth reads everything. joined says that the
// workspace took part in a promotion, where that matters.
func (d *DB) tryWalk(ctx context.Context, m Moment, q LineageQuery, deadline time.Time, try int) (g Graph, holds, joined bool, err error) {
	w, err := d.newWalk(ctx, m, q)
	if err != nil {
		return g, false, false, err
	}
	w.deadline = deadline
	if try < 4 {
		if w.recall, err = d.recall(ctx, m, try == 3); err != nil {
			return g, false, false, err
		}
	}
	if err = w.run(ctx); err == nil {
		g, err = w.graph(ctx)
	}
	if err != nil {
		return g, false, false, err
	}
	if holds, err = w.recall.holds(ctx); err != nil || !holds {
		return g, false, false, err
	}
	if w.recall != nil {
		return g, true, w.recall.joined, nil
	}
	if q.Walls != nil {
		joined, err = d.joined(ctx, m)
	}
	return g, true, joined, err
}
