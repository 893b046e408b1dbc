package graphql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

func TestMoments(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "aaa", name: "first"`, "")
	h.do("createWorkspace", `slug: "bbb", name: "other"`, "workspace { slug }")
	h.do("renameWorkspace", `workspace: "aaa", name: "second"`, "workspace { name }")
	for name, tt := range map[string]struct{ query, code, path, want string }{
		"now":                        {`{ workspace(slug: "aaa") { name } }`, "", "workspace.name", "second"},
		"as of a revision":           {`{ workspace(slug: "aaa", asOf: {revision: 0}) { name asOf { revision settled } } }`, "", "workspace.name", "first"},
		"as of a time before":        {`{ workspace(slug: "aaa", asOf: {time: "2001-01-01T00:00:00Z"}) { name } }`, "AS_OF_BEFORE_FIRST_EVENT", "workspace", "null"},
		"as of a revision before":    {`{ workspace(slug: "aaa", asOf: {revision: -1}) { name } }`, "AS_OF_BEFORE_FIRST_EVENT", "workspace", "null"},
		"as of a time far ahead":     {`{ workspace(slug: "aaa", asOf: {time: "2999-01-01T00:00:00Z"}) { name } }`, "AS_OF_AHEAD", "workspace", "null"},
		"as of a revision ahead":     {`{ workspace(slug: "aaa", asOf: {revision: 99}, timeoutMs: 100) { name } }`, "AS_OF_AHEAD", "workspace", "null"},
		"at least one that is there": {`{ workspace(slug: "aaa", atLeast: 1) { name } }`, "", "workspace.name", "second"},
		"at least one that is not":   {`{ workspace(slug: "aaa", atLeast: 99, timeoutMs: 100) { name } }`, "CONSISTENCY_TIMEOUT", "workspace", "null"},
		"wait for too long":          {`{ workspace(slug: "aaa", timeoutMs: 999999) { name } }`, "BAD_USER_INPUT", "workspace", "null"},
		"a revision of several":      {`{ workspaces(asOf: {revision: 0}) { nodes { slug } } }`, "AS_OF_NEEDS_TIME", "", ""},
		"several":                    {`{ workspaces { nodes { slug } totalCount } }`, "", "workspaces.nodes", `[{"slug":"aaa"},{"slug":"bbb"}]`},
		"several, by pages":          {`{ workspaces(last: 1) { nodes { slug } pageInfo { hasPreviousPage } } }`, "", "workspaces.nodes", `[{"slug":"bbb"}]`},
		"several, one too many":      {`{ workspaces(last: 501) { nodes { slug } } }`, "BAD_USER_INPUT", "", ""},
		"several, at least":          {`{ workspaces(atLeast: [{workspace: "aaa", revision: 1}, {workspace: "bbb", revision: 0}]) { nodes { slug name } } }`, "", "workspaces.nodes.0.name", "second"},
		"several, wait for too long": {`{ workspaces(atLeast: [], timeoutMs: 999999) { nodes { slug } } }`, "BAD_USER_INPUT", "", ""},
		"several, before any":        {`{ workspaces(asOf: {time: "2001-01-01T00:00:00Z"}) { nodes { slug } } }`, "", "workspaces.nodes", `[]`},
		"none of that name":          {`{ workspace(slug: "nope") { name } }`, "", "workspace", "null"},
		"a time and a revision":      {`query { workspace(slug: "aaa", asOf: {time: "2026-01-01T00:00:00Z", revision: 0}) { name } }`, "GRAPHQL_VALIDATION_FAILED", "", ""},
		"a time without a zone":      {`{ workspace(slug: "aaa", asOf: {time: "2026-01-01T00:00:00"}) { name } }`, "BAD_USER_INPUT", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.as("owner", tt.query, nil)
			if a.code() != tt.code {
				t.Fatalf("answered %v; want code %q", a.Errors, tt.code)
			}
			if tt.path != "" {
				if got := a.at(tt.path); got != tt.want {
					t.Errorf("%s is %s; want %s", tt.path, got, tt.want)
				}
			}
		})
	}
	// What was given as a variable is checked like a literal.
	a := h.as("owner", `query($at: AsOf) { workspace(slug: "aaa", asOf: $at) { name } }`, map[string]any{"at": map[string]any{"time": "2026-01-01T00:00:00Z", "revision": 0}})
	if a.code() != "INVALID_ONE_OF" {
		t.Errorf("two members by variable answered %v; want INVALID_ONE_OF", a.Errors)
	}
}

// Who reads several workspaces names what he wants to see of each; nothing older is ever the answer, and what may not
// be seen answers like what is not there.
func TestSeveralWorkspacesAtLeast(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "aaa"`, "")
	h.do("createWorkspace", `slug: "bbb"`, "")
	h.do("createWorkspace", `slug: "secret"`, "")
	id := h.do("startRun", `workspace: "aaa", id: "r", pipeline: {name: "p"}`, "run { id }").at("it.run.id")
	for i := range 20 { // nothing here waits for what it has written but by atLeast
		tagged := h.send("annotateRun", fmt.Sprintf(`workspace: "aaa", run: "r", tags: [{key: "t%d"}]`, i), "").at("it.revision")
		labelled := h.send("labelWorkspace", fmt.Sprintf(`workspace: "bbb", set: [{key: "l", value: "%d"}]`, i), "").at("it.revision")
		least := []map[string]any{{"workspace": "bbb", "revision": labelled}, {"workspace": "aaa", "revision": tagged}}
		h.ask(`query($id: ID!, $least: [WorkspaceRevision!]) { nodes(ids: [$id], atLeast: $least, timeoutMs: 10000) { ... on Run { revision } } workspaces(atLeast: $least, timeoutMs: 10000) { nodes { slug labels { value } } } }`,
			map[string]any{"id": id, "least": least}).want(map[string]string{"nodes.0.revision": tagged, "workspaces.nodes.1.labels.0.value": fmt.Sprint(i)})
	}
	for name, tt := range map[string]struct{ least, workspace string }{
		"later than there is": {`{workspace: "aaa", revision: 99}`, "aaa"},
		"no such workspace":   {`{workspace: "aaa", revision: 0}, {workspace: "nope", revision: 0}`, "nope"},
		"one of others":       {`{workspace: "secret", revision: 0}`, "secret"},
	} {
		for _, field := range []string{`nodes(ids: [], %s) { id }`, `workspaces(%s) { totalCount }`} {
			a := h.as("owner", "{ "+fmt.Sprintf(field, "atLeast: ["+tt.least+"], timeoutMs: 100")+" }", nil)
			more, _ := a.Errors[0]["extensions"].(map[string]any)
			if a.code() != "CONSISTENCY_TIMEOUT" || more["workspace"] != tt.workspace || more["want"] == nil || more["have"] == nil {
				t.Errorf("%s of %s answered %v; want CONSISTENCY_TIMEOUT of workspace %s", field, name, a.Errors, tt.workspace)
			}
		}
	}
}

// A refusal says the revision it was judged by, however far the read models are.
func TestARefusalSaysWhatItWasJudgedBy(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	h.do("startRun", `workspace: "www", id: "r", pipeline: {name: "p"}`, "")
	var b strings.Builder
	for i := range 15 {
		fmt.Fprintf(&b, `t%[1]d: annotateRun(input: {workspace: "www", run: "r", tags: [{key: "t%[1]d"}]}) { revision }`, i)
	}
	h.ask(`mutation { ` + b.String() + `
		refused: retryStep(input: {workspace: "www", run: "r", step: "none"}) { revision userErrors { code } }
		unfounded: tagPipeline(input: {workspace: "www", pipeline: "x#y/z", set: [{key: "k"}]}) { revision userErrors { code } }
		unseen: renameWorkspace(input: {workspace: "secret", name: "x"}) { revision userErrors { code } } }`).want(map[string]string{
		"t14.revision": "16", "refused.revision": "16", "unfounded.revision": "16", "unseen.revision": "-1",
		"refused.userErrors.0.code": "INVALID_TRANSITION", "unfounded.userErrors.0.code": "NOT_FOUND",
	})
}

func TestNodesAndWords(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "aaa"`, "")
	h.do("createWorkspace", `slug: "bbb"`, "")
	run := h.do("startRun", `workspace: "aaa", id: "r", pipeline: {namespace: "s3://x", name: "y/z"}`, "run { id pipeline { id } }")
	id, pipeline := run.at("it.run.id"), run.at("it.run.pipeline.id")
	h.do("startRun", `workspace: "aaa", id: "q", pipeline: {name: "y/z"}`, "run { id }")
	a := h.ask(`query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }`, map[string]any{"ids": []string{id, "nonsense", pipeline, "run_bm9wZTox"}})
	a.want(map[string]string{"nodes.0.id": id, "nodes.1": "null", "nodes.2.__typename": "Pipeline", "nodes.3": "null"})
	b := h.ask(`query($id: ID!) { workspace(slug: "aaa") { byID: run(id: $id) { id } byRunID: run(id: "r") { id } byNumber: run(id: "s3://x/y/z#1") { id }
		whole: pipeline(id: "s3://x/y/z") { namespace } } other: workspace(slug: "bbb") { run(id: $id) { id } } }`, map[string]any{"id": id})
	b.want(map[string]string{"workspace.byID.id": id, "workspace.byRunID.id": id, "workspace.byNumber.id": id, "workspace.whole.namespace": "s3://x", "other.run": "null"})
	// The bare name means both; the one whose whole name it is wins.
	h.ask(`{ workspace(slug: "aaa") { pipeline(id: "y/z") { namespace } } }`).want(map[string]string{"workspace.pipeline.namespace": ""})
	h.do("startRun", `workspace: "aaa", id: "p", pipeline: {namespace: "other", name: "z"}`, "run { id }")
	h.do("startRun", `workspace: "aaa", id: "p2", pipeline: {namespace: "third", name: "z"}`, "run { id }")
	c := h.as("owner", `{ workspace(slug: "aaa") { pipeline(id: "z") { id } } }`, nil)
	if c.code() != "AMBIGUOUS" || !strings.Contains(c.Errors[0]["message"].(string), "other/z") {
		t.Errorf("a name of two pipelines answered %v; want AMBIGUOUS with candidates", c.Errors)
	}
}

// TestAccess: what one may not see looks like what is not there.
func TestAccess(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "workspace { slug }")
	// Nobody reads "secret", not even its owner; writing to it works.
	h.do("createWorkspace", `slug: "secret"`, "")
	if a := h.as("", `{ __typename }`, nil); a.status != 401 || a.code() != "UNAUTHENTICATED" {
		t.Errorf("without a key: %d %v; want 401", a.status, a.Errors)
	}
	h.ask(`{ workspace(slug: "secret") { name } workspaces { nodes { slug } } }`).
		want(map[string]string{"workspace": "null", "workspaces.nodes": `[{"slug":"www"}]`})
	for _, m := range []string{`renameWorkspace(input: {workspace: "www", name: "x"})`, `archiveWorkspace(input: {workspace: "www"})`, `createWorkspace(input: {slug: "x"})`} {
		a := h.as("reader", `mutation { it: `+m+` { userErrors { __typename code } } }`, nil)
		if got := a.at("it.userErrors"); a.code() != "" || got != `[{"__typename":"PermissionDenied","code":"FORBIDDEN"}]` {
			t.Errorf("%s as a reader answered %s %v; want FORBIDDEN as data", m, got, a.Errors)
		}
	}
	a := h.as("reader", `{ viewer { id scopes } workspace(slug: "www") { viewerAccess { read write admin } } }`, nil)
	a.want(map[string]string{"viewer.id": "reader", "workspace.viewerAccess": `{"admin":false,"read":true,"write":false}`})
}
