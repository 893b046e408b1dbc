package read

import (
	"context"
	"errors"
	"sync"
)

// What a walk reads at the same time: a walk of both ways is two, each on a connection of its own, and what the nodes
// are is read while the edges beyond the last of them are. Everything that is found is taken in by one goroutine, in
// the order it would have without.

// begin reads what one way finds first at this level while the other takes its step: what is found does not depend on
// that, only what there is room for.
func (w *walk) begin(ctx context.Context, o *oneWay, begun *sync.WaitGroup) {
	s, nodes := w.first(o)
	if len(nodes) == 0 || w.q.Collapse {
		return
	}
	bound := w.bound()
	var f found
	done := make(chan struct{})
	begun.Go(func() {
		defer close(done)
		f.hops, f.next, f.cut, f.err = w.hops(ctx, s, o.to, nodes, bound)
	})
	o.begun = func() found {
		<-done
		return f
	}
}

// first are the nodes of the frontier that a step begins with.
func (w *walk) first(o *oneWay) (side, []int64) {
	for s := range sides {
		if nodes := w.onSide(o.frontier, s); len(nodes) > 0 {
			return s, nodes
		}
	}
	return 0, nil
}

// end looks beyond what was reached, each way, and meanwhile reads what all nodes are: from here on there are no more
// of them.
func (w *walk) end(ctx context.Context) error {
	var tasks []func() error
	looked := make([][]hop, len(w.ways))
	for i, o := range w.ways {
		tasks = append(tasks, func() (err error) {
			looked[i], err = w.lookBeyond(ctx, o)
			return err
		})
	}
	if !w.filtered() && !w.blind {
		tasks = append(tasks, func() error { return w.learn(ctx, w.unknown()) })
	}
	if err := together(tasks, w.q.Collapse); err != nil {
		return err
	}
	for i, o := range w.ways {
		if err := w.rest(ctx, o, looked[i]); err != nil {
			return err
		}
	}
	return nil
}

// together does tasks at the same time, each on a connection of its own, or one after the other.
func together(tasks []func() error, inTurn bool) error {
	errs := make([]error, len(tasks))
	var wait sync.WaitGroup
	for i, task := range tasks {
		if inTurn || i == len(tasks)-1 {
			errs[i] = task()
			continue
		}
		wait.Go(func() { errs[i] = task() })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// lookBeyond finds the neighbours of the nodes that were not expanded.
func (w *walk) lookBeyond(ctx context.Context, o *oneWay) ([]hop, error) {
	var hops []hop
	for s := range sides {
		nodes := w.onSide(o.frontier, s)
		if len(nodes) == 0 {
			continue
		}
		more, err := w.look(ctx, s, o.to, nodes)
		if err != nil {
			return nil, err
		}
		hops = append(hops, more...)
	}
	return hops, nil
}

// rest takes what lies beyond the nodes that were not expanded: edges to nodes of the answer belong to it, the others
// are counted.
func (w *walk) rest(ctx context.Context, o *oneWay, looked []hop) error {
	hops := append(o.beyond, looked...)
	if err := w.filter(ctx, hops); err != nil {
		return err
	}
	counted := map[[2]int64]bool{}
	for _, h := range hops {
		to, sent := w.index[h.to]
		pair := [2]int64{h.from, h.to}
		switch {
		case w.refused[h.to] || counted[pair] && !sent:
		case sent:
			w.join(w.index[h.from], to, h, o.to)
		default:
			counted[pair] = true
			w.more(h.from, o.to)
		}
	}
	return nil
}

func (w *walk) more(key int64, to way) {
	n := &w.nodes[w.index[key]]
	if to == up {
		n.MoreUp = min(n.MoreUp+1, moreBound)
		return
	}
	n.MoreDown = min(n.MoreDown+1, moreBound)
}
