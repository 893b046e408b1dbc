package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/graphql"
)

// event is an OpenLineage event that any workspace takes.
const event = `{"eventType":"START","eventTime":"2026-03-01T12:00:00Z","run":{"runId":"0190a2a0-0000-7000-8000-000000000009"},"job":{"namespace":"n","name":"j"},"producer":"p","schemaURL":"s"}`

const nativeEvent = `{"id":"m-1","run":"r","at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}` + "\n"

// A routeRequest is a request of a route, and what it answers to whom.
type routeRequest struct {
	method, path, body string
	ok                 int    // to a key with the scope, for the default workspace or all
	foreign            int    // to an admin's key of another workspace
	missing            string // the same request about a workspace that does not exist, which must be answered alike; empty: it is about none
}

// requests is one request for every route there is: what it needs, and what it answers to whom.
var requests = map[string]routeRequest{
	"GET /healthz":                                 {"GET", "/healthz", "", 200, 200, ""},
	"GET /readyz":                                  {"GET", "/readyz", "", 200, 200, ""},
	"GET /{$}":                                     {"GET", "/", "", 200, 200, ""},
	"GET /openapi.json":                            {"GET", "/openapi.json", "", 200, 200, ""},
	"GET /docs":                                    {"GET", "/docs", "", 200, 200, ""},
	"GET /docs/docs.css":                           {"GET", "/docs/docs.css", "", 200, 200, ""},
	"GET /workspaces/{slug}/openapi.json":          {"GET", "/workspaces/default/openapi.json", "", 200, 200, "/workspaces/nowhere/openapi.json"},
	"GET /workspaces/{slug}/docs":                  {"GET", "/workspaces/default/docs", "", 200, 200, "/workspaces/nowhere/docs"},
	"GET /graphql/explorer/":                       {"GET", "/graphql/explorer/explorer.js", "", 200, 200, ""},
	"GET /graphql":                                 {"GET", "/graphql?query=%7B__typename%7D", "", 200, 200, ""},
	"POST /graphql":                                {"POST", "/graphql", `{"query":"{__typename}"}`, 200, 200, ""},
	"POST /api/v1/lineage":                         {"POST", "/api/v1/lineage", event, 201, 201, ""},
	"POST /api/v1/lineage/batch":                   {"POST", "/api/v1/lineage/batch", "[" + event + "]", 200, 200, ""},
	"POST /workspaces/{slug}/api/v1/lineage":       {"POST", "/workspaces/default/api/v1/lineage", event, 201, 409, "/workspaces/nowhere/api/v1/lineage"},
	"POST /workspaces/{slug}/api/v1/lineage/batch": {"POST", "/workspaces/default/api/v1/lineage/batch", "[" + event + "]", 200, 409, "/workspaces/nowhere/api/v1/lineage/batch"},
	"POST /workspaces/api/v1/lineage":              {"POST", "/workspaces/api/v1/lineage", event, 404, 404, ""},
	"POST /workspaces/api/v1/lineage/batch":        {"POST", "/workspaces/api/v1/lineage/batch", event, 404, 404, ""},
	"POST /v1/workspaces/{slug}/events":            {"POST", "/v1/workspaces/default/events", nativeEvent, 200, 409, "/v1/workspaces/nowhere/events"},
	"GET /v1/workspaces":                           {"GET", "/v1/workspaces", "", 200, 200, ""},
	"GET /v1/workspaces/{slug}":                    {"GET", "/v1/workspaces/default", "", 200, 404, "/v1/workspaces/nowhere"},
	"GET /workspaces/{slug}":                       {"GET", "/workspaces/default", "", 200, 404, "/workspaces/nowhere"},
	"GET /v1/slugs/{slug}":                         {"GET", "/v1/slugs/fraud", "", 200, 200, ""},
	"PATCH /v1/workspaces/{slug}":                  {"PATCH", "/v1/workspaces/default", `{"description":"x"}`, 200, 404, "/v1/workspaces/nowhere"},
	"POST /v1/workspaces/{slug}/archive":           {"POST", "/v1/workspaces/default/archive", "", 200, 404, "/v1/workspaces/nowhere/archive"},
	"POST /v1/workspaces/{slug}/restore":           {"POST", "/v1/workspaces/default/restore", "", 200, 404, "/v1/workspaces/nowhere/restore"},
	"DELETE /v1/workspaces/{slug}":                 {"DELETE", "/v1/workspaces/default?confirm=default", "", 400, 404, "/v1/workspaces/nowhere?confirm=nowhere"},
	"GET /v1/workspaces/{slug}/runs":               {"GET", "/v1/workspaces/default/runs", "", 200, 404, "/v1/workspaces/nowhere/runs"},
	"GET /v1/workspaces/{slug}/runs/{run}":         {"GET", "/v1/workspaces/default/runs/none", "", 404, 404, "/v1/workspaces/nowhere/runs/none"},
	"GET /v1/workspaces/{slug}/events":             {"GET", "/v1/workspaces/default/events", "", 200, 404, "/v1/workspaces/nowhere/events"},
	"GET /v1/workspaces/{slug}/history":            {"GET", "/v1/workspaces/default/history", "", 200, 404, "/v1/workspaces/nowhere/history"},
	"PUT /v1/organizations/{org}/histories/{slug}": {"PUT", "/v1/organizations/personal/histories/brought", "", 400, 404, ""},
	"GET /v1/workspaces/{slug}/replay":             {"GET", "/v1/workspaces/default/replay", "", 200, 404, "/v1/workspaces/nowhere/replay"},
	"GET /v1/workspaces/{slug}/lineage":            {"GET", "/v1/workspaces/default/lineage?root=none", "", 404, 404, "/v1/workspaces/nowhere/lineage?root=none"},
	"GET /v1/keys":                                 {"GET", "/v1/keys", "", 200, 200, ""},
	"POST /v1/keys":                                {"POST", "/v1/keys", `{"scopes":["read"]}`, 201, 201, ""},
	"DELETE /v1/keys/{id}":                         {"DELETE", "/v1/keys/zzzzzzzzzzzz", "", 404, 404, ""},
	"GET /v1/keys/{id}":                            {"GET", "/v1/keys/zzzzzzzzzzzz", "", 404, 404, ""},
	"POST /v1/keys/{id}/rotate":                    {"POST", "/v1/keys/zzzzzzzzzzzz/rotate", "", 404, 404, ""},
	"POST /v1/workspaces/{slug}/runs/{run}/token":  {"POST", "/v1/workspaces/default/runs/nothing/token", "", 404, 404, "/v1/workspaces/nowhere/runs/nothing/token"},
	"GET /login":                                   {"GET", "/login", "", 200, 200, ""},
	"POST /login":                                  {"POST", "/login", "{}", 401, 401, ""},
	"POST /logout":                                 {"POST", "/logout", "{}", 200, 200, ""},
	"GET /login/link":                              {"GET", "/login/link", "", 200, 200, ""},
	"POST /login/link":                             {"POST", "/login/link", "{}", 410, 410, ""},
	"GET /login/password":                          {"GET", "/login/password", "", 303, 303, ""},
	"POST /login/password":                         {"POST", "/login/password", "{}", 401, 401, ""},
	"POST /login/name":                             {"POST", "/login/name", "{}", 401, 401, ""},
	"POST /login/sessions":                         {"POST", "/login/sessions", "{}", 401, 401, ""},
	"GET /login/oidc":                              {"GET", "/login/oidc", "", 404, 404, ""},
	"POST /login/oidc":                             {"POST", "/login/oidc", "{}", 401, 401, ""},
	"GET /login/oidc/callback":                     {"GET", "/login/oidc/callback", "", 404, 404, ""},
	"GET /login/assets/{file}":                     {"GET", "/login/assets/link.js", "", 200, 200, ""},
	"GET /invitations/accept":                      {"GET", "/invitations/accept", "", 200, 200, ""},
	"POST /invitations/accept":                     {"POST", "/invitations/accept", "{}", 404, 404, ""},
	"GET /device":                                  {"GET", "/device", "", 303, 303, ""},
	"POST /device":                                 {"POST", "/device", "{}", 401, 401, ""},
	"POST /oauth/device_authorization":             {"POST", "/oauth/device_authorization", "{}", 400, 400, ""},
	"POST /oauth/token":                            {"POST", "/oauth/token", "{}", 400, 400, ""},
	"GET /.well-known/oauth-authorization-server":  {"GET", "/.well-known/oauth-authorization-server", "", 200, 200, ""},
	"GET /v1/whoami":                               {"GET", "/v1/whoami", "", 200, 200, ""},
	"GET /v1/sessions":                             {"GET", "/v1/sessions", "", 200, 403, ""},
	"DELETE /v1/sessions":                          {"DELETE", "/v1/sessions", "", 200, 403, ""},
	"DELETE /v1/sessions/{id}":                     {"DELETE", "/v1/sessions/ABCDEFGHIJKL", "", 404, 403, ""},
	"POST /v1/login-links":                         {"POST", "/v1/login-links", "{}", 201, 403, ""},
	"GET /v1/accounts":                             {"GET", "/v1/accounts", "", 200, 403, ""},
	"POST /v1/accounts/{id}/disable":               {"POST", "/v1/accounts/nobody/disable", "", 404, 403, ""},
	"POST /v1/accounts/{id}/enable":                {"POST", "/v1/accounts/nobody/enable", "", 404, 403, ""},
	"POST /v1/workspaces/{slug}/erasures":          {"POST", "/v1/workspaces/default/erasures", `{"subject":"workspace","dryRun":true}`, 200, 404, "/v1/workspaces/nowhere/erasures"},
	"POST /v1/organizations/{org}/erasures":        {"POST", "/v1/organizations/nowhere/erasures", `{"subject":"organization","dryRun":true}`, 404, 404, ""},
	"POST /v1/accounts/{id}/erasure":               {"POST", "/v1/accounts/nobody/erasure", `{"dryRun":true}`, 404, 403, ""},
	"GET /v1/instance":                             {"GET", "/v1/instance", "", 200, 200, ""},
	"POST /v1/instance/fork":                       {"POST", "/v1/instance/fork", "", 200, 403, ""},
	"GET /v1/status":                               {"GET", "/v1/status", "", 200, 200, ""},
	"GET /v1/projections":                          {"GET", "/v1/projections", "", 200, 200, ""},
	"POST /v1/projections/swap":                    {"POST", "/v1/projections/swap", "", 404, 403, ""},
	"POST /v1/projections/discard":                 {"POST", "/v1/projections/discard", "", 404, 403, ""},
	"POST /v1/projections/rollback":                {"POST", "/v1/projections/rollback", "", 404, 403, ""},
	"POST /v1/workspaces/{slug}/projection/retry":  {"POST", "/v1/workspaces/default/projection/retry", "", 200, 404, "/v1/workspaces/nowhere/projection/retry"},
	"GET /v1/operations":                           {"GET", "/v1/operations", "", 200, 200, ""},
	"POST /v1/operations":                          {"POST", "/v1/operations", `{"kind":"projection.rebuild"}`, 202, 403, ""},
	"GET /v1/operations/{id}":                      {"GET", "/v1/operations/6ba7b810-9dad-41d1-80b4-00c04fd430c8", "", 404, 404, ""},
	"POST /v1/operations/{id}/cancel":              {"POST", "/v1/operations/6ba7b810-9dad-41d1-80b4-00c04fd430c8/cancel", "", 404, 404, ""},
	"POST /v1/operations/{id}/resume":              {"POST", "/v1/operations/6ba7b810-9dad-41d1-80b4-00c04fd430c8/resume", "", 404, 404, ""},
	"GET /v1/workspaces/{slug}/proofs/{event}":     {"GET", "/v1/workspaces/default/proofs/0", "", 200, 404, "/v1/workspaces/nowhere/proofs/0"},
	"POST /v1/audit/resume":                        {"POST", "/v1/audit/resume", `{"tree":"workspace-default","reason":"x"}`, 404, 403, ""},
	"GET /v1/audit/key":                            {"GET", "/v1/audit/key", "", 200, 200, ""},
	"GET /metrics":                                 {"GET", "/metrics", "", 200, 403, ""},
}

// noAPI stands for the GraphQL server where only the routes are asked for.
type noAPI struct{ http.Handler }

func (noAPI) Ask(context.Context, string, map[string]any) (json.RawMessage, []*graphql.Fault, error) {
	return nil, nil, errors.New("there is no GraphQL here")
}

func (noAPI) Explorer() http.Handler { return http.NotFoundHandler() }

func routes() []access.Route { return routesWith(serveFlags{}) }

func routesWith(f serveFlags) []access.Route {
	mux := access.NewMux(access.NewKeys(nil, nil), nil, nil)
	s := &server{metrics: newMetrics()}
	s.register(mux, noAPI{http.NotFoundHandler()}, f)
	return mux.Routes()
}

// Every route is asked by every kind of key. A route that this test does not know fails it.
func TestEveryRouteWithEveryKey(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	if out, errs, exit := s.annals("", "workspace", "create", "other"); exit != 0 {
		t.Fatal(out, errs)
	}
	unknown, _, err := access.Mint(access.Service, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[access.Scope]string{
		access.Read: s.newKey(t, "", "read"), access.IngestOnly: s.newKey(t, "", "ingest"), access.Write: s.newKey(t, "", "write"), access.Admin: s.newKey(t, "", "admin"),
	}
	other := s.newKey(t, "other", "admin")
	ingestOther := s.newKey(t, "other", "ingest")
	for _, route := range routes() {
		r, ok := everyRequest[route.Pattern]
		if !ok {
			t.Errorf("%s: this test does not know the route", route.Pattern)
			continue
		}
		ask := func(who, key string, want int) {
			t.Helper()
			status, body, header := s.call(t, r.method, r.path, key, r.body, "Content-Type", "application/json")
			if status != want {
				t.Errorf("%s with %s: %d %s, want %d", route.Pattern, who, status, body, want)
			}
			if status == http.StatusUnauthorized && header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %s: no WWW-Authenticate", route.Pattern, who)
			}
		}
		if route.Needs == "" {
			ask("no key", "", r.ok)
			continue
		}
		ask("no key", "", 401)
		ask("no key at all", "annals", 401)
		ask("half a key", keys[access.Admin][:40], 401)
		ask("an unknown key", unknown, 401)
		for scope, key := range keys {
			want := r.ok
			if p := (access.Principal{Scopes: []access.Scope{scope}}); !p.Has(route.Needs) {
				want = 403
			}
			ask("scope "+string(scope), key, want)
		}
		ask("another workspace's admin", other, r.foreign)
		if r.missing != "" {
			_, hidden, _ := s.call(t, r.method, r.path, other, r.body)
			_, none, _ := s.call(t, r.method, r.missing, other, r.body)
			if strings.ReplaceAll(hidden, "default", "nowhere") != none {
				t.Errorf("%s: a foreign workspace answers %s, a missing one %s", route.Pattern, hidden, none)
			}
		}
		if route.Needs != access.IngestOnly {
			ask("another workspace's ingest key", ingestOther, 403)
		}
	}
	for pattern := range everyRequest {
		if !slices.ContainsFunc(routes(), func(r access.Route) bool { return r.Pattern == pattern }) {
			t.Errorf("%s: there is no such route any more", pattern)
		}
	}
}

// What is not routed asks for a key first, and then is nothing.
func TestNothingElseAnswers(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, path := range []string{"/debug/pprof/", "/debug/vars", "/admin", "/api", "/api/v1", "/api/v1/namespaces", "/graphql/", "/.git/config", "/v1", "/v1/keys/", "//graphql", "/../etc/passwd"} {
		if status, body, _ := s.call(t, "GET", path, "", ""); status != 401 {
			t.Errorf("GET %s without a key: %d %s", path, status, body)
		}
		status, body, header := s.call(t, "GET", path, s.Key, "")
		if status != 404 && status != 405 || header.Get("Location") != "" {
			t.Errorf("GET %s: %d %s", path, status, body)
		}
	}
}

// Where events go is said by the key, the path or the header; two that differ write nothing.
func TestWhichWorkspaceEventsGoTo(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	if out, errs, exit := s.annals("", "workspace", "create", "elsewhere"); exit != 0 {
		t.Fatal(out, errs)
	}
	bound, foreign := s.newKey(t, "default", "ingest"), s.newKey(t, "elsewhere", "ingest")
	for name, tt := range map[string]struct {
		path, key, header string
		status            int
		body              string
	}{
		"nothing named":           {"/api/v1/lineage", s.Key, "", 201, ""},
		"by its key":              {"/api/v1/lineage", bound, "", 201, ""},
		"by the header":           {"/api/v1/lineage", s.Key, "default", 201, ""},
		"by the path":             {"/workspaces/default/api/v1/lineage", s.Key, "", 201, ""},
		"twice the same":          {"/workspaces/default/api/v1/lineage", bound, "default", 201, ""},
		"path and header":         {"/workspaces/default/api/v1/lineage", s.Key, "another", 409, "workspace_conflict"},
		"key and header":          {"/api/v1/lineage", bound, "another", 409, "workspace_conflict"},
		"key and path":            {"/workspaces/another/api/v1/lineage", bound, "", 409, "workspace_conflict"},
		"missing":                 {"/workspaces/another/api/v1/lineage", s.Key, "", 404, "not_found"},
		"another's, by its key":   {"/api/v1/lineage", foreign, "", 201, ""},
		"cut off by a client":     {"/workspaces/api/v1/lineage", s.Key, "", 404, "workspace_cut_off"},
		"no slug":                 {"/workspaces/NO!/api/v1/lineage", s.Key, "", 400, "invalid_workspace"},
		"native, by the path":     {"/v1/workspaces/default/events", s.Key, "", 200, ""},
		"native, another's":       {"/v1/workspaces/default/events", foreign, "", 409, "workspace_conflict"},
		"native, its own":         {"/v1/workspaces/elsewhere/events", foreign, "", 200, ""},
		"native, missing for all": {"/v1/workspaces/nowhere/events", s.Key, "", 404, "not_found"},
	} {
		body := event
		if strings.HasPrefix(tt.path, "/v1/") {
			body = nativeEvent
		}
		args := []string{"Content-Type", "application/json"}
		if tt.header != "" {
			args = append(args, "X-Annals-Workspace", tt.header)
		}
		status, answer, _ := s.call(t, "POST", tt.path, tt.key, body, args...)
		if status != tt.status || !strings.Contains(answer, tt.body) {
			t.Errorf("%s: %d %s, want %d %s", name, status, answer, tt.status, tt.body)
		}
	}
}
