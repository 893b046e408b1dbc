package read

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// A way is the direction of a walk.
type way int

const (
	up way = iota
	down
)

// A side is what a node is to a walk.
type side int

const (
	execution side = iota
	version
	artifact
	sides // how many there are
)

// A hop leads from a node of the frontier to a neighbour.
type hop struct {
	from, to int64
	role     string
	pipeline int64
	// since and until bound when it was there, until 0 where it still is; of what is remembered only.
	since, until domain.Revision
}

// A route is how neighbours on a side are found one way.
type route struct {
	now, hubs, past, news string // statements
	direction             int16  // of the edges
}

func routeOf(from side, to way) route {
	switch {
	case from == artifact && to == up:
		return route{hopsToSourcesSQL, hubToSourcesSQL, pastToSourcesSQL, newSourcesSQL, 0}
	case from == artifact:
		return route{hopsToTargetsSQL, hubToTargetsSQL, pastToTargetsSQL, newTargetsSQL, 0}
	case from == version && to == up:
		return route{hopsFromVersionsSQL, hubFromVersionsSQL, pastFromVersionsSQL, newFromVersionsSQL, 1}
	case from == version:
		return route{hopsFromVersionsSQL, hubFromVersionsSQL, pastFromVersionsSQL, newFromVersionsSQL, 0}
	case to == up:
		return route{hopsFromExecutionsSQL, hubFromExecutionsSQL, pastFromExecutionsSQL, newFromExecutionsSQL, 0}
	}
	return route{hopsFromExecutionsSQL, hubFromExecutionsSQL, pastFromExecutionsSQL, newFromExecutionsSQL, 1}
}

// hops are the neighbours of the first nodes, in the order of the nodes, then by key: of all nodes where that is fewer
// than bound rows, else of those before next. Of a node alone with more, cut says that these are its first ones.
func (d *DB) hops(ctx context.Context, m Moment, from side, to way, nodes []int64, bound int) (hops []hop, next int, cut bool, err error) {
	r := routeOf(from, to)
	hops, err = d.readHops(ctx, m, "walk lineage", r.now, nodes, r.direction, bound)
	if err != nil {
		return nil, 0, false, err
	}
	next = len(nodes)
	if len(hops) == bound {
		if hops, err = d.readHops(ctx, m, "walk lineage", r.hubs, nodes, r.direction, bound, bound); err != nil {
			return nil, 0, false, err
		}
		last := hops[len(hops)-1].from
		if next = slices.Index(nodes, last); next > 0 {
			hops = slices.DeleteFunc(hops, func(h hop) bool { return h.from == last })
		} else {
			next, cut = 1, true
		}
	}
	hops, _ = sortHops(hops, nodes)
	return hops, next, cut, nil
}

// someHops are the neighbours of nodes where that is fewer than bound rows, else the first ones of each, perNode at
// most.
func (d *DB) someHops(ctx context.Context, m Moment, from side, to way, nodes []int64, bound, perNode int) ([]hop, error) {
	r := routeOf(from, to)
	hops, err := d.readHops(ctx, m, "look beyond a walk", r.now, nodes, r.direction, bound)
	if err == nil && len(hops) == bound {
		hops, err = d.readHops(ctx, m, "look beyond a walk", r.hubs, nodes, r.direction, perNode*len(nodes), perNode)
	}
	hops, _ = sortHops(hops, nodes)
	return hops, err
}

// readHops reads what one of the statements finds. A walk reads thousands of these short rows, so numbers are taken
// from the wire as they are there, and a role is a new text only where it differs from the one before.
func (d *DB) readHops(ctx context.Context, m Moment, what, statement string, values ...any) ([]hop, error) {
	var out []hop
	err := d.query(ctx, m, false, d.text(m, statement), append([]any{m.Number, m.Revision}, values...), func(rows pgx.Rows) error {
		var h hop
		for rows.Next() {
			r := rawOf(rows)
			h.from, h.to, h.role, h.pipeline = r.number(0), r.number(1), r.text(2, h.role), r.number(3)
			if len(r.values) > 4 {
				h.since, h.until = domain.Revision(r.number(4)), domain.Revision(r.number(5))
			}
			if out == nil {
				out = make([]hop, 0, 256)
			}
			out = append(out, h)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", what, m.Slug, err)
	}
	return out, nil
}

// sortHops puts hops in the order of the nodes they come from, then by key: rows lie in another order once they are
// closed. They are dealt out by node first, so that only the few of each node are compared. ends are those of the
// nodes' hops.
func sortHops(hops []hop, nodes []int64) (sorted []hop, ends []int) {
	place := make(map[int64]int, len(nodes))
	for i, n := range nodes {
		place[n] = i
	}
	ends = make([]int, len(nodes)+1) // first where the hops of the node before go
	at := make([]int, len(hops))
	for i, h := range hops {
		if i > 0 && h.from == hops[i-1].from {
			at[i] = at[i-1]
		} else {
			at[i] = place[h.from]
		}
		ends[at[i]+1]++
	}
	for i := range nodes {
		ends[i+1] += ends[i]
	}
	sorted = make([]hop, len(hops))
	for i, h := range hops {
		sorted[ends[at[i]]] = h
		ends[at[i]]++
	}
	ends = ends[:len(nodes)]
	begin := 0
	for _, end := range ends {
		if end-begin > 1 {
			slices.SortFunc(sorted[begin:end], compareHops)
		}
		begin = end
	}
	return sorted, ends
}

func compareHops(a, b hop) int {
	return cmp.Or(cmp.Compare(a.to, b.to), strings.Compare(a.role, b.role), cmp.Compare(a.pipeline, b.pipeline), cmp.Compare(a.since, b.since))
}
