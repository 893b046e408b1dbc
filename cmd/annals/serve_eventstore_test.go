package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/pgtest"
)

// chance finds what differs between two instances that did the same: times, ids that are drawn, salted digests, how
// long things took, and cursors, which say of which database they are.
var chance = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}` +
	`|"kind":"key","id":"[^"]*"|"(nextC|endC|startC|c)ursor":"[^"]*"|"(seconds|took|rate|salt|evidence|digest)[A-Za-z]*":\s*("[^"]*"|[0-9.]+)`)

func sameForAll(answer string) string { return chance.ReplaceAllString(answer, "…") }

// tenMinutes is what a new user does, and every answer he gets.
func tenMinutes(t *testing.T, s *testServer) map[string]string {
	t.Helper()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	run := func(args ...string) string {
		out, errs, exit := s.annals("", append(args, "-o", "json")...)
		answers[strings.Join(args, " ")] = sameForAll(out + errs)
		if exit != 0 {
			t.Errorf("annals %v exits %d: %s", args, exit, errs)
		}
		return out
	}
	for range 2 { // the second time everything is a duplicate
		for _, what := range [][]string{{"openlineage", "ingest/openlineage/testdata/real.ndjson"}, {"events", "examples/training.ndjson"}} {
			var sum imported
			decode(t, run("import", what[0], filepath.Join(root, what[1])), &sum)
			s.readable(t, sum.Revision)
		}
	}
	for _, args := range []string{
		"workspace list", "pipeline list", "run list --all", "run list --where metrics.rmse<0.2", "artifact list", "artifact versions features",
		"run show train-2", "lineage features --up", "log", "log default --from 3 --to 5",
	} {
		run(strings.Fields(args)...)
	}
	examples, err := filepath.Glob(filepath.Join(root, "examples", "*.graphql"))
	if err != nil {
		t.Fatal(err)
	}
	writes := func(file string) int { // last: who reads after them may be faster than the projections
		return strings.Count("ingest.graphql start-run.graphql", filepath.Base(file))
	}
	slices.SortStableFunc(examples, func(a, b string) int { return writes(a) - writes(b) })
	for _, file := range examples {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		status, answer, _ := s.call(t, "POST", "/graphql", s.Key, string(rawJSON(map[string]string{"query": string(text)})), "Content-Type", "application/json")
		if status != 200 || strings.Contains(answer, `"errors"`) {
			t.Errorf("%s answers %d %s", filepath.Base(file), status, answer)
		}
		answers[filepath.Base(file)] = sameForAll(answer)
	}
	return answers
}

// A user cannot tell where the events are kept: every answer of his first ten minutes is the same on both backends,
// revisions and public ids included.
func TestBothBackendsAnswerTheSame(t *testing.T) {
	t.Parallel()
	fake, err := esdbfake.Start(esdbfake.Options{CertDir: t.TempDir(), Users: map[string]string{"admin": "changeit"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	want := tenMinutes(t, startServer(t))
	dir, database := pgtest.Dir(t), pgtest.URL(t)
	var stop func()
	s := startServerIn(t, dir, database, func(f func()) { stop = f }, func(f *serveFlags) { f.eventstore = fake.ConnectionString() })
	got := tenMinutes(t, s)
	for what, answer := range want {
		if got[what] != answer {
			t.Errorf("%s answers with the event store\n%s\nand without\n%s", what, got[what], answer)
		}
	}
	before, _, _ := s.annals("", "log", "-o", "json")
	stop()
	if strings.Contains(s.Log.String(), "changeit") {
		t.Error("the password of the event store is in the log")
	}
	_ = os.Remove(filepath.Join(dir, addressFile))
	again := startServerIn(t, dir, database, func(f func()) { t.Cleanup(f) }, func(f *serveFlags) { f.eventstore = fake.ConnectionString() })
	if after, _, _ := again.annals("", "log", "-o", "json"); after != before {
		t.Error("the log is another one after a restart")
	}
}

func TestServingBesideAnEventStoreThatIsWrong(t *testing.T) {
	t.Parallel()
	fake, err := esdbfake.Start(esdbfake.Options{CertDir: t.TempDir(), Users: map[string]string{"admin": "changeit"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	database := pgtest.URL(t)
	for name, tt := range map[string]struct{ connection, says string }{
		"a typo":           {"esdb://admin:changeit@localhost:2113?tsl=false", `"tsl"`},
		"another scheme":   {"http://admin:changeit@localhost:2113", "esdb://"},
		"a wrong password": {strings.Replace(fake.ConnectionString(), "changeit", "wrong", 1), "denies access"},
		// At a port that nothing is given: one that was closed a moment ago may be somebody else's by now.
		"unreachable": {"esdb://127.0.0.1:1?tls=false&maxDiscoverAttempts=1", "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			a, out, errs := quiet("text")
			err := a.serve(ctx, serveFlags{listen: "127.0.0.1:0", data: pgtest.Dir(t), databaseURL: database, eventstore: tt.connection, logLevel: "info", logFormat: "json"})
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error()+out.String()+errs.String(), "changeit") {
				t.Errorf("serve: %v; want it to say %q and no password", err, tt.says)
			}
		})
	}
}

// Two instances share one event store by prefixes, and neither sees anything of the other; one that comes back with
// another prefix does not start, let alone write beside its own history.
func TestInstancesShareAnEventStore(t *testing.T) {
	t.Parallel()
	fake, err := esdbfake.Start(esdbfake.Options{CertDir: t.TempDir(), Users: map[string]string{"admin": "changeit"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	dir, database := pgtest.Dir(t), pgtest.URL(t)
	var stop func()
	with := func(prefix string) func(*serveFlags) {
		return func(f *serveFlags) { f.eventstore, f.eventstorePrefix = fake.ConnectionString(), prefix }
	}
	a := startServerIn(t, dir, database, func(f func()) { stop = f }, with("a."))
	b := startServerIn(t, pgtest.Dir(t), pgtest.URL(t), t.Cleanup, with("b."))
	for name, s := range map[string]*testServer{"of-a": a, "of-b": b} {
		out, errs, exit := s.annals(strings.ReplaceAll(oneRun, "%", name), "import", "events", "-", "-o", "json")
		if exit != 0 {
			t.Fatal(errs)
		}
		var sum imported
		decode(t, out, &sum)
		s.readable(t, sum.Revision)
	}
	for name, s := range map[string]*testServer{"of-a": a, "of-b": b} {
		if out, errs, exit := s.annals("", "run", "list", "-o", "ndjson"); exit != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, name) {
			t.Errorf("%s: run list exits %d: %s%s", name, exit, out, errs)
		}
	}
	for name, there := range map[string]bool{"a.workspace-default": true, "b.workspace-default": true, "workspace-default": false} {
		if (fake.Metadata(name) != "") != there {
			t.Errorf("a stream %s that has an access list is there: %t", name, !there)
		}
	}
	stop()
	_ = os.Remove(filepath.Join(dir, addressFile))
	f := serveFlags{listen: "127.0.0.1:0", data: dir, databaseURL: database, logLevel: "info", logFormat: "json"}
	with("c.")(&f)
	app, _, _ := quiet("text")
	if err := app.serve(t.Context(), f); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("serve with another prefix: %v; want that its history is missing", err)
	}
}
