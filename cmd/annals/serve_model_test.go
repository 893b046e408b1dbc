package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/projections"
)

const oneRun = `{"id":"%","run":"%","pipeline":{"name":"score"},"at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}`

// outdated is an instance whose read model was made by other code, with a run that was recorded before: stop ends it,
// start begins it again.
type outdated struct {
	*testServer
	t     *testing.T
	stop  func()
	start func(rebuild string)
}

func newOutdated(t *testing.T) *outdated {
	t.Helper()
	o := &outdated{t: t}
	dir, database := pgtest.Dir(t), pgtest.URL(t)
	o.start = func(rebuild string) {
		o.testServer = startServerIn(t, dir, database, func(stop func()) { o.stop = stop }, func(f *serveFlags) { f.rebuild = rebuild })
	}
	o.start("auto")
	o.record("before")
	o.runs("before")
	o.stop()
	pgtest.Exec(t, database, `UPDATE log.models SET version = 'of another code'`)
	return o
}

func (o *outdated) record(run string) {
	o.t.Helper()
	if out, errs, exit := o.annals(strings.ReplaceAll(oneRun, "%", run), "import", "events", "-"); exit != 0 {
		o.t.Fatalf("import: %s%s", out, errs)
	}
}

// runs waits until the runs are those, oldest first.
func (o *outdated) runs(want ...string) {
	o.t.Helper()
	got := ""
	for began := time.Now(); time.Since(began) < time.Minute; pause() {
		var exit int
		if got, _, exit = o.annals("", "run", "list", "--sort", "created", "-o", "ndjson"); exit != 0 {
			continue
		}
		if strings.Count(got, "\n") == len(want) && strings.Contains(got, `"runId":"`+want[len(want)-1]+`"`) {
			return
		}
	}
	o.t.Fatalf("the runs are %s, want %v\n%s", got, want, o.Log)
}

func (o *outdated) ask(path string) string {
	o.t.Helper()
	_, text, _ := o.call(o.t, "GET", path, o.Key, "")
	return text
}

// A read model that other code made is built anew beside it, without anybody's doing, and takes its place.
func TestAnOutdatedReadModelIsRebuiltByItself(t *testing.T) {
	t.Parallel()
	o := newOutdated(t)
	o.start("auto")
	defer func() { o.stop() }()
	o.record("after")
	o.runs("before", "after")
	for began := time.Now(); !strings.Contains(o.ask("/v1/status"), `"state":"current"`); pause() {
		if time.Since(began) > time.Minute {
			t.Fatalf("the status is %s", o.ask("/v1/status"))
		}
	}
	if text := o.ask("/readyz"); text != "ready\n" {
		t.Errorf("/readyz says %q", text)
	}
	if text := o.ask("/metrics"); !strings.Contains(text, "annals_read_model_current 1") {
		t.Error("the metric does not say that the model is current")
	}
	for _, said := range []string{"made by another version of this program", "took the old one's place"} {
		if !strings.Contains(o.Log.String(), said) {
			t.Errorf("the log does not say %q:\n%s", said, o.Log)
		}
	}
}

// Where a person is to rebuild it, everything that operators look at names the cause and the command; the old model
// answers meanwhile, and answers are marked.
func TestAnOutdatedReadModelIsNamedEverywhere(t *testing.T) {
	t.Parallel()
	o := newOutdated(t)
	o.start("manual")
	defer func() { o.stop() }()
	o.record("after")
	o.runs("before")
	for _, path := range []string{"/readyz", "/v1/status"} {
		text := o.ask(path)
		if !strings.Contains(text, "made by another version of this program") || !strings.Contains(text, "annals projection rebuild --accept-differences") {
			t.Errorf("%s says %q", path, text)
		}
	}
	if text := o.ask("/metrics"); !strings.Contains(text, "annals_read_model_current 0") {
		t.Error("the metric says that the model is current")
	}
	if _, _, header := o.call(t, "POST", "/graphql", o.Key, `{"query":"{ __typename }"}`, "Content-Type", "application/json"); header.Get(modelHeader) != "outdated; outdated" {
		t.Errorf("%s: %q", modelHeader, header.Get(modelHeader))
	}
	if _, errs, _ := o.annals("", "run", "list"); !strings.Contains(errs, "not kept up to date") {
		t.Errorf("run list does not warn: %q", errs)
	}
	out, _, exit := o.annals("", "doctor")
	if exit != exitFailed || !strings.Contains(out, "read model") || !strings.Contains(out, "annals projection rebuild --accept-differences") {
		t.Errorf("doctor exits %d: %s", exit, out)
	}
	if out, errs, exit := o.annals("", "projection", "rebuild", "--accept-differences"); exit != 0 || !strings.Contains(out, "swapped:     yes") {
		t.Fatalf("projection rebuild exits %d: %s%s", exit, out, errs)
	}
	o.runs("before", "after")
}

// fakeModel is an engine whose live model is as it is told.
type fakeModel struct {
	status   projections.ModelStatus
	err      error // of rebuilding
	rebuilds []time.Time
}

func (f *fakeModel) Model(context.Context) (projections.ModelStatus, error) { return f.status, nil }

func (f *fakeModel) Rebuild(_ context.Context, o projections.RebuildOptions, progress func(done, total int64, rate float64)) (projections.Report, error) {
	f.rebuilds = append(f.rebuilds, time.Now())
	progress(1, 2, 3)
	if f.err == nil && o.AcceptDifferences {
		f.status.MadeBy = f.status.Code
	}
	return projections.Report{}, f.err
}

func TestTheKeeperOfTheReadModel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeModel{status: projections.ModelStatus{Schema: "read_1", MadeBy: "old", Code: "new", Projecting: 1}}
		log := &buffer{}
		k := &modelKeeper{engine: engine, log: slog.New(slog.NewTextHandler(log, nil)), metrics: newMetrics()}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go k.run(ctx)
		// Given servers of the version that made the model: they keep it up, and it is left to them.
		passes(time.Hour)
		if r := k.report(); len(engine.rebuilds) != 0 || r.State != modelElsewhere || r.Outdated {
			t.Errorf("beside servers that project it: %+v after %d rebuilds", r, len(engine.rebuilds))
		}
		// When they are gone, it is rebuilt; what fails is tried again, ever less often, and the cause is told.
		engine.status.Projecting, engine.err = 0, errors.New("the disk is full")
		passes(10 * time.Minute)
		if r := k.report(); len(engine.rebuilds) != 4 || r.State != modelOutdated || !strings.Contains(r.Detail, "the disk is full") || r.Do == "" {
			t.Errorf("after failures: %+v after %d rebuilds", r, len(engine.rebuilds))
		}
		// When somebody else is at it, it waits.
		engine.err = projections.ErrRebuilding
		passes(10 * time.Minute)
		if r := k.report(); r.State != modelRebuilding || r.Do != "" {
			t.Errorf("while another one rebuilds: %+v", r)
		}
		// When the cause is mended, then it is current, and nothing more is done.
		engine.err = nil
		passes(time.Hour)
		done := len(engine.rebuilds)
		passes(time.Hour)
		if r := k.report(); r.State != modelCurrent || r.Outdated || len(engine.rebuilds) != done {
			t.Errorf("at the end: %+v", r)
		}
		if n := strings.Count(log.String(), "kept up by 1 other servers"); n != 1 {
			t.Errorf("it is told %d times that others keep it up:\n%s", n, log)
		}
	})
}
