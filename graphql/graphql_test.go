package graphql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

// TestARunFromEndToEnd writes a run with steps, data and metrics by mutations, and reads all of it back.
func TestARunFromEndToEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	const in = `workspace: "www", `
	h.do("createWorkspace", `slug: "www", name: "W", description: "trials", labels: [{key: "team", value: "risk"}]`, `workspace { slug description labels { key value } }`).
		want(map[string]string{"it.workspace.description": "trials", "it.workspace.labels.0.value": "risk", "it.revision": "0"})
	h.do("registerPipelineVersion", in+`pipeline: {name: "train"}, label: "v1", steps: [{name: "load"}, {name: "fit"}], edges: [{from: "load", to: "fit"}], source: "print(1)"`,
		`pipelineVersion { number label source steps { name } edges { from to } pipeline { name } }`).
		want(map[string]string{"it.pipelineVersion.number": "1", "it.pipelineVersion.source": "print(1)", "it.pipelineVersion.edges.0.to": "fit", "it.pipelineVersion.pipeline.name": "train"})
	h.do("startRun", in+`id: "r1", pipeline: {name: "train"}, pipelineVersion: "v1", parameters: [{name: "lr", value: 0.1}, {name: "none", value: null}], tags: [{key: "nightly"}]`,
		`run { name status number parameters { name type value } tags { key } pipelineVersion { number } }`).
		want(map[string]string{"it.run.name": "train#1", "it.run.status": "RUNNING", "it.run.parameters.0.value": "0.1", "it.run.parameters.1.type": "NULL", "it.run.tags.0.key": "nightly", "it.run.pipelineVersion.number": "1"})
	h.do("startStep", in+`run: "r1", step: "load"`, `step { status }`)
	h.do("produceArtifactVersions", in+`run: "r1", step: "load", artifacts: [{artifact: {name: "data"}, role: "out", uri: "s3://b/data", sizeBytes: "9007199254740993", metadata: [{name: "snapshot", value: 7120384759012345678}], fields: [{name: "a", type: "int"}]}]`,
		`execution { __typename statusName }`)
	h.do("completeStep", in+`run: "r1", step: "load"`, `step { status outputs { role artifactVersion { number status uri sizeBytes metadata { value } fields { name } } } }`).
		want(map[string]string{"it.step.outputs.0.role": "out", "it.step.outputs.0.artifactVersion.status": "COMPLETE",
			"it.step.outputs.0.artifactVersion.sizeBytes": "9007199254740993", "it.step.outputs.0.artifactVersion.metadata.0.value": "7120384759012345678"})
	h.do("startStep", in+`run: "r1", step: "fit"`, `step { status }`)
	h.do("consumeArtifactVersions", in+`run: "r1", step: "fit", artifacts: [{artifact: {name: "data"}, role: "in"}]`,
		`execution { inputs { artifactVersion { number producedBy { name } } } }`).want(map[string]string{"it.execution.inputs.0.artifactVersion.producedBy.name": "load"})
	h.do("logMetrics", in+`run: "r1", step: "fit", points: [{name: "rmse", value: 0.5}, {name: "rmse", value: 0.3, step: 1}]`, `execution { metrics { name last min max count } }`).
		want(map[string]string{"it.execution.metrics.0.max": "0.5", "it.execution.metrics.0.count": "2"})
	failed := h.do("failStep", in+`run: "r1", step: "fit", failure: {type: "ValueError", message: "boom", stack: "line 1"}`, `step { status failure { type message stack } }`)
	failed.want(map[string]string{"it.step.failure.message": "boom", "it.step.failure.stack": "line 1"})

	all := h.ask(`{ workspace(slug: "www", atLeast: ` + failed.at("it.revision") + `, timeoutMs: 10000) {
		counts { pipelines runs steps artifacts artifactVersions }
		run(id: "train#1") { id runId stepCounts { status count } dag { nodes { name } edges { from } complete } timeline { name status } artifacts { totalCount } events { type summary } }
		artifact(id: "data") { latest { number consumedBy { totalCount nodes { name statusName } edges { node { id } } } } lastProducer { name } downstream { name } }
		lineage(root: "data@1") { nodes { name distance entity { __typename } } edges { from to role } compact { names from to } complete revision }
		impact(root: "data@latest", granularity: VERSION) { nodes { name distance } byDistance { distance count } totalCount }
		auditLog(first: 2) { nodes { type summary actor { id } subject { __typename } data commandId } totalCount }
		search(query: "tra") { kind name entity { id } }
	} }`)
	all.want(map[string]string{
		"workspace.counts":                                        `{"artifactVersions":1,"artifacts":1,"pipelines":1,"runs":1,"steps":2}`,
		"workspace.run.stepCounts":                                `[{"count":1,"status":"SUCCEEDED"},{"count":1,"status":"FAILED"}]`,
		"workspace.run.artifacts.totalCount":                      "1",
		"workspace.artifact.latest.consumedBy.nodes.0.name":       "fit",
		"workspace.artifact.lastProducer.name":                    "load",
		"workspace.lineage.nodes.0.distance":                      "0",
		"workspace.lineage.compact.names.0":                       "data@1",
		"workspace.lineage.complete":                              "true",
		"workspace.impact.nodes.0.name":                           "fit",
		"workspace.impact.byDistance":                             `[{"count":1,"distance":1}]`,
		"workspace.auditLog.nodes.0.type":                         "step.failed",
		"workspace.auditLog.nodes.0.actor.id":                     "owner",
		"workspace.auditLog.nodes.0.subject.__typename":           "Step",
		"workspace.auditLog.totalCount":                           "10",
		"workspace.search.0.kind":                                 "PIPELINE",
		"workspace.artifact.latest.consumedBy.nodes.0.statusName": "FAILED",
	})
	if got := all.at("workspace.auditLog.nodes.0.summary"); !strings.Contains(got, "fit") {
		t.Errorf("the summary of a failed step is %q", got)
	}

	// As of the moment before the step failed, it runs, whatever came later.
	before := h.ask(`{ workspace(slug: "www", asOf: {revision: 8}) { asOf { revision settled } run(id: "r1") { steps { nodes { name status } } failure { type } } } }`)
	before.want(map[string]string{"workspace.asOf.settled": "true", "workspace.run.steps.nodes.1.status": "RUNNING"})
}

func TestRefusalsOfCommandsAreData(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	h.do("startRun", `workspace: "www", id: "r1", pipeline: {name: "p"}`, "")
	h.do("completeRun", `workspace: "www", run: "r1"`, "")
	h.do("startRun", `workspace: "www", id: "same", pipeline: {name: "p"}`, "")
	h.do("startRun", `workspace: "www", id: "k", pipeline: {name: "p"}, meta: {idempotencyKey: "k"}`, "")
	for name, tt := range map[string]struct{ mutation, input, kind, code string }{
		"slug is taken":          {"createWorkspace", `slug: "www"`, "AlreadyExists", "ALREADY_EXISTS"},
		"slug is none":           {"createWorkspace", `slug: "No Slug"`, "InvalidInput", "INVALID"},
		"no workspace":           {"renameWorkspace", `workspace: "nope", name: "x"`, "NotFoundError", "NOT_FOUND"},
		"no run":                 {"completeRun", `workspace: "www", run: "nope"`, "NotFoundError", "NOT_FOUND"},
		"step of no run":         {"completeStep", `workspace: "www", run: "nope", step: "s"`, "NotFoundError", "NOT_FOUND"},
		"no pipeline":            {"tagPipeline", `workspace: "www", pipeline: "nope", set: [{key: "a"}]`, "NotFoundError", "NOT_FOUND"},
		"run is over":            {"failRun", `workspace: "www", run: "r1"`, "InvalidTransition", "INVALID_TRANSITION"},
		"run is started":         {"startRun", `workspace: "www", id: "same", pipeline: {name: "p"}`, "AlreadyExists", "ALREADY_EXISTS"},
		"changed meanwhile":      {"annotateRun", `workspace: "www", run: "r1", tags: [{key: "a"}], meta: {ifUnchangedSince: 1}`, "RevisionConflict", "REVISION_CONFLICT"},
		"key for something else": {"startRun", `workspace: "www", id: "other", pipeline: {name: "p"}, meta: {idempotencyKey: "k"}`, "IdempotencyConflict", "CONFLICT"},
		"key is too long":        {"renameWorkspace", `workspace: "www", name: "x", meta: {idempotencyKey: "` + strings.Repeat("k", 129) + `"}`, "InvalidInput", "TOO_LONG"},
		"deleting without why":   {"deleteRun", `workspace: "www", run: "r1", reason: ""`, "InvalidInput", "REQUIRED"},
		"deleting another slug":  {"deleteWorkspace", `workspace: "www", confirmSlug: "x", reason: "y"`, "InvalidInput", "INVALID"},
		"metrics of no run":      {"logMetrics", `workspace: "www", run: "nope", points: [{name: "m", value: 1}]`, "NotFoundError", "NOT_FOUND"},
		"no version named":       {"registerArtifactVersion", `workspace: "www", version: {artifact: {name: "a"}}`, "InvalidInput", "REQUIRED"},
	} {
		t.Run(name, func(t *testing.T) {
			if kind, code := h.refused(tt.mutation, tt.input); kind != tt.kind || code != tt.code {
				t.Errorf("refused with %s %s; want %s %s", kind, code, tt.kind, tt.code)
			}
		})
	}
}

func TestTheSameCommandTwiceIsOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	const start = `workspace: "www", pipeline: {name: "p"}, meta: {idempotencyKey: "once"}` // the server makes up the id
	first, again := h.do("startRun", start, "run { runId }"), h.do("startRun", start, "run { runId }")
	again.want(map[string]string{"it.duplicate": "true", "it.revision": first.at("it.revision"), "it.run.runId": first.at("it.run.runId")})
	// Another caller's key of the same name is another key.
	other := h.as("other", `mutation { startRun(input: {`+start+`}) { duplicate run { runId } } }`, nil)
	other.want(map[string]string{"startRun.duplicate": "false"})
	h.ask(`{ workspace(slug: "www") { runs { totalCount } } }`).want(map[string]string{"workspace.runs.totalCount": "2"})
}

func TestTheOptimisticLockHoldsWhatIsShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	h.do("startRun", `workspace: "www", id: "r", pipeline: {name: "p"}`, "")
	// A tag changes no column of the run, and counts all the same.
	shown := h.do("annotateRun", `workspace: "www", run: "r", tags: [{key: "a"}]`, "run { revision }").at("it.run.revision")
	if kind, _ := h.refused("annotateRun", `workspace: "www", run: "r", tags: [{key: "b"}], meta: {ifUnchangedSince: 1}`); kind != "RevisionConflict" {
		t.Errorf("an older revision is %s; want RevisionConflict", kind)
	}
	h.do("annotateRun", `workspace: "www", run: "r", tags: [{key: "b"}], meta: {ifUnchangedSince: `+shown+`}`, "")
}

func TestDeletedThingsLeaveTombstones(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	h.do("startRun", `workspace: "www", id: "r", pipeline: {name: "p"}`, "")
	h.do("produceArtifactVersions", `workspace: "www", run: "r", artifacts: [{artifact: {name: "a"}, version: "one"}]`, "")
	version := h.do("completeRun", `workspace: "www", run: "r"`, "run { outputs { artifactVersion { id } } }").at("it.run.outputs.0.artifactVersion.id")
	gone := h.do("deleteArtifactVersion", `workspace: "www", artifactVersion: "a@one", reason: "wrong data"`, "artifactVersion { deleted { reason revision actor { id } } }")
	gone.want(map[string]string{"it.artifactVersion.deleted.reason": "wrong data", "it.artifactVersion.deleted.revision": "4", "it.artifactVersion.deleted.actor.id": "owner"})
	h.do("deleteRun", `workspace: "www", run: "r", reason: "test"`, "")
	a := h.ask(`query($v: ID!) { node(id: $v) { ... on ArtifactVersion { deleted { reason } } }
		workspace(slug: "www", atLeast: 5) { runs { totalCount } run(id: "r") { id } lineage(root: $v) { nodes { tombstone } } }
		then: workspace(slug: "www", asOf: {revision: 3}) { runs { totalCount } run(id: "r") { status } artifactVersion(id: "a@one") { deleted { at } } } }`, map[string]any{"v": version})
	a.want(map[string]string{
		"node.deleted.reason": "wrong data", "workspace.runs.totalCount": "0", "workspace.run": "null", "workspace.lineage.nodes.0.tombstone": "true",
		"then.runs.totalCount": "1", "then.run.status": "SUCCEEDED", "then.artifactVersion.deleted": "null",
	})
	h.do("deleteWorkspace", `workspace: "www", confirmSlug: "www", reason: "done"`, "workspace { slug }").want(map[string]string{"it.workspace": "null"})
	if got := h.as("owner", `{ workspace(slug: "www", atLeast: 6) { name } }`, nil).code(); got != "GONE" {
		t.Errorf("a deleted workspace answers %q; want GONE", got)
	}
	h.ask(`query($v: ID!) { workspace(slug: "www", asOf: {revision: 5}) { name } node(id: $v) { id } nodes(ids: [$v]) { id } then: node(id: $v, asOf: {revision: 5}) { id } }`, map[string]any{"v": version}).
		want(map[string]string{"workspace.name": "www", "node": "null", "nodes": "[null]", "then.id": version})
}

// TestPages walks a list forward and backward by cursors and finds each row once.
func TestPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{Page: 10})
	h.do("createWorkspace", `slug: "www"`, "")
	var last answer
	for i := range 7 {
		last = h.do("startRun", fmt.Sprintf(`workspace: "www", id: "r%d", pipeline: {name: "p"}, parameters: [{name: "n", value: %d}]`, i, i%3), "")
	}
	for _, order := range []string{``, `, orderBy: {by: PARAMETER, name: "n", direction: ASC}`, `, orderBy: {by: STARTED}`} {
		walk := func(size, cursorArg, info string) []string {
			var seen []string
			for cursor := ""; ; {
				a := h.ask(`{ workspace(slug: "www", atLeast: ` + last.at("it.revision") + `, timeoutMs: 10000) { runs(` + size + `: 3` + cursor + order + `) { nodes { runId } edges { cursor node { runId } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount(max: 5) } } }`)
				var page []string
				for i := range strings.Count(a.at("workspace.runs.nodes"), "runId") {
					page = append(page, a.at(fmt.Sprintf("workspace.runs.nodes.%d.runId", i)))
				}
				if got := a.at("workspace.runs.totalCount"); got != "6" { // counting stops after 5
					t.Errorf("totalCount is %s; want 6", got)
				}
				if cursorArg == "before" {
					seen = append(page, seen...)
				} else {
					seen = append(seen, page...)
				}
				more, at := "hasNextPage", "endCursor"
				if cursorArg == "before" {
					more, at = "hasPreviousPage", "startCursor"
				}
				if a.at("workspace.runs.pageInfo."+more) != "true" {
					return seen
				}
				cursor = `, ` + cursorArg + `: "` + a.at("workspace.runs.pageInfo."+at) + `"`
			}
		}
		forward, backward := walk("first", "after", ""), walk("last", "before", "")
		if len(forward) != 7 || strings.Join(forward, " ") != strings.Join(backward, " ") {
			t.Errorf("with %q: forward %v, backward %v; want the same 7", order, forward, backward)
		}
	}
	a := h.ask(`{ workspace(slug: "www") { runs(first: 2) { pageInfo { endCursor } } } }`)
	for name, args := range map[string]string{
		"first and last":     `first: 1, last: 1`,
		"too many":           `first: 11`,
		"none":               `first: 0`,
		"no cursor":          `after: "x"`,
		"of another filter":  `filter: {nested: true}, after: "` + a.at("workspace.runs.pageInfo.endCursor") + `"`,
		"after with last":    `last: 1, after: "` + a.at("workspace.runs.pageInfo.endCursor") + `"`,
		"order without name": `orderBy: {by: METRIC}`,
		"metric as text":     `filter: {metrics: [{name: "m", op: CONTAINS, value: 1}]}`,
	} {
		if got := h.as("owner", `{ workspace(slug: "www") { runs(`+args+`) { nodes { id } } } }`, nil).code(); got != "BAD_USER_INPUT" {
			t.Errorf("%s answered %q; want BAD_USER_INPUT", name, got)
		}
	}
}

// What is out of bounds names the argument and the bounds.
func TestBoundsAreNamed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{Page: 10})
	h.do("createWorkspace", `slug: "www"`, "workspace { slug }")
	for query, want := range map[string]string{
		`{ workspaces(first: 11) { totalCount } }`:                                                 "first is 11; 1 to 10",
		`{ workspaces(last: 0) { totalCount } }`:                                                   "last is 0; 1 to 10",
		`{ workspace(slug: "www") { runs(first: -1) { totalCount } } }`:                            "first is -1; 1 to 10",
		`{ workspace(slug: "www") { runs(last: 99, before: "x") { totalCount } } }`:                "last is 99; 1 to 10",
		`{ workspace(slug: "www") { runs { totalCount(max: 10001) } } }`:                           "max is 10001; 1 to 10000",
		`{ workspace(slug: "www") { search(query: "x", first: 101) { name } } }`:                   "first is 101; 1 to 100",
		`{ workspace(slug: "www") { lineage(root: "x", depth: 51) { complete } } }`:                "depth is 51; 1 to 50",
		`{ workspace(slug: "www", timeoutMs: 10001) { name } }`:                                    "timeoutMs is 10001; 0 to 10000",
		`{ workspace(slug: "www") { lineage(root: "x", maxNodes: 10001) { complete } } }`:          "maxNodes is 10001; 1 to 10000",
		`{ workspace(slug: "www") { impact(root: "x", direction: DOWN, first: 0) { complete } } }`: "NOT_FOUND",
	} {
		a := h.as("owner", query, nil)
		if a.code() == want {
			continue
		}
		more, _ := a.Errors[0]["extensions"].(map[string]any)
		argument, _, _ := strings.Cut(want, " ")
		if a.code() != "BAD_USER_INPUT" || a.Errors[0]["message"] != want || more["argument"] != argument || more["rule"] == nil || more["limit"] == nil {
			t.Errorf("%s answered %v; want %q", query, a.Errors, want)
		}
	}
}

// TestAPageCostsAsManyStatementsAsARow: what hangs on rows is read for all of them at once, by nodes and by edges,
// and so is what hangs on that.
func TestAPageCostsAsManyStatementsAsARow(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	for i := range 12 {
		run := fmt.Sprintf(`workspace: "www", run: "r%d"`, i)
		h.do("startRun", fmt.Sprintf(`workspace: "www", id: "r%d", pipeline: {name: "p%d"}, tags: [{key: "t"}]`, i, i), "")
		h.do("produceArtifactVersions", run+fmt.Sprintf(`, artifacts: [{artifact: {name: "a%d"}}]`, i), "")
		h.do("failRun", run+`, failure: {message: "boom"}`, "run { id }")
	}
	const fields = `name revision createdAt updatedAt tags { key } parameters { name } metrics { name } failure { message } attempts { number failure { message } } stepCounts { count } warnings
		pipeline { name tags { key } lastRun { name } latest { number } }
		outputs { artifactVersion { number status uri revision producedBy { name statusName } artifact { name aliases { name } latest { number } lastProducer { name } } } }`
	count := func(form string, rows int) int64 {
		before := h.reads.Load()
		h.ask(fmt.Sprintf(`{ workspace(slug: "www") { runs(first: %d) { `+form+` } } }`, rows, fields))
		return h.reads.Load() - before
	}
	for _, form := range []string{`nodes { %s }`, `edges { node { %s } }`} {
		if one, many := count(form, 1), count(form, 12); many > one || one == 0 {
			t.Errorf("%s: a row costs %d statements, twelve %d", form, one, many)
		}
	}
}

// The path of a refusal leads through the mutation's input, whatever the domain calls the field.
func TestRefusalsPointIntoTheInput(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	h.do("registerPipeline", `workspace: "www", name: "p"`, "")
	const version = `workspace: "www", pipeline: {name: "p"}, steps: [{name: "a"}, {name: "b"}], edges: `
	for name, tt := range map[string]struct{ mutation, input, path string }{
		"no name":            {"registerPipeline", `workspace: "www", name: ""`, `["input","name"]`},
		"the name is taken":  {"registerPipeline", `workspace: "www", name: "p"`, `["input","name"]`},
		"an edge to nothing": {"registerPipelineVersion", version + `[{from: "a", to: "z"}]`, `["input","edges","0"]`},
		"edges in a cycle":   {"registerPipelineVersion", version + `[{from: "a", to: "b"}, {from: "b", to: "a"}]`, `["input","edges"]`},
		"pipeline unnamed":   {"startRun", `workspace: "www", pipeline: {name: ""}`, `["input","pipeline","name"]`},
		"slug":               {"createWorkspace", `slug: "No Slug"`, `["input","slug"]`},
		"artifact unnamed":   {"registerArtifact", `workspace: "www", name: ""`, `["input","name"]`},
		"version of nothing": {"registerArtifactVersion", `workspace: "www", version: {artifact: {name: ""}, version: "1"}`, `["input","version","artifact","name"]`},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.ask("mutation { it: " + tt.mutation + "(input: {" + tt.input + "}) { userErrors { path } } }")
			if got := a.at("it.userErrors.0.path"); got != tt.path {
				t.Errorf("path %s, want %s", got, tt.path)
			}
		})
	}
}

// A step that is tried again has an attempt for each start.
func TestARetriedStepHasItsAttempts(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	h.do("startRun", `workspace: "www", id: "r", pipeline: {name: "p"}`, "")
	const step = `workspace: "www", run: "r", step: "s"`
	for range 2 {
		h.do("startStep", step, "")
		h.do("retryStep", step, "step { status }").want(map[string]string{"it.step.status": "RETRYING"})
	}
	h.do("startStep", step, "")
	h.do("completeStep", step, "step { status attempt attempts { number status } }").want(map[string]string{
		"it.step.status": "SUCCEEDED", "it.step.attempt": "3",
		"it.step.attempts": `[{"number":1,"status":"RETRIED"},{"number":2,"status":"RETRIED"},{"number":3,"status":"SUCCEEDED"}]`,
	})
}
