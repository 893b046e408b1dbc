package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/internal/pgtest"
)

// shownPast is a server that shows an export.
func shownPast(t *testing.T, dir, database string) *testServer {
	t.Helper()
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return startServerIn(t, pgtest.Dir(t), database, func(stop func()) { t.Cleanup(stop) }, func(f *serveFlags) {
		if err := f.past.show(b); err != nil {
			t.Error(err)
		}
	})
}

// actorNames finds what those who acted are called.
var actorNames = regexp.MustCompile(`("actor":\{"kind":"[a-z_]+","id":"[^"]+","name":)"[^"]*"`)

func TestAnExportIsShownAsItWas(t *testing.T) {
	t.Parallel()
	live := loaded(t)
	dir := exportOf(t, live, "default")
	past := shownPast(t, dir, pgtest.URL(t))
	for _, command := range [][]string{
		{"run", "list"}, {"run", "show", "train-1"}, {"artifact", "list"}, {"pipeline", "list"}, {"lineage", "model@m1", "--up"}, {"log", "--limit", "200"}, {"run", "list", "--as-of", "40"}, {"workspace", "show", "default", "--as-of", "10"}, {"replay", "default"},
	} {
		args := slices.Concat(command, []string{"-w", "default", "-o", "json"})
		was, errs, exit := live.annals("", args...)
		if exit != 0 {
			t.Fatalf("%v: %s", command, errs)
		}
		is, errs, exit := past.annals("", args...)
		if exit != 0 {
			t.Errorf("%v of the export: %d %s", command, exit, errs)
			continue
		}
		if command[0] == "workspace" {
			continue // says what who asks may do
		}
		if strings.Contains(is, `"name":"root"`) {
			t.Errorf("%v: an export tells what somebody is called", command)
		}
		was = actorNames.ReplaceAllString(was, "${1}null") // what people are called does not come along
		for i, line := range strings.Split(was, "},{") {   // the first that differs says more than all
			if other := strings.Split(is, "},{"); i >= len(other) || other[i] != line {
				was, is = line, other[min(i, len(other)-1)]
				break
			}
		}
		if was != is {
			t.Errorf("%v\nlive: %.500s\npast: %.500s", command, was, is)
		}
	}
	out, _, exit := past.annals("", "workspace", "list", "-o", "json")
	if exit != 0 || strings.Count(out, `"slug"`) != 1 {
		t.Errorf("the workspaces there are: %d %.400s", exit, out)
	}
}

func TestNothingCanBeChangedInAnExport(t *testing.T) {
	t.Parallel()
	live := loaded(t)
	dir := exportOf(t, live, "default")
	database := pgtest.URL(t)
	past := shownPast(t, dir, database)
	before := replayed(t, past, "default")
	for name, q := range map[string]struct{ method, path, body, kind string }{
		"a name":          {"PATCH", "/v1/workspaces/default", `{"name":"x"}`, "application/json"},
		"an end":          {"DELETE", "/v1/workspaces/default?confirm=default", "", ""},
		"OpenLineage":     {"POST", "/api/v1/lineage", event, "application/json"},
		"native events":   {"POST", "/v1/workspaces/default/events", nativeEvent, "application/x-ndjson"},
		"a key":           {"POST", "/v1/keys", `{"scopes":["read"]}`, "application/json"},
		"another history": {"PUT", "/v1/organizations/personal/histories/x", "", "application/x-tar"},
		"a mutation":      {"POST", "/graphql", `{"query":"mutation { renameWorkspace(input: {workspace: \"default\", name: \"x\"}) { revision } }"}`, "application/json"},
	} {
		status, answer, _ := past.call(t, q.method, q.path, past.Key, q.body, "Content-Type", q.kind)
		if status != http.StatusForbidden || !strings.Contains(strings.ToLower(answer), `"read_only"`) || !strings.Contains(answer, "read-only") {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	for _, command := range [][]string{{"run", "delete", "train-1", "--reason", "x"}, {"workspace", "create", "more"}, {"key", "create", "--scope", "read"}} {
		if out, errs, exit := past.annals("", command...); exit != exitAuth || !strings.Contains(errs, "read-only") {
			t.Errorf("%v: %d %s %s", command, exit, out, errs)
		}
	}
	if after := replayed(t, past, "default"); len(after) != len(before) {
		t.Errorf("%d events became %d", len(before), len(after))
	}
}

func TestWhatCannotBeShown(t *testing.T) {
	t.Parallel()
	live := loaded(t)
	dir := exportOf(t, live, "default")
	above := t.TempDir()
	damaged := filepath.Join(t.TempDir(), "damaged")
	if err := os.CopyFS(damaged, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := rewritten(damaged, "events-00000.ndjson", func(b []byte) { b[len(b)/2] ^= 2 }); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		exit int
	}{
		"no export":        {[]string{"--history", filepath.Join(above, "none")}, exitNotFound},
		"a damaged one":    {[]string{"--history", damaged}, exitUnverified},
		"a wrong key":      {[]string{"--history", dir, "--history-key", "x"}, exitUsage},
		"another database": {[]string{"--history", dir, "--database-url", "postgres://127.0.0.1/x"}, exitUsage},
		"a key of nothing": {[]string{"--history-unverified"}, exitUsage},
	} {
		args := slices.Concat([]string{"serve", "--data", filepath.Join(above, "data"), "--listen", "127.0.0.1:0"}, tt.args)
		if out, errs, exit := live.annals("", args...); exit != tt.exit {
			t.Errorf("%s: %d %s %s", name, exit, out, errs)
		}
	}
	if left, err := os.ReadDir(above); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
