package read

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
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
}

// Each statement finds the neighbours of many nodes ($3) at once. Those of direction ($4) 0 were consumed, those of 1
// produced. $5 bounds the rows: a hub is read by the other statement below.
const (
	hopsFromVersionsSQL = `
SELECT version, execution, role, 0::bigint FROM read.lineage_edges
WHERE ws = $1 AND version = ANY($3) AND direction = $4 AND since <= $2
UNION ALL
SELECT version, execution, role, 0 FROM read.lineage_edges_was
WHERE ws = $1 AND version = ANY($3) AND direction = $4 AND since <= $2 AND until > $2
LIMIT $5`
	hopsFromExecutionsSQL = `
SELECT execution, version, role, 0::bigint FROM read.lineage_edges
WHERE ws = $1 AND execution = ANY($3) AND direction = $4 AND since <= $2
UNION ALL
SELECT execution, version, role, 0 FROM read.lineage_edges_was
WHERE ws = $1 AND execution = ANY($3) AND direction = $4 AND since <= $2 AND until > $2
LIMIT $5`
	hopsToSourcesSQL = `
SELECT target, source, '', pipeline FROM read.artifact_edges
WHERE ws = $1 AND target = ANY($3) AND $4::smallint IS NOT NULL AND since <= $2
UNION ALL
SELECT target, source, '', pipeline FROM read.artifact_edges_was
WHERE ws = $1 AND target = ANY($3) AND since <= $2 AND until > $2
LIMIT $5`
	hopsToTargetsSQL = `
SELECT source, target, '', pipeline FROM read.artifact_edges
WHERE ws = $1 AND source = ANY($3) AND $4::smallint IS NOT NULL AND since <= $2
UNION ALL
SELECT source, target, '', pipeline FROM read.artifact_edges_was
WHERE ws = $1 AND source = ANY($3) AND since <= $2 AND until > $2
LIMIT $5`
)

// Where there are hubs, the first neighbours of each node by key, $6 at most: the same ones whenever it is asked.
const (
	hubFromVersionsSQL = `
SELECT n.key, e.execution, e.role, 0::bigint FROM unnest($3::bigint[]) WITH ORDINALITY n (key, nth) CROSS JOIN LATERAL (
	(SELECT execution, role FROM read.lineage_edges
	WHERE ws = $1 AND version = n.key AND direction = $4 AND since <= $2 ORDER BY execution LIMIT $6)
	UNION ALL
	(SELECT execution, role FROM read.lineage_edges_was
	WHERE ws = $1 AND version = n.key AND direction = $4 AND since <= $2 AND until > $2 ORDER BY execution LIMIT $6)
	ORDER BY execution LIMIT $6) e
LIMIT $5`
	hubFromExecutionsSQL = `
SELECT n.key, e.version, e.role, 0::bigint FROM unnest($3::bigint[]) WITH ORDINALITY n (key, nth) CROSS JOIN LATERAL (
	(SELECT version, role FROM read.lineage_edges
	WHERE ws = $1 AND execution = n.key AND direction = $4 AND since <= $2 ORDER BY version LIMIT $6)
	UNION ALL
	(SELECT version, role FROM read.lineage_edges_was
	WHERE ws = $1 AND execution = n.key AND direction = $4 AND since <= $2 AND until > $2 ORDER BY version LIMIT $6)
	ORDER BY version LIMIT $6) e
LIMIT $5`
	hubToSourcesSQL = `
SELECT n.key, e.source, '', e.pipeline FROM unnest($3::bigint[]) WITH ORDINALITY n (key, nth) CROSS JOIN LATERAL (
	(SELECT source, pipeline FROM read.artifact_edges
	WHERE ws = $1 AND target = n.key AND $4::smallint IS NOT NULL AND since <= $2 ORDER BY source LIMIT $6)
	UNION ALL
	(SELECT source, pipeline FROM read.artifact_edges_was
	WHERE ws = $1 AND target = n.key AND since <= $2 AND until > $2 ORDER BY source LIMIT $6)
	ORDER BY source LIMIT $6) e
LIMIT $5`
	hubToTargetsSQL = `
SELECT n.key, e.target, '', e.pipeline FROM unnest($3::bigint[]) WITH ORDINALITY n (key, nth) CROSS JOIN LATERAL (
	(SELECT target, pipeline FROM read.artifact_edges
	WHERE ws = $1 AND source = n.key AND $4::smallint IS NOT NULL AND since <= $2 ORDER BY target LIMIT $6)
	UNION ALL
	(SELECT target, pipeline FROM read.artifact_edges_was
	WHERE ws = $1 AND source = n.key AND since <= $2 AND until > $2 ORDER BY target LIMIT $6)
	ORDER BY target LIMIT $6) e
LIMIT $5`
)

// route is how neighbours on that side are found that way: statement, statement for hubs, direction of the edges.
func route(from side, to way) (statement, hubs string, direction int16) {
	switch {
	case from == artifact && to == up:
		return hopsToSourcesSQL, hubToSourcesSQL, 0
	case from == artifact:
		return hopsToTargetsSQL, hubToTargetsSQL, 0
	case from == version && to == up:
		return hopsFromVersionsSQL, hubFromVersionsSQL, 1
	case from == version:
		return hopsFromVersionsSQL, hubFromVersionsSQL, 0
	case to == up:
		return hopsFromExecutionsSQL, hubFromExecutionsSQL, 0
	}
	return hopsFromExecutionsSQL, hubFromExecutionsSQL, 1
}

// hops are the neighbours of the first nodes, in the order of the nodes, then by key: of all nodes where that is fewer
// than bound rows, else of those before next. Of a node alone with more, cut says that these are its first ones.
func (d *DB) hops(ctx context.Context, m Moment, from side, to way, nodes []int64, bound int) (hops []hop, next int, cut bool, err error) {
	statement, hubs, direction := route(from, to)
	hops, err = d.readHops(ctx, m, "walk lineage", statement, nodes, direction, bound)
	if err != nil {
		return nil, 0, false, err
	}
	next = len(nodes)
	if len(hops) == bound {
		if hops, err = d.readHops(ctx, m, "walk lineage", hubs, nodes, direction, bound, bound); err != nil {
			return nil, 0, false, err
		}
		last := hops[len(hops)-1].from
		if next = slices.Index(nodes, last); next > 0 {
			hops = slices.DeleteFunc(hops, func(h hop) bool { return h.from == last })
		} else {
			next, cut = 1, true
		}
	}
	return sortHops(hops, nodes), next, cut, nil
}

// someHops are the neighbours of nodes where that is fewer than bound rows, else the first ones of each, perNode at
// most.
func (d *DB) someHops(ctx context.Context, m Moment, from side, to way, nodes []int64, bound, perNode int) ([]hop, error) {
	statement, hubs, direction := route(from, to)
	hops, err := d.readHops(ctx, m, "look beyond a walk", statement, nodes, direction, bound)
	if err == nil && len(hops) == bound {
		hops, err = d.readHops(ctx, m, "look beyond a walk", hubs, nodes, direction, perNode*len(nodes), perNode)
	}
	return sortHops(hops, nodes), err
}

// readHops reads what one of the statements finds. A walk reads thousands of these short rows, so numbers are taken
// from the wire as they are there, and a role is a new text only where it differs from the one before.
func (d *DB) readHops(ctx context.Context, m Moment, what, statement string, values ...any) ([]hop, error) {
	rows, err := d.pool.Query(ctx, d.text(m, statement), append([]any{m.Number, m.Revision}, values...)...)
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", what, m.Slug, err)
	}
	defer rows.Close()
	var out []hop
	var h hop
	for rows.Next() {
		if raw := rows.RawValues(); binaryHops(rows, raw) {
			h.from, h.to, h.pipeline = number(raw[0]), number(raw[1]), number(raw[3])
			if h.role != string(raw[2]) {
				h.role = string(raw[2])
			}
		} else if err := rows.Scan(&h.from, &h.to, &h.role, &h.pipeline); err != nil {
			return nil, fmt.Errorf("%s of %s: %w", what, m.Slug, err)
		}
		if out == nil {
			out = make([]hop, 0, 256)
		}
		out = append(out, h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s of %s: %w", what, m.Slug, err)
	}
	return out, nil
}

// binaryHops says whether the numbers of a row are eight bytes each: a connection that prepares nothing gets text.
func binaryHops(rows pgx.Rows, raw [][]byte) bool {
	for _, i := range []int{0, 1, 3} {
		if rows.FieldDescriptions()[i].Format != pgx.BinaryFormatCode || len(raw[i]) != 8 {
			return false
		}
	}
	return true
}

func number(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

// sortHops puts hops in the order of the nodes they come from, then by key: rows lie in another order once they are
// closed. They are dealt out by node first, so that only the few of each node are compared.
func sortHops(hops []hop, nodes []int64) []hop {
	place := make(map[int64]int, len(nodes))
	for i, n := range nodes {
		place[n] = i
	}
	ends := make([]int, len(nodes)+1) // of the nodes' hops, once these are dealt out
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
	out := make([]hop, len(hops))
	for i, h := range hops {
		out[ends[at[i]]] = h
		ends[at[i]]++
	}
	begin := 0
	for _, end := range ends[:len(nodes)] {
		if end-begin > 1 {
			slices.SortFunc(out[begin:end], func(a, b hop) int {
				return cmp.Or(cmp.Compare(a.to, b.to), strings.Compare(a.role, b.role), cmp.Compare(a.pipeline, b.pipeline))
			})
		}
		begin = end
	}
	return out
}
