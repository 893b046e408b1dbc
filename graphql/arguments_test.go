package graphql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

// A caller names what it wrote a moment ago: that the read model has not seen it yet is no reason to say that it is
// not there.
func TestAMutationFindsWhatWasJustWritten(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	for name, tt := range map[string]struct{ first, input, then, its string }{
		"a version":             {"registerArtifactVersion", `workspace: "www", version: {artifact: {namespace: "n", name: "a"}, version: "7"}`, "annotateArtifactVersion", `workspace: "www", artifactVersion: "n/a@7", tags: [{key: "k"}]`},
		"a run by its number":   {"startRun", `workspace: "www", id: "r", pipeline: {name: "p"}`, "completeRun", `workspace: "www", run: "p#1"`},
		"an artifact":           {"registerArtifact", `workspace: "www", namespace: "s3://x", name: "y/z"`, "describeArtifact", `workspace: "www", artifact: "s3://x/y/z", description: "d"`},
		"a pipeline":            {"registerPipeline", `workspace: "www", namespace: "s3://x", name: "y/z"`, "deletePipeline", `workspace: "www", pipeline: "s3://x/y/z", reason: "r"`},
		"a run by its own name": {"startRun", `workspace: "www", id: "native", pipeline: {name: "q"}`, "failRun", `workspace: "www", run: "native"`},
	} {
		t.Run(name, func(t *testing.T) {
			tx, err := h.pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback(t.Context())
			// Given a projection that cannot go on
			if _, err := tx.Exec(t.Context(), `SELECT FROM read_1.progress FOR UPDATE`); err != nil {
				t.Fatal(err)
			}
			h.send(tt.first, tt.input, "")
			// When it goes on while the second mutation looks for what the first one wrote
			h.reads.Store(0)
			done := make(chan answer, 1)
			go func() {
				done <- h.as("owner", "mutation { it: "+tt.then+"(input: {"+tt.its+"}) { userErrors { message code } } }", nil)
			}()
			for h.reads.Load() == 0 {
				if err := h.engine.Wait(t.Context(), "www", 0); err != nil { // a breath
					t.Fatal(err)
				}
			}
			if err := tx.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
			// Then it finds it
			if a := <-done; len(a.Errors) > 0 || a.at("it.userErrors") != "[]" {
				t.Errorf("%s answered %v %v", tt.then, a.Data, a.Errors)
			}
		})
	}
}

func TestAKeyLearnsWhichScopeItLacks(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	for mutation, scope := range map[string]string{
		`archiveWorkspace(input: {workspace: "www"})`:                "admin",
		`startRun(input: {workspace: "www", pipeline: {name: "p"}})`: "write",
	} {
		a := h.as("reader", `mutation { it: `+mutation+` { userErrors { __typename code path ... on PermissionDenied { scope missing } } } }`, nil)
		a.want(map[string]string{"it.userErrors.0.__typename": "PermissionDenied", "it.userErrors.0.code": "FORBIDDEN", "it.userErrors.0.scope": scope})
	}
}

// What is wrong with an argument is said with its name and the rule it breaks.
func TestArgumentsAreNamedWithTheirRule(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "workspace { slug }")
	inside := func(field string) string { return `{ workspace(slug: "www") { ` + field + ` } }` }
	for query, want := range map[string][2]string{
		inside(`runs(first: 1, last: 1) { totalCount }`):                                           {"BAD_USER_INPUT", "last"},
		inside(`runs(first: 1, before: "x") { totalCount }`):                                       {"BAD_USER_INPUT", "before"},
		inside(`runs(after: "x") { totalCount }`):                                                  {"BAD_USER_INPUT", "after"},
		inside(`artifacts(last: 1, before: "x") { totalCount }`):                                   {"BAD_USER_INPUT", "before"},
		inside(`runs(orderBy: {by: METRIC}) { totalCount }`):                                       {"BAD_USER_INPUT", "orderBy"},
		inside(`runs(filter: {where: "status ="}) { totalCount }`):                                 {"BAD_USER_INPUT", "filter.where"},
		inside(`runs(filter: {metrics: [{name: "x", op: CONTAINS, value: 1}]}) { totalCount }`):    {"BAD_USER_INPUT", "filter"},
		inside(`runs(filter: {parameters: [{name: "x", op: CONTAINS, value: 1}]}) { totalCount }`): {"BAD_USER_INPUT", "filter"},
		inside(`runs(filter: {parameters: [{name: "x", op: LT, value: true}]}) { totalCount }`):    {"BAD_USER_INPUT", "filter"},
		inside(`impact(root: "x", direction: BOTH) { totalCount }`):                                {"BAD_USER_INPUT", "direction"},
		inside(`lineage(root: "x") { complete }`):                                                  {"NOT_FOUND", "root"},
		inside(`search(query: " ") { name }`):                                                      {"BAD_USER_INPUT", "query"},
		`{ workspace(slug: "www", asOf: {revision: 7}) { name } }`:                                 {"AS_OF_AHEAD", "asOf"},
		`{ workspace(slug: "www", asOf: {time: "2001-01-01T00:00:00Z"}) { name } }`:                {"AS_OF_BEFORE_FIRST_EVENT", "asOf"},
		`{ workspace(slug: "www", asOf: {time: "2999-01-01T00:00:00Z"}) { name } }`:                {"AS_OF_AHEAD", "asOf"},
		`{ workspaces(asOf: {revision: 0}) { totalCount } }`:                                       {"AS_OF_NEEDS_TIME", "asOf"},
	} {
		a := h.as("owner", query, nil)
		if len(a.Errors) == 0 {
			t.Errorf("%s answered %v; want %v", query, a.Data, want)
			continue
		}
		more, _ := a.Errors[0]["extensions"].(map[string]any)
		if a.code() != want[0] || more["argument"] != want[1] || more["rule"] == nil {
			t.Errorf("%s answered %v; want %v with a rule", query, a.Errors, want)
		}
	}
	a := h.as("owner", `query($n: Int64) { workspace(slug: "www", atLeast: $n) { name } }`, map[string]any{"n": "many"})
	if more, _ := a.Errors[0]["extensions"].(map[string]any); a.code() != "BAD_USER_INPUT" || more["rule"] == nil {
		t.Errorf("a wrong type answered %v; want BAD_USER_INPUT with a rule", a.Errors)
	}
}

// A text with a NUL is in no table: whoever asks by one is told so, or that there is nothing of that name, and it is no
// failure of the server's.
func TestATextWithNULIsNoFailure(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	for _, question := range []string{
		`workspaces(filter: {text: "a\u0000b"}) { totalCount }`, `workspaces(filter: {teams: ["a\u0000b"]}) { totalCount }`,
		`workspace(slug: "a\u0000b") { name }`, `organization(slug: "a\u0000b") { name }`,
		`workspace(slug: "www") { run(id: "a\u0000b") { name } }`, `workspace(slug: "www") { artifact(id: "a\u0000b") { name } }`, `workspace(slug: "www") { pipeline(id: "a\u0000b") { name } }`,
		`workspace(slug: "www") { runs(filter: {pipeline: "a\u0000b"}) { totalCount } }`, `workspace(slug: "www") { search(query: "a\u0000b") { name } }`,
		`workspace(slug: "www") { auditLog(filter: {actor: "a\u0000b"}) { totalCount } }`,
	} {
		a := h.as("owner", "{ "+question+" }", nil)
		for _, e := range a.Errors {
			if strings.Contains(fmt.Sprint(e), "INTERNAL") {
				t.Errorf("%s: %v", question, a.Errors)
			}
		}
	}
}
