package main

import (
	"fmt"
	"testing"
)

// How one stands in a place, over plain HTTP: all roles at once, who may do something, leaving, onboarding, groups, and
// promotions.
func TestStandingByREST(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	must := func(want int, method, path, body string, header ...string) map[string]any {
		t.Helper()
		status, tree, _ := s.rest(t, method, path, s.Key, body, header...)
		if status != want {
			t.Fatalf("%s %s %s: %d %v, want %d", method, path, body, status, tree, want)
		}
		return tree
	}
	must(201, "POST", "/v1/organizations", `{"name":"Acme"}`)
	must(201, "POST", "/v1/organizations/acme/workspaces", `{"name":"Lab","kind":"environment","environment":"staging","labels":{"area":"risk"}}`)
	must(201, "POST", "/v1/organizations/acme/workspaces", `{"name":"Prod","kind":"environment","environment":"production","labels":{"area":"risk"}}`)
	robot := must(201, "POST", "/v1/organizations/acme/service-accounts", `{"name":"CI"}`)["member"].(string)
	must(200, "PUT", "/v1/workspaces/lab/roles/runner", `{"permissions":["runs:write"]}`)
	done := must(200, "PUT", "/v1/workspaces/lab/members/"+robot, `{"roles":["viewer","workspace/runner"]}`, "Idempotency-Key", "1")
	if again := must(200, "PUT", "/v1/workspaces/lab/members/"+robot, `{"roles":["viewer","workspace/runner"]}`, "Idempotency-Key", "1"); again["duplicate"] != true {
		t.Errorf("sent again: %v", again)
	}
	can := must(200, "GET", fmt.Sprintf("/v1/workspaces/lab/who-can?permission=runs:write&kind=service_account&atLeast=%v", done["revision"]), "")
	if can["totalCount"] != 1.0 || at(can, "items.0.member") != robot || at(can, "items.0.through.0.role") != "workspace/runner" {
		t.Errorf("who can write runs: %v", can)
	}
	if before := must(200, "GET", "/v1/workspaces/lab/who-can?permission=runs:write&kind=service_account&asOf=1", ""); before["totalCount"] != 0.0 {
		t.Errorf("who could before: %v", before)
	}
	if can := must(200, "GET", "/v1/organizations/acme/who-can?permission=organization:delete", ""); can["totalCount"] != 1.0 {
		t.Errorf("who can end the organization: %v", can)
	}
	updated := must(200, "PATCH", "/v1/organizations/acme", `{"name":"Acme & Co","description":"Risk."}`)
	if updated["name"] != "Acme & Co" || updated["description"] != "Risk." {
		t.Errorf("updated: %v", updated)
	}
	must(400, "PATCH", "/v1/organizations/acme", `{"name":"","description":"Other."}`)
	if still := must(200, "GET", "/v1/organizations/acme", ""); still["description"] != "Risk." {
		t.Errorf("half of a refused change was made: %v", still)
	}

	groups := must(200, "GET", "/v1/workspace-groups?by=environment&organization=acme&kind=environment", "")
	if list := groups["groups"].([]any); len(list) != 2 || at(groups, "groups.0.count") != 1.0 {
		t.Errorf("by environment: %v", groups)
	}
	if groups = must(200, "GET", "/v1/workspace-groups?by=label&labelKey=area&organization=acme&kind=environment", ""); at(groups, "groups.0.value") != "risk" || at(groups, "groups.0.count") != 2.0 {
		t.Errorf("by label: %v", groups)
	}
	steps := must(200, "GET", "/v1/workspaces/lab/onboarding", "")["steps"].([]any)
	var viewer struct {
		Data struct {
			Viewer struct {
				Onboarding, Elsewhere []struct{ Step string }
			}
		}
	}
	ask := func(document string, v any) {
		t.Helper()
		_, answer, _ := s.call(t, "POST", "/graphql", s.Key, string(rawJSON(map[string]string{"query": document})), "Content-Type", "application/json")
		decode(t, answer, v)
	}
	ask(`{ viewer { onboarding { step done } elsewhere: onboarding(workspace: "nowhere") { step } } }`, &viewer)
	if len(steps) != 4 || len(viewer.Data.Viewer.Onboarding) != 4 || viewer.Data.Viewer.Elsewhere != nil {
		t.Errorf("onboarding: %v, %+v", steps, viewer)
	}

	var made struct {
		Data struct {
			RegisterArtifactVersion struct {
				ArtifactVersion struct{ ID string }
				UserErrors      []struct{ Message string }
			}
		}
	}
	ask(`mutation { registerArtifactVersion(input: {workspace: "lab", version: {artifact: {name: "model"}, version: "v3"}}) { artifactVersion { id } userErrors { message } } }`, &made)
	if made.Data.RegisterArtifactVersion.ArtifactVersion.ID == "" {
		t.Fatalf("no version to promote: %+v", made)
	}
	order := `{"artifactVersion":"` + made.Data.RegisterArtifactVersion.ArtifactVersion.ID + `","to":"prod","reason":"It passed."}`
	promoted := must(200, "POST", "/v1/workspaces/lab/promotions", order, "Idempotency-Key", "p")
	if at(promoted, "promotion.state") != "received" || at(promoted, "promotion.counterpart.workspace") != "prod" || at(promoted, "promotion.reason") != "It passed." {
		t.Errorf("promoted: %v", promoted)
	}
	if again := must(200, "POST", "/v1/workspaces/lab/promotions", order, "Idempotency-Key", "p"); again["duplicate"] != true || at(again, "promotion.id") != at(promoted, "promotion.id") {
		t.Errorf("promoted again: %v", again)
	}
	there := must(200, "GET", fmt.Sprintf("/v1/workspaces/prod/promotions?direction=received&atLeast=%v", promoted["receivedRevision"]), "")
	if there["totalCount"] != 1.0 || at(there, "items.0.id") != at(promoted, "promotion.id") || at(there, "items.0.artifactVersion.artifact.name") != "model" {
		t.Errorf("on the other side: %v", there)
	}
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		code, field        string
	}{
		"a promotion to nowhere":         {"POST", "/v1/workspaces/lab/promotions", `{"artifactVersion":"` + made.Data.RegisterArtifactVersion.ArtifactVersion.ID + `","to":"nowhere","reason":"x"}`, 404, "not_found", "to"},
		"a promotion without a reason":   {"POST", "/v1/workspaces/lab/promotions", `{"artifactVersion":"` + made.Data.RegisterArtifactVersion.ArtifactVersion.ID + `","to":"prod","reason":""}`, 400, "required", "reason"},
		"a version that is not there":    {"POST", "/v1/workspaces/lab/promotions", `{"artifactVersion":"model@v9","to":"prod","reason":"x"}`, 404, "not_found", "artifactVersion"},
		"roles that are none":            {"PUT", "/v1/workspaces/lab/members/" + robot, `{"roles":["king"]}`, 400, "invalid", "roles"},
		"no roles":                       {"PUT", "/v1/workspaces/lab/members/" + robot, `{"roles":[]}`, 400, "required", "roles"},
		"an unknown permission":          {"GET", "/v1/workspaces/lab/who-can?permission=everything", "", 400, "invalid", "permission"},
		"a group of nothing":             {"GET", "/v1/workspace-groups?by=colour", "", 400, "invalid", "by"},
		"the last owner leaves":          {"POST", "/v1/workspaces/lab/leave", "", 409, "last_owner", "member"},
		"leaving where one is no member": {"POST", "/v1/workspaces/nowhere/leave", "", 404, "not_found", "slug"},
	} {
		status, tree, _ := s.rest(t, tt.method, tt.path, s.Key, tt.body)
		if status != tt.status || at(tree, "error.code") != tt.code || at(tree, "error.field") != tt.field {
			t.Errorf("%s: %d %v; want %d %s of %s", name, status, tree, tt.status, tt.code, tt.field)
		}
	}
}
