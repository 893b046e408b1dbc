package main

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
	"github.com/annals-io/annals/internal/pgtest"
)

// took finds how long things took, and cursors, which say of which database they are: all that may differ between two
// answers about one instance.
var took = regexp.MustCompile(`"(nextC|endC|startC|c)ursor":"[^"]*"|"(seconds|took|rate|lastUsed)[A-Za-z]*":\s*("[^"]*"|[0-9.]+|null)`)

// looks is all that a user can ask, and everything he ever sent sent again.
func looks(t *testing.T, s *testServer) map[string]string {
	t.Helper()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	run := func(args ...string) string {
		out, errs, exit := s.annals("", append(args, "-o", "json")...)
		answers[strings.Join(args, " ")] = took.ReplaceAllString(out+errs, "…")
		if exit != 0 {
			t.Errorf("annals %v exits %d: %s", args, exit, errs)
		}
		return out
	}
	for _, what := range [][]string{{"openlineage", "ingest/openlineage/testdata/real.ndjson"}, {"events", "examples/training.ndjson"}} {
		var sum imported
		decode(t, run("import", what[0], filepath.Join(root, what[1])), &sum)
		if sum.Duplicates != sum.Accepted+sum.Duplicates || sum.Duplicates == 0 {
			t.Errorf("sent again: %+v, want duplicates alone", sum)
		}
		s.readable(t, sum.Revision)
	}
	for _, args := range []string{
		"workspace list", "workspace show default", "pipeline list", "run list --all", "run list --where metrics.rmse<0.2", "artifact list", "artifact versions features",
		"run show train-2", "lineage features --up", "lineage features --up --as-of 30", "log", "log default --from 3 --to 5", "audit key", "key list", "run list --all --as-of 30",
	} {
		run(strings.Fields(args)...)
	}
	for _, file := range []string{"start-run.graphql", "ingest.graphql"} { // commands sent again
		text := readFile(t, filepath.Join(root, "examples", file))
		_, answer, _ := s.call(t, "POST", "/graphql", s.Key, string(rawJSON(map[string]string{"query": text})), "Content-Type", "application/json")
		answers[file] = answer
	}
	return answers
}

// An instance moves from PostgreSQL to an event store and back, and nobody can tell by any answer.
func TestSwitchingTheEventStore(t *testing.T) {
	t.Parallel()
	fake := esdbtest.Start(t, esdbfake.Options{CertDir: t.TempDir(), Users: map[string]string{"admin": "changeit"}})
	dir := pgtest.Dir(t)
	first, beside, last := pgtest.URL(t), pgtest.URL(t), pgtest.URL(t)
	serve := func(database, eventstore string, do func(s *testServer)) {
		t.Helper()
		prefix := ""
		if eventstore != "" {
			prefix = "moved."
		}
		_ = os.Remove(filepath.Join(dir, addressFile))
		var stop func()
		s := startServerIn(t, dir, database, func(f func()) { stop = f }, func(f *serveFlags) { f.eventstore, f.eventstorePrefix = eventstore, prefix })
		do(s)
		stop()
	}
	var want map[string]string
	serve(first, "", func(s *testServer) {
		tenMinutes(t, s)
		want = looks(t, s)
	})
	same := func(where string) func(s *testServer) {
		return func(s *testServer) {
			got := looks(t, s)
			if strings.Contains(s.Log.String(), "ALARM") { // what was signed elsewhere is what is here
				t.Errorf("%s:\n%s", where, s.Log)
			}
			for what, answer := range want {
				if got[what] != answer {
					t.Errorf("%s, %s answers\n%s\nand before\n%s", where, what, got[what], answer)
				}
			}
		}
	}
	offline := &testServer{Dir: dir}
	copying := func(args ...string) copied {
		t.Helper()
		out, errs, exit := offline.annals("", append([]string{"eventstore", "copy", "-o", "json"}, args...)...)
		if exit != 0 || strings.Contains(errs, "changeit") {
			t.Fatalf("copy %v exits %d: %s", args, exit, errs)
		}
		var c copied
		decode(t, out, &c)
		return c
	}
	there := copying("--from", first, "--to", fake.ConnectionString(), "--to-database", beside, "--to-prefix", "moved.")
	if there.Written != there.Events || there.Events == 0 || there.Keys == 0 || there.Evidence == 0 || there.Seals == 0 {
		t.Errorf("copied: %+v", there)
	}
	serve(beside, fake.ConnectionString(), same("in the event store"))
	back := copying("--from", fake.ConnectionString(), "--from-database", beside, "--from-prefix", "moved.", "--to", last)
	if back.Digest != there.Digest {
		t.Errorf("the digest is %s, there it was %s: something was added by asking", back.Digest, there.Digest)
	}
	serve(last, "", same("back in PostgreSQL"))
	if again := copying("--from", fake.ConnectionString(), "--from-database", beside, "--from-prefix", "moved.", "--to", last); again.Written != 0 {
		t.Errorf("nothing was to be copied, and it was %+v", again)
	}
}

// lastLine is the last line of a text that is not empty.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func TestCopiesThatCannotBe(t *testing.T) {
	t.Parallel()
	fake := esdbtest.Start(t, esdbfake.Options{CertDir: t.TempDir(), Users: map[string]string{"admin": "changeit"}})
	gone := esdbtest.Start(t, esdbfake.Options{})
	gone.Stop()
	served := pgtest.URL(t)
	startServerIn(t, pgtest.Dir(t), served, func(stop func()) { t.Cleanup(stop) })
	empty, other := pgtest.URL(t), pgtest.URL(t)
	full := pgtest.URL(t)
	startAndStop(t, full)
	foreign := pgtest.URL(t)
	startAndStop(t, foreign)
	to := []string{"--to", fake.ConnectionString(), "--to-database", other}
	wrong := strings.Replace(fake.ConnectionString(), "changeit", "wrong", 1)
	for name, tt := range map[string]struct {
		args []string
		exit int
		says string
	}{
		"no source":                 {to, exitUsage, "--from is missing"},
		"no target":                 {[]string{"--from", full}, exitUsage, "--to is missing"},
		"the same":                  {[]string{"--from", full, "--to", full}, exitUsage, "the same"},
		"no database beside":        {[]string{"--from", full, "--to", fake.ConnectionString()}, exitUsage, "--to-database is missing"},
		"a database beside none":    {[]string{"--from", full, "--to", other, "--to-database", other}, exitUsage, "leave them out"},
		"another kind":              {[]string{"--from", full, "--to", "mysql://host/db"}, exitUsage, "mysql://"},
		"a typo":                    {[]string{"--from", full, "--to", "esdb://admin:changeit@h?tsl=false", "--to-database", other}, exitUsage, `"tsl"`},
		"a directory without any":   {append([]string{"--from", t.TempDir()}, to...), exitNotFound, "there is no instance in"},
		"a database without any":    {append([]string{"--from", empty}, to...), exitNotFound, "holds no instance"},
		"a wrong password":          {[]string{"--from", full, "--to", wrong, "--to-database", other}, exitAuth, "denies access"},
		"an unreachable store":      {[]string{"--from", full, "--to", gone.ConnectionString(), "--to-database", other}, exitFailed, "unavailable"},
		"a source that is served":   {append([]string{"--from", served}, to...), exitConflict, "a server is connected"},
		"a target of somebody else": {[]string{"--from", full, "--to", foreign}, exitConflict, "belongs to another instance"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			out, errs, exit := (&testServer{Dir: t.TempDir()}).annals("", append([]string{"eventstore", "copy", "-o", "json"}, tt.args...)...)
			var said struct{ Error failure }
			if err := json.Unmarshal([]byte(lastLine(errs)), &said); err != nil {
				t.Fatalf("%v: %s", err, errs)
			}
			if exit != tt.exit || !strings.Contains(said.Error.Message+said.Error.Hint, tt.says) || out != "" || strings.Contains(errs, "changeit") {
				t.Errorf("exits %d, want %d and %q and no password: %s%s", exit, tt.exit, tt.says, out, errs)
			}
			if said.Error.Hint == "" && exit != exitUsage {
				t.Errorf("no way out is named: %s", errs)
			}
			if time.Since(began) > 2*openEventstoreTimeout {
				t.Errorf("it took %s", time.Since(began))
			}
		})
	}
}

// Between data directories the vault and the first key go along, and another instance's are not overwritten.
func TestCopyingTheVault(t *testing.T) {
	t.Parallel()
	from, to, other := t.TempDir(), t.TempDir(), t.TempDir()
	write := func(dir, name, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(from, "vault/master.json", "one")
	write(from, "vault/subjects/a.json", "two")
	write(from, firstKeyFile, "three")
	write(from, auditKeyFile, "four")
	write(other, "vault/master.json", "another")
	a, _, errs := quiet("text")
	for range 2 { // the second time it is there
		if err := a.copyVault(from, to); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"vault/master.json": "one", "vault/subjects/a.json": "two", firstKeyFile: "three", auditKeyFile: "four"} {
		info, err := os.Stat(filepath.Join(to, name))
		if err != nil || info.Mode().Perm() != 0o600 || readFile(t, filepath.Join(to, name)) != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if err := a.copyVault(from, other); err == nil || failureOf(err).Exit != exitConflict || readFile(t, filepath.Join(other, "vault/master.json")) != "another" {
		t.Errorf("over another vault: %v", err)
	}
	for _, pair := range [][2]string{{"", ""}, {from, ""}, {"", to}} {
		before := len(errs.String())
		if err := a.copyVault(pair[0], pair[1]); err != nil || !strings.Contains(errs.String()[before:], "vault") {
			t.Errorf("%q: %v, %s", pair, err, errs.String()[before:])
		}
	}
}

func TestPasswordsOfPlacesAreCovered(t *testing.T) {
	t.Parallel()
	for _, p := range []instancePlace{
		{where: "esdb://u:secret@h:2113?tls=false", beside: "postgres://u:secret@h/d"}, {where: "postgres://u:secret@h/d"}, {where: "esdb://u:secret@a:1,b:2", beside: "dir"},
	} {
		if text := p.served(); strings.Contains(text, "secret") || !strings.Contains(text, "--data") {
			t.Errorf("%+v is served by %s", p, text)
		}
	}
	if got, err := url.Parse(asCopy("postgres://u:p@h/d?sslmode=disable")); err != nil || got.Query().Get("application_name") != "annals copy" || got.Query().Get("sslmode") != "disable" {
		t.Errorf("%v, %v", got, err)
	}
}
