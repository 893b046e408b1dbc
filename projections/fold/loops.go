package fold

import (
	"cmp"
	"slices"

	"github.com/annals-io/annals/domain"
)

// Runs are nested as the last word on each, by event time, says. Such words may go round in a loop, of which nothing
// would be the top. Then the latest of them, by order, is refused: the run that it is about has no parent, and keeps
// the one it named as refused, and the root with it, until another word opens the loop. As with all rules, what arrives first makes no
// difference.

// named is the parent that the last word on a run names, refused or not.
func (r *runRow) named() int64 { return cmp.Or(r.parent, r.refused) }

// adopt lets the last word on a run be that it is nested in parent.
func (f *fold) adopt(run, parent int64) {
	before := f.loop(run)
	f.setParent(run, parent, false)
	for _, key := range before {
		f.setParent(key, f.runs.get(key).named(), false)
	}
	if after := f.loop(run); after != nil {
		last := slices.MaxFunc(after, f.compareNesting)
		f.setParent(last, f.runs.get(last).named(), true)
	}
}

// loop is the runs of the loop that a run lies on, by what is said of each; nil: it lies on none.
func (f *fold) loop(run int64) []int64 {
	var way []int64
	for key := run; !slices.Contains(way, key); {
		way = append(way, key)
		r := f.runs.get(key)
		if r == nil || r.named() == 0 {
			return nil
		}
		if key = r.named(); key == run {
			return way
		}
	}
	return nil
}

// compareNesting orders runs by the order of the last word on where they belong, those of one message by their ids.
func (f *fold) compareNesting(a, b int64) int {
	x, y := f.runs.get(a), f.runs.get(b)
	return cmp.Or(x.said.order(markParent).Compare(y.said.order(markParent)), cmp.Compare(x.runID, y.runID), cmp.Compare(a, b))
}

// setParent moves a run in the tree, out of it where its parent is refused.
func (f *fold) setParent(run, parent int64, refused bool) {
	r := f.runs.edit(run)
	from := r.parent
	root := cmp.Or(r.root, r.refusedRoot)
	r.parent, r.root, r.refused, r.refusedRoot = parent, root, 0, 0
	if refused {
		r.parent, r.root, r.refused, r.refusedRoot = 0, 0, parent, root
	}
	if from != r.parent {
		f.leave(run, from)
		f.nest(run, from, r.parent)
	}
}

// A relative is a run that the page or the database nests: by key, or by name where it is new.
type relative struct {
	ws  int32
	key int64
	run domain.RunRef
}

// wantLoops wants what lies beneath the runs of every loop that there is or that the page may close: which of them is
// refused is known only then.
func (f *fold) wantLoops(w *wants) {
	var nested []relative
	up := map[relative][]relative{}
	for i := range f.events {
		e := &f.events[i]
		x, ok := e.Event.(domain.RunNested)
		if !ok {
			continue
		}
		f.ws = e.ws
		of := func(r domain.RunRef) relative {
			if key := f.runKey(r); key != 0 {
				return relative{ws: e.ws, key: key}
			}
			return relative{ws: e.ws, run: r}
		}
		run := of(x.Run)
		nested, up[run] = append(nested, run), append(up[run], of(x.Parent))
	}
	if len(nested) == 0 {
		return
	}
	for p, r := range f.runs.rows {
		if parent := r.now.named(); parent != 0 {
			run := relative{ws: p.ws, key: p.key}
			up[run] = append(up[run], relative{ws: p.ws, key: parent})
		}
	}
	for _, run := range nested {
		seen, looped := map[relative]bool{}, false
		for next := []relative{run}; len(next) > 0; {
			at := next[len(next)-1]
			next = next[:len(next)-1]
			for _, parent := range up[at] {
				if looped = looped || parent == run; !seen[parent] {
					seen[parent] = true
					next = append(next, parent)
				}
			}
		}
		for r := range seen {
			if looped && r.key != 0 {
				w.runsDown.want(r.ws, r.key)
			}
		}
	}
}
