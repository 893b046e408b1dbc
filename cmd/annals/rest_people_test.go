package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// An organization, its people and their workspaces over plain HTTP.
func TestPeopleByREST(t *testing.T) {
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
	made := must(201, "POST", "/v1/organizations", `{"name":"Acme"}`, "Idempotency-Key", "a")
	if made["slug"] != "acme" || made["personal"] != false {
		t.Fatalf("made %v", made)
	}
	if again := must(201, "POST", "/v1/organizations", `{"name":"Acme"}`, "Idempotency-Key", "a"); again["slug"] != "acme" {
		t.Errorf("sent again it is another one: %v", again)
	}
	list := must(200, "GET", "/v1/organizations/acme/workspaces?kind=default", "") // of all workspaces, and so of no revision to wait for
	for end := time.Now().Add(30 * time.Second); at(list, "items.0.slug") != "acme-default" && time.Now().Before(end); pause() {
		list = must(200, "GET", "/v1/organizations/acme/workspaces?kind=default", "")
	}
	if at(list, "items.0.slug") != "acme-default" {
		t.Errorf("its default workspace: %v", list)
	}
	status, tree, header := s.rest(t, "POST", "/v1/organizations/acme/tenants", s.Key, `{"name":"Fraud detection","kind":"environment","environment":"staging","labels":{"area":"risk"}}`)
	if status != 201 || tree["slug"] != "fraud-detection" || tree["organization"] != "acme" || header.Get("Location") != "/v1/workspaces/fraud-detection" {
		t.Fatalf("a workspace: %d %v %v", status, tree, header)
	}
	lab := "/v1/workspaces/fraud-detection"
	must(200, "PUT", lab+"/roles/auditor", `{"permissions":["workspace:read","runs:write"],"description":"Looks."}`)
	must(201, "POST", "/v1/organizations/acme/teams", `{"name":"ml"}`)
	robot := must(201, "POST", "/v1/organizations/acme/service-accounts", `{"name":"CI"}`)["member"].(string)
	must(200, "PUT", "/v1/organizations/acme/teams/ml/members/"+robot, "")
	granted := must(200, "PUT", lab+"/members/team:ml/roles/workspace%2Fauditor", "")
	explained := must(200, "GET", fmt.Sprintf("%s/members/%s?atLeast=%v", lab, robot, granted["revision"]), "")
	if at(explained, "permissions.0.permission") != "workspace:read" || at(explained, "sources.0.team") != "ml" || at(explained, "sources.0.role") != "workspace/auditor" {
		t.Errorf("what the robot may do, and by what: %v", explained)
	}
	if earlier := must(200, "GET", lab+"/members/"+robot+"?asOf=1", ""); len(earlier["permissions"].([]any)) != 0 {
		t.Errorf("before it was granted: %v", earlier)
	}
	if members := must(200, "GET", lab+"/members?kind=team&direct=true", ""); members["totalCount"] != 1.0 || at(members, "items.0.member") != "team:ml" {
		t.Errorf("the teams among the members: %v", members)
	}
	if roles := must(200, "GET", lab+"/roles", ""); roles["totalCount"] != 5.0 {
		t.Errorf("roles: %v", roles)
	}
	must(200, "DELETE", lab+"/members/team:ml", "")
	must(200, "DELETE", lab+"/roles/auditor", "")

	invited := must(201, "POST", lab+"/invitations", `{"roles":["member"],"invited":"ada@example.org","expiresIn":"24h"}`)
	link := invited["link"].(string)
	if !strings.HasPrefix(link, "/invitations/accept#") {
		t.Errorf("the link: %v", invited)
	}
	if offer := must(200, "POST", "/v1/invitations/offer", `{"token":"`+link+`"}`); offer["workspace"] != "fraud-detection" || at(offer, "roles.0") != "member" {
		t.Errorf("what is offered: %v", offer)
	}
	list = must(200, "GET", fmt.Sprintf("%s/invitations?state=open&atLeast=%v", lab, invited["revision"]), "")
	if list["totalCount"] != 1.0 || at(list, "items.0.invited") != "ada@example.org" || strings.Contains(fmt.Sprint(list), strings.SplitAfter(link, ".")[1]) {
		t.Errorf("the list of invitations: %v", list)
	}
	must(200, "DELETE", lab+"/invitations/"+invited["invitation"].(string), "")
	if gone := must(410, "POST", "/v1/invitations/accept", `{"token":"`+link+`"}`); at(gone, "error.code") != "gone" {
		t.Errorf("taken back: %v", gone)
	}

	me := must(200, "GET", lab+"/members?kind=account", "")["items"].([]any)[0].(map[string]any)["member"].(string)
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		code, field        string
	}{
		"a slug that was taken":         {"POST", "/v1/organizations/acme/workspaces", `{"slug":"fraud-detection"}`, 409, "already_exists", "slug"},
		"a slug that is none":           {"POST", "/v1/organizations/acme/workspaces", `{"slug":"A"}`, 400, "invalid", "slug"},
		"a second default":              {"POST", "/v1/organizations/acme/workspaces", `{"slug":"another","kind":"default"}`, 400, "invalid", "kind"},
		"an organization without words": {"POST", "/v1/organizations", `{}`, 400, "required", "name"},
		"the last owner":                {"DELETE", lab + "/members/" + me, "", 409, "last_owner", "member"},
		"a team that owns":              {"PUT", lab + "/members/team:ml/roles/owner", "", 400, "invalid", "role"},
		"a team that is not there":      {"PUT", lab + "/members/team:none/roles/member", "", 404, "not_found", "member"},
		"a role that is none":           {"PUT", lab + "/members/" + robot + "/roles/king", "", 400, "invalid", "role"},
		"nobody":                        {"PUT", lab + "/members/king/roles/member", "", 400, "invalid", "member"},
		"a reserved name of a role":     {"PUT", lab + "/roles/Owner", `{"permissions":["workspace:read"]}`, 400, "invalid", "name"},
		"a permission that is none":     {"PUT", lab + "/roles/king", `{"permissions":["everything"]}`, 400, "invalid", "permissions[0]"},
		"a link that opens nothing":     {"POST", "/v1/invitations/offer", `{"token":"nothing"}`, 404, "not_found", "invitation"},
		"an invitation that is none":    {"DELETE", lab + "/invitations/nothing", "", 400, "invalid", "invitation"},
	} {
		status, tree, _ := s.rest(t, tt.method, tt.path, s.Key, tt.body)
		if status != tt.status || at(tree, "error.code") != tt.code || at(tree, "error.field") != tt.field {
			t.Errorf("%s: %d %v; want %d %s of %s", name, status, tree, tt.status, tt.code, tt.field)
		}
	}
}
