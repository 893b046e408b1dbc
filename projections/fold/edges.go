package fold

import (
	"context"
	"fmt"
	"slices"
)

type artifactEdgeKey struct{ source, target, pipeline int64 }

// supports is how many executions and declarations there are behind the edge; it changes in place.
type artifactEdgeRow struct{ supports int32 }

var artifactEdgesTable = table[artifactEdgeKey, artifactEdgeRow]{
	name: "artifact_edges", keys: 3,
	of: func(k *artifactEdgeKey, _ *artifactEdgeRow) int64 { return k.target },
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
//
// Or, where lose is set, everything that this artifact supported and was supported by is another one's: what executions
// that the page does not touch support goes along, uncounted.
type delta struct {
	clock
	edge       artifactEdgeKey
	by         int32
	keep, lose int64
}

// renamed is the edge where one artifact is another.
func (k artifactEdgeKey) renamed(keep, lose int64) artifactEdgeKey {
	if k.source == lose {
		k.source = keep
	}
	if k.target == lose {
		k.target = keep
	}
	return k
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
			f.deltas = append(f.deltas, delta{clock: f.clock, edge: k, by: -1})
		}
	}
	for _, k := range now {
		if !slices.Contains(was, k) {
			f.deltas = append(f.deltas, delta{clock: f.clock, edge: k, by: 1})
		}
	}
}

// Guests are executions whose reads move and that the page does not otherwise touch: there may be very many, so their
// edges are never loaded. All the first moves of the page go in two statements, then all the second ones.
const (
	closeGuestsSQL = `
INSERT INTO read.lineage_edges_was (ws, execution, direction, version, role, position, since, until, level)
SELECT t.ws, t.execution, t.direction, t.version, t.role, t.position, t.since, x.revision, 64 - strpos((x.revision - t.since)::bit(64)::text, '1')
FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[], $5::int8[]) AS x (ws, execution, from_version, to_version, revision)
JOIN read.lineage_edges t ON t.ws = x.ws AND t.execution = x.execution AND t.direction = 0 AND t.version = x.from_version`
	moveGuestsSQL = `
UPDATE read.lineage_edges t SET version = x.to_version, since = x.revision
FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[], $5::int8[]) AS x (ws, execution, from_version, to_version, revision)
WHERE t.ws = x.ws AND t.execution = x.execution AND t.direction = 0 AND t.version = x.from_version`
)

// moveGuests queues the moves of guests.
func (f *fold) moveGuests(t *trip) {
	type read struct {
		place[int64]
		version int64
	}
	var waves [][]*array
	next := map[read]int{} // of a guest's edge: the wave of its next move
	for i := range f.moves {
		m := &f.moves[i]
		f.changed.add(m.ws, m.revision, m.execution)
		from, to := read{place[int64]{m.ws, m.execution}, m.from}, read{place[int64]{m.ws, m.execution}, m.to}
		wave := next[from]
		delete(next, from)
		next[to] = wave + 1
		if wave == len(waves) {
			waves = append(waves, []*array{{typ: tInt4}, {typ: tInt8}, {typ: tInt8}, {typ: tInt8}, {typ: tInt8}})
		}
		for j, p := range [...]any{&m.ws, &m.execution, &m.from, &m.to, &m.revision} {
			waves[wave][j].add(false, p)
		}
	}
	for _, args := range waves {
		t.tell(closeGuestsSQL, args)
		t.tell(moveGuestsSQL, args)
	}
	f.moves = nil
}

// settleEdges makes the rows of edges between artifacts, event by event.
func (f *fold) settleEdges(ctx context.Context) error {
	if f.fill == nil {
		if err := f.loadEdges(ctx); err != nil {
			return err
		}
	}
	for i := range f.deltas {
		d := &f.deltas[i]
		f.clock = d.clock
		if d.lose != 0 {
			f.renameEdges(d.keep, d.lose)
		} else if f.artifactEdges.edit(d.edge).supports += d.by; f.artifactEdges.get(d.edge).supports <= 0 {
			f.artifactEdges.drop(d.edge)
		}
		if i+1 == len(f.deltas) || f.deltas[i+1].clock != d.clock {
			f.artifactEdges.settle()
		}
	}
	f.deltas = f.deltas[:0]
	return nil
}

// renameEdges moves the edges of an artifact to its other name.
func (f *fold) renameEdges(keep, lose int64) {
	var keys []artifactEdgeKey
	for p, r := range f.artifactEdges.rows {
		if p.ws == f.ws && r.will && (p.key.source == lose || p.key.target == lose) {
			keys = append(keys, p.key)
		}
	}
	slices.SortFunc(keys, func(a, b artifactEdgeKey) int {
		return compareInts(a.source, b.source, a.target, b.target, a.pipeline, b.pipeline)
	})
	for _, k := range keys {
		supports := f.artifactEdges.get(k).supports
		f.artifactEdges.drop(k)
		f.artifactEdges.edit(k.renamed(keep, lose)).supports += supports
	}
}

// loadEdges reads the edges that the page gives or takes supports of, and all those of artifacts that became one.
func (f *fold) loadEdges(ctx context.Context) error {
	var edges []place[artifactEdgeKey]
	var united wanted[int64]
	seen := map[place[artifactEdgeKey]]bool{}
	for _, d := range f.deltas {
		if d.lose != 0 {
			united.want(d.ws, d.keep)
			united.want(d.ws, d.lose)
			continue
		}
		if p := (place[artifactEdgeKey]{d.ws, d.edge}); !seen[p] {
			seen[p] = true
			edges = append(edges, p)
		}
	}
	if list := united.take(); len(list) > 0 {
		args := placesOf(list)
		f.trip.ask(fmt.Sprintf(byExecutionSQL, f.artifactEdges.list(), "artifact_edges", "source"), args, f.artifactEdges.take)
		f.trip.ask(fmt.Sprintf(byExecutionSQL, f.artifactEdges.list(), "artifact_edges", "target"), args, f.artifactEdges.take)
	}
	f.artifactEdges.load(&f.trip, edges)
	if err := f.trip.run(ctx); err != nil {
		return fmt.Errorf("load edges between artifacts: %w", err)
	}
	return nil
}
