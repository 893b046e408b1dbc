package graphql_test

import (
	"strings"
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

// Whose rights are taken away sees nothing that was recorded after it, and their subscriptions end, those too in which
// nothing happens.
func TestSubscriptionsEndWithTheRightToRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	h.do("createWorkspace", `slug: "quiet"`, "")
	h.do("startRun", `workspace: "www", id: "r", pipeline: {name: "p"}`, "")
	events := h.followAs("leaver", `subscription { it: events(workspace: "www", after: -1) { revision events { revision type } } }`)
	run := h.followAs("leaver", `subscription { it: run(workspace: "www", id: "r") { revision run { status } } }`)
	idle := h.followAs("leaver", `subscription { it: events(workspace: "quiet") { revision } }`)
	if got := events.until(1); got != "0 1" {
		t.Fatalf("saw revisions %s; want 0 1", got)
	}
	if got := run.next(); !strings.Contains(got, `"RUNNING"`) {
		t.Fatalf("the run is %s", got)
	}

	h.left.Store(true)
	h.do("completeRun", `workspace: "www", run: "r"`, "")

	for name, s := range map[string]*stream{"events": events, "run": run, "idle": idle} {
		if got := s.next(); got != "complete" {
			t.Errorf("%s: after the right was gone came %s", name, got)
		}
	}
	if got := h.as("leaver", `{ workspace(slug: "www") { slug } }`, nil); got.code() != "" || got.Data.(map[string]any)["workspace"] != nil {
		t.Errorf("the workspace is still shown: %v", got)
	}
}
