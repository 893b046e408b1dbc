package main

import (
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/internal/pgtest"
)

const oneRun = `{"id":"%","run":"%","pipeline":{"name":"score"},"at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}`

// outdatedServer is an instance whose read model was made by other code, with a run that was recorded before: stop ends it,
// start begins it again.
type outdatedServer struct {
	*testServer
	t        *testing.T
	database string
	version  string // of the code of this program
	stop     func()
	start    func(rebuild string)
}

func newOutdated(t *testing.T) *outdatedServer {
	t.Helper()
	dir, database := pgtest.Dir(t), pgtest.URL(t)
	o := &outdatedServer{t: t, database: database}
	o.start = func(rebuild string) {
		o.testServer = startServerIn(t, dir, database, func(stop func()) { o.stop = stop }, func(f *serveFlags) { f.rebuild = rebuild })
	}
	o.start("auto")
	o.record("before")
	o.runs("before")
	o.stop()
	o.version = textOf(t, database, `SELECT version FROM log.models`)
	pgtest.Exec(t, database, `UPDATE log.models SET version = 'of another code'`)
	return o
}

func (o *outdatedServer) record(run string) {
	o.t.Helper()
	if out, errs, exit := o.annals(strings.ReplaceAll(oneRun, "%", run), "import", "events", "-"); exit != 0 {
		o.t.Fatalf("import: %s%s", out, errs)
	}
}

// runs waits until the runs are those, oldest first.
func (o *outdatedServer) runs(want ...string) {
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

// becomes waits until the read model is in a state.
func (o *outdatedServer) becomes(state string) {
	o.t.Helper()
	for began := time.Now(); !strings.Contains(o.ask("/v1/status"), `"state":"`+state+`"`); pause() {
		if time.Since(began) > time.Minute {
			o.t.Fatalf("the status is %s; want it %s\n%s", o.ask("/v1/status"), state, o.Log)
		}
	}
}

func (o *outdatedServer) ask(path string) string {
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
	o.becomes(modelCurrent)
	if text := o.ask("/readyz"); text != "ready\n" {
		t.Errorf("/readyz says %q", text)
	}
	if text := o.ask("/metrics"); !strings.Contains(text, "annals_read_model_current 1") {
		t.Error("the metric does not say that the model is current")
	}
	for _, said := range []string{"made by another version of this program", "took the old one's place"} {
		for began := time.Now(); !strings.Contains(o.Log.String(), said); pause() { // it is said behind the status
			if time.Since(began) > time.Minute {
				t.Fatalf("the log does not say %q:\n%s", said, o.Log)
			}
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
