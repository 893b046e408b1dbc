package read

import (
	"cmp"
	"context"
	"slices"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// A part is an execution inside a run, and the node of the run's graph that it is shown as: a step of the run as
// itself, everything inside a nested run as that run.
type part struct {
	key, as int64
}

var insideSQL = `
WITH RECURSIVE nested (key, shown) AS (
	SELECT c.key, c.key FROM (` + everNested("$3", "$4") + `) c CROSS JOIN LATERAL (` + rowAt("runs", "parent, deleted", "x.key = c.key") + `) r
	WHERE r.parent = $3 AND NOT r.deleted
	UNION
	SELECT c.key, p.shown FROM nested p
	CROSS JOIN LATERAL (` + everNested("p.key", "$4") + `) c
	CROSS JOIN LATERAL (` + rowAt("runs", "parent, deleted", "x.key = c.key") + `) r WHERE r.parent = p.key AND NOT r.deleted)
SELECT key, shown FROM (
	SELECT s.key, s.key AS shown FROM read.steps s CROSS JOIN LATERAL (` + rowAt("steps", "deleted", "x.key = s.key") + `) r
	WHERE s.ws = $1 AND s.run = $3 AND s.key <= $4 AND NOT r.deleted
	UNION ALL
	SELECT key, shown FROM nested
	UNION ALL
	SELECT s.key, p.shown FROM nested p JOIN read.steps s ON s.ws = $1 AND s.run = p.key AND s.key <= $4) x
ORDER BY shown <> key, shown, key LIMIT $5`

// inside are the parts of a run, those that are nodes first; the run itself is not among them.
func (d *DB) inside(ctx context.Context, m Moment, run int64, limit int) ([]part, error) {
	return list(ctx, d, m, "find the parts of a run", insideSQL, func(row pgx.CollectableRow) (part, error) {
		var p part
		err := row.Scan(&p.key, &p.as)
		return p, err
	}, run, lastKey(m.Revision), limit)
}

// Dag is the inside of a run as a graph: its steps and the runs nested directly in it, the versions that they read
// and wrote (what a nested run's own parts used is the nested run's), and an edge without a version from each step to
// the steps that waited for it. The run itself is a node where it read or wrote something. At most limit nodes;
// Complete says whether that was all.
func (d *DB) Dag(ctx context.Context, m Moment, run int64, limit int) (Graph, error) {
	limit = min(max(limit, 1), MaxWalkNodes)
	parts, err := d.inside(ctx, m, run, 10*limit+1)
	if err != nil {
		return Graph{}, err
	}
	w := d.emptyWalk(m, LineageQuery{MaxNodes: limit})
	w.cut = len(parts) > 10*limit
	as := map[int64]int64{run: run}
	keys := []int64{run}
	for _, p := range parts {
		as[p.key] = p.as
		keys = append(keys, p.key)
		if p.key == p.as {
			w.place(p.key, execution, 0)
		}
	}
	for _, direction := range []int{0, 1} {
		uses, err := d.uses(ctx, m, keys, direction, maxRoots)
		if err != nil {
			return Graph{}, err
		}
		for _, key := range keys {
			for _, u := range uses[key] {
				w.use(as[key], u, direction)
			}
		}
	}
	if err := w.waits(ctx); err != nil {
		return Graph{}, err
	}
	return w.graph(ctx)
}

// use adds the edge of a use, and its ends where there is room.
func (w *walk) use(execution_ int64, u Use, direction int) {
	from, ok := w.place(execution_, execution, 0)
	if !ok {
		return
	}
	to, ok := w.place(u.Version, version, 0)
	if !ok {
		return
	}
	way := down
	if direction == 0 {
		way = up
	}
	w.join(from, to, hop{role: u.Role}, way)
}

// waits adds the edges between steps that waited for each other.
func (w *walk) waits(ctx context.Context) error {
	var keys []int64
	for i, s := range w.sides {
		if s == execution {
			keys = append(keys, w.nodes[i].Key)
		}
	}
	steps, err := w.db.StepsByKey(ctx, w.m, keys)
	if err != nil {
		return err
	}
	slices.SortFunc(steps, func(a, b Step) int { return cmp.Compare(a.Key, b.Key) })
	named := map[string]int64{}
	for _, s := range steps {
		named[s.Name] = s.Key
	}
	for _, s := range steps {
		for _, name := range s.Upstream {
			if before, ok := named[name]; ok {
				w.join(w.index[before], w.index[s.Key], hop{}, down)
			}
		}
	}
	return nil
}

// Kinds are how many nodes of a graph are of each kind.
func (g Graph) Kinds() map[domain.Kind]int {
	out := map[domain.Kind]int{}
	for _, n := range g.Nodes {
		out[n.Kind]++
	}
	return out
}
