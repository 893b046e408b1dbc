package bench

import (
	"context"
	"fmt"
	"time"
)

// diffHistory is that of runs, with what changed at which revision.
const diffHistory = runsHistory + `;
INSERT INTO read.changes (ws, revision, entity) SELECT DISTINCT $1, n, r * 1024 FROM life CROSS JOIN LATERAL (VALUES (r), (r + 1), (ended)) v (n) WHERE n <= 4 * $2;
INSERT INTO read.audit_entries (ws, revision, type, kind, occurred_at, recorded_at) SELECT $1, n, 'run.started', 'run', timestamptz '2026-01-01' + n * interval '1 ms', timestamptz '2026-01-01' + n * interval '1 ms' FROM (VALUES (1::bigint), (2 * $2 + 1000), (2 * $2 + 10000)) v (n)
`

const diffDocument = `query($s: String!, $f: AsOf!, $t: AsOf!) { workspace(slug: $s) { diff(from: $f, to: $t) { %s } } }`

// diffs measures what differs between two moments: a page costs what it shows, however much lies between them.
func (m *machine) diffs(ctx context.Context) error {
	t, _, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	pool, err := m.pool(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	runs := m.scaled(1_000_000, 20_000)
	h, err := m.history(ctx, t, pool, "diff", diffHistory, runs, int64(4*runs))
	if err != nil {
		return err
	}
	const page = `changes(first: 50) { nodes { kind name change revision fields { name before after } } pageInfo { hasNextPage endCursor } }`
	middle := int64(2 * runs)
	for _, q := range []struct {
		what, fields string
		from, to     int64
		budget       time.Duration
	}{
		{"diff of 1,000 revisions, first page", page, middle, middle + 1000, 50 * time.Millisecond},
		{"diff of the later half, first page", page, middle, h.head, 50 * time.Millisecond},
		{"diff of everything, first page", page, 1, h.head, 50 * time.Millisecond},
		{"diff of 1,000 revisions, counted by kind", `counts { created changed removed complete }`, middle, middle + 1000, 250 * time.Millisecond},
		{"diff of 10,000 revisions, counted by kind", `counts { created changed removed complete }`, middle, middle + 10_000, 2 * time.Second},
	} {
		one := fmt.Sprintf(`SELECT revision, entity FROM %s.changes WHERE ws = %d AND revision > %d AND revision <= %d ORDER BY revision, entity LIMIT 50`, h.schema, h.ws, q.from, q.to)
		variables := map[string]any{"s": h.slug, "f": map[string]any{"revision": fmt.Sprint(q.from)}, "t": map[string]any{"revision": fmt.Sprint(q.to)}}
		if err := m.page(ctx, t, pool, fmt.Sprintf("%s (of %d runs)", q.what, runs), fmt.Sprintf(diffDocument, q.fields), variables, q.budget, one); err != nil {
			return err
		}
	}
	return nil
}
