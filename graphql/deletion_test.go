package graphql_test

import (
	"strings"
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

// What runs keeps its workspace; what deleting comes to is said before; an earlier moment still shows what was.
func TestDeletingAWorkspace(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "lab"`, "")
	h.do("startRun", `workspace: "lab", id: "r1", pipeline: {name: "train"}`, "")
	h.do("startRun", `workspace: "lab", id: "r2", pipeline: {name: "train"}`, "")
	h.do("completeRun", `workspace: "lab", run: "r1"`, "")
	const preview = `{ workspace(slug: "lab") { deletionPreview { possible never blocking blockers { kind id name status command path } ends { members pipelines endedRuns artifacts } } } }`
	a := h.ask(preview)
	a.want(map[string]string{
		"workspace.deletionPreview.possible": "false", "workspace.deletionPreview.never": "null", "workspace.deletionPreview.blocking": "1",
		"workspace.deletionPreview.blockers.0.kind": "RUN", "workspace.deletionPreview.blockers.0.name": "train#2", "workspace.deletionPreview.blockers.0.status": "RUNNING",
		"workspace.deletionPreview.ends.members": "1", "workspace.deletionPreview.ends.pipelines": "1", "workspace.deletionPreview.ends.endedRuns": "1",
	})
	id := a.at("workspace.deletionPreview.blockers.0.id")
	if got := a.at("workspace.deletionPreview.blockers.0.command"); got != "annals run cancel "+id+" --workspace lab" {
		t.Errorf("it is ended by %s", got)
	}
	if got := a.at("workspace.deletionPreview.blockers.0.path"); !strings.HasPrefix(got, "/v1/workspaces/lab/runs/") {
		t.Errorf("it is seen at %s", got)
	}
	no := h.ask(`mutation { deleteWorkspace(input: {workspace: "lab", confirmSlug: "lab"}) { userErrors { __typename code path ... on DeletionBlocked { blocking blockers { id } } } revision } }`)
	no.want(map[string]string{
		"deleteWorkspace.userErrors.0.__typename": "DeletionBlocked", "deleteWorkspace.userErrors.0.code": "BLOCKED", "deleteWorkspace.userErrors.0.path": `["input","workspace"]`,
		"deleteWorkspace.userErrors.0.blocking": "1", "deleteWorkspace.userErrors.0.blockers.0.id": id, "deleteWorkspace.revision": "3",
	})
	if kind, code := h.refused("deleteWorkspace", `workspace: "lab", confirmSlug: "lap"`); kind != "InvalidInput" || code != "INVALID" {
		t.Errorf("another slug is answered %s %s", kind, code)
	}
	h.do("cancelRun", `workspace: "lab", run: "`+id+`"`, "")
	const deleting = `mutation { deleteWorkspace(input: {workspace: "lab", confirmSlug: "lab", meta: {idempotencyKey: "k"}}) { userErrors { code } duplicate revision } }`
	h.ask(deleting).want(map[string]string{"deleteWorkspace.userErrors": "[]", "deleteWorkspace.duplicate": "false", "deleteWorkspace.revision": "5"})
	h.ask(deleting).want(map[string]string{"deleteWorkspace.userErrors": "[]", "deleteWorkspace.duplicate": "true", "deleteWorkspace.revision": "5"})
	h.ask(`{ workspace(slug: "lab", asOf: {revision: 4}) { status deletionPreview { possible } runs { totalCount } } }`).want(map[string]string{
		"workspace.status": "ACTIVE", "workspace.deletionPreview.possible": "true", "workspace.runs.totalCount": "2",
	})
}
