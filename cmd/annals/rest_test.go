package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// rest sends a request, and reads the answer into a tree.
func (s *testServer) rest(t testing.TB, method, path, key, body string, header ...string) (int, map[string]any, http.Header) {
	t.Helper()
	if body != "" {
		header = append(header, "Content-Type", "application/json")
	}
	status, text, h := s.call(t, method, path, key, body, header...)
	tree := map[string]any{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &tree); err != nil {
			t.Fatalf("%s %s: %d %s", method, path, status, text)
		}
	}
	return status, tree, h
}

// at follows names into a tree.
func at(tree any, path string) any {
	for _, name := range strings.Split(path, ".") {
		switch t := tree.(type) {
		case map[string]any:
			tree = t[name]
		case []any:
			if name != "0" || len(t) == 0 {
				return nil
			}
			tree = t[0]
		default:
			return nil
		}
	}
	return tree
}

// The life of a workspace over plain HTTP.
func TestAWorkspaceByREST(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	if out, errs, exit := s.annals("", "workspace", "create", "lab"); exit != 0 {
		t.Fatal(out, errs)
	}
	_, tree, header := s.rest(t, "GET", "/v1/workspaces/lab", s.Key, "")
	if tree["status"] != "active" || tree["kind"] != "project" || header.Get("ETag") != `"0"` {
		t.Fatalf("%v %v", tree, header)
	}
	// All of it at once, or nothing.
	status, tree, _ := s.rest(t, "PATCH", "/v1/workspaces/lab", s.Key, `{"name":"Laboratory","description":"Where things are tried.","sensitivity":"secret"}`)
	if status != 400 || at(tree, "error.field") != "sensitivity" {
		t.Errorf("a sensitivity that is none: %d %v", status, tree)
	}
	_, tree, _ = s.rest(t, "GET", "/v1/workspaces/lab", s.Key, "")
	if tree["name"] != "lab" || tree["revision"] != 0.0 {
		t.Errorf("something was changed all the same: %v", tree)
	}
	change := `{"name":"Laboratory","description":"Where things are tried.","sensitivity":"internal","labels":{"area":"risk"}}`
	status, tree, header = s.rest(t, "PATCH", "/v1/workspaces/lab", s.Key, change, "If-Match", `"0"`, "Idempotency-Key", "k")
	if status != 200 || tree["name"] != "Laboratory" || tree["description"] != "Where things are tried." || at(tree, "labels.area") != "risk" || tree["sensitivity"] != "internal" {
		t.Fatalf("%d %v", status, tree)
	}
	tag := header.Get("ETag")
	if status, again, _ := s.rest(t, "PATCH", "/v1/workspaces/lab", s.Key, change, "If-Match", `"0"`, "Idempotency-Key", "k"); status != 200 || at(again, "asOf.revision") != at(tree, "asOf.revision") {
		t.Errorf("sent again: %d %v", status, again)
	}
	for name, tt := range map[string]struct {
		body   string
		header []string
		status int
		code   string
		field  string
	}{
		"after somebody else":      {`{"name":"Mine"}`, []string{"If-Match", `"0"`}, 412, "revision_conflict", "If-Match"},
		"another, with that key":   {`{"name":"Mine"}`, []string{"Idempotency-Key", "k"}, 409, "conflict", "Idempotency-Key"},
		"a name taken away":        {`{"name":null}`, nil, 400, "required", "name"},
		"an unknown member":        {`{"colour":"red"}`, nil, 400, "invalid", "body"},
		"a member of a wrong type": {`{"name":7}`, nil, 400, "invalid", "name"},
		"no tag":                   {`{"name":"Mine"}`, []string{"If-Match", "newest"}, 400, "invalid", "If-Match"},
		"a stage of a project":     {`{"environment":"staging"}`, nil, 400, "invalid", "environment"},
		"a list":                   {`[]`, nil, 400, "invalid", "body"},
	} {
		status, tree, _ := s.rest(t, "PATCH", "/v1/workspaces/lab", s.Key, tt.body, tt.header...)
		if status != tt.status || at(tree, "error.code") != tt.code || at(tree, "error.field") != tt.field {
			t.Errorf("%s: %d %v; want %d %s of %s", name, status, tree, tt.status, tt.code, tt.field)
		}
	}
	if status, tree, _ = s.rest(t, "PATCH", "/v1/workspaces/lab", s.Key, `{"description":null,"labels":{"area":null}}`, "If-Match", tag); status != 200 || tree["description"] != nil || len(tree["labels"].(map[string]any)) != 0 {
		t.Errorf("taken away: %d %v", status, tree)
	}
	if _, tree, _ = s.rest(t, "GET", "/v1/workspaces/lab?asOf=0", s.Key, ""); tree["name"] != "lab" {
		t.Errorf("as of its first event: %v", tree)
	}
	if _, tree, _ = s.rest(t, "POST", "/v1/workspaces/lab/archive?reason=over", s.Key, ""); tree["status"] != "archived" {
		t.Errorf("archived: %v", tree)
	}
	if status, tree, _ = s.rest(t, "PATCH", "/v1/workspaces/lab", s.Key, `{"name":"x"}`); status != 409 || at(tree, "error.code") != "archived" {
		t.Errorf("a change of what is archived: %d %v", status, tree)
	}
	if _, tree, _ = s.rest(t, "POST", "/v1/workspaces/lab/restore", s.Key, ""); tree["status"] != "active" {
		t.Errorf("restored: %v", tree)
	}
	if _, tree, _ = s.rest(t, "GET", "/v1/tenants/lab", s.Key, ""); tree["slug"] != "lab" {
		t.Errorf("by the old word for workspaces: %v", tree)
	}
	if _, tree, _ = s.rest(t, "GET", "/v1/workspaces?text=lab&status=active&kind=project", s.Key, ""); tree["totalCount"] != 1.0 || at(tree, "items.0.slug") != "lab" {
		t.Errorf("the list: %v", tree)
	}
}

// What runs stands in the way of a deletion; what was deleted is gone for its owner.
func TestDeletingAWorkspaceByREST(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	if out, errs, exit := s.annals("", "workspace", "create", "lab"); exit != 0 {
		t.Fatal(out, errs)
	}
	run := func(id, typ string) {
		t.Helper()
		body := `{"id":"` + id + `","run":"r","pipeline":{"name":"train"},"at":"2026-03-01T12:00:00Z","body":{"type":"` + typ + `"}}` + "\n"
		if status, answer, _ := s.call(t, "POST", "/v1/workspaces/lab/events", s.Key, body); status != 200 {
			t.Fatal(answer)
		}
	}
	run("1", "runStarted")
	status, tree, _ := s.rest(t, "DELETE", "/v1/workspaces/lab", s.Key, "")
	if status != 400 || at(tree, "error.field") != "confirm" || at(tree, "error.code") != "required" {
		t.Errorf("without the slug once more: %d %v", status, tree)
	}
	if status, tree, _ = s.rest(t, "DELETE", "/v1/workspaces/lab?confirm=lap", s.Key, ""); status != 400 || at(tree, "error.field") != "confirm" {
		t.Errorf("with a slip: %d %v", status, tree)
	}
	status, tree, _ = s.rest(t, "DELETE", "/v1/workspaces/lab?confirm=lab", s.Key, "")
	if status != 409 || at(tree, "error.code") != "blocked" || at(tree, "error.blocking") != 1.0 || at(tree, "error.blockers.0.name") != "train#1" {
		t.Fatalf("with a run under way: %d %v", status, tree)
	}
	path, _ := at(tree, "error.blockers.0.path").(string)
	if status, tree, _ = s.rest(t, "GET", path, s.Key, ""); status != 200 || tree["runId"] != "r" {
		t.Errorf("what stands in the way is not at %s: %d %v", path, status, tree)
	}
	run("2", "runCompleted")
	if status, tree, _ = s.rest(t, "DELETE", "/v1/workspaces/lab?confirm=lab&reason=over", s.Key, ""); status != 200 || tree["slug"] != "lab" {
		t.Fatalf("%d %v", status, tree)
	}
	if status, tree, _ = s.rest(t, "DELETE", "/v1/workspaces/lab?confirm=lab", s.Key, ""); status != 410 {
		t.Errorf("once more: %d %v", status, tree)
	}
}

// Runs, events and lineage are read page by page, now and as of an earlier moment.
func TestReadingByREST(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	lines := `{"id":"1","run":"r-1","pipeline":{"name":"train"},"at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}
{"id":"2","run":"r-1","at":"2026-03-01T12:01:00Z","body":{"type":"artifactsConsumed","artifacts":[{"artifact":{"name":"raw"},"version":"1"}]}}
{"id":"3","run":"r-1","at":"2026-03-01T12:02:00Z","body":{"type":"artifactsProduced","artifacts":[{"artifact":{"name":"model"},"version":"1"}]}}
{"id":"4","run":"r-1","at":"2026-03-01T12:03:00Z","body":{"type":"runCompleted"}}
{"id":"5","run":"r-2","pipeline":{"name":"train"},"at":"2026-03-01T12:04:00Z","body":{"type":"runStarted"}}
`
	status, body, _ := s.call(t, "POST", "/v1/workspaces/default/events", s.Key, lines)
	var taken struct{ Revision int64 }
	if err := json.Unmarshal([]byte(body), &taken); status != 200 || err != nil {
		t.Fatal(status, body)
	}
	s.readable(t, taken.Revision)
	_, tree, _ := s.rest(t, "GET", "/v1/workspaces/default/runs?limit=1", s.Key, "")
	if tree["totalCount"] != 2.0 || at(tree, "items.0.runId") != "r-2" || tree["nextCursor"] == nil {
		t.Fatalf("runs: %v", tree)
	}
	_, tree, _ = s.rest(t, "GET", "/v1/workspaces/default/runs?limit=1&cursor="+tree["nextCursor"].(string), s.Key, "")
	if at(tree, "items.0.runId") != "r-1" || tree["nextCursor"] != nil || at(tree, "items.0.status") != "succeeded" || at(tree, "items.0.pipeline.name") != "train" {
		t.Errorf("the next page: %v", tree)
	}
	if _, tree, _ = s.rest(t, "GET", "/v1/workspaces/default/runs?status=running&status=failed", s.Key, ""); tree["totalCount"] != 1.0 {
		t.Errorf("those that run or failed: %v", tree)
	}
	if status, tree, _ = s.rest(t, "GET", "/v1/workspaces/default/runs/train%231", s.Key, ""); status != 200 || tree["runId"] != "r-1" {
		t.Errorf("by its number: %d %v", status, tree)
	}
	if status, tree, _ = s.rest(t, "GET", "/v1/workspaces/default/runs/r-1?asOf=1", s.Key, ""); status != 200 || tree["status"] != "running" {
		t.Errorf("as of its start: %d %v", status, tree)
	}
	if _, tree, _ = s.rest(t, "GET", "/v1/workspaces/default/lineage?root=model&direction=up", s.Key, ""); tree["complete"] != true || len(tree["nodes"].([]any)) != 3 {
		t.Errorf("where the model came from: %v", tree)
	}
	var revisions []float64
	for cursor := "?limit=2"; cursor != ""; {
		_, tree, _ = s.rest(t, "GET", "/v1/workspaces/default/events"+cursor, s.Key, "")
		for _, e := range tree["items"].([]any) {
			revisions = append(revisions, at(e, "revision").(float64))
		}
		cursor = ""
		if next, more := tree["nextCursor"].(string); more {
			cursor = "?limit=2&cursor=" + next
		}
	}
	if len(revisions) != int(taken.Revision)+1 {
		t.Errorf("events page by page: %v", revisions)
	}
	for i, n := range revisions {
		if n != float64(i) {
			t.Errorf("events page by page: %v", revisions)
			break
		}
	}
	for path, field := range map[string]string{
		"/runs?limit=0": "limit", "/runs?limit=ten": "limit", "/runs?cursor=nonsense": "cursor", "/runs?status=odd": "status", "/runs?colour=red": "colour", "/runs?limit=1&limit=2": "limit",
		"/runs?asOf=yesterday": "asOf", "/runs?asOf=": "asOf", "/runs?where=%3F": "where", "/lineage": "root", "/lineage?root=model&direction=left": "direction", "/events?cursor=x": "cursor",
	} {
		if status, tree, _ = s.rest(t, "GET", "/v1/workspaces/default"+path, s.Key, ""); status != 400 || at(tree, "error.field") != field {
			t.Errorf("%s: %d %v; want 400 of %s", path, status, tree, field)
		}
	}
}
