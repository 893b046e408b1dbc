package graphql_test

import (
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

// Every phase that an orchestrator can report, a caller can command.
func TestEveryPhaseIsAMutation(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	for _, id := range []string{"lost", "cached", "told"} {
		h.do("queueRun", `workspace: "www", id: "`+id+`", pipeline: {name: "p"}`, "")
	}
	h.do("initializeRun", `workspace: "www", run: "lost"`, "run { status }").want(map[string]string{"it.run.status": "INITIALIZING"})
	h.do("loseRun", `workspace: "www", run: "lost"`, "run { status }").want(map[string]string{"it.run.status": "LOST"})
	h.do("cacheRun", `workspace: "www", run: "cached"`, "run { status }").want(map[string]string{"it.run.status": "CACHED"})
	h.do("startRun", `workspace: "www", id: "told", pipeline: {name: "p"}`, "")
	for _, step := range []struct{ mutation, more, want string }{
		{"queueStep", "", "QUEUED"}, {"initializeStep", "", "INITIALIZING"}, {"startStep", "", "RUNNING"}, {"cancelStep", ", requested: true", "CANCELLING"}, {"cancelStep", "", "CANCELLED"},
	} {
		h.do(step.mutation, `workspace: "www", run: "told", step: "s"`+step.more, "step { status }").want(map[string]string{"it.step.status": step.want})
	}
	h.do("startStep", `workspace: "www", run: "told", step: "silent"`, "")
	h.do("loseStep", `workspace: "www", run: "told", step: "silent"`, "step { status }").want(map[string]string{"it.step.status": "LOST"})
	for mutation, of := range map[string]string{"initializeRun": `run: "cached"`, "cacheRun": `run: "lost"`, "loseRun": `run: "nobody"`, "queueStep": `run: "told", step: "s"`, "loseStep": `run: "told", step: "s"`} {
		if kind, code := h.refused(mutation, `workspace: "www", `+of); kind != "InvalidTransition" && code != "NOT_FOUND" {
			t.Errorf("%s of %s is refused as %s %s", mutation, of, kind, code)
		}
	}
}
