package graphql_test

import (
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

// Given workspaces of several kinds, they are filed, found by what they are filed under, and keep it at earlier moments.
func TestWorkspacesAreFiled(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
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
	for _, who := range []string{"reader", "guest"} {
		if a := h.as(who, `{ slugAvailability(slug: "taken") { available } }`, nil); len(a.Errors) == 0 {
			t.Errorf("%s is told whether a slug is free", who)
		}
	}
}
