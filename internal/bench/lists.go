package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A history is a workspace whose rows were made by SQL, as projecting would have left them: what is measured is
// reading, and making a million runs by events would take longer than all the rest.
type history struct {
	slug   string
	ws     int32
	schema string
	head   int64
}

// runsHistory: run i is first named at revision 4i, runs from 4i+1 until some revisions later (one in 4,000 for a very
// long time), then ended; one in twenty failed; each has a metric from its end on.
const runsHistory = `
INSERT INTO read.pipelines (ws, key, since, namespace, name) SELECT $1, p, 0, '', 'pipeline_' || lpad(p::text, 5, '0') FROM generate_series(1, 1000) p;
CREATE TEMP TABLE life ON COMMIT DROP AS
    SELECT i, 4 * i AS r, 1 + (999 * power(random(), 2))::int AS pipeline,
           4 * i + 2 + (CASE WHEN random() < 0.00025 THEN 200000 + random() * 800000 ELSE random() * 60 END)::bigint AS ended,
           CASE WHEN random() < 0.05 THEN 'failed' ELSE 'succeeded' END AS status,
           timestamptz '2026-01-01' + i * interval '1 second' AS at
    FROM generate_series(1, $2::bigint) i;
INSERT INTO read.runs (ws, key, since, run_id, foreign_run, pipeline, number, status, own_status, started_at, ended_at, first_at, attempt)
    SELECT $1, r * 1024, CASE WHEN ended > 4 * $2 THEN r + 1 ELSE ended END, 'run-' || i, false, pipeline, i, CASE WHEN ended > 4 * $2 THEN 'running' ELSE status END, CASE WHEN ended > 4 * $2 THEN 'running' ELSE status END,
           at, CASE WHEN ended > 4 * $2 THEN NULL ELSE at + interval '1 minute' END, at, 1 FROM life;
INSERT INTO read.runs_was (ws, key, since, until, level, run_id, foreign_run, pipeline, number, status, own_status, started_at, first_at, attempt)
    SELECT $1, r * 1024, r, r + 1, 0, 'run-' || i, false, pipeline, i, 'queued', 'queued', NULL, at, 1 FROM life
    UNION ALL
    SELECT $1, r * 1024, r + 1, ended, floor(log(2, ended - r - 1))::int, 'run-' || i, false, pipeline, i, 'running', 'running', at, at, 1 FROM life WHERE ended <= 4 * $2;
INSERT INTO read.metrics (ws, entity, name, since, kind, last, last_step, last_at, last_digest, min, max, points)
    SELECT $1, r * 1024, 'rmse', ended, 'run', v, 0, at, '', v, v, 1 FROM (SELECT *, random() AS v FROM life WHERE ended <= 4 * $2) l;
INSERT INTO read.audit_entries (ws, revision, type, kind, occurred_at, recorded_at) SELECT $1, n, 'run.started', 'run', timestamptz '2026-01-01' + n * interval '1 ms', timestamptz '2026-01-01' + n * interval '1 ms' FROM (VALUES (0::bigint), (2 * $2), (4 * $2)) v (n)
`

// namesHistory: pipelines with a run each, and artifacts with a version each.
const namesHistory = `
INSERT INTO read.pipelines (ws, key, since, namespace, name) SELECT $1, i * 1024, i, '', 'pipeline_' || lpad(i::text, 6, '0') FROM generate_series(1, $2::bigint) i;
INSERT INTO read.runs (ws, key, since, run_id, foreign_run, pipeline, number, status, own_status, started_at, ended_at, first_at, attempt)
    SELECT $1, ($2 + i) * 1024, $2 + i, 'run-' || i, false, i * 1024, 1, 'succeeded', 'succeeded', timestamptz '2026-01-01', timestamptz '2026-01-02', timestamptz '2026-01-01', 1 FROM generate_series(1, $2::bigint) i;
INSERT INTO read.artifacts (ws, key, since, namespace, name, canonical) SELECT $1, (2 * $2 + i) * 1024, 2 * $2 + i, 's3', 'artifact_' || lpad(i::text, 6, '0'), (2 * $2 + i) * 1024 FROM generate_series(1, $2::bigint) i;
INSERT INTO read.artifact_versions (ws, key, since, artifact, named_as, number, producer, attempt, kind, outcome, completed_at)
    SELECT $1, (2 * $2 + i) * 1024 + 1, 2 * $2 + i, (2 * $2 + i) * 1024, (2 * $2 + i) * 1024, 1, ($2 + i) * 1024, 1, 'produced', 'complete', timestamptz '2026-01-02' FROM generate_series(1, $2::bigint) i;
INSERT INTO read.audit_entries (ws, revision, type, kind, occurred_at, recorded_at) SELECT $1, n, 'run.started', 'run', timestamptz '2026-01-01', timestamptz '2026-01-01' + n * interval '1 ms' FROM (VALUES (0::bigint), (3 * $2)) v (n)
`

// history makes a workspace and fills it: the statements take its number and a size.
func (m *machine) history(ctx context.Context, t *target, pool *pgxpool.Pool, slug, statements string, size int, head int64) (history, error) {
	h := history{slug: slug, head: head}
	if err := t.createWorkspace(ctx, slug); err != nil {
		return h, err
	}
	if err := t.seen(ctx, slug, 0); err != nil {
		return h, err
	}
	schema, err := liveModel(ctx, pool)
	if err != nil {
		return h, fmt.Errorf("find the live model: %w", err)
	}
	h.schema = schema
	if err := pool.QueryRow(ctx, `SELECT number FROM log.workspaces WHERE slug = $1`, slug).Scan(&h.ws); err != nil {
		return h, fmt.Errorf("find the workspace's number: %w", err)
	}
	m.say("making %s of size %d", slug, size)
	tx, err := pool.Begin(ctx)
	if err != nil {
		return h, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	statements = "DELETE FROM read.audit_entries WHERE ws = $1;" + statements + ";UPDATE read.progress SET applied = $3 WHERE ws = $1"
	for _, s := range strings.Split(strings.ReplaceAll(statements, "read.", schema+"."), ";\n") {
		for _, s := range strings.Split(s, ";") {
			s = strings.NewReplacer("$1", fmt.Sprint(h.ws), "$2", fmt.Sprint(size), "$3", fmt.Sprint(head)).Replace(s)
			if _, err := tx.Exec(ctx, s); err != nil {
				return h, fmt.Errorf("make %s: %w\n%.200s", slug, err, s)
			}
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return h, fmt.Errorf("make %s: %w", slug, err)
	}
	_, err = pool.Exec(ctx, "VACUUM (ANALYZE)")
	return h, err
}

const runsDocument = `query($s: String!, $a: AsOf, $f: RunFilter, $o: RunOrder) { workspace(slug: $s, asOf: $a) {
  runs(first: 50, filter: $f, orderBy: $o) { nodes { id runId number status startedAt endedAt pipeline { name } } pageInfo { hasNextPage endCursor } } } }`

// lists measures first pages over HTTP in large workspaces.
func (m *machine) lists(ctx context.Context) error {
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
	h, err := m.history(ctx, t, pool, "lists", runsHistory, runs, int64(4*runs))
	if err != nil {
		return err
	}
	middle := map[string]any{"revision": fmt.Sprint(2 * runs)}
	metric := map[string]any{"by": "METRIC", "name": "rmse", "direction": "ASC"}
	below := map[string]any{"metrics": []any{map[string]any{"name": "rmse", "op": "LT", "value": 0.2}}}
	list := fmt.Sprintf(`SELECT key, run_id, number, status, started_at, ended_at FROM %s.runs WHERE ws = %d ORDER BY key DESC LIMIT 50`, h.schema, h.ws)
	byMetric := fmt.Sprintf(`SELECT entity, last FROM %s.metrics WHERE ws = %d AND kind = 'run' AND name = 'rmse' AND last < 0.2 ORDER BY last LIMIT 50`, h.schema, h.ws)
	for _, q := range []struct {
		what    string
		as      any
		filter  any
		order   any
		budget  time.Duration
		ceiling string
	}{
		{"newest runs", nil, nil, nil, 10 * time.Millisecond, list},
		{"failed runs", nil, map[string]any{"statuses": []string{"FAILED"}}, nil, 10 * time.Millisecond, list},
		{"running runs", nil, map[string]any{"statuses": []string{"RUNNING"}}, nil, 10 * time.Millisecond, list},
		{"failed runs of a pipeline", nil, map[string]any{"statuses": []string{"FAILED"}, "pipelines": []string{"pipeline_00100"}}, nil, 10 * time.Millisecond, list},
		{"newest runs, as of the middle", middle, nil, nil, 15 * time.Millisecond, list},
		{"failed runs, as of the middle", middle, map[string]any{"statuses": []string{"FAILED"}}, nil, 15 * time.Millisecond, list},
		{"running runs, as of the middle", middle, map[string]any{"statuses": []string{"RUNNING"}}, nil, 15 * time.Millisecond, list},
		{"failed runs of a pipeline, as of the middle", middle, map[string]any{"statuses": []string{"FAILED"}, "pipelines": []string{"pipeline_00100"}}, nil, 15 * time.Millisecond, list},
		{"runs by metrics.rmse < 0.2, by the metric", nil, below, metric, 20 * time.Millisecond, byMetric},
		{"runs by metrics.rmse < 0.2, by the metric, as of the middle", middle, below, metric, 20 * time.Millisecond, byMetric},
	} {
		if err := m.page(ctx, t, pool, fmt.Sprintf("%s (of %d)", q.what, runs), runsDocument, map[string]any{"s": h.slug, "a": q.as, "f": q.filter, "o": q.order}, q.budget, q.ceiling); err != nil {
			return err
		}
	}
	return m.names(ctx, t, pool)
}

// names measures lists of pipelines with their last run and of artifacts with their latest version.
func (m *machine) names(ctx context.Context, t *target, pool *pgxpool.Pool) error {
	n := m.scaled(100_000, 10_000)
	h, err := m.history(ctx, t, pool, "names", namesHistory, n, int64(3*n))
	if err != nil {
		return err
	}
	one := fmt.Sprintf(`SELECT key, namespace, name FROM %s.pipelines WHERE ws = %d ORDER BY key DESC LIMIT 50`, h.schema, h.ws)
	for what, document := range map[string]string{
		"pipelines with their last run":       `query($s: String!) { workspace(slug: $s) { pipelines(first: 50) { nodes { id namespace name lastRun { id status startedAt } } } } }`,
		"artifacts with their latest version": `query($s: String!) { workspace(slug: $s) { artifacts(first: 50) { nodes { id namespace name latest { id number } } } } }`,
	} {
		if err := m.page(ctx, t, pool, fmt.Sprintf("%s (of %d)", what, n), document, map[string]any{"s": h.slug}, 10*time.Millisecond, one); err != nil {
			return err
		}
	}
	return nil
}

// page measures one document, and the plain statement that is its ceiling.
func (m *machine) page(ctx context.Context, t *target, pool *pgxpool.Pool, what, document string, variables map[string]any, budget time.Duration, statement string) error {
	n := m.scaled(300, 40)
	all, err := t.asked(ctx, n, document, func(int) map[string]any { return variables })
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	var plain latencies
	for range n {
		began := time.Now()
		rows, err := pool.Query(ctx, statement)
		if err != nil {
			return err
		}
		for rows.Next() {
			if _, err := rows.Values(); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		plain = append(plain, time.Since(began))
	}
	m.add(Row{What: what, Figure: fmt.Sprintf("p50 %s, p99 %s", ms(all.at(0.5)), ms(all.at(0.99))), Ceiling: "p99 " + ms(plain.at(0.99)) + ", one query", Ratio: float64(plain.at(0.5)) / float64(all.at(0.5)),
		Budget: "p99 <= " + ms(budget), Met: verdict(all.at(0.99) <= budget)})
	return nil
}

// picks are the same places of a range on every run.
func picks(seed uint64, n int, from, to int64) []int64 {
	r := rand.New(rand.NewPCG(seed, 5))
	out := make([]int64, n)
	for i := range out {
		out[i] = from + r.Int64N(to-from)
	}
	return out
}
