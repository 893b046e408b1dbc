package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// lineageHistory: run i writes two versions and reads four earlier ones, nearer ones more often: shallow and wide at
// the start of each layer, with long chains across them. $2 is the number of runs.
const lineageHistory = `
INSERT INTO read.artifacts (ws, key, since, namespace, name, canonical) SELECT $1, i, 0, 's3', 'table_' || i, i FROM generate_series(1, 1000) i;
INSERT INTO read.pipelines (ws, key, since, namespace, name) SELECT $1, 1000 + i, 0, '', 'pipeline_' || i FROM generate_series(1, 20) i;
INSERT INTO read.runs (ws, key, since, run_id, foreign_run, pipeline, number, status, own_status, started_at, ended_at, first_at, attempt)
    SELECT $1, i * 1024, i, 'run-' || i, false, 1001 + i % 20, i, 'succeeded', 'succeeded', timestamptz '2026-01-01', timestamptz '2026-01-02', timestamptz '2026-01-01', 1 FROM generate_series(1, $2::bigint) i;
INSERT INTO read.artifact_versions (ws, key, since, artifact, named_as, number, producer, attempt, kind, outcome, completed_at)
    SELECT $1, i * 1024 + v, i, 1 + (i * 2 + v) % 1000, 1 + (i * 2 + v) % 1000, i, i * 1024, 1, 'produced', 'complete', timestamptz '2026-01-02' FROM generate_series(1, $2::bigint) i, generate_series(1, 2) v;
INSERT INTO read.lineage_edges (ws, execution, direction, version, role, since, position)
    SELECT $1, i * 1024, 1, i * 1024 + v, '', i, v FROM generate_series(1, $2::bigint) i, generate_series(1, 2) v;
INSERT INTO read.lineage_edges (ws, execution, direction, version, role, since, position)
    SELECT $1, i * 1024, 0, (1 + floor((i - 1) * (1 - power(random(), 2.5) * 0.9)))::bigint * 1024 + 1 + (random() * 1)::int, '', i, n FROM generate_series(2, $2::bigint) i, generate_series(1, 4) n ON CONFLICT DO NOTHING;
INSERT INTO read.artifact_edges (ws, source, target, pipeline, since, supports)
    SELECT $1, s, t, 1001 + (s * 7 + t) % 20, 1, 1 FROM (SELECT DISTINCT 1 + floor(random() * 1000)::bigint AS s, 1 + floor(random() * 1000)::bigint AS t FROM generate_series(1, 4000)) e;
INSERT INTO read.audit_entries (ws, revision, type, kind, occurred_at, recorded_at) SELECT $1, n, 'run.started', 'run', timestamptz '2026-01-01', timestamptz '2026-01-01' + n * interval '1 ms' FROM (VALUES (0::bigint), ($2::bigint)) v (n)
`

const (
	compactDocument = `query($s: String!, $r: ID!) { workspace(slug: $s) { lineage(root: $r, direction: %s, depth: 20, maxNodes: 1000%s) { complete truncatedBy revision compact { ids kinds names statuses distances from to roles } } } }`
	nodesDocument   = `query($s: String!, $r: ID!) { workspace(slug: $s) { lineage(root: $r, direction: %s, depth: 20, maxNodes: 1000%s) { complete truncatedBy revision nodes { id kind name status distance } edges { from to role } } } }`
)

// A walking is one way to ask for a walk.
type walking struct {
	what, document, direction, more string
	budget                          time.Duration
}

func (w walking) text() string { return fmt.Sprintf(w.document, w.direction, w.more) }

var walkings = []walking{
	{"lineage up, compact", compactDocument, "UP", "", 10 * time.Millisecond},
	{"lineage down, compact", compactDocument, "DOWN", "", 10 * time.Millisecond},
	{"lineage up, nodes", nodesDocument, "UP", "", 25 * time.Millisecond},
	{"lineage of artifacts, compact", compactDocument, "BOTH", ", granularity: ARTIFACT", 10 * time.Millisecond},
}

// lineage measures walks of up to 1,000 nodes over HTTP, in a workspace of 1M versions and 3M edges and in one ten
// times smaller: the larger one must not be slower.
func (m *machine) lineage(ctx context.Context) error {
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
	runs := m.scaled(500_000, 20_000)
	for _, size := range []int{runs / 10, runs} {
		h, err := m.history(ctx, t, pool, fmt.Sprintf("lineage-%d", size), lineageHistory, size, int64(size))
		if err != nil {
			return err
		}
		if err := m.walks(ctx, t, pool, h, size); err != nil {
			return err
		}
	}
	return nil
}

// walks measures each way to ask from roots that were not asked for before, then from the same ones again: a server
// remembers what walks read. At last it walks while new runs read and write, when what is remembered is in doubt.
func (m *machine) walks(ctx context.Context, t *target, pool *pgxpool.Pool, h history, size int) error {
	memory, err := inMemory(ctx, pool, h, picks(m.Seed, 100, int64(size)/2, int64(size)))
	if err != nil {
		return err
	}
	ceiling := "p99 " + ms(memory.at(0.99)) + " in memory"
	n := m.scaled(200, 30)
	for i, q := range walkings {
		roots, err := m.roots(ctx, t, h, m.Seed+uint64(i), n+warmups)
		if err != nil {
			return err
		}
		for _, time := range []string{"first", "again"} {
			if err := m.walk(ctx, t, h, q, roots, fmt.Sprintf("%s, up to 1,000 nodes (%d versions), %s", q.what, 2*size, time), ceiling); err != nil {
				return err
			}
		}
	}
	roots, err := m.roots(ctx, t, h, m.Seed, n+warmups)
	if err != nil {
		return err
	}
	writing, stop := context.WithCancel(ctx)
	wrote := make(chan error, 1)
	go func() { wrote <- h.goOn(writing, pool, int64(size)) }()
	for _, q := range walkings[:2] {
		if err = m.walk(ctx, t, h, q, roots, fmt.Sprintf("%s, up to 1,000 nodes (%d versions), beside 400 new runs/s", q.what, 2*size), ceiling); err != nil {
			break
		}
	}
	stop()
	return errors.Join(err, <-wrote)
}

// warmups are the roots that are asked for before measuring.
const warmups = 10

func (m *machine) walk(ctx context.Context, t *target, h history, q walking, roots []string, what, ceiling string) error {
	ask := func(roots []string) (all latencies, err error) {
		for _, root := range roots {
			began := time.Now()
			if err := t.ask(ctx, q.text(), map[string]any{"s": h.slug, "r": root}, nil); err != nil {
				return nil, fmt.Errorf("%s: %w", what, err)
			}
			all = append(all, time.Since(began))
		}
		return all, nil
	}
	if _, err := ask(roots[:warmups]); err != nil {
		return err
	}
	before := m.spent(t)
	all, err := ask(roots[warmups:])
	if err != nil {
		return err
	}
	took := strings.TrimPrefix(m.spent(t).each(before, len(all)), "; ")
	m.add(Row{What: what, Figure: fmt.Sprintf("p50 %s, p99 %s", ms(all.at(0.5)), ms(all.at(0.99))), Ceiling: ceiling,
		Budget: "p99 <= " + ms(q.budget), Met: verdict(all.at(0.99) <= q.budget), Note: took})
	return nil
}

// moreRuns are twenty runs like those of the history, each one event.
const moreRuns = `
INSERT INTO read.runs (ws, key, since, run_id, foreign_run, pipeline, number, status, own_status, started_at, ended_at, first_at, attempt)
    SELECT $1, i * 1024, i, 'run-' || i, false, 1001 + i % 20, i, 'succeeded', 'succeeded', timestamptz '2026-01-01', timestamptz '2026-01-02', timestamptz '2026-01-01', 1 FROM generate_series($2 + 1, $2 + 20) i;
INSERT INTO read.artifact_versions (ws, key, since, artifact, named_as, number, producer, attempt, kind, outcome, completed_at)
    SELECT $1, i * 1024 + v, i, 1 + (i * 2 + v) % 1000, 1 + (i * 2 + v) % 1000, i, i * 1024, 1, 'produced', 'complete', timestamptz '2026-01-02' FROM generate_series($2 + 1, $2 + 20) i, generate_series(1, 2) v;
INSERT INTO read.lineage_edges (ws, execution, direction, version, role, since, position)
    SELECT $1, i * 1024, 1, i * 1024 + v, '', i, v FROM generate_series($2 + 1, $2 + 20) i, generate_series(1, 2) v;
INSERT INTO read.lineage_edges (ws, execution, direction, version, role, since, position)
    SELECT $1, i * 1024, 0, (1 + floor(($3 - 1) * (1 - power(random(), 2.5) * 0.9)))::bigint * 1024 + 1, '', i, n FROM generate_series($2 + 1, $2 + 20) i, generate_series(1, 4) n ON CONFLICT DO NOTHING;
INSERT INTO read.audit_entries (ws, revision, type, kind, occurred_at, recorded_at) VALUES ($1, $2 + 20, 'run.started', 'run', timestamptz '2026-01-01', timestamptz '2026-01-01' + ($2 + 20) * interval '1 ms');
UPDATE read.progress SET applied = $2 + 20 WHERE ws = $1`

// goOn applies twenty pages of new runs a second until ctx ends. They read versions of the first size runs.
func (h history) goOn(ctx context.Context, pool *pgxpool.Pool, size int64) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ; ; h.head += 20 {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		text := strings.NewReplacer("read.", h.schema+".", "$1", fmt.Sprint(h.ws), "$2", fmt.Sprint(h.head), "$3", fmt.Sprint(size)).Replace(moreRuns)
		if _, err := pool.Exec(ctx, text); err != nil && ctx.Err() == nil {
			return fmt.Errorf("apply new runs: %w", err)
		}
	}
}

// roots are ids of versions from the later half, as the server spells them.
func (m *machine) roots(ctx context.Context, t *target, h history, seed uint64, n int) ([]string, error) {
	var out []string
	for _, i := range picks(seed, n, h.head/2, h.head) {
		var a struct {
			Workspace struct {
				Run *struct {
					Outputs []struct{ ArtifactVersion struct{ ID string } }
				}
			}
		}
		if err := t.ask(ctx, `query($s: String!, $r: ID!) { workspace(slug: $s) { run(id: $r) { outputs { artifactVersion { id } } } } }`, map[string]any{"s": h.slug, "r": fmt.Sprintf("run-%d", i)}, &a); err != nil {
			return nil, err
		}
		if a.Workspace.Run == nil || len(a.Workspace.Run.Outputs) == 0 {
			return nil, fmt.Errorf("run-%d of %s shows no outputs", i, h.slug)
		}
		out = append(out, a.Workspace.Run.Outputs[0].ArtifactVersion.ID)
	}
	return out, nil
}

// inMemory is the ceiling: the same walks over adjacency lists that lie in memory already.
func inMemory(ctx context.Context, pool *pgxpool.Pool, h history, roots []int64) (latencies, error) {
	rows, err := pool.Query(ctx, fmt.Sprintf(`SELECT execution, direction, version FROM %s.lineage_edges WHERE ws = $1`, h.schema), h.ws)
	if err != nil {
		return nil, fmt.Errorf("read the edges: %w", err)
	}
	up := map[int64][]int64{}
	for rows.Next() {
		var execution, version int64
		var direction int16
		if err := rows.Scan(&execution, &direction, &version); err != nil {
			return nil, err
		}
		if direction == 1 {
			up[version] = append(up[version], execution)
		} else {
			up[execution] = append(up[execution], version)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the edges: %w", err)
	}
	var all latencies
	for _, root := range roots {
		began := time.Now()
		seen := map[int64]bool{root*1024 + 1: true}
		level := []int64{root*1024 + 1}
		for depth := 0; depth < 20 && len(level) > 0 && len(seen) < 1000; depth++ {
			var next []int64
			for _, n := range level {
				for _, to := range up[n] {
					if !seen[to] && len(seen) < 1000 {
						seen[to] = true
						next = append(next, to)
					}
				}
			}
			level = next
		}
		all = append(all, time.Since(began))
	}
	return all, nil
}
