package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A person who is the only owner somewhere is shut out when somebody is named to succeed them, and counts again when they
// are let in.
func TestShuttingAnOwnerOut(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	made := s.newLink(t, "--new")
	b := newBrowser(t, s.URL)
	if status, page := b.post("/login/link", "token", made, "login", "ann", "name", "Ann", "password", "correct horse battery"); status != 200 || !strings.Contains(page, "Signed in as") {
		t.Fatalf("ann comes by a link: %d %s", status, page)
	}
	_, who := b.ask(`{ viewer { member account } }`)
	var viewer struct {
		Data struct {
			Viewer struct{ Member, Account string }
		}
	}
	decode(t, who, &viewer)
	ann := viewer.Data.Viewer.Account
	must := func(want int, method, path, body string) map[string]any {
		t.Helper()
		status, tree, _ := s.rest(t, method, path, s.Key, body)
		if status != want {
			t.Fatalf("%s %s: %d %v, want %d", method, path, status, tree, want)
		}
		return tree
	}
	must(201, "POST", "/v1/organizations", `{"name":"Acme"}`)
	must(201, "POST", "/v1/organizations/acme/workspaces", `{"name":"Lab"}`)
	must(200, "PUT", "/v1/workspaces/lab/members/account:"+ann, `{"roles":["owner"]}`)
	must(200, "POST", "/v1/workspaces/lab/leave", "")

	if _, errs, exit := s.annals("", "account", "disable", "ann", "--reason", "left"); exit != exitConflict || !strings.Contains(errs, "workspace lab") || !strings.Contains(errs, "successor") {
		t.Errorf("the only owner of the lab: exit %d, %s", exit, errs)
	}
	if status, answer := b.ask(`{ viewer { name } }`); status != 200 {
		t.Errorf("nothing was done, and she is shut out: %d %s", status, answer)
	}
	me := at(must(200, "POST", "/graphql", `{"query":"{ viewer { account } }"}`), "data.viewer.account")
	if out, errs, exit := s.annals("", "account", "disable", "ann", "--reason", "left", "--successor", fmt.Sprint(me)); exit != 0 {
		t.Fatalf("with a successor: exit %d, %s %s", exit, out, errs)
	}
	for end := time.Now().Add(5 * time.Second); ; pause() {
		status, answer := b.ask(`{ viewer { name } }`)
		if status == 401 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("she is not shut out: %d %s", status, answer)
		}
	}
	must(409, "PUT", "/v1/workspaces/lab/members/account:"+ann+"/roles/admin", "")
	must(409, "POST", "/v1/workspaces/lab/leave", "") // the other owner is shut out
	events := must(200, "GET", "/v1/workspaces/lab/events?type=member.*", "")
	if at(events, "items.0.type") != "member.removed" || !strings.Contains(fmt.Sprint(events), "member.disabled") {
		t.Errorf("the history of the lab: %v", events)
	}
	if at(events, "items.0.actor.kind") != "account" || at(events, "items.0.actor.id") != me || at(events, "items.0.actor.key") == nil {
		t.Errorf("who did it, and by which key: %v", at(events, "items.0.actor"))
	}
	if mine := must(200, "GET", "/v1/workspaces/lab/events?actor="+fmt.Sprint(me), ""); mine["totalCount"].(float64) < 3 {
		t.Errorf("what one did, by whatever key: %v", mine)
	}
	if out, errs, exit := s.annals("", "account", "enable", "ann"); exit != 0 {
		t.Fatalf("let in: exit %d, %s %s", exit, out, errs)
	}
	must(200, "POST", "/v1/workspaces/lab/leave", "") // she owns it again
}
