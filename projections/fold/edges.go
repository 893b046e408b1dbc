package fold

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

type artifactEdgeKey struct{ source, target, pipeline int64 }

// supports is how many executions and declarations there are behind the edge; it changes in place.
type artifactEdgeRow struct{ supports int32 }

var artifactEdgesTable = table[artifactEdgeKey, artifactEdgeRow]{
	name: "artifact_edges", keys: 3,
	columns: []column{
		{name: "source", typ: tInt8}, {name: "target", typ: tInt8}, {name: "pipeline", typ: tInt8}, {name: "supports", typ: tInt4},
	},
	bind: func(k *artifactEdgeKey, r *artifactEdgeRow, to []any) []any {
		return append(to, &k.source, &k.target, &k.pipeline, &r.supports)
	},
	same: func(a, b artifactEdgeRow) bool { return true },
}

// A delta is one support of an edge between artifacts more or less. Which rows that concerns is known only when the
// page is folded: they are loaded then, all at once.
type delta struct {
	clock
	edge artifactEdgeKey
	by   int32
}

// A move is a read of an execution that the page does not otherwise touch, which means another version now.
type move struct {
	clock
	execution, from, to int64
}

// support compares the edges between artifacts that something supported with those it supports now.
func (f *fold) support(was, now []artifactEdgeKey) {
	for _, k := range was {
		if !slices.Contains(now, k) {
			f.deltas = append(f.deltas, delta{f.clock, k, -1})
		}
	}
	for _, k := range now {
		if !slices.Contains(was, k) {
			f.deltas = append(f.deltas, delta{f.clock, k, 1})
		}
	}
}

const guestEdgesSQL = ` FROM unnest($1::int4[], $2::int8[], $3::int8[]) AS x (ws, execution, version)
JOIN read.lineage_edges t ON t.ws = x.ws AND t.execution = x.execution AND t.direction = 0 AND t.version = x.version`

// moveGuests makes the rows of moves and deltas, event by event.
func (f *fold) moveGuests(ctx context.Context) error {
	type end struct{ execution, version int64 }
	ws, executions, versions := &array{typ: tInt4}, &array{typ: tInt8}, &array{typ: tInt8}
	asked := make(map[place[int64]]bool, len(f.moves))
	for i := range f.moves {
		m := &f.moves[i]
		asked[place[int64]{m.ws, m.execution}] = true
		ws.add(false, &m.ws)
		executions.add(false, &m.execution)
		versions.add(false, &m.from)
	}
	if ws.n > 0 {
		f.trip.ask("SELECT "+f.edges.list()+guestEdgesSQL, []*array{ws, executions, versions}, f.edges.take)
	}
	var edges []place[artifactEdgeKey]
	seen := map[place[artifactEdgeKey]]bool{}
	for _, d := range f.deltas {
		if p := (place[artifactEdgeKey]{d.ws, d.edge}); !seen[p] {
			seen[p] = true
			edges = append(edges, p)
		}
	}
	f.artifactEdges.load(&f.trip, edges)
	if err := f.trip.run(ctx); err != nil {
		return fmt.Errorf("load the edges that move: %w", err)
	}
	at := make(map[place[end]][]edgeKey, len(f.moves))
	for p, r := range f.edges.rows {
		if r.will && asked[place[int64]{p.ws, p.key.execution}] && p.key.direction == directionRead {
			k := place[end]{p.ws, end{p.key.execution, p.key.version}}
			at[k] = append(at[k], p.key)
		}
	}
	for i := range f.moves {
		m := &f.moves[i]
		f.clock = m.clock
		from := place[end]{m.ws, end{m.execution, m.from}}
		keys := at[from]
		slices.SortFunc(keys, func(a, b edgeKey) int { return cmp.Compare(a.role, b.role) })
		for j, k := range keys {
			row := *f.edges.get(k)
			f.edges.drop(k)
			k.version = m.to
			*f.edges.edit(k) = row
			keys[j] = k
		}
		delete(at, from)
		at[place[end]{m.ws, end{m.execution, m.to}}] = keys
		if i+1 == len(f.moves) || f.moves[i+1].clock != m.clock {
			f.edges.settle()
		}
	}
	for i := range f.deltas {
		d := &f.deltas[i]
		f.clock = d.clock
		if f.artifactEdges.edit(d.edge).supports += d.by; f.artifactEdges.get(d.edge).supports <= 0 {
			f.artifactEdges.drop(d.edge)
		}
		if i+1 == len(f.deltas) || f.deltas[i+1].clock != d.clock {
			f.artifactEdges.settle()
		}
	}
	return nil
}
