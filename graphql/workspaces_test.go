package graphql_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/limit"
	"github.com/annals-io/annals/projections"
)

// Given workspaces of several kinds, they are filed, found by what they are filed under, and keep it at earlier moments.
func TestWorkspacesAreFiled(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.team("core")
	h.send("createWorkspace", `name: "Churn in Staging", kind: ENVIRONMENT, environment: STAGING, team: "core"`, "workspace { slug }")
	h.do("createWorkspace", `slug: "plain"`, "")
	h.do("classifyWorkspace", `workspace: "churn-in-staging", environment: PRODUCTION, sensitivity: CONFIDENTIAL`, "workspace { environment }")
	const fields = `slug kind environment sensitivity team`
	h.ask(`{ now: workspace(slug: "churn-in-staging") { ` + fields + ` } then: workspace(slug: "churn-in-staging", asOf: {revision: 0}) { ` + fields + ` } plain: workspace(slug: "plain") { ` + fields + ` } }`).want(map[string]string{
		"now.kind": "ENVIRONMENT", "now.environment": "PRODUCTION", "now.sensitivity": "CONFIDENTIAL", "now.team": "core",
		"then.environment": "STAGING", "then.sensitivity": "null", "plain.kind": "PROJECT", "plain.environment": "null", "plain.team": "null",
	})
	for filter, want := range map[string]string{
		`kinds: [ENVIRONMENT]`:              `[{"slug":"churn-in-staging"}]`,
		`kinds: [PROJECT]`:                  `[{"slug":"plain"}]`,
		`environments: [STAGING]`:           `[]`,
		`environments: [PRODUCTION]`:        `[{"slug":"churn-in-staging"}]`,
		`sensitivities: [CONFIDENTIAL]`:     `[{"slug":"churn-in-staging"}]`,
		`teams: ["core"], kinds: [DEFAULT]`: `[]`,
		`teams: ["core", "other"]`:          `[{"slug":"churn-in-staging"}]`,
	} {
		h.ask(`{ workspaces(filter: {` + filter + `}) { nodes { slug } } }`).want(map[string]string{"workspaces.nodes": want})
	}
	for mutation, tt := range map[string][2]string{
		"an environment of a project": {"classifyWorkspace", `workspace: "plain", environment: STAGING`},
		"a kind without its stage":    {"createWorkspace", `slug: "nowhere", kind: ENVIRONMENT`},
		"a default one":               {"createWorkspace", `slug: "second", kind: DEFAULT`},
		"a second default one":        {"createWorkspace", `slug: "personal-default", kind: DEFAULT`},
		"no slug in the name":         {"createWorkspace", `name: "!!"`},
		"neither slug nor name":       {"createWorkspace", `team: "core"`},
	} {
		if kind, _ := h.refused(tt[0], tt[1]); kind != "InvalidInput" {
			t.Errorf("%s is answered %s, want InvalidInput", mutation, kind)
		}
	}
}

// Whoever creates a workspace is its first member, at every moment.
func TestMembers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "lab"`, "")
	h.ask(`{ workspace(slug: "lab") { members { nodes { kind roles revision } totalCount pageInfo { hasNextPage } } } }`).want(map[string]string{
		"workspace.members.nodes.0.kind": "ACCOUNT", "workspace.members.nodes.0.roles": `["owner"]`, "workspace.members.nodes.0.revision": "0", "workspace.members.totalCount": "1",
	})
}

func TestSlugAvailability(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "taken"`, "")
	h.do("createWorkspace", `slug: "gone"`, "")
	h.do("deleteWorkspace", `workspace: "gone", confirmSlug: "gone", reason: "tried"`, "")
	for asked, want := range map[string][2]string{
		`slug: "free"`:            {"free", "true"},
		`slug: "taken"`:           {"taken", "false"},
		`slug: "gone"`:            {"gone", "false"}, // for ever
		`slug: "No"`:              {"No", "false"},
		`slug: "acme-default"`:    {"acme-default", "false"},
		`name: "Churn / Model 2"`: {"churn-model-2", "true"},
		`name: "?"`:               {"", "false"},
	} {
		h.ask(`{ slugAvailability(` + asked + `) { slug available } }`).want(map[string]string{"slugAvailability.slug": want[0], "slugAvailability.available": want[1]})
	}
	for _, asked := range []string{`slug: "one", name: "two"`, ``} {
		document := `{ slugAvailability { slug } }`
		if asked != "" {
			document = `{ slugAvailability(` + asked + `) { slug } }`
		}
		if a := h.as("owner", document, nil); a.code() != "BAD_USER_INPUT" {
			t.Errorf("%q is answered %v", asked, a.Errors)
		}
	}
	if a := h.as("guest", `{ slugAvailability(slug: "taken") { available } }`, nil); len(a.Errors) == 0 {
		t.Error("a stranger is told whether a slug is free")
	}
	limited := false
	twenty := "{"
	for i := range 20 {
		twenty += fmt.Sprintf(` a%d: slugAvailability(slug: "taken") { available }`, i)
	}
	for range 10 { // far faster than anybody types
		a := h.as("bob", twenty+" }", nil)
		if limited = a.code() == "RATE_LIMITED"; limited {
			break
		}
	}
	if !limited {
		t.Error("two hundred slugs were asked about at once")
	}
	h.as("reader", `{ slugAvailability(slug: "taken") { available } }`, nil).want(map[string]string{"slugAvailability.available": "false"})
}

// A list shows of each workspace what a page about many needs, counts by what they are filed under, and shows earlier
// moments as they were.
func TestOverview(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.team("core")
	h.do("createWorkspace", `slug: "one", kind: ENVIRONMENT, environment: STAGING, team: "core", labels: [{key: "tier", value: "gold"}]`, "")
	h.do("createWorkspace", `slug: "two", kind: ENVIRONMENT, environment: PRODUCTION, sensitivity: INTERNAL, labels: [{key: "tier", value: "gold"}]`, "")
	h.do("createWorkspace", `slug: "three"`, "")
	h.do("startRun", `workspace: "one", id: "r1", pipeline: {name: "train"}`, "")
	h.do("startRun", `workspace: "one", id: "r2", pipeline: {name: "train"}`, "")
	before := h.ask(`{ workspace(slug: "one") { lastActivityAt } }`).at("workspace.lastActivityAt")
	h.do("deleteRun", `workspace: "one", run: "r2", reason: "spoiled"`, "")
	h.do("archiveWorkspace", `workspace: "three"`, "")
	const row = `slug status kind memberCount lastActivityAt updatedAt createdAt counts { pipelines runs } asOf { revision settled }`
	h.ask(`{ workspaces { nodes { ` + row + ` } totalCount
		kinds: groups(by: KIND) { value count } tiers: groups(by: LABEL, label: "tier") { value count } teams: groups(by: TEAM) { value count }
		states: groups(by: STATUS) { value count } sensitivities: groups(by: SENSITIVITY) { value count } organizations: groups(by: ORGANIZATION) { value count } } }`).want(map[string]string{
		"workspaces.totalCount": "3", "workspaces.nodes.0.slug": "one", "workspaces.nodes.1.slug": "three", "workspaces.nodes.2.slug": "two",
		"workspaces.nodes.0.memberCount": "1", "workspaces.nodes.0.counts.pipelines": "1", "workspaces.nodes.0.counts.runs": "1", "workspaces.nodes.1.status": "ARCHIVED",
		"workspaces.kinds": `[{"count":2,"value":"ENVIRONMENT"},{"count":1,"value":"PROJECT"}]`, "workspaces.tiers": `[{"count":2,"value":"gold"},{"count":1,"value":null}]`,
		"workspaces.teams": `[{"count":2,"value":null},{"count":1,"value":"core"}]`, "workspaces.states": `[{"count":2,"value":"ACTIVE"},{"count":1,"value":"ARCHIVED"}]`,
		"workspaces.sensitivities": `[{"count":2,"value":null},{"count":1,"value":"INTERNAL"}]`, "workspaces.organizations": `[{"count":3,"value":"home-org"}]`,
	})
	h.ask(`{ workspaces(asOf: {time: "` + before + `"}) { nodes { ` + row + ` } totalCount } }`).want(map[string]string{
		"workspaces.totalCount": "3", "workspaces.nodes.0.counts.runs": "2", "workspaces.nodes.0.lastActivityAt": before, "workspaces.nodes.1.status": "ACTIVE",
	})
	for filter, want := range map[string]string{
		`labels: [{key: "tier", value: "gold"}], text: "TW"`:                   `[{"slug":"two"}]`,
		`labels: [{key: "tier", value: "gold"}, {key: "tier", value: "lead"}]`: `[]`,
		`statuses: [ARCHIVED]`:         `[{"slug":"three"}]`,
		`organizations: ["elsewhere"]`: `[]`,
		`organizations: ["home-org"], environments: [STAGING, PRODUCTION], teams: ["core"]`: `[{"slug":"one"}]`,
	} {
		h.ask(`{ workspaces(filter: {` + filter + `}) { nodes { slug } } }`).want(map[string]string{"workspaces.nodes": want})
	}
	page := h.ask(`{ workspaces(first: 2) { nodes { slug } pageInfo { hasNextPage endCursor } } }`)
	page.want(map[string]string{"workspaces.nodes": `[{"slug":"one"},{"slug":"three"}]`, "workspaces.pageInfo.hasNextPage": "true"})
	h.ask(`{ workspaces(first: 2, after: "` + page.at("workspaces.pageInfo.endCursor") + `") { nodes { slug } pageInfo { hasNextPage hasPreviousPage } } }`).want(map[string]string{
		"workspaces.nodes": `[{"slug":"two"}]`, "workspaces.pageInfo.hasNextPage": "false", "workspaces.pageInfo.hasPreviousPage": "true",
	})
	h.ask(`{ workspaces(last: 1) { nodes { slug } pageInfo { hasPreviousPage } } }`).want(map[string]string{"workspaces.nodes": `[{"slug":"two"}]`, "workspaces.pageInfo.hasPreviousPage": "true"})
	for _, wrong := range []string{`groups(by: LABEL) { count }`, `groups(by: KIND, label: "x") { count }`} {
		if a := h.as("owner", `{ workspaces { `+wrong+` } }`, nil); a.code() != "BAD_USER_INPUT" {
			t.Errorf("%s is answered %v", wrong, a.Errors)
		}
	}
}

// A page of an earlier moment looks on until it is full, either way: what fits now and what fits then lie apart. What it
// shows of each workspace it reads of all at once, and the same as where each is asked alone.
func TestAPageOfThePastLooksFurther(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	for i := range 14 {
		tier := "lead"
		if i%6 == 1 { // w-01, w-07, w-13
			tier = "gold"
		}
		h.do("createWorkspace", fmt.Sprintf(`slug: "w-%02d", description: "number %d", labels: [{key: "tier", value: "%s"}]`, i, i, tier), "")
	}
	h.do("startRun", `workspace: "w-07", id: "r1", pipeline: {name: "train"}`, "")
	then := h.ask(`{ workspace(slug: "w-07") { lastActivityAt } }`).at("workspace.lastActivityAt")
	h.do("startRun", `workspace: "w-07", id: "r2", pipeline: {name: "train"}`, "")
	h.do("labelWorkspace", `workspace: "w-07", set: [{key: "tier", value: "lead"}]`, "")
	h.do("labelWorkspace", `workspace: "w-02", set: [{key: "tier", value: "gold"}]`, "")
	at := `asOf: {time: "` + then + `"}, filter: {labels: [{key: "tier", value: "gold"}]}`
	forward := h.ask(`{ workspaces(first: 2, ` + at + `) { nodes { slug description counts { runs } progress { applied head } } pageInfo { hasNextPage endCursor } totalCount } }`)
	forward.want(map[string]string{
		"workspaces.nodes.0.slug": "w-01", "workspaces.nodes.1.slug": "w-07", "workspaces.pageInfo.hasNextPage": "true", "workspaces.totalCount": "3",
		"workspaces.nodes.0.description": "number 1", "workspaces.nodes.1.description": "number 7", "workspaces.nodes.0.counts.runs": "0", "workspaces.nodes.1.counts.runs": "1",
		"workspaces.nodes.0.progress.applied": "0", "workspaces.nodes.1.progress.applied": "3", "workspaces.nodes.1.progress.head": "3",
	})
	h.ask(`{ workspaces(first: 2, after: "` + forward.at("workspaces.pageInfo.endCursor") + `", ` + at + `) { nodes { slug } pageInfo { hasNextPage } } }`).want(map[string]string{
		"workspaces.nodes": `[{"slug":"w-13"}]`, "workspaces.pageInfo.hasNextPage": "false",
	})
	h.ask(`{ workspaces(last: 2, ` + at + `) { nodes { slug } pageInfo { hasPreviousPage } } }`).want(map[string]string{
		"workspaces.nodes": `[{"slug":"w-07"},{"slug":"w-13"}]`, "workspaces.pageInfo.hasPreviousPage": "true",
	})
	h.ask(`{ workspaces(filter: {labels: [{key: "tier", value: "gold"}]}) { nodes { slug } } }`).want(map[string]string{"workspaces.nodes": `[{"slug":"w-01"},{"slug":"w-02"},{"slug":"w-13"}]`})
}

// However far the read model is behind, a list shows nothing to whom the right was taken away.
func TestOverviewAsksTheLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "one"`, "")
	const list = `{ workspaces { nodes { slug } } }`
	h.as("leaver", list, nil).want(map[string]string{"workspaces.nodes": `[{"slug":"one"}]`})
	h.left.Store(true)
	h.as("leaver", list, nil).want(map[string]string{"workspaces.nodes": `[]`})
}

// Where one begins is told by events: what was done, when and by whom, and what was not done at an earlier moment.
func TestOnboarding(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "lab"`, "")
	me, ann := uuid.UUID{15: 1}, uuid.UUID{15: 2}
	h.record(domain.AccountStream(me), projections.AccountScope(me.String()), domain.AccountRegistered{Account: me}, domain.AccountSignedIn{Account: me})
	const steps = `onboarding { step done at by { kind id } }`
	h.ask(`{ workspace(slug: "lab") { ` + steps + ` myRole { role through permissions } } }`).want(map[string]string{
		"workspace.onboarding.0.step": "SIGN_IN", "workspace.onboarding.0.done": "true", "workspace.onboarding.1.step": "FIRST_KEY", "workspace.onboarding.1.done": "false",
		"workspace.onboarding.2.step": "FIRST_RUN", "workspace.onboarding.2.done": "false", "workspace.onboarding.3.step": "SECOND_MEMBER", "workspace.onboarding.3.done": "false",
		"workspace.myRole.role": "owner", "workspace.myRole.through": "direct", "workspace.onboarding.3.by": "null",
	})
	h.do("startRun", `workspace: "lab", id: "r1", pipeline: {name: "train"}`, "")
	h.record(domain.AccountStream(me), projections.AccountScope(me.String()), domain.APIKeyCreated{Key: "k", Kind: "pat", Holder: domain.Person(me), Scopes: []string{"read"}})
	h.record(domain.WorkspaceStream("lab"), "lab", domain.RoleGranted{Member: domain.Person(me), Role: domain.Owner}, domain.RoleGranted{Member: domain.Person(ann), Role: domain.Viewer},
		domain.RoleGranted{Member: domain.Person(ann), Role: domain.Admin}, domain.MemberRemoved{Member: domain.Person(ann)})
	now := h.ask(`{ workspace(slug: "lab") { ` + steps + ` } then: workspace(slug: "lab", asOf: {revision: 0}) { ` + steps + ` } }`)
	now.want(map[string]string{
		"workspace.onboarding.1.done": "true", "workspace.onboarding.2.done": "true", "workspace.onboarding.2.by.id": "owner", "workspace.onboarding.3.done": "true",
		"then.onboarding.0.done": "false", "then.onboarding.1.done": "false", "then.onboarding.2.done": "false", "then.onboarding.3.done": "false",
	})
}

// record appends facts as they are, and waits until they can be read.
func (h *house) record(stream domain.Stream, scope domain.Slug, events ...domain.Event) {
	h.t.Helper()
	res, err := h.commands.Execute(h.t.Context(), eventstore.Request{Stream: stream, Command: recorded(events)})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	if err := h.engine.Wait(ctx, scope, res.Revision); err != nil {
		h.t.Fatal(err)
	}
}

// recorded is a command that records what it is given.
type recorded []domain.Event

func (recorded) Needs() []domain.Entity                         { return nil }
func (r recorded) Decide(domain.States) ([]domain.Event, error) { return r, nil }

// The character NUL in a text of a question is the asker's fault, wherever it stands, and not the server's.
func TestNULIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "one"`, "")
	for _, ask := range []string{
		`{ workspaces(filter: {text: "\u0000"}) { nodes { slug } } }`, `{ workspaces(filter: {labels: [{key: "a", value: "x\u0000"}]}) { nodes { slug } } }`,
		`{ workspaces(filter: {teams: ["\u0000"]}) { nodes { slug } } }`, `{ workspaces { groups(by: LABEL, label: "\u0000") { count } } }`, `{ workspace(slug: "\u0000") { slug } }`,
		`{ ... on Query { workspace(slug: "one") { ...runs } } } fragment runs on Workspace { run(id: "\u0000") { id } }`,
	} {
		if a := h.as("owner", ask, nil); a.code() != "BAD_USER_INPUT" {
			t.Errorf("%s is answered %v", ask, a.Errors)
		}
	}
	const by = `query($f: WorkspaceFilter) { workspaces(filter: $f) { nodes { slug } } }`
	for _, f := range []map[string]any{{"text": "\x00"}, {"labels": []any{map[string]any{"key": "\x00", "value": ""}}}} {
		if a := h.as("owner", by, map[string]any{"f": f}); a.code() != "BAD_USER_INPUT" {
			t.Errorf("%v is answered %v", f, a.Errors)
		}
	}
	h.ask(by, map[string]any{"f": map[string]any{"text": "one"}}).want(map[string]string{"workspaces.nodes": `[{"slug":"one"}]`})
}
