package bench

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// slower is how much longer than now an earlier moment may take.
const slower = 1.5

// An asOf is a question that is asked now and as of an earlier moment.
type asOf struct {
	what, document string
	variables      func(i int) map[string]any
	at             int64 // revision
}

// earlier gives a history the moments that are asked about; revisions of it have no others.
func earlier(statements string, moments ...string) string {
	return statements + `;
INSERT INTO read.audit_entries (ws, revision, type, kind, occurred_at, recorded_at) SELECT $1, n, 'run.started', 'run', timestamptz '2026-01-01', timestamptz '2026-01-01' + n * interval '1 ms' FROM (VALUES ((` + strings.Join(moments, ")::bigint), ((") + `)::bigint)) v (n)
`
}

// asOfs measures lists and lineage as of earlier moments, each beside the same question about now: the two are asked by
// turns, so that both meet the same machine.
func (m *machine) asOfs(ctx context.Context) error {
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
	h, err := m.history(ctx, t, pool, "asof-runs", runsHistory, runs, int64(4*runs))
	if err != nil {
		return err
	}
	list := func(what string, filter, order any) asOf {
		return asOf{fmt.Sprintf("%s (of %d)", what, runs), runsDocument, func(int) map[string]any {
			return map[string]any{"s": h.slug, "f": filter, "o": order}
		}, int64(2 * runs)}
	}
	for _, q := range []asOf{
		list("newest runs", nil, nil),
		list("failed runs", map[string]any{"statuses": []string{"FAILED"}}, nil),
		list("running runs", map[string]any{"statuses": []string{"RUNNING"}}, nil),
		list("failed runs of a pipeline", map[string]any{"statuses": []string{"FAILED"}, "pipelines": []string{"pipeline_00100"}}, nil),
		list("runs by metrics.rmse < 0.2, by the metric", map[string]any{"metrics": []any{map[string]any{"name": "rmse", "op": "LT", "value": 0.2}}}, map[string]any{"by": "METRIC", "name": "rmse", "direction": "ASC"}),
	} {
		if err := m.nowAndThen(ctx, t, q); err != nil {
			return err
		}
	}

	names := m.scaled(100_000, 10_000)
	h, err = m.history(ctx, t, pool, "asof-names", earlier(namesHistory, "2 * $2", "5 * $2 / 2"), names, int64(3*names))
	if err != nil {
		return err
	}
	slug := h.slug
	named := func(int) map[string]any { return map[string]any{"s": slug} }
	for _, q := range []asOf{
		{fmt.Sprintf("pipelines with their last run (of %d)", names), `query($s: String!, $a: AsOf) { workspace(slug: $s, asOf: $a) { pipelines(first: 50) { nodes { id namespace name lastRun { id status startedAt } } } } }`, named, int64(2 * names)},
		{fmt.Sprintf("artifacts with their latest version (of %d)", names), `query($s: String!, $a: AsOf) { workspace(slug: $s, asOf: $a) { artifacts(first: 50) { nodes { id namespace name latest { id number } } } } }`, named, int64(5 * names / 2)},
	} {
		if err := m.nowAndThen(ctx, t, q); err != nil {
			return err
		}
	}

	size := m.scaled(500_000, 20_000)
	walks, err := m.history(ctx, t, pool, "asof-lineage", earlier(lineageHistory, "$2 - 1"), size, int64(size))
	if err != nil {
		return err
	}
	for i, w := range []struct{ what, direction, more string }{
		{"lineage up", "UP", ""}, {"lineage of artifacts", "BOTH", ", granularity: ARTIFACT"},
	} {
		n := m.turns()
		roots, err := m.roots(ctx, t, walks, m.Seed+uint64(i), 2*n) // those of now are others: a server remembers
		if err != nil {
			return err
		}
		q := asOf{fmt.Sprintf("%s, up to 1,000 nodes (%d versions)", w.what, 2*size), fmt.Sprintf(`query($s: String!, $r: ID!, $a: AsOf) { workspace(slug: $s, asOf: $a) { lineage(root: $r, direction: %s, depth: 20, maxNodes: 1000%s) { complete compact { ids kinds names statuses distances from to roles } } } }`, w.direction, w.more),
			func(i int) map[string]any { return map[string]any{"s": walks.slug, "r": roots[i%len(roots)]} }, walks.head - 1}
		if err := m.nowAndThen(ctx, t, q); err != nil {
			return err
		}
	}
	return nil
}

// turns is how often each of the two is asked, those before measuring included.
func (m *machine) turns() int { return m.scaled(300, 40) + warmups }

// nowAndThen asks about now and as of the moment by turns.
func (m *machine) nowAndThen(ctx context.Context, t *target, q asOf) error {
	var now, then latencies
	for i := range m.turns() {
		for turn, moment := range []any{nil, map[string]any{"revision": fmt.Sprint(q.at)}} {
			variables := q.variables(2*i + turn)
			variables["a"] = moment
			began := time.Now()
			if err := t.ask(ctx, q.document, variables, nil); err != nil {
				return fmt.Errorf("%s as of %v: %w", q.what, moment, err)
			}
			took := time.Since(began)
			switch {
			case i < warmups:
			case moment == nil:
				now = append(now, took)
			default:
				then = append(then, took)
			}
		}
	}
	times := float64(then.at(0.5)) / float64(now.at(0.5))
	m.add(Row{What: "as of: " + q.what, Figure: fmt.Sprintf("p50 %s, p99 %s", ms(then.at(0.5)), ms(then.at(0.99))), Ceiling: fmt.Sprintf("now: p50 %s, p99 %s", ms(now.at(0.5)), ms(now.at(0.99))),
		Ratio: 1 / times, Budget: fmt.Sprintf("p50 <= %.1f x now", slower), Met: verdict(times <= slower)})
	return nil
}
