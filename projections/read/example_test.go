package read

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
)

type cols = map[string]any

// An example is one workspace: two artifacts of one name, a run with three steps and a nested run, and what happened
// to them over time.
type example struct {
	*history
	db                                  *DB
	train, other                        int64 // pipelines
	orders, orders2, model, alias       int64 // artifacts
	run, nested, twin                   int64
	load, fit, report                   int64 // steps
	raw, clean, best                    int64 // versions
	beforeSteps, beforeDelete, unnested domain.Revision
}

func newExample(t *testing.T) example {
	db, pool := newModel(t)
	h := newHistory()
	x := example{history: h, db: db}
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	h.next()
	h.set("workspaces", cols{}, cols{"slug": "demo", "name": "Demo", "organization": "personal", "created_at": noon, "labels": cols{"env": "dev"}})
	h.next()
	x.train, x.other = h.key(), h.key()
	h.set("pipelines", cols{"key": x.train}, cols{"namespace": "", "name": "train"})
	h.set("pipelines", cols{"key": x.other}, cols{"namespace": "spark", "name": "train"})
	h.set("pipeline_versions", cols{"key": h.key()}, cols{"pipeline": x.train, "number": 1, "hash": "h1", "spec": "{}"})
	x.orders, x.orders2, x.model, x.alias = h.key(), h.key(), h.key(), h.key()
	for k, n := range map[int64]domain.Name{x.orders: {Namespace: "db1", Name: "public.orders"}, x.orders2: {Namespace: "db2", Name: "public.orders"}, x.model: {Name: "churn-model"}, x.alias: {Namespace: "s3://lake", Name: "orders"}} {
		h.set("artifacts", cols{"key": k}, cols{"namespace": n.Namespace, "name": n.Name, "canonical": k})
	}
	h.next()
	x.run, x.nested, x.twin = h.key(), h.key(), h.key()
	for i, k := range []int64{x.run, x.nested, x.twin} {
		h.set("runs", cols{"key": k}, cols{"run_id": []string{"r-1", "r-2", "r-1"}[i], "foreign_run": i > 0, "pipeline": []int64{x.train, x.train, x.other}[i], "number": []int{1, 2, 1}[i], "status": "running", "own_status": "running", "attempt": 1, "started_at": at(0)})
	}
	x.beforeSteps = h.head
	h.next()
	x.load, x.fit, x.report = h.key(), h.key(), h.key()
	for i, k := range []int64{x.load, x.fit, x.report} {
		h.set("steps", cols{"key": k}, cols{"run": x.run, "name": []string{"load", "fit", "report"}[i], "status": "running", "own_status": "running", "attempt": 1, "started_at": at(i), "upstream": [][]string{nil, nil, {"load"}}[i]})
	}
	h.next()
	x.raw, x.clean, x.best = h.key(), h.key(), h.key()
	for i, k := range []int64{x.raw, x.clean, x.best} {
		a := []int64{x.orders, x.orders2, x.model}[i]
		h.set("artifact_versions", cols{"key": k}, cols{"artifact": a, "named_as": a, "number": 1, "name": []any{"v7", nil, nil}[i], "kind": []string{"external", "produced", "produced"}[i], "outcome": "complete", "completed_at": at(i)})
	}
	edge := func(e int64, direction int, v int64, role string, position int) {
		h.set("lineage_edges", cols{"execution": e, "direction": direction, "version": v, "role": role}, cols{"position": position})
	}
	edge(x.load, 0, x.raw, "orders", 0)
	edge(x.load, 1, x.clean, "out", 0)
	edge(x.fit, 0, x.clean, "train", 1)
	edge(x.fit, 0, x.raw, "extra", 0)
	edge(x.fit, 1, x.best, "model", 0)
	edge(x.nested, 0, x.best, "", 0)
	h.set("artifact_edges", cols{"source": x.orders, "target": x.orders2, "pipeline": x.train}, cols{"supports": 1})
	h.set("column_lineage", cols{"target": x.orders2, "target_field": "total", "source": x.orders, "source_field": "price", "pipeline": x.train, "kind": "DIRECT", "subtype": "IDENTITY"}, cols{"masking": true})
	h.set("declared", cols{"pipeline": x.train, "direction": 0, "artifact": x.orders}, cols{})
	x.unnested = h.head
	h.next()
	h.set("runs", cols{"key": x.nested}, cols{"parent": x.run, "root": x.run})
	h.next()
	for i, k := range []int64{x.load, x.fit, x.report} {
		h.set("steps", cols{"key": k}, cols{"status": "succeeded", "own_status": "succeeded", "ended_at": at(10 + []int{0, 20, 5}[i])})
	}
	h.set("steps", cols{"key": x.fit}, cols{"attempt": 2, "attempts": `[{"number":1,"status":"retried","startedAt":"2026-03-01T12:00:30Z","failure":{"type":"OOM"}},{"number":2,"status":"succeeded","startedAt":"2026-03-01T12:01:00Z","endedAt":"2026-03-01T12:30:00Z"}]`})
	h.set("steps", cols{"key": x.load}, cols{"warnings": []string{"time_in_future"}})
	h.set("attributes", cols{"entity": x.run, "space": 3, "name": "team"}, cols{"kind": "run", "type": "string", "text": "ml", "value": []byte(`"ml"`), "at": noon, "rank": 0, "digest": []byte{}})
	h.set("metrics", cols{"entity": x.run, "name": "rmse"}, cols{"kind": "run", "last": 0.2, "last_step": 3, "last_at": noon, "last_digest": []byte{}, "min": 0.1, "max": 1.0, "points": 3})
	h.set("run_details", cols{"key": x.run}, cols{"name": "Nightly training"})
	h.about[h.head] = Node{domain.KindStep, x.fit}
	x.beforeDelete = h.head
	h.next()
	h.set("runs", cols{"key": x.twin}, cols{"deleted": true, "reason": "a mistake", "refused_parent": x.nested})
	h.set("pipelines", cols{"key": x.other}, cols{"deleted": true})
	h.next()
	h.set("artifacts", cols{"key": x.alias}, cols{"canonical": x.orders})
	h.write(t, pool)
	words(t, x)
	return x
}

// words are what the fold keeps for search.
func words(t *testing.T, x example) {
	t.Helper()
	for kind, names := range map[string]map[int64]string{
		"pipeline": {x.train: "train", x.other: "train"}, "run": {x.run: "nightly training"},
		"artifact": {x.orders: "public.orders", x.orders2: "public.orders", x.model: "churn-model", x.alias: "orders"},
	} {
		for k, name := range names {
			for _, w := range append([]string{name}, searchWords(name)...) {
				_, err := x.db.pool.Exec(context.Background(), `INSERT INTO `+testSchema+`.words VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, x.ws, w, kind, k, KeyRevision(k))
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestExample(t *testing.T) {
	t.Parallel()
	x := newExample(t)
	ctx, now := context.Background(), x.moment(x.head)
	check := func(name string, got any, err error, want any) {
		t.Helper()
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s\n got %v, %v\nwant %v", name, got, err, want)
		}
	}
	steps := func(l List[Step], err error) (string, error) {
		var out []string
		for _, s := range l.Rows {
			out = append(out, s.Row.Name+" "+string(s.Row.Status))
		}
		return strings.Join(out, ", "), err
	}
	got, err := steps(x.db.Steps(ctx, now, StepQuery{Run: x.run}))
	check("steps", got, err, "load succeeded, fit succeeded, report succeeded")
	got, err = steps(x.db.Steps(ctx, x.moment(x.beforeSteps), StepQuery{Run: x.run}))
	check("steps before they were", got, err, "")
	got, err = steps(x.db.Steps(ctx, x.moment(x.unnested), StepQuery{Run: x.run, Statuses: []domain.Status{"running"}, Text: "O", Page: Page{Limit: 1, Back: true}}))
	check("steps by status and text, the last one", got, err, "report running")
	counts, err := x.db.StepCounts(ctx, now, []int64{x.run, x.nested})
	check("step counts", counts, err, map[int64]map[domain.Status]int{x.run: {"succeeded": 3}})

	inputs, err := x.db.Inputs(ctx, now, []int64{x.fit, x.load}, 10)
	check("inputs by position", []any{inputs[x.fit][0].Role, inputs[x.fit][1].Role, len(inputs[x.load])}, err, "[extra train 1]")
	consumers, err := x.db.Consumers(ctx, now, x.raw, Page{Limit: 1})
	check("consumers", []any{consumers.Rows[0].Row.Key(), consumers.More}, err, []any{x.load, true})
	producers, err := x.db.Producers(ctx, now, x.best, Page{})
	check("producers", []any{producers.Rows[0].Row.Key(), producers.More}, err, []any{x.fit, false})
	n, err := x.db.CountConsumers(ctx, now, x.raw, 10)
	check("count of consumers", n, err, 2)
	versions, err := x.db.VersionsOfRun(ctx, now, x.run, Page{Limit: 2})
	check("versions of the run", []any{len(versions.Rows), versions.More}, err, "[2 true]")

	attributes, err := x.db.Attributes(ctx, now, []int64{x.run}, Parameters, Tags)
	check("tags", attributes[x.run][0].Tag(), err, domain.Tag{Key: "team", Value: "ml"})
	attributes, err = x.db.Attributes(ctx, x.moment(x.unnested), []int64{x.run}, Tags)
	check("tags before they were set", len(attributes), err, 0)
	metrics, err := x.db.Metrics(ctx, now, []int64{x.run})
	check("metrics", metrics[x.run][0].Last, err, 0.2)
	details, err := x.db.RunDetails(ctx, now, []int64{x.run})
	check("details", details[x.run].Name, err, "Nightly training")

	columns, err := x.db.ColumnSources(ctx, now, x.orders2, nil, 10)
	check("columns up", []any{columns[0].SourceField, columns[0].Masking}, err, "[price true]")
	price := "price"
	columns, err = x.db.ColumnTargets(ctx, now, x.orders, &price, 10)
	check("columns down", columns[0].TargetField, err, "total")
	declared, err := x.db.DeclaredIO(ctx, now, []int64{x.train})
	check("declared", declared[x.train].Inputs, err, []int64{x.orders})
	neighbours, err := x.db.Neighbours(ctx, now, x.alias, false, 10)
	check("neighbours of another name", neighbours, err, []int64{x.orders2})
	aliases, err := x.db.Aliases(ctx, now, []int64{x.orders})
	check("aliases", aliases[x.orders][0].Name, err, "orders")
	aliases, err = x.db.Aliases(ctx, x.moment(x.beforeDelete), []int64{x.orders})
	check("aliases before they were", len(aliases), err, 0)
	latest, err := x.db.LatestPipelineVersions(ctx, now, []int64{x.train, x.other})
	check("newest versions of pipelines", latest[x.train].Number, err, 1)

	w, ok, err := x.db.Workspace(ctx, now)
	check("workspace", []any{w.Slug, w.Labels, ok}, err, "[demo map[env:dev] true]")
	all, err := x.db.Workspaces(ctx, []Moment{now, newHistory().moment(3)})
	check("workspaces", []any{all[0].Name, all[1] == nil}, err, "[Demo true]")
	total, err := x.db.Counts(ctx, now, 100)
	check("counts", total, err, Counts{Pipelines: 1, Runs: 2, Steps: 3, Artifacts: 4, Versions: 3})
	total, err = x.db.Counts(ctx, x.moment(x.beforeDelete), 100)
	check("counts of then", total, err, Counts{Pipelines: 2, Runs: 3, Steps: 3, Artifacts: 4, Versions: 3})
	total, err = x.db.Counts(ctx, now, 1)
	check("bounded counts", total.Versions, err, 2)

	siblings, err := x.db.RunsByRunID(ctx, now, "r-1", 10)
	check("siblings", []any{len(siblings), siblings[0].Deleted, siblings[0].Reason}, err, "[2 true a mistake]")
}

func TestResolve(t *testing.T) {
	t.Parallel()
	x := newExample(t)
	now, then := x.moment(x.head), x.moment(x.beforeDelete)
	for _, tt := range []struct {
		m    Moment
		kind domain.Kind
		word string
		want any // key, or what the error says
	}{
		{now, domain.KindPipeline, "train", x.train},
		{then, domain.KindPipeline, "train", "more than one pipeline: /train, spark/train"},
		{then, domain.KindPipeline, "/train", x.train},
		{then, domain.KindPipeline, "spark/train", x.other},
		{now, domain.KindPipeline, "spark/train", "there is no pipeline"},
		{now, domain.KindArtifact, "public.orders", "more than one artifact: db1/public.orders, db2/public.orders"},
		{now, domain.KindArtifact, "db2/public.orders", x.orders2},
		{now, domain.KindArtifact, "s3://lake/orders", x.alias},
		{now, domain.KindArtifactVersion, "db1/public.orders@v7", x.raw},
		{now, domain.KindArtifactVersion, "s3://lake/orders@1", x.raw},
		{then, domain.KindArtifactVersion, "s3://lake/orders@1", "there is no artifact version"},
		{now, domain.KindArtifactVersion, "public.orders@latest", "more than one artifact version: db1/public.orders@1, db2/public.orders@1"},
		{now, domain.KindArtifactVersion, "churn-model", x.best},
		{now, domain.KindRun, "train#2", x.nested},
		{then, domain.KindRun, "train#1", "more than one run: /train#1, spark/train#1"},
		{now, domain.KindRun, "r-2", x.nested},
		{now, domain.KindRun, "r-1", x.run},
		{then, domain.KindRun, "r-1", "more than one run: spark/train#1, /train#1"},
		{now, domain.KindRun, "train#9", "there is no run"},
	} {
		key, err := x.db.Resolve(context.Background(), tt.m, tt.kind, tt.word)
		if want, refused := tt.want.(string); refused {
			var ambiguous *AmbiguousError
			if err == nil || !strings.Contains(err.Error(), want) || errors.As(err, &ambiguous) == errors.Is(err, domain.NotFound) {
				t.Errorf("%s %s: %d, %v, want %s", tt.kind, tt.word, key, err, want)
			}
			continue
		}
		if err != nil || key != tt.want {
			t.Errorf("%s %s: %d, %v, want %d", tt.kind, tt.word, key, err, tt.want)
		}
	}
}

func TestInsideOfRun(t *testing.T) {
	t.Parallel()
	x := newExample(t)
	ctx, now := context.Background(), x.moment(x.head)
	g, err := x.db.Dag(ctx, now, x.run, 100)
	if err != nil || len(g.Nodes) != 7 || len(g.Edges) != 7 || !g.Complete {
		t.Errorf("the graph has %d nodes, %d edges, complete %v, %v", len(g.Nodes), len(g.Edges), g.Complete, err)
	}
	if then, err := x.db.Dag(ctx, x.moment(x.unnested), x.run, 100); err != nil || len(then.Nodes) != 6 {
		t.Errorf("before the run was nested: %d nodes, %v", len(then.Nodes), err)
	}
	if few, err := x.db.Dag(ctx, now, x.run, 3); err != nil || len(few.Nodes) != 3 || few.Complete {
		t.Errorf("with little room: %d nodes, complete %v, %v", len(few.Nodes), few.Complete, err)
	}
	bars, err := x.db.Timeline(ctx, now, x.run, 100)
	var got []string
	for _, b := range bars {
		got = append(got, fmt.Sprintf("%s/%d %s %v", b.Name, b.Attempt, b.Status, b.Critical))
	}
	want := "train#2/1 running true, load/1 succeeded true, fit/1 retried false, fit/2 succeeded true, report/1 succeeded false"
	if s := strings.Join(got, ", "); err != nil || s != want {
		t.Errorf("timeline\n got %s, %v\nwant %s", s, err, want)
	}
	roots := LineageQuery{Roots: []Node{{domain.KindRun, x.run}}, Down: true, Collapse: true}
	walked, err := x.db.Lineage(ctx, now, roots)
	if err != nil || !walked.Complete || len(walked.Nodes) != 4 {
		t.Errorf("down from the run, steps as runs: %+v, %v", walked, err)
	}
	impact, err := x.db.Impact(ctx, now, LineageQuery{Roots: []Node{{domain.KindArtifact, x.orders}}, Down: true}, Page{Limit: 2})
	if err != nil || impact.Total != 5 || len(impact.Rows) != 2 || !impact.More || fmt.Sprint(impact.ByDistance) != "[{1 2} {2 2} {3 1}]" {
		t.Errorf("impact: %+v, %v", impact, err)
	}
	rest, err := x.db.Impact(ctx, now, LineageQuery{Roots: []Node{{domain.KindArtifact, x.orders}}, Down: true}, Page{Limit: 9, After: &impact.Rows[1].Mark})
	if err != nil || len(rest.Rows) != 3 || rest.More {
		t.Errorf("the rest of it: %+v, %v", rest, err)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	x := newExample(t)
	search := func(m Moment, text string, kinds ...domain.Kind) string {
		hits, err := x.db.Search(context.Background(), m, text, kinds, 10)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		var out []string
		for _, h := range hits {
			out = append(out, fmt.Sprintf("%s %s %d", h.Kind, domain.Name{Namespace: h.Namespace, Name: h.Name}, h.Rank))
		}
		return strings.Join(out, ", ")
	}
	now, then := x.moment(x.head), x.moment(x.beforeDelete)
	for _, tt := range []struct{ got, want string }{
		{search(now, "TRAIN"), "pipeline train 0, run Nightly training 2"},
		{search(then, "train", domain.KindPipeline), "pipeline spark/train 0, pipeline train 0"},
		{search(x.moment(0), "train"), ""},
		{search(now, "ord"), "artifact s3://lake/orders 1, artifact db2/public.orders 2, artifact db1/public.orders 2"},
		{search(now, "orders"), "artifact s3://lake/orders 0, artifact db2/public.orders 2, artifact db1/public.orders 2"},
		{search(now, "orders pub"), "artifact db2/public.orders 2, artifact db1/public.orders 2"},
		{search(now, "churn-m"), "artifact churn-model 1"},
		{search(now, "100%"), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}

func TestAuditAndChanges(t *testing.T) {
	t.Parallel()
	x := newExample(t)
	ctx, now := context.Background(), x.moment(x.head)
	l, err := x.db.Audit(ctx, now, AuditQuery{Page: Page{Limit: 2}, Types: []string{"run.*"}, ExcludeTypes: []string{"run.started"}})
	if err != nil || l.Rows[0].Row.Revision != x.head || !l.More {
		t.Errorf("the newest events: %+v, %v", l, err)
	}
	from, to := domain.Revision(1), domain.Revision(3)
	l, err = x.db.Audit(ctx, now, AuditQuery{From: &from, To: &to, Ascending: true, After: recordedAt(2), Kinds: []domain.Kind{"run"}})
	if err != nil || len(l.Rows) != 2 || l.Rows[0].Row.Revision != 2 {
		t.Errorf("a range, oldest first: %+v, %v", l, err)
	}
	l, err = x.db.Audit(ctx, now, AuditQuery{CommandID: "command-1", Ascending: true})
	if err != nil || len(l.Rows) != 2 || l.Rows[0].Row.Revision != 3 || l.Rows[1].Row.Revision != 4 || l.Rows[1].Row.CommandID != "command-1" {
		t.Errorf("what one command did: %+v, %v", l, err)
	}
	if l, err = x.db.Audit(ctx, now, AuditQuery{CommandID: "command-1", Kinds: []domain.Kind{"step"}}); err != nil || len(l.Rows) != 0 {
		t.Errorf("what one command did to steps: %+v, %v", l, err)
	}
	if l, err = x.db.Audit(ctx, x.moment(3), AuditQuery{CommandID: "command-1"}); err != nil || len(l.Rows) != 1 {
		t.Errorf("what one command had done by then: %+v, %v", l, err)
	}
	if n, err := x.db.CountAudit(ctx, now, AuditQuery{Before: recordedAt(3)}, 10); err != nil || n != 3 {
		t.Errorf("events before a time: %d, %v", n, err)
	}
	for at, want := range map[time.Time]domain.Revision{noon.Add(-time.Second): domain.NoRevision, recordedAt(2).Add(time.Millisecond): 2, recordedAt(99): x.head} {
		if n, err := x.db.RevisionAt(ctx, now, at); err != nil || n != want {
			t.Errorf("the revision at %v is %d, %v, want %d", at, n, err, want)
		}
	}
	changed, more, err := x.db.Changed(ctx, now, x.unnested, 10)
	if want := fmt.Sprint([]Node{{"run", x.run}, {"run", x.nested}, {"run", x.twin}, {"step", x.fit}}); err != nil || more || fmt.Sprint(changed) != want {
		t.Errorf("changed: %v, %v, want %s", changed, err, want)
	}
	for _, tt := range []struct {
		run   int64
		after domain.Revision
		at    domain.Revision
		want  bool
	}{{x.run, x.unnested, x.head, true}, {x.run, x.beforeDelete, x.head, false}, {x.twin, x.beforeDelete, x.head, true}, {x.twin, x.beforeDelete, x.beforeDelete, false}, {x.nested, x.unnested, x.head, true}} {
		if got, err := x.db.RunChanged(ctx, x.moment(tt.at), tt.run, tt.after); err != nil || got != tt.want {
			t.Errorf("run %d changed after %d as of %d: %v, %v", tt.run, tt.after, tt.at, got, err)
		}
	}
}
