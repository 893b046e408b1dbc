package main

import (
	"net/http"
	"testing"
)

// A path may hold what no text does, a NUL or bytes that are not UTF-8. What it names is not there, or the request is wrong,
// and neither is a failure of the server's.
func TestNamesThatNoTextHas(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, name := range []string{"a%00b", "%00", "%ff", "a%ed%a0%80"} {
		for _, r := range []struct{ method, path string }{
			{"GET", "/v1/workspaces/" + name}, {"GET", "/v1/workspaces/" + name + "/events"}, {"GET", "/v1/workspaces/" + name + "/history"}, {"GET", "/v1/workspaces/" + name + "/replay"},
			{"GET", "/v1/workspaces/" + name + "/members"}, {"PATCH", "/v1/workspaces/" + name}, {"POST", "/v1/workspaces/" + name + "/archive"}, {"POST", "/v1/workspaces/" + name + "/projection/retry"},
			{"GET", "/v1/workspaces/" + name + "/proofs/0"}, {"POST", "/v1/workspaces/" + name + "/erasures"}, {"GET", "/workspaces/" + name}, {"POST", "/v1/workspaces/" + name + "/events"},
			{"GET", "/v1/organizations/" + name}, {"GET", "/v1/organizations/" + name + "/teams"}, {"POST", "/v1/organizations/" + name + "/erasures"},
			{"GET", "/v1/workspaces/default/runs/" + name}, {"POST", "/v1/workspaces/default/runs/" + name + "/token"}, {"DELETE", "/v1/workspaces/default/invitations/" + name},
			{"POST", "/v1/accounts/" + name + "/erasure"}, {"POST", "/v1/accounts/" + name + "/disable"}, {"DELETE", "/v1/keys/" + name}, {"GET", "/v1/operations/" + name},
		} {
			status, answer, _ := s.call(t, r.method, r.path, s.Key, `{"subject":"workspace","dryRun":true,"description":"x"}`, "Content-Type", "application/json")
			if status < http.StatusBadRequest || status >= http.StatusInternalServerError {
				t.Errorf("%s %s: %d %s, want 4xx", r.method, r.path, status, answer)
			}
		}
		if status, answer := s.signedIn(t).do("DELETE", "/v1/sessions/"+name, "", "", "Origin", s.URL); status != http.StatusNotFound {
			t.Errorf("DELETE /v1/sessions/%s: %d %s, want 404", name, status, answer)
		}
	}
}
