package graphql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/limit"
)

const diffFields = `from { revision } to { revision } identical counts { created changed removed complete kinds { kind created changed removed } }
	changes { nodes { kind name change firstRevision revision fields { group name before after } before { __typename } after { __typename ... on Run { status } } } totalCount }`

// fields are the differences of the change of a name: "name before after".
func (a answer) fields(path string) (out []string) {
	for i := range strings.Count(a.at(path), `"group"`) {
		at := fmt.Sprintf("%s.%d.", path, i)
		out = append(out, fmt.Sprintf("%s %s %s", a.at(at+"name"), a.at(at+"before"), a.at(at+"after")))
	}
	return out
}

func TestDiffSaysWhatBecameOfThings(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www", description: "first"`, "")                                                         // 0
	h.do("startRun", `workspace: "www", id: "r1", pipeline: {name: "p"}, parameters: [{name: "lr", value: 1}]`, "")          // 1
	h.do("labelWorkspace", `workspace: "www", set: [{key: "env", value: "dev"}]`, "")                                        // 2
	h.do("describeWorkspace", `workspace: "www", description: "second"`, "")                                                 // 3
	h.do("produceArtifactVersions", `workspace: "www", run: "r1", artifacts: [{artifact: {name: "a"}, version: "one"}]`, "") // 4
	h.do("completeRun", `workspace: "www", run: "r1"`, "")                                                                   // 5
	h.do("labelWorkspace", `workspace: "www", remove: ["env"]`, "")                                                          // 6
	h.do("startRun", `workspace: "www", id: "r2", pipeline: {name: "p"}`, "")                                                // 7
	h.do("deleteRun", `workspace: "www", run: "r1", reason: "done"`, "")                                                     // 8
	ask := func(from, to int) answer {
		return h.ask(fmt.Sprintf(`{ workspace(slug: "www") { diff(from: {revision: %d}, to: {revision: %d}) { %s } } }`, from, to, diffFields))
	}

	a := ask(1, 5)
	a.want(map[string]string{
		"workspace.diff.from.revision": "1", "workspace.diff.to.revision": "5", "workspace.diff.identical": "false", "workspace.diff.changes.totalCount": "4",
		"workspace.diff.counts.kinds":                     `[{"changed":1,"created":0,"kind":"WORKSPACE","removed":0},{"changed":1,"created":0,"kind":"RUN","removed":0},{"changed":0,"created":1,"kind":"ARTIFACT","removed":0},{"changed":0,"created":1,"kind":"ARTIFACT_VERSION","removed":0}]`,
		"workspace.diff.changes.nodes.0.kind":             "WORKSPACE",
		"workspace.diff.changes.nodes.0.name":             "www",
		"workspace.diff.changes.nodes.0.firstRevision":    "2",
		"workspace.diff.changes.nodes.0.revision":         "3",
		"workspace.diff.changes.nodes.1.name":             "p#1",
		"workspace.diff.changes.nodes.1.change":           "CHANGED",
		"workspace.diff.changes.nodes.1.after.status":     "SUCCEEDED",
		"workspace.diff.changes.nodes.2.change":           "CREATED",
		"workspace.diff.changes.nodes.2.before":           "null",
		"workspace.diff.changes.nodes.2.after.__typename": "Artifact",
	})
	if got, want := a.fields("workspace.diff.changes.nodes.0.fields"), []string{"description first second", "labels.env null dev"}; !slices.Equal(got, want) {
		t.Errorf("the workspace differs in %q, want %q", got, want)
	}
	run := a.fields("workspace.diff.changes.nodes.1.fields")
	if !slices.ContainsFunc(run, func(s string) bool { return s == "status RUNNING SUCCEEDED" }) || !slices.ContainsFunc(run, func(s string) bool { return strings.HasPrefix(s, "outputs.a@1 null ") }) {
		t.Errorf("the run differs in %q", run)
	}

	// What was changed and changed back is no difference, and neither is what came and went.
	ask(1, 8).want(map[string]string{"workspace.diff.counts.removed": "1", "workspace.diff.counts.created": "3"})
	if got := ask(1, 8).fields("workspace.diff.changes.nodes.0.fields"); !slices.Equal(got, []string{"description first second"}) {
		t.Errorf("the workspace differs in %q", got)
	}
	ask(5, 5).want(map[string]string{"workspace.diff.identical": "true", "workspace.diff.changes.nodes": "[]", "workspace.diff.counts.kinds": "[]"})
	h.ask(`{ workspace(slug: "www", asOf: {revision: 5}) { diff(from: {revision: 4}) { to { revision } changes(kinds: [RUN], changes: [CHANGED]) { nodes { name } } } } }`).
		want(map[string]string{"workspace.diff.to.revision": "5", "workspace.diff.changes.nodes": `[{"name":"p#1"}]`})

	for name, tt := range map[string]struct{ args, code string }{
		"the other way round":  {`from: {revision: 5}, to: {revision: 1}`, "BAD_USER_INPUT"},
		"before the beginning": {`from: {time: "2001-01-01T00:00:00Z"}`, "AS_OF_BEFORE_FIRST_EVENT"},
		"after the end":        {`from: {revision: 1}, to: {revision: 4711}`, "AS_OF_AHEAD"},
		"a negative revision":  {`from: {revision: -1}`, "AS_OF_BEFORE_FIRST_EVENT"},
	} {
		if got := h.as("owner", `{ workspace(slug: "www") { diff(`+tt.args+`) { identical } } }`, nil).code(); got != tt.code {
			t.Errorf("%s: %s, want %s", name, got, tt.code)
		}
	}
}

func TestRunsAndVersionsAreCompared(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	for i, lr := range []string{"1", "1", "2"} {
		r := fmt.Sprint("r", i)
		h.do("startRun", `workspace: "www", id: "`+r+`", pipeline: {name: "p"}, at: "2026-03-01T00:00:00Z", parameters: [{name: "lr", value: `+lr+`}], codeReference: {version: "c`+lr+`"}`, "")
		h.do("startStep", `workspace: "www", run: "`+r+`", step: "fit", at: "2026-03-01T00:00:00Z"`, "")
		h.do("logMetrics", `workspace: "www", run: "`+r+`", points: [{name: "rmse", value: 0.`+lr+`}]`, "")
		h.do("completeStep", `workspace: "www", run: "`+r+`", step: "fit", at: "2026-03-01T00:01:00Z"`, "")
		h.do("completeRun", `workspace: "www", run: "`+r+`", at: "2026-03-01T00:0`+lr+`:00Z"`, "")
	}
	h.do("startStep", `workspace: "www", run: "r2", step: "more"`, "")
	h.do("registerArtifactVersion", `workspace: "www", version: {artifact: {name: "a"}, version: "1", uri: "s3://a/1", digest: "d", fields: [{name: "x", type: "int"}]}`, "")
	last := h.do("registerArtifactVersion", `workspace: "www", version: {artifact: {name: "a"}, version: "2", uri: "s3://a/2", digest: "d", fields: [{name: "x", type: "long"}, {name: "y", type: "int"}]}`, "")
	a := h.ask(`{ workspace(slug: "www", atLeast: ` + last.at("it.revision") + `) {
		same: compareRuns(a: "r0", b: "p#2") { identical complete equalSteps differences { group name } steps { name } }
		other: compareRuns(a: "r0", b: "r2") { identical equalSteps differences { group name before after } steps { name a { name } b { name } } }
		versions: compareArtifactVersions(a: "a@1", b: "a@2") { identical a { number } differences { group name before after } }
		none: compareRuns(a: "r0", b: "nope") { identical } } }`)
	a.want(map[string]string{
		"workspace.same.identical": "true", "workspace.same.differences": "[]", "workspace.same.equalSteps": "1", "workspace.same.complete": "true",
		"workspace.other.identical": "false", "workspace.other.steps": `[{"a":null,"b":{"name":"more"},"name":"more"}]`, "workspace.none": "null",
	})
	want := []string{"codeReference {\"version\":\"c1\"} {\"version\":\"c2\"}", "durationMs 60000 120000", "metrics.rmse 0.1 0.2", "metrics.rmse max 0.1 0.2", "metrics.rmse min 0.1 0.2", "parameters.lr 1 2"}
	if got := a.fields("workspace.other.differences"); !slices.Equal(got, want) {
		t.Errorf("the runs differ in\n%q, want\n%q", got, want)
	}
	if got, want := a.fields("workspace.versions.differences"), []string{"uri s3://a/1 s3://a/2", "fields.x int long", "fields.y null int"}; !slices.Equal(got, want) {
		t.Errorf("the versions differ in\n%q, want\n%q", got, want)
	}
}

// Each time a text is said it lies beside the log anew: it is compared as it reads, and as what is left of it.
func TestTextsAreComparedAsTheyRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www", description: "same words"`, "")         // 0
	h.do("labelWorkspace", `workspace: "www", set: [{key: "k", value: "v"}]`, "") // 1
	for _, words := range []string{"same words", "secret words", "secret words"} {
		h.do("describeWorkspace", `workspace: "www", description: "`+words+`"`, "") // 2, 3, 4
	}
	var last string
	for _, r := range []string{"a", "b", "c"} { // 5 to 10
		message := map[bool]string{true: "another", false: "no memory"}[r == "c"]
		h.do("startRun", `workspace: "www", id: "`+r+`", pipeline: {name: "p"}, at: "2026-03-01T00:00:00Z"`, "")
		last = h.do("failRun", `workspace: "www", run: "`+r+`", at: "2026-03-01T00:01:00Z", failure: {type: "E", message: "`+message+`", stack: "line 1"}`, "").at("it.revision")
	}
	diff := func(from, to int) answer {
		return h.ask(fmt.Sprintf(`{ workspace(slug: "www") { diff(from: {revision: %d}, to: {revision: %d}) { %s } } }`, from, to, diffFields))
	}
	same := map[string]string{"workspace.diff.identical": "true", "workspace.diff.changes.nodes": "[]", "workspace.diff.changes.totalCount": "0", "workspace.diff.counts.changed": "0"}
	other := map[string]string{"workspace.diff.identical": "false", "workspace.diff.changes.totalCount": "1", "workspace.diff.counts.changed": "1"}
	compared := func(b string) answer {
		return h.ask(`{ workspace(slug: "www", atLeast: ` + last + `) { compareRuns(a: "a", b: "` + b + `") { identical differences { group name before after } } } }`)
	}
	diff(1, 2).want(same)
	diff(3, 4).want(same)
	diff(2, 4).want(other)
	compared("b").want(map[string]string{"workspace.compareRuns.identical": "true"})
	if got, want := compared("c").fields("workspace.compareRuns.differences"), []string{"failure.message no memory another"}; !slices.Equal(got, want) {
		t.Errorf("the runs differ in %q, want %q", got, want)
	}

	// What was erased reads erased, on either side.
	page, err := h.store.ReadStream(t.Context(), domain.WorkspaceStream("www"), 3, eventstore.Forward, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Events {
		h.gone.Store(domain.Texts(e.Event)[0].Evidence, true)
	}
	diff(3, 4).want(same)
	if got, want := diff(2, 4).fields("workspace.diff.changes.nodes.0.fields"), []string{`description same words {"erased":true}`}; !slices.Equal(got, want) {
		t.Errorf("the workspace differs in %q, want %q", got, want)
	}
}

// What became of invitations is told to those who manage members, and to nobody else: others do not learn that there is one.
func TestDiffTellsOfInvitationsToThoseWhoMayInvite(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	before := h.do("labelWorkspace", `workspace: "www", set: [{key: "k", value: "v"}]`, "").at("it.revision")
	invited := h.do("inviteMember", `workspace: "www", roles: ["viewer"], invited: "eve@example.org"`, "invitation { invitation }")
	id := invited.at("it.invitation.invitation")
	after := h.do("revokeInvitation", `workspace: "www", invitation: "`+id+`"`, "").at("it.revision")
	ask := func(who, from, to string) answer {
		return h.as(who, `{ workspace(slug: "www") { diff(from: {revision: `+from+`}, to: {revision: `+to+`}) { `+diffFields+` } } }`, nil)
	}
	created := ask("owner", before, invited.at("it.revision")).fields("workspace.diff.changes.nodes.0.fields")
	if len(created) != 1 || !strings.HasPrefix(created[0], "invitations."+id+" null ") || !strings.Contains(created[0], `"state":"OPEN"`) || strings.Contains(created[0], "eve") {
		t.Errorf("an invitation shows as %q", created)
	}
	revoked := ask("owner", invited.at("it.revision"), after).fields("workspace.diff.changes.nodes.0.fields")
	if len(revoked) != 1 || !strings.Contains(revoked[0], `"state":"OPEN"`) || !strings.Contains(revoked[0], `"state":"REVOKED"`) {
		t.Errorf("a revoked invitation shows as %q", revoked)
	}
	ask("reader", before, after).want(map[string]string{"workspace.diff.identical": "true", "workspace.diff.counts.kinds": "[]", "workspace.diff.changes.nodes": "[]", "workspace.diff.changes.totalCount": "0"})
}
