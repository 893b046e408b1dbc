package main

import (
	"fmt"
	"strings"
	"testing"
)

// Through GraphQL as well, what a key may not see looks like what is not there, and what it may not do is refused.
func TestForeignWorkspacesLookMissing(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	if _, errs, exit := s.annals("", "workspace", "create", "other"); exit != 0 {
		t.Fatal(errs)
	}
	foreign := s.newKey(t, "other", "admin")
	reader := s.newKey(t, "", "read")
	ask := func(key, query string) string {
		t.Helper()
		_, answer, _ := s.call(t, "POST", "/graphql", key, string(rawJSON(map[string]string{"query": query})), "Content-Type", "application/json")
		return answer
	}
	var first struct {
		Data struct {
			Workspace struct {
				ID   string
				Runs struct{ Nodes []struct{ ID string } }
			}
		}
	}
	decode(t, ask(s.Key, `{ workspace(slug: "default") { id runs(first: 1) { nodes { id } } } }`), &first)
	ids := []string{first.Data.Workspace.ID, first.Data.Workspace.Runs.Nodes[0].ID}

	questions := []string{
		`{ workspace(slug: %q) { name runs { totalCount } } }`,
		`{ workspace(slug: %q, asOf: {revision: 3}) { name } }`,
		`mutation { renameWorkspace(input: {workspace: %q, name: "mine"}) { revision userErrors { code message path } } }`,
		`mutation { startRun(input: {workspace: %q, pipeline: {name: "p"}}) { revision userErrors { code message path } } }`,
		`mutation { ingestRunEvents(input: {workspace: %q, events: []}) { revision userErrors { code message path } } }`,
	}
	for _, q := range questions {
		hidden, missing := ask(foreign, fmt.Sprintf(q, "default")), ask(foreign, fmt.Sprintf(q, "nowhere"))
		if strings.ReplaceAll(hidden, "default", "nowhere") != missing {
			t.Errorf("%s\nof a foreign workspace: %s\nof a missing one:       %s", q, hidden, missing)
		}
	}
	for _, id := range ids {
		if got := ask(foreign, fmt.Sprintf(`{ node(id: %q) { id } }`, id)); got != `{"data":{"node":null}}` {
			t.Errorf("node of a foreign workspace: %s", got)
		}
		if got := ask(reader, fmt.Sprintf(`{ node(id: %q) { id } }`, id)); !strings.Contains(got, id) {
			t.Errorf("node of its own: %s", got)
		}
	}
	if got := ask(foreign, `{ workspaces { totalCount nodes { slug } } }`); got != `{"data":{"workspaces":{"totalCount":1,"nodes":[{"slug":"other"}]}}}` {
		t.Errorf("a bound key lists %s", got)
	}
	// What they may not do there is said as data, whichever part of the server says it.
	for _, mutation := range []string{
		`mutation { it: startRun(input: {workspace: "default", pipeline: {name: "p"}}) { userErrors { __typename code } } }`,
		`mutation { it: deleteWorkspace(input: {workspace: "default", confirmSlug: "default", reason: "x"}) { userErrors { __typename code } } }`,
	} {
		if got := ask(reader, mutation); got != `{"data":{"it":{"userErrors":[{"__typename":"PermissionDenied","code":"FORBIDDEN"}]}}}` {
			t.Errorf("%s with a reader's key: %s", mutation, got)
		}
	}
	const create = `mutation { createWorkspace(input: {slug: "mine"}) { workspace { slug } userErrors { __typename code } } }`
	if got := ask(reader, create); got != `{"data":{"createWorkspace":{"workspace":null,"userErrors":[{"__typename":"PermissionDenied","code":"FORBIDDEN"}]}}}` {
		t.Errorf("%s with a reader's key: %s", create, got)
	}
}
