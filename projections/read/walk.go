package read

import (
	"context"
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
