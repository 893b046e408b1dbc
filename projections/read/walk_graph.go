package read

import "context"

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
