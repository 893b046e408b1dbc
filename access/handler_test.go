package access_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
)

var admin = []access.Scope{access.Admin}

// Given an organization with its founder, an admin and a member of a workspace and an outsider, everybody does with keys
// what they may, and what they may not see is not there.
func TestWhoHandlesWhichKeys(t *testing.T) {
	t.Parallel()
	v := newVillage(t)
	v.do(domain.OrganizationStream("acme"), domain.CreateServiceAccount{At: domain.Place{Organization: "acme"}, Account: robot, Name: "ci", By: all})
	v.grantHere(domain.Person(ada), domain.Admin)
	v.grantHere(domain.Person(ben), domain.Member)
	everywhere := access.Wish{Scopes: admin}
	founders, _ := v.key(person(founder), everywhere)
	adas, _ := v.key(person(ada), everywhere)
	bens, bensID := v.key(person(ben), everywhere)
	_, bound := v.key(person(ben), access.Wish{Scopes: reads, Workspace: "fraud"})
	_, its := v.key(person(founder), access.Wish{Scopes: reads, For: ci})
	reader, readers := v.key(person(ben), access.Wish{Scopes: reads})
	_, elsewhere := v.key(person(ada), access.Wish{Scopes: reads})

	for name, tt := range map[string]struct {
		method, path, key, body string
		status                  int
	}{
		"one's own":                                {"GET", "/v1/keys/" + bound.ID, bens, "", 200},
		"one's own, by a reading key":              {"GET", "/v1/keys/" + bound.ID, reader, "", 200},
		"ended by a reading key":                   {"DELETE", "/v1/keys/" + bound.ID, reader, "", 403},
		"rotated by a reading key":                 {"POST", "/v1/keys/" + bound.ID + "/rotate", reader, "", 403},
		"made by a reading key":                    {"POST", "/v1/keys", reader, `{"scopes":["read"]}`, 403},
		"bound, by who manages keys there":         {"GET", "/v1/keys/" + bound.ID, adas, "", 200},
		"bound, rotated by who manages keys there": {"POST", "/v1/keys/" + bound.ID + "/rotate", adas, "", 403},
		"unbound, by who manages keys there":       {"GET", "/v1/keys/" + bensID.ID, adas, "", 404},
		"a service account's, by who manages it":   {"GET", "/v1/keys/" + its.ID, founders, "", 200},
		"a service account's, by others":           {"GET", "/v1/keys/" + its.ID, adas, "", 404},
		"an operator sees all":                     {"GET", "/v1/keys/" + elsewhere.ID, founders, "", 200},
		"another's":                                {"GET", "/v1/keys/" + elsewhere.ID, bens, "", 404},
		"another's, ended":                         {"DELETE", "/v1/keys/" + elsewhere.ID, bens, "", 404},
		"another's, rotated":                       {"POST", "/v1/keys/" + elsewhere.ID + "/rotate", bens, "", 404},
		"the token of a run with a NUL":            {"POST", "/v1/workspaces/fraud/runs/a%00b/token", bens, "", 404},
		"the token of a run that is no UTF-8":      {"POST", "/v1/workspaces/fraud/runs/%ff/token", bens, "", 404},
		"no such key":                              {"GET", "/v1/keys/zzzzzzzzzzzz", bens, "", 404},
		"no id of a key":                           {"GET", "/v1/keys/%00", bens, "", 404},
		"everybody's, by an operator":              {"GET", "/v1/keys?everybody=true", founders, "", 200},
		"everybody's, by others":                   {"GET", "/v1/keys?everybody=true", adas, "", 403},
		"of a workspace that is not there":         {"GET", "/v1/keys?workspace=nowhere", adas, "", 404},
		"of a service account, by who manages it":  {"GET", "/v1/keys?serviceAccount=" + robot.String() + "&organization=acme", founders, "", 200},
		"of a service account, by others":          {"GET", "/v1/keys?serviceAccount=" + robot.String() + "&organization=acme", adas, "", 404},
		"of no service account":                    {"GET", "/v1/keys?serviceAccount=" + ada.String(), founders, "", 404},
		"of an organization as a whole":            {"GET", "/v1/keys?organization=acme", founders, "", 400},
		"of no kind there is":                      {"GET", "/v1/keys?kind=x", founders, "", 400},
		"a page of none":                           {"GET", "/v1/keys?first=0", founders, "", 400},
		"after nothing":                            {"GET", "/v1/keys?after=x", founders, "", 400},
		"no scope":                                 {"POST", "/v1/keys", founders, `{}`, 400},
		"not JSON":                                 {"POST", "/v1/keys", founders, `{`, 400},
		"two documents":                            {"POST", "/v1/keys", founders, `{"scopes":["read"]}{}`, 400},
		"unknown field":                            {"POST", "/v1/keys", founders, `{"scopes":["read"],"scope":"admin"}`, 400},
		"a moment that passed":                     {"POST", "/v1/keys", founders, `{"scopes":["read"],"expiresAt":"2001-01-01T00:00:00Z"}`, 400},
		"no time":                                  {"POST", "/v1/keys", founders, `{"scopes":["read"],"expiresIn":"soon"}`, 400},
		"for ever, for a person":                   {"POST", "/v1/keys", founders, `{"scopes":["read"],"expiresIn":"9000h"}`, 400},
		"for no workspace there is":                {"POST", "/v1/keys", founders, `{"scopes":["read"],"workspace":"nowhere"}`, 404},
		"a scope with nothing behind it":           {"POST", "/v1/keys", bens, `{"scopes":["admin"],"workspace":"fraud"}`, 403},
		"a scope with something behind it":         {"POST", "/v1/keys", bens, `{"scopes":["write"],"workspace":"fraud"}`, 201},
		"for a service account, by who manages it": {"POST", "/v1/keys", founders, `{"scopes":["ingest"],"serviceAccount":"` + robot.String() + `"}`, 201},
		"for a service account, by others":         {"POST", "/v1/keys", adas, `{"scopes":["ingest"],"serviceAccount":"` + robot.String() + `","organization":"acme"}`, 404},
		"for a service account that is not there":  {"POST", "/v1/keys", founders, `{"scopes":["ingest"],"serviceAccount":"` + ada.String() + `"}`, 404},
		"for a service account that is no id":      {"POST", "/v1/keys", founders, `{"scopes":["ingest"],"serviceAccount":"ci"}`, 400},
		"the token of a run that is not there":     {"POST", "/v1/workspaces/fraud/runs/nothing/token", bens, "", 404},
		"the token of a run in no workspace":       {"POST", "/v1/workspaces/nowhere/runs/nothing/token", bens, "", 404},
		"the token of a run that two jobs have":    {"POST", "/v1/workspaces/fraud/runs/shared/token", bens, "", 409},
		"the token of a run, by a reading key":     {"POST", "/v1/workspaces/fraud/runs/nothing/token", reader, "", 403},
		"an overlap that is no time":               {"POST", "/v1/keys/" + bound.ID + "/rotate", bens, `{"overlap":"long"}`, 400},
		"an overlap for ever":                      {"POST", "/v1/keys/" + bound.ID + "/rotate", bens, `{"overlap":"9000h"}`, 400},
	} {
		if status, out := v.call(tt.method, tt.path, tt.key, tt.body); status != tt.status {
			t.Errorf("%s: %d %v, want %d", name, status, out, tt.status)
		}
	}
	if status, out := v.call("DELETE", "/v1/keys/"+readers.ID, reader, ""); status != http.StatusOK {
		t.Errorf("a key ends itself: %d %v", status, out)
	}
	if status, out := v.call("DELETE", "/v1/keys/"+bound.ID, adas, ""); status != http.StatusOK || out["status"] != "revoked" {
		t.Errorf("ended by who manages the keys of its workspace: %d %v", status, out)
	}
	if status, out := v.call("DELETE", "/v1/keys/"+elsewhere.ID, founders, ""); status != http.StatusOK {
		t.Errorf("ended by an operator: %d %v", status, out)
	}
}

// A list has one's own keys, or what was asked for, page by page.
func TestListsOfKeys(t *testing.T) {
	t.Parallel()
	v := newVillage(t)
	v.grantHere(domain.Person(ada), domain.Admin)
	v.grantHere(domain.Person(ben), domain.Member)
	adas, _ := v.key(person(ada), access.Wish{Name: "a0", Scopes: admin})
	bens, _ := v.key(person(ben), access.Wish{Name: "b0", Scopes: admin})
	for _, name := range []string{"b1", "b2", "b3"} {
		v.key(person(ben), access.Wish{Name: name, Scopes: reads, Workspace: "fraud"})
	}
	bound, _ := v.key(person(ada), access.Wish{Name: "a1", Scopes: admin, Workspace: "fraud"})
	for name, tt := range map[string]struct {
		key, query string
		want       []string
	}{
		"mine":                          {bens, "", []string{"b0", "b1", "b2", "b3"}},
		"mine of a workspace":           {bens, "?workspace=fraud", []string{"b1", "b2", "b3"}},
		"all of a workspace I manage":   {adas, "?workspace=fraud", []string{"a1", "b1", "b2", "b3"}},
		"by a key bound to a workspace": {bound, "", []string{"a1", "b1", "b2", "b3"}},
		"of a kind that I have none of": {bens, "?kind=ing", nil},
	} {
		status, out := v.call("GET", "/v1/keys"+tt.query, tt.key, "")
		if got := namesOf(out); status != 200 || !slices.Equal(got, tt.want) || out["totalCount"] != float64(len(tt.want)) {
			t.Errorf("%s: %d %v of %v; want %v", name, status, got, out["totalCount"], tt.want)
		}
	}
	var paged []string
	after := ""
	for range 5 {
		_, out := v.call("GET", "/v1/keys?first=1"+after, bens, "")
		paged = append(paged, namesOf(out)...)
		if out["totalCount"] != float64(4) {
			t.Errorf("a page of %v keys, want 4 in all", out["totalCount"])
		}
		next, more := out["nextCursor"].(string)
		if !more {
			break
		}
		after = "&after=" + next
	}
	if slices.Sort(paged); !slices.Equal(paged, []string{"b0", "b1", "b2", "b3"}) {
		t.Errorf("page by page: %v", paged)
	}
}

func namesOf(out map[string]any) (names []string) {
	items, _ := out["items"].([]any)
	for _, item := range items {
		name, _ := item.(map[string]any)["name"].(string)
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// A key is made, rotated and ended over HTTP; its text is in the one answer that makes it.
func TestTheLifeOfAKeyOverHTTP(t *testing.T) {
	t.Parallel()
	v := newVillage(t)
	v.startRun(domain.RunRef{ID: "nightly 7/b"})
	founders, _ := v.key(person(founder), access.Wish{Scopes: admin})
	status, made := v.call("POST", "/v1/keys", founders, `{"name":"producer","scopes":["ingest"],"workspace":"fraud","expiresIn":"240h"}`)
	text, _ := made["key"].(string)
	if status != 201 || made["kind"] != "ing" || made["status"] != "ending" || made["hash"] != nil || !strings.HasPrefix(text, "annals_ing_") {
		t.Fatalf("created %d %v", status, made)
	}
	status, rotated := v.call("POST", "/v1/keys/"+fmt.Sprint(made["id"])+"/rotate", founders, `{"overlap":"1h"}`)
	replaced, _ := rotated["replaces"].(map[string]any)
	if next, _ := rotated["key"].(string); status != 201 || next == text || !strings.HasPrefix(next, "annals_ing_") || replaced["id"] != made["id"] || replaced["successor"] != rotated["id"] || replaced["key"] != nil {
		t.Errorf("rotated %d %v", status, rotated)
	}
	if status, out := v.call("POST", "/v1/keys/"+fmt.Sprint(made["id"])+"/rotate", founders, ""); status != 409 || codeOf(out) != "conflict" {
		t.Errorf("rotated again: %d %v", status, out)
	}
	for range 2 {
		if status, out := v.call("DELETE", "/v1/keys/"+fmt.Sprint(made["id"]), founders, ""); status != 200 || out["status"] != "revoked" || out["key"] != nil {
			t.Errorf("revoked: %d %v", status, out)
		}
	}
	status, token := v.call("POST", "/v1/workspaces/fraud/runs/nightly%207%2Fb/token", founders, `{"expiresIn":"2h"}`)
	run, _ := token["run"].(map[string]any)
	if status != 201 || token["kind"] != "run" || token["workspace"] != "fraud" || token["status"] != "active" || run["id"] != "nightly 7/b" {
		t.Errorf("token: %d %v", status, token)
	}
	own, _ := token["key"].(string)
	if status, out := v.call("GET", "/v1/keys", own, ""); status != 403 || codeOf(out) != "other_run" {
		t.Errorf("what a run's token reads: %d %v", status, out)
	}
}
