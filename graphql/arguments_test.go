package graphql_test

import (
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
	a := h.as("reader", `mutation { archiveWorkspace(input: {workspace: "www"}) { revision } }`, nil)
	more, _ := a.Errors[0]["extensions"].(map[string]any)
	if more["code"] != "FORBIDDEN" || more["scope"] != "admin" || !strings.Contains(a.Errors[0]["message"].(string), "scope admin") {
		t.Errorf("answered %v; want FORBIDDEN with the scope", a.Errors)
	}
}
