package graphql_test

import (
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

// The outermost run is found up the chain of parents, whoever said so and in whatever order.
func TestTheOutermostRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	for _, id := range []string{"step", "task", "dag"} {
		h.do("startRun", `workspace: "www", id: "`+id+`", pipeline: {name: "p"}`, "")
	}
	h.do("nestRun", `workspace: "www", run: "step", parent: "task"`, "")
	h.do("nestRun", `workspace: "www", run: "task", parent: "dag"`, "")
	h.ask(`{ workspace(slug: "www") { step: run(id: "step") { root { runId } parent { runId root { runId } } } task: run(id: "task") { root { runId } } dag: run(id: "dag") { root { runId } } } }`).
		want(map[string]string{"workspace.step.root.runId": "dag", "workspace.step.parent.root.runId": "dag", "workspace.task.root.runId": "dag", "workspace.dag.root": "null"})
	// What a producer says of a root that nothing else leads to counts; below the real one it does not.
	for id, nested := range map[string][2]string{"far": {"unheard", "night"}, "near": {"step", "task"}} {
		h.ask(`mutation($e: [RunEventInput!]!) { ingestRunEvents(input: {workspace: "www", events: $e}) { accepted userErrors { message } } }`, map[string]any{"e": []any{
			map[string]any{"id": id, "run": id, "at": "2026-03-01T12:00:00Z", "body": map[string]any{"runNested": map[string]any{"parent": nested[0], "root": nested[1]}}}}})
	}
	h.do("annotateRun", `workspace: "www", run: "dag", name: "Nightly"`, "")
	h.ask(`{ workspace(slug: "www") { far: run(id: "far") { root { runId } } near: run(id: "near") { root { runId } } } }`).
		want(map[string]string{"workspace.far.root.runId": "night", "workspace.near.root.runId": "dag"})
}
