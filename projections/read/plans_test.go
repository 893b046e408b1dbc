package read

import (
	"context"
	"strings"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5/pgxpool"
)

// generated fills a model with 50,000 runs of 30 pipelines over 200,000 revisions, each queued, running and ended,
// with a metric and a parameter, 100,000 edges between 10,000 steps and 40,000 versions of 2,000 artifacts, and the
// words of all names. Time passes as in a real workspace: some things last long, most do not.
const generated = `
CREATE TEMP TABLE g AS SELECT i, 4 * i AS r0, 4 * i + 1 + i % 3 AS r1,
	4 * i + 4 + CASE WHEN i % 100 = 0 THEN i * 7919 % 9000 ELSE i * 31 % 200 END AS r2, 1 + i * i % 30 AS pipeline,
	CASE i % 20 WHEN 0 THEN 'failed' ELSE 'succeeded' END AS fin FROM generate_series(1000::bigint, 50999) i;
INSERT INTO read.pipelines (ws, key, since, namespace, name) SELECT 1, k, 0, 'ns', 'pipeline_' || k FROM generate_series(1, 3000) k;
INSERT INTO read.runs (ws, key, since, run_id, foreign_run, pipeline, number, status, own_status, started_at, ended_at)
	SELECT 1, r0 * 1024, r2, md5(i::text), false, pipeline, i, fin, fin, '2026-01-01'::timestamptz + r1 * interval '1 s', '2026-01-01'::timestamptz + r2 * interval '1 s' FROM g;
INSERT INTO read.runs_was (ws, key, since, run_id, foreign_run, pipeline, number, status, own_status, until, level)
	SELECT 1, r0 * 1024, r0, md5(i::text), false, pipeline, i, 'queued', 'queued', r1, floor(log(2, r1 - r0)) FROM g
	UNION ALL SELECT 1, r0 * 1024, r1, md5(i::text), false, pipeline, i, 'running', 'running', r2, floor(log(2, r2 - r1)) FROM g;
INSERT INTO read.metrics (ws, entity, name, since, kind, last, last_step, last_at, last_digest, min, max, points)
	SELECT 1, r0 * 1024, 'rmse', r2, 'run', i * 7919 % 100003 / 100003.0, 0, now(), '', 0, 1, 1 FROM g;
INSERT INTO read.metrics_was (ws, entity, name, since, kind, last, last_step, last_at, last_digest, min, max, points, until, level)
	SELECT 1, r0 * 1024, 'rmse', r1, 'run', i * 31 % 100003 / 100003.0, 0, now(), '', 0, 1, 1, r2, floor(log(2, r2 - r1)) FROM g;
INSERT INTO read.attributes (ws, entity, space, name, since, kind, type, text, num, value, at, rank, digest)
	SELECT 1, r0 * 1024, 1, 'lr', r0, 'run', 'number', (i % 1000)::text, i % 1000, (i % 1000)::text::bytea, now(), 0, '' FROM g;
INSERT INTO read.artifacts (ws, key, since, namespace, name, canonical) SELECT 1, 10000 + k, 0, 'ns', 'artifact_' || k, 10000 + k FROM generate_series(1, 2000) k;
INSERT INTO read.artifact_versions (ws, key, since, artifact, named_as, number, kind, outcome)
	SELECT 1, j * 5 * 1024 + 1, j * 5, 10001 + j % 2000, 10001 + j % 2000, 1 + j / 2000, 'produced', 'complete' FROM generate_series(1000, 40999) j;
INSERT INTO read.steps (ws, key, since, run, name, status, own_status)
	SELECT 1, i * 20 * 1024 + 2, i * 20, 4096 * 1024, 'step', 'succeeded', 'succeeded' FROM generate_series(250, 10249) i;
INSERT INTO read.lineage_edges (ws, execution, direction, version, role, since)
	SELECT 1, i * 20 * 1024 + 2, 1, (i * 4 + k) * 5 * 1024 + 1, '', i * 20 FROM generate_series(250, 10249) i, generate_series(0, 3) k
	UNION ALL SELECT 1, i * 20 * 1024 + 2, 0, (i * 4 - 1 - k * i % 977) * 5 * 1024 + 1, '', i * 20 FROM generate_series(600, 10249) i, generate_series(0, 5) k
	ON CONFLICT DO NOTHING;
INSERT INTO read.artifact_edges (ws, source, target, pipeline, since, supports)
	SELECT 1, 10000 + t - k, 10000 + t, 1, 0, 1 FROM generate_series(50, 2000) t, generate_series(1, 20) k;
INSERT INTO read.promotions (ws, promotion, since, direction, version, artifact, began, state, actor, at)
	SELECT 1, md5(j::text)::uuid, j * 5, 1, j * 5 * 1024 + 1, 10001 + j % 2000, j * 5, 'received', 'account:x', now() FROM generate_series(1000, 40999, 3) j;
INSERT INTO read.words (ws, word, kind, entity, since) SELECT ws, name, 'pipeline', key, 0 FROM read.pipelines UNION ALL SELECT ws, run_id, 'run', key, 0 FROM read.runs;
INSERT INTO read.audit_entries (ws, revision, type, kind, subject, command, occurred_at, recorded_at)
	SELECT 1, r, CASE r % 5000 WHEN 0 THEN 'run.deleted' ELSE 'run.started' END, 'run', r / 4 * 4096, 'command-' || r / 3, now(), '2026-01-01'::timestamptz + r * interval '1 s' FROM generate_series(0, 213000) r;
INSERT INTO read.changes (ws, revision, entity) SELECT DISTINCT 1, n, r0 * 1024 FROM g CROSS JOIN LATERAL (VALUES (r0), (r1), (r2)) v (n);
INSERT INTO read.changes (ws, revision, entity) SELECT 1, i * 20, i * 20 * 1024 + 2 FROM generate_series(250, 10249) i;
ANALYZE;`

// TestPlans holds that each question is answered by the index made for it, in a model of some size, now and in the
// past: no scan of a whole table, however the statement is put together.
func TestPlans(t *testing.T) {
	t.Parallel()
	_, pool := newModel(t)
	if _, err := pool.Exec(context.Background(), strings.ReplaceAll(generated, "read.", testSchema+".")); err != nil {
		t.Fatal(err)
	}
	t.Run("in the open", func(t *testing.T) { testPlans(t, pool, false) })
	raise(t, pool)
	t.Run("behind the wall", func(t *testing.T) { testPlans(t, pool, true) })
}

func testPlans(t *testing.T, pool *pgxpool.Pool, walled bool) {
	db, rec := recorded(t, pool, walled)
	now := Moment{Slug: "big", Number: 1, Schema: testSchema, Revision: 213_000}
	then := now
	then.Revision = 110_000
	runs := func(q RunQuery) func(context.Context, Moment) error {
		return func(ctx context.Context, m Moment) error { _, err := db.Runs(ctx, m, q); return err }
	}
	number := func(op Op, space Space, name string, f float64) []Condition {
		return []Condition{{Space: space, Name: name, Op: op, Values: []domain.Value{domain.FloatValue(f)}}}
	}
	lineage := func(q LineageQuery) func(context.Context, Moment) error {
		return func(ctx context.Context, m Moment) error { _, err := db.Lineage(ctx, m, q); return err }
	}
	names := func(o NameOrder, descending bool) func(context.Context, Moment) error {
		return func(ctx context.Context, m Moment) error {
			if _, err := db.Artifacts(ctx, m, NameQuery{Order: o, Descending: descending}); err != nil {
				return err
			}
			_, err := db.Pipelines(ctx, m, NameQuery{Order: o, Descending: descending})
			return err
		}
	}
	diff := func(before domain.Revision) func(context.Context, Moment) error {
		return func(ctx context.Context, m Moment) error {
			q := DiffQuery{From: 5000, Page: Page{Limit: 10}}
			if before > 0 {
				q.From = m.Revision - before
			}
			_, err := db.Diff(ctx, m, q)
			q.Kinds, q.Page.Back = []domain.Kind{domain.KindStep}, true
			if err == nil {
				_, err = db.Diff(ctx, m, q)
			}
			return err
		}
	}
	for _, tt := range []struct {
		name    string
		ask     func(context.Context, Moment) error
		indexes string
	}{
		{"newest", runs(RunQuery{}), "runs_pkey runs_was_key"},
		{"failed", runs(RunQuery{Statuses: []domain.Status{"failed"}}), "runs_status runs_was_level runs_was_until"},
		{"running", runs(RunQuery{Statuses: []domain.Status{"running"}}), "runs_was_level"},
		{"of a pipeline", runs(RunQuery{Pipelines: []int64{5}}), "runs_pipeline runs_was_level"},
		{"failed of a pipeline", runs(RunQuery{Pipelines: []int64{5, 6}, Statuses: []domain.Status{"failed"}}), "runs_pipeline_status runs_was_level"},
		{"by run id", runs(RunQuery{RunID: "x"}), "runs_run_id"},
		{"children", runs(RunQuery{Parent: 4096 * 1024}), "runs_parent"},
		{"by start", runs(RunQuery{Order: RunOrder{By: ByStarted}}), "runs_started runs_was_level"},
		{"by end", runs(RunQuery{Order: RunOrder{By: ByEnded, Ascending: true}}), "runs_ended"},
		{"by duration", runs(RunQuery{Order: RunOrder{By: ByDuration}}), "runs_duration"},
		{"good ones, best first", runs(RunQuery{Conditions: number(LT, Metrics, "rmse", 0.2), Order: RunOrder{By: ByMetric, Name: "rmse", Ascending: true}}), "metrics_value metrics_was_level"},
		{"very good ones", runs(RunQuery{Conditions: number(LT, Metrics, "rmse", 0.0001)}), "metrics_value metrics_was_level"},
		{"of a parameter", runs(RunQuery{Conditions: number(EQ, Parameters, "lr", 7)}), "attributes_num"},
		{"by parameter", runs(RunQuery{Order: RunOrder{By: ByParameter, Name: "lr"}}), "attributes_num attributes_text"},
		{"by name", names(ByName, false), "artifacts_order pipelines_order artifact_versions_artifact runs_pipeline"},
		{"by last use", names(ByLatest, true), "artifact_versions_pkey runs_pkey"},
		{"up", lineage(LineageQuery{Roots: []Node{{domain.KindArtifactVersion, 20000*5*1024 + 1}}, Up: true, Depth: 20}), "lineage_edges_pkey lineage_edges_version artifact_versions_pkey"},
		{"down", lineage(LineageQuery{Roots: []Node{{domain.KindArtifactVersion, 20000*5*1024 + 1}}, Down: true, Depth: 20}), "lineage_edges_version"},
		{"artifacts", lineage(LineageQuery{Roots: []Node{{domain.KindArtifact, 11000}}, Granularity: ByArtifact}), "artifact_edges_pkey artifact_edges_target artifacts_pkey"},
		{"what an artifact received", func(ctx context.Context, m Moment) error {
			_, err := db.PromotionsInto(ctx, m, 11000)
			return err
		}, "promotions_artifact artifacts_canonical"},
		{"search", func(ctx context.Context, m Moment) error {
			_, err := db.Search(ctx, m, "pipeline_12", nil, 10)
			return err
		}, "words_prefix"},
		{"deletions", func(ctx context.Context, m Moment) error {
			_, err := db.Audit(ctx, m, AuditQuery{Types: []string{"run.deleted"}})
			return err
		}, "audit_type"},
		{"history of a run", func(ctx context.Context, m Moment) error {
			_, err := db.Audit(ctx, m, AuditQuery{Subject: &Node{domain.KindRun, 5000 * 4096}})
			return err
		}, "audit_subject"},
		{"what a command did", func(ctx context.Context, m Moment) error {
			_, err := db.Audit(ctx, m, AuditQuery{CommandID: "command-30000"})
			return err
		}, "audit_command"},
		{"what differs from long ago", diff(0), "changes_pkey changes_entity runs_pkey lineage_edges_pkey"},
		{"what differs from a moment ago", diff(20), "changes_pkey"},
		{"how much differs", func(ctx context.Context, m Moment) error {
			_, _, err := db.CountDiff(ctx, m, DiffQuery{From: 100_000}, 1000)
			return err
		}, "changes_pkey runs_pkey runs_was_key"},
		{"what changed", func(ctx context.Context, m Moment) error {
			_, _, err := db.Changed(ctx, m, m.Revision-20, 100)
			return err
		}, "runs_was_until"},
	} {
		for _, m := range []Moment{now, then} {
			db.Remember(DefaultMemory) // anew, so that walks read
			if err := tt.ask(context.Background(), m); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			checkPlans(t, pool, rec, tt.name, m, tt.indexes)
		}
	}
}

// checkPlans holds that the statements just run use those indexes, and read no large table whole.
func checkPlans(t *testing.T, pool *pgxpool.Pool, rec *recorder, name string, m Moment, indexes string) {
	t.Helper()
	all := strings.Join(rec.plans(t, pool, "COSTS OFF"), "\n\n")
	for _, index := range strings.Fields(indexes) {
		if !strings.Contains(all, " "+index+" ") && !strings.Contains(all, " "+index+"\n") {
			t.Errorf("%s as of %d: no plan uses %s:\n%s", name, m.Revision, index, all)
		}
	}
	for _, table := range []string{"runs", "runs_was", "metrics", "metrics_was", "attributes", "artifact_versions", "lineage_edges", "artifact_edges", "audit_entries", "words", "changes"} {
		if strings.Contains(all, "Seq Scan on "+table+" ") || strings.Contains(all, "Seq Scan on "+table+"\n") {
			t.Errorf("%s as of %d: a plan reads all of %s:\n%s", name, m.Revision, table, all)
		}
	}
}
