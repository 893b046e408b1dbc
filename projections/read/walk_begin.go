package read

import (
	"context"

	"github.com/annals-io/annals/domain"
)

// Where a walk begins: at the things it was asked about, inside the bounds of its filter.

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
