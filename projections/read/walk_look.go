package read

import "context"

// What lies next to the nodes of a walk, read as much at once as there could be room for.

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
