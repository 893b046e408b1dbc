package read

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/annals-io/annals/domain"
)

// A walk is a lineage query on its way.
type walk struct {
	db       *DB
	recall   *recall // nil: nothing is remembered
	m        Moment
	q        LineageQuery
	deadline time.Time
	created  [2]int64 // keys from and before, of the filter

	nodes     []GraphNode
	index     map[int64]int // of nodes, by key
	sides     []side        // of nodes
	facts     []nodeFacts
	known     map[int64]int         // of facts, by key
	runNames  map[int64][]runName   // that producers gave, by key
	names     map[int64]domain.Name // of artifacts and pipelines, by key
	refused   map[int64]bool        // left out by the filter
	edges     []GraphEdge
	joined    map[[2]int32]int // the last edge between two nodes
	before    []int            // the one before it between the same two, else -1, of edges
	ways      []*oneWay
	dropped   bool            // a neighbour found no room
	cut       bool            // a root stands for more than were taken
	late      bool            // time was up
	collapsed map[int64]int64 // step to run, where steps stand for their runs
	elsewhere int             // nodes of other workspaces, which take up room too
	blind     bool            // nothing that is found is told but how much it is
}

// A oneWay is the walk in one direction.
type oneWay struct {
	to       way
	seen     []bool       // of nodes
	frontier []int64      // not expanded
	beyond   []hop        // to what found no room
	begun    func() found // waits for what is being read for the next step; nil: nothing is
}

// found is what was read of the hops from some nodes; see [DB.hops].
type found struct {
	hops []hop
	next int
	cut  bool
	err  error
}

func (d *DB) emptyWalk(m Moment, q LineageQuery) *walk {
	return &walk{db: d, m: m, q: q, created: [2]int64{0, lastKey(m.Revision) + 1},
		index: map[int64]int{}, known: map[int64]int{}, runNames: map[int64][]runName{}, names: map[int64]domain.Name{}, refused: map[int64]bool{},
		joined: map[[2]int32]int{}, collapsed: map[int64]int64{}}
}

// newWalk fixes where the walk begins.
func (d *DB) newWalk(ctx context.Context, m Moment, q LineageQuery) (*walk, error) {
	w := d.emptyWalk(m, q)
	if err := w.bounded(ctx); err != nil {
		return nil, err
	}
	for _, to := range []way{up, down} {
		if to == up && !q.Up || to == down && !q.Down {
			continue
		}
		roots, err := w.roots(ctx, to)
		if err != nil {
			return nil, err
		}
		o := &oneWay{to: to}
		for _, r := range roots {
			i, ok := w.place(r.key, r.side, 0)
			if ok && o.see(i) {
				o.frontier = append(o.frontier, r.key)
			}
		}
		w.ways = append(w.ways, o)
	}
	return w, nil
}

// bounded finds the keys that were new between the times of the filter.
func (w *walk) bounded(ctx context.Context) (err error) {
	if !w.q.CreatedAfter.IsZero() {
		if w.created[0], err = w.db.keyAt(ctx, w.m, w.q.CreatedAfter); err != nil {
			return err
		}
	}
	if !w.q.CreatedBefore.IsZero() {
		w.created[1], err = w.db.keyAt(ctx, w.m, w.q.CreatedBefore)
	}
	return err
}

// place is the index of a node, which is taken in where it is new and there is room.
func (w *walk) place(key int64, s side, distance int) (i int, ok bool) {
	if i, ok = w.index[key]; ok {
		return i, true
	}
	if len(w.nodes)+w.elsewhere >= w.q.MaxNodes {
		w.dropped = true
		return 0, false
	}
	i = len(w.nodes)
	w.index[key] = i
	w.sides = append(w.sides, s)
	w.nodes = append(w.nodes, GraphNode{Node: Node{Key: key}, Distance: distance})
	return i, true
}

// see notes that the walk was at a node; fresh says that it had not been there.
func (o *oneWay) see(i int) (fresh bool) {
	if i >= len(o.seen) {
		o.seen = append(o.seen, make([]bool, i+1-len(o.seen))...)
	}
	fresh = !o.seen[i]
	o.seen[i] = true
	return fresh
}

// saw says whether the walk was at a node.
func (o *oneWay) saw(i int) bool { return i < len(o.seen) && o.seen[i] }

// places is how many nodes the walk was at.
func (o *oneWay) places() (n int) {
	for _, was := range o.seen {
		if was {
			n++
		}
	}
	return n
}

// run walks level by level, both ways in turn, so that what finds room is what is nearest.
func (w *walk) run(ctx context.Context) error {
	var begun sync.WaitGroup
	defer begun.Wait()
	for level := 1; level <= w.q.Depth; level++ {
		if len(w.ways) == 2 && !w.dropped {
			w.begin(ctx, w.ways[1], &begun)
		}
		for _, o := range w.ways {
			if w.dropped || len(o.frontier) == 0 {
				continue
			}
			if w.late = !w.deadline.IsZero() && time.Now().After(w.deadline); w.late {
				return nil
			}
			if err := w.step(ctx, o, level); err != nil {
				return err
			}
		}
	}
	return w.end(ctx)
}

// step expands the frontier once, or as much of it as there is room for.
func (w *walk) step(ctx context.Context, o *oneWay, level int) error {
	distance := level
	if o.to == up {
		distance = -level
	}
	var reached []int64
	for s := range sides {
		nodes := w.onSide(o.frontier, s)
		for len(nodes) > 0 && !w.dropped {
			hops, next, err := w.neighbours(ctx, s, o, nodes)
			if err != nil {
				return err
			}
			if err := w.filter(ctx, hops); err != nil {
				return err
			}
			from, at := int64(-1), 0
			for _, h := range hops {
				if h.from != from {
					from, at = h.from, w.index[h.from]
				}
				if !w.refused[h.to] && w.take(o, h, at, distance) {
					reached = append(reached, h.to)
				}
			}
			nodes = nodes[next:]
		}
		reached = append(reached, nodes...)
	}
	o.frontier = reached
	return nil
}

// take adds a hop from the node at an index, and what it leads to; fresh says that the walk had not been there.
func (w *walk) take(o *oneWay, h hop, from, distance int) (fresh bool) {
	to, ok := w.place(h.to, w.sides[from].opposite(), distance)
	if !ok {
		o.beyond = append(o.beyond, h)
		return false
	}
	w.join(from, to, h, o.to)
	return o.see(to)
}

func (w *walk) onSide(nodes []int64, s side) []int64 {
	var out []int64
	for _, n := range nodes {
		if w.sides[w.index[n]] == s {
			out = append(out, n)
		}
	}
	return out
}

// join adds an edge in the direction the data went, unless it is there: both ways may have seen it.
func (w *walk) join(from, to int, h hop, way way) {
	if way == up {
		from, to = to, from
	}
	e, pair := GraphEdge{From: from, To: to, Role: h.role, Pipeline: h.pipeline}, [2]int32{int32(from), int32(to)}
	last, ok := w.joined[pair]
	if !ok {
		last = -1
	}
	for i := last; i >= 0; i = w.before[i] {
		if w.edges[i] == e {
			return
		}
	}
	w.joined[pair] = len(w.edges)
	w.edges, w.before = append(w.edges, e), append(w.before, last)
}

// opposite is the side of a node's neighbours.
func (s side) opposite() side {
	switch s {
	case execution:
		return version
	case version:
		return execution
	}
	return artifact
}

// neighbours are the hops from the first nodes of a side, as many as there could be room for; next is the first node
// without. Where steps stand for their runs, a run has the neighbours of its steps, and all nodes are taken at once.
func (w *walk) neighbours(ctx context.Context, s side, o *oneWay, nodes []int64) (hops []hop, next int, err error) {
	if w.q.Collapse && s == execution {
		hops, err = w.look(ctx, s, o.to, nodes)
		return hops, len(nodes), err
	}
	var f found
	if o.begun != nil {
		f, o.begun = o.begun(), nil
	} else {
		f.hops, f.next, f.cut, f.err = w.hops(ctx, s, o.to, nodes, w.bound())
	}
	if f.err != nil {
		return nil, 0, f.err
	}
	w.cut = w.cut || f.cut
	hops, err = w.collapse(ctx, f.hops, s)
	return hops, f.next, err
}

// bound is how many hops are read at once.
func (w *walk) bound() int { return max(4*(w.q.MaxNodes-len(w.nodes)-w.elsewhere)+w.db.bounds.hops, 1) }

// look is the hops from all nodes of a side; of very many, the first of each.
func (w *walk) look(ctx context.Context, s side, to way, nodes []int64) ([]hop, error) {
	var err error
	if w.q.Collapse && s == execution {
		if nodes, err = w.withSteps(ctx, nodes); err != nil {
			return nil, err
		}
	}
	perNode := moreAtLeast
	if w.q.Collapse {
		perNode = moreBound
	}
	hops, err := w.someHops(ctx, s, to, nodes, 4*w.q.MaxNodes+w.db.bounds.hops, perNode)
	if err != nil {
		return nil, err
	}
	return w.collapse(ctx, hops, s)
}

// standsFor is the node that a thing is shown as.
func (w *walk) standsFor(key int64) int64 {
	if run, ok := w.collapsed[key]; ok {
		return run
	}
	return key
}

// filtered says whether the query leaves anything out.
func (w *walk) filtered() bool {
	return len(w.q.Statuses)+len(w.q.Pipelines)+len(w.q.Namespaces) > 0 || !w.q.CreatedAfter.IsZero() || !w.q.CreatedBefore.IsZero()
}

// filter refuses the new neighbours that the query leaves out.
func (w *walk) filter(ctx context.Context, hops []hop) error {
	if !w.filtered() {
		return nil
	}
	fresh := map[int64]side{}
	for _, h := range hops {
		if _, ok := w.index[h.to]; !ok && !w.refused[h.to] {
			fresh[h.to] = w.sides[w.index[h.from]].opposite()
		}
	}
	return w.refuse(ctx, fresh)
}

// refuse refuses those of new nodes that the query leaves out.
func (w *walk) refuse(ctx context.Context, fresh map[int64]side) error {
	if !w.filtered() {
		return nil
	}
	var unknown [sides][]int64
	for key, s := range fresh {
		unknown[s] = append(unknown[s], key)
	}
	if err := w.learn(ctx, unknown); err != nil {
		return err
	}
	for key, s := range fresh {
		f := w.fact(key)
		switch {
		case key < w.created[0] || key >= w.created[1],
			s == execution && len(w.q.Statuses) > 0 && !slices.Contains(w.q.Statuses, domain.Status(f.status)),
			s == execution && len(w.q.Pipelines) > 0 && !slices.Contains(w.q.Pipelines, f.pipeline),
			s != execution && len(w.q.Namespaces) > 0 && !slices.Contains(w.q.Namespaces, f.namespace):
			w.refused[key] = true
		}
	}
	return nil
}

// unknown are the nodes of which nothing is known but their keys.
func (w *walk) unknown() [sides][]int64 {
	var out [sides][]int64
	for i, n := range w.nodes {
		if _, ok := w.known[n.Key]; !ok {
			out[w.sides[i]] = append(out[w.sides[i]], n.Key)
		}
	}
	return out
}

// graph is the answer: everything that was reached, with names, from near to far.
func (w *walk) graph(ctx context.Context) (Graph, error) {
	if err := w.learn(ctx, w.unknown()); err != nil {
		return Graph{}, err
	}
	g := Graph{Nodes: w.nodes, Edges: w.edges, Revision: w.m.Revision, Complete: true}
	if w.late {
		g.TruncatedBy = CutByTime
		for _, o := range w.ways {
			for _, n := range o.frontier {
				w.more(n, o.to)
			}
		}
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		f := w.fact(n.Key)
		n.Kind, n.Name, n.Status, n.Deleted = f.kind, f.name, f.status, f.deleted
		if n.MoreUp+n.MoreDown > 0 {
			g.Complete = false
		}
	}
	switch {
	case w.late:
		g.Complete = false
	case w.dropped, w.cut:
		g.Complete, g.TruncatedBy = false, CutByNodes
	case !g.Complete:
		g.TruncatedBy = CutByDepth
	}
	return g, nil
}
