package fold_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
)

// The naive model of runs: what they are part of, what state they and their steps show, and which version of their
// pipeline they mean.

// loop is the loop of last words that a run lies on.
func (n *naive) loop(r domain.RunRef) []domain.RunRef {
	way := []domain.RunRef{r}
	for p, ok := n.parents[r]; ok; p, ok = n.parents[p.of] {
		if p.of == r {
			return way
		}
		if slices.Contains(way, p.of) {
			return nil
		}
		way = append(way, p.of)
	}
	return nil
}

// parent is the run that one is part of: of words that go round in a loop the latest does not count.
func (n *naive) parent(r domain.RunRef) (p parent, ok bool) {
	p, ok = n.parents[r]
	if loop := n.loop(r); ok && loop != nil {
		last := slices.MaxFunc(loop, func(a, b domain.RunRef) int {
			return cmp.Or(n.parents[a].order.Compare(n.parents[b].order), strings.Compare(a.ID, b.ID))
		})
		ok = last != r
	}
	return p, ok
}

// nestings are lines of runs with what they are part of.
func (n *naive) nestings() []string {
	var out []string
	for r, p := range n.parents {
		_, ok := n.parent(r)
		root := "-" // what was said of a refused parent does not count
		if ok && p.root != nil {
			root = p.root.String()
		}
		out = append(out, fmt.Sprintf("%s %s %v %s", r, p.of, ok, root))
	}
	slices.Sort(out)
	return out
}

// ended says whether an execution is covered by the end of something above it.
func (n *naive) covered(x domain.Execution) bool {
	if x.Step != "" {
		up := domain.Execution{Run: x.Run}
		return n.life(up).Status.Ended() || n.covered(up)
	}
	seen := []domain.RunRef{x.Run}
	for p, ok := n.parent(x.Run); ok && !slices.Contains(seen, p.of); p, ok = n.parent(p.of) {
		seen = append(seen, p.of)
		if n.life(domain.Execution{Run: p.of}).Status.Ended() {
			return true
		}
	}
	return false
}

func (n *naive) life(x domain.Execution) domain.Life { return domain.FoldLife(n.lives[x]) }

// pipelineOf is the pipeline of a run: its job, or the last one that was named.
func (n *naive) pipelineOf(r domain.RunRef) domain.Name {
	if p, ok := n.pipelines[r]; ok {
		return p.name
	}
	return r.Job
}

// meant are lines of runs with what they call the version of their pipeline, and which one that is.
func (n *naive) meant() []string {
	var out []string
	for r, w := range n.words {
		pipeline := n.pipelineOf(r)
		var before, after []plan
		hash := ""
		for _, p := range n.plans {
			switch {
			case p.Pipeline != pipeline:
			case p.Hash == w.text:
				hash = p.Hash
			case p.Label == w.text && p.order.Compare(w.order) <= 0:
				before = append(before, p)
			case p.Label == w.text:
				after = append(after, p)
			}
		}
		earlier := func(a, b plan) int { return a.order.Compare(b.order) }
		switch {
		case hash != "":
		case len(before) > 0:
			hash = slices.MaxFunc(before, earlier).Hash
		case len(after) > 0:
			hash = slices.MinFunc(after, earlier).Hash
		}
		out = append(out, fmt.Sprintf("%s %s %s", r, w.text, hash))
	}
	slices.Sort(out)
	return out
}

// label writes an execution.
func label(x domain.Execution) string {
	if x.Step == "" {
		return x.Run.String()
	}
	return x.Run.String() + "/" + x.Step
}

// statuses are lines of executions with what they show.
func (n *naive) statuses() []string {
	var out []string
	for _, x := range n.order {
		l := n.life(x)
		var wrong []string
		last := ""
		for _, a := range l.Attempts {
			if last = ""; a.Failure != nil && a.Failure.Type != "" {
				last = a.Failure.Type
				wrong = append(wrong, fmt.Sprint(a.Number, ":", last))
			}
		}
		out = append(out, fmt.Sprintf("%s %s %s %d %v %s/%s", label(x), l.Under(n.covered(x)), l.Status, len(l.Attempts), l.Contradictory, strings.Join(wrong, ","), last))
	}
	slices.Sort(out)
	return out
}

func (n *naive) start(x domain.Execution) time.Time {
	t := n.life(x).First
	for _, s := range n.io {
		if s.x == x && (t.IsZero() || s.order.At.Before(t)) {
			t = s.order.At
		}
	}
	return t
}
