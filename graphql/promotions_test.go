package graphql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

// trained is a workspace with a model v1, made from data, and what it takes to promote it to the other two: "prod", which
// everybody sees, and "secret", which nobody does.
func trained(t *testing.T) *house {
	h := newHouse(t, limit.Limits{})
	for _, slug := range []string{"stage", "prod", "secret"} {
		h.do("createWorkspace", fmt.Sprintf("slug: %q", slug), "")
	}
	h.do("startRun", `workspace: "stage", id: "train-1", pipeline: {name: "train"}`, "")
	h.do("consumeArtifactVersions", `workspace: "stage", run: "train-1", artifacts: [{artifact: {name: "data"}}]`, "")
	h.do("produceArtifactVersions", `workspace: "stage", run: "train-1", artifacts: [{artifact: {name: "model"}, version: "v1", uri: "s3://b/v1", digest: "sha256:1", sizeBytes: 7}]`, "")
	h.do("completeRun", `workspace: "stage", run: "train-1"`, "")
	return h
}

const promotedFields = `promotion { id state hidden direction reason counterpart { workspace artifactVersion { number } } artifactVersion { name } }
	received { id name status uri sizeBytes digest artifact { name } producedBy { id } promotions { direction hidden counterpart { workspace artifactVersion { name } } } } receivedRevision`

func TestPromotedVersionIsThere(t *testing.T) {
	t.Parallel()
	h := trained(t)
	a := h.do("promoteArtifactVersion", `workspace: "stage", artifactVersion: "model@v1", to: "prod", reason: "it passed"`, promotedFields)
	a.want(map[string]string{
		"it.promotion.state": "RECEIVED", "it.promotion.direction": "SENT", "it.promotion.reason": "it passed", "it.promotion.hidden": "false",
		"it.promotion.counterpart.workspace": "prod", "it.promotion.counterpart.artifactVersion.number": "1", "it.promotion.artifactVersion.name": "v1",
		"it.received.name": "v1", "it.received.status": "RECEIVED", "it.received.uri": "s3://b/v1", "it.received.sizeBytes": "7", "it.received.digest": "sha256:1",
		"it.received.artifact.name": "model", "it.received.producedBy": "null", "it.received.promotions.0.direction": "RECEIVED",
		"it.received.promotions.0.counterpart.workspace": "stage", "it.received.promotions.0.counterpart.artifactVersion.name": "v1",
	})
	there := a.at("it.receivedRevision")
	h.do("startRun", `workspace: "prod", id: "serve-1", pipeline: {name: "serve"}`, "")
	last := h.do("consumeArtifactVersions", `workspace: "prod", run: "serve-1", artifacts: [{artifact: {name: "model"}}]`, "").at("it.revision")
	const walk = `nodes { kind name workspace distance hidden entity { id } } edges { role } compact { ids workspaces hidden } complete workspaces { slug revision } `
	q := h.ask(`{ prod: workspace(slug: "prod", atLeast: ` + last + `) {
		up: lineage(root: "serve-1", direction: UP) { ` + walk + ` }
		impact(root: "serve-1", direction: UP, granularity: VERSION) { nodes { name workspace distance entity { id } } totalCount workspaces { slug } }
		two: impact(root: "serve-1", direction: UP, granularity: VERSION, first: 2) { pageInfo { endCursor } nodes { name } }
		promotions(direction: RECEIVED) { totalCount nodes { state counterpart { workspace } } }
		before: lineage(root: "model@v1", direction: UP) { nodes { name } } }
	stage: workspace(slug: "stage") { down: lineage(root: "data", direction: DOWN) { ` + walk + ` } } }`)
	q.want(map[string]string{
		"prod.up.nodes.1.name": "model@1", "prod.up.nodes.1.workspace": "prod", "prod.up.nodes.2.name": "model@1", "prod.up.nodes.2.workspace": "stage",
		"prod.up.nodes.3.workspace": "stage", "prod.up.nodes.4.name": "data@1", "prod.up.nodes.4.distance": "-4", "prod.up.complete": "true",
		"prod.up.workspaces.0.slug": "prod", "prod.up.workspaces.1.slug": "stage", "prod.impact.totalCount": "4", "prod.impact.nodes.3.name": "data@1",
		"prod.impact.nodes.3.workspace": "stage", "prod.impact.workspaces.1.slug": "stage", "prod.promotions.totalCount": "1", "prod.promotions.nodes.0.counterpart.workspace": "stage",
		"stage.down.nodes.3.workspace": "prod", "stage.down.nodes.4.workspace": "prod", "stage.down.complete": "true",
	})
	for i := range 5 {
		if q.at(fmt.Sprintf("prod.up.nodes.%d.entity.id", i)) != q.at(fmt.Sprintf("prod.up.compact.ids.%d", i)) {
			t.Errorf("node %d is not the thing of its id: %s", i, q.at("prod.up"))
		}
	}
	rest := h.ask(`{ workspace(slug: "prod") { impact(root: "serve-1", direction: UP, granularity: VERSION, first: 2, after: "` + q.at("prod.two.pageInfo.endCursor") + `") { nodes { name workspace } } } }`)
	rest.want(map[string]string{"workspace.impact.nodes.1.name": "data@1", "workspace.impact.nodes.1.workspace": "stage"})
	// Before it was received there was nothing to come from, and the target's revision says when that was.
	h.ask(`{ workspace(slug: "prod", asOf: {revision: ` + there + `}) { lineage(root: "model", direction: UP) { nodes { workspace } complete workspaces { slug } } } }`).
		want(map[string]string{"workspace.lineage.nodes.1.workspace": "stage", "workspace.lineage.workspaces.1.slug": "stage"})
	sent := h.ask(`{ workspace(slug: "stage", asOf: {revision: 3}) { lineage(root: "model", direction: DOWN) { nodes { name } complete } } }`)
	if got := sent.at("workspace.lineage.nodes"); strings.Count(got, "name") != 1 {
		t.Errorf("before it was promoted, the model led to %s", got)
	}
	again := h.send("promoteArtifactVersion", `workspace: "stage", artifactVersion: "model@v1", to: "prod", reason: "once more"`, "promotion { id }")
	again.want(map[string]string{"it.duplicate": "true", "it.promotion.id": a.at("it.promotion.id")})
}

// What lies in a workspace that the caller cannot see is one node with a count, and none of its words.
func TestWallsHideWhatLiesBehind(t *testing.T) {
	t.Parallel()
	h := trained(t)
	h.do("promoteArtifactVersion", `workspace: "stage", artifactVersion: "model@v1", to: "secret", artifact: {name: "CANARY-model"}, version: "CANARY-v1", reason: "it passed"`, "promotion { hidden counterpart { workspace } } received { id }").
		want(map[string]string{"it.promotion.hidden": "true", "it.promotion.counterpart": "null", "it.received": "null"})
	h.do("ingestRunEvents", `workspace: "secret", events: [
		{id: "1", run: "CANARY-run", at: "2026-03-01T12:00:00Z", pipeline: {name: "CANARY-pipeline"}, body: {runStarted: {name: "CANARY"}}},
		{id: "2", run: "CANARY-run", at: "2026-03-01T12:00:00Z", body: {artifactsConsumed: {artifacts: [{artifact: {name: "CANARY-model"}, version: "CANARY-v1"}]}}},
		{id: "3", run: "CANARY-run", at: "2026-03-01T12:00:00Z", body: {artifactsProduced: {artifacts: [{artifact: {name: "CANARY-out"}}]}}}]`, "")
	const all = `{ workspace(slug: "stage") { asOf { revision }
		lineage(root: "model@v1", direction: DOWN) { nodes { id kind name status workspace hidden distance tombstone entity { id } } edges { from to role } compact { ids kinds names statuses workspaces hidden from to roles } complete truncatedBy frontier { id } workspaces { slug } }
		filtered: lineage(root: "model@v1", direction: DOWN, filter: {namespaces: ["CANARY"]}) { nodes { hidden } }
		artifacts: lineage(root: "model", direction: DOWN, granularity: ARTIFACT) { nodes { kind name hidden } }
		impact(root: "model@v1", direction: DOWN, granularity: VERSION) { totalCount complete byDistance { distance count } nodes { id kind name workspace hidden entity { id } } workspaces { slug } }
		promotions { nodes { id hidden counterpart { workspace } } } artifactVersion(id: "model@v1") { promotions { hidden } }
		auditLog(first: 50) { nodes { type data reason commandId correlationId causationId } } } }`
	a := h.ask(all)
	a.want(map[string]string{
		"workspace.lineage.nodes.1.kind": "OPAQUE", "workspace.lineage.nodes.1.name": "3 more in a workspace you cannot see", "workspace.lineage.nodes.1.hidden": "3",
		"workspace.lineage.nodes.1.id": "opaque-down", "workspace.lineage.nodes.1.entity": "null", "workspace.lineage.nodes.1.workspace": "null", "workspace.lineage.complete": "true",
		"workspace.lineage.edges.0.to": "opaque-down", "workspace.lineage.edges.0.role": "promoted", "workspace.lineage.compact.hidden.1": "3", "workspace.lineage.compact.kinds.1": "OPAQUE",
		"workspace.filtered.nodes.1.hidden": "3", "workspace.artifacts.nodes.1.hidden": "2", "workspace.impact.totalCount": "1", "workspace.impact.nodes.0.hidden": "3",
		"workspace.impact.nodes.0.entity": "null", "workspace.promotions.nodes.0.hidden": "true", "workspace.promotions.nodes.0.counterpart": "null",
	})
	leaks := func(a answer) {
		t.Helper()
		s := a.at("workspace")
		for _, word := range []string{"CANARY", "secret"} {
			if strings.Contains(strings.ReplaceAll(s, "s3://", ""), word) {
				t.Errorf("%s is in the answer: %s", word, s)
			}
		}
	}
	leaks(a)
	leaks(h.ask(strings.Replace(all, `slug: "stage"`, `slug: "stage", asOf: {revision: `+a.at("workspace.asOf.revision")+`}`, 1)))
	h.do("setWorkspaceWall", `workspace: "secret", hidesCounts: true`, "")
	b := h.ask(strings.Replace(all, `slug: "stage"`, `slug: "stage", asOf: {revision: `+a.at("workspace.asOf.revision")+`}`, 1))
	b.want(map[string]string{
		"workspace.lineage.nodes.1.name": "more in a workspace you cannot see", "workspace.lineage.nodes.1.hidden": "null", "workspace.lineage.compact.hidden.1": "null",
		"workspace.lineage.complete": "false", "workspace.lineage.truncatedBy": "WALL", "workspace.impact.complete": "false", "workspace.impact.nodes.0.hidden": "null",
	})
	leaks(b)
}

func TestPromotionsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := trained(t)
	h.do("createWorkspace", `slug: "old-one"`, "")
	h.do("archiveWorkspace", `workspace: "old-one"`, "")
	const from = `workspace: "stage", artifactVersion: "model@v1", `
	for input, want := range map[string]string{
		from + `to: "stage", reason: "x"`:                                            "InvalidInput INVALID",
		from + `to: "nowhere", reason: "x"`:                                          "NotFoundError NOT_FOUND",
		from + `to: "old-one", reason: "x"`:                                          "WorkspaceClosed ARCHIVED",
		from + `to: "prod", reason: ""`:                                              "InvalidInput REQUIRED",
		`workspace: "stage", artifactVersion: "model@v9", to: "prod", reason: "x"`:   "NotFoundError NOT_FOUND",
		`workspace: "nowhere", artifactVersion: "model@v1", to: "prod", reason: "x"`: "NotFoundError NOT_FOUND",
	} {
		if kind, code := h.refused("promoteArtifactVersion", input); kind+" "+code != want {
			t.Errorf("%s: %s %s, want %s", input, kind, code, want)
		}
	}
	h.as("reader", `mutation { it: promoteArtifactVersion(input: {`+from+`to: "prod", reason: "x"}) { userErrors { __typename path ... on PermissionDenied { missing } } } }`, nil).
		want(map[string]string{"it.userErrors": `[{"__typename":"PermissionDenied","missing":["artifacts:promote"],"path":["input","workspace"]}]`})
	if n := h.ask(`{ workspace(slug: "stage") { promotions { totalCount } } }`).at("workspace.promotions.totalCount"); n != "0" {
		t.Errorf("%s promotions were begun", n)
	}
}
