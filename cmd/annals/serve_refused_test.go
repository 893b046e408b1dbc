package main

import (
	"crypto/rand"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/annals-io/annals/access"
)

// refusedAnswer is a refusal of a request of GraphQL.
type refusedAnswer struct {
	Data   *struct{}
	Errors []struct {
		Message    string
		Extensions struct{ Code, Rule, Reason string }
	}
}

// Whoever asks GraphQL is refused in its words, with all that other routes say: as the media type that he takes, over
// every transport.
func TestGraphQLRefusesInItsOwnWords(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	unknown, _, err := access.Mint(access.Service, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ingest := s.newKey(t, "", "ingest")
	const asGraphQL, asJSON = "application/graphql-response+json", "application/json"
	for name, tt := range map[string]struct {
		method, key, accept  string
		status               int
		code, reason, answer string
	}{
		"no key":                 {"POST", "", asGraphQL, 401, "UNAUTHENTICATED", "key_missing", asGraphQL},
		"no key, as JSON":        {"POST", "", asJSON, 401, "UNAUTHENTICATED", "key_missing", asJSON},
		"no key, as anything":    {"POST", "", "", 401, "UNAUTHENTICATED", "key_missing", asJSON},
		"no key, as events":      {"POST", "", "text/event-stream", 401, "UNAUTHENTICATED", "key_missing", asJSON},
		"no key, by GET":         {"GET", "", asGraphQL, 401, "UNAUTHENTICATED", "key_missing", asGraphQL},
		"half a key":             {"POST", s.Key[:40], asGraphQL, 401, "UNAUTHENTICATED", "key_malformed", asGraphQL},
		"an unknown key":         {"POST", unknown, asJSON + ", " + asGraphQL, 401, "UNAUTHENTICATED", "key_unknown", asJSON},
		"a key that reads not":   {"POST", ingest, asGraphQL, 403, "FORBIDDEN", "scope_missing", asGraphQL},
		"the same, for events":   {"GET", ingest, "text/event-stream", 403, "FORBIDDEN", "scope_missing", asJSON},
		"a method that is none":  {"PUT", s.Key, asGraphQL, 405, "METHOD_NOT_ALLOWED", "method_not_allowed", asGraphQL},
		"the same, without keys": {"PUT", "", asGraphQL, 401, "UNAUTHENTICATED", "key_missing", asGraphQL},
	} {
		status, body, header := s.call(t, tt.method, "/graphql?query=%7B__typename%7D", tt.key, `{"query":"{__typename}"}`, "Content-Type", "application/json", "Accept", tt.accept)
		var got refusedAnswer
		decode(t, body, &got)
		if status != tt.status || len(got.Errors) != 1 || got.Data != nil || strings.Contains(body, `"data"`) {
			t.Errorf("%s: %d %s; want %d and one error", name, status, body, tt.status)
			continue
		}
		e := got.Errors[0]
		if e.Extensions.Code != tt.code || e.Extensions.Reason != tt.reason || e.Extensions.Rule == "" || !strings.HasPrefix(header.Get("Content-Type"), tt.answer+";") {
			t.Errorf("%s: %s %s; want %s, %s as %s", name, header.Get("Content-Type"), body, tt.code, tt.reason, tt.answer)
		}
		if (status == 401) != (header.Get("WWW-Authenticate") != "") || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: the headers are %v", name, header)
		}
		// The words are those of other routes.
		path := "/v1/projections"
		if _, rest, _ := s.call(t, "GET", path, tt.key, ""); tt.status != 405 && !strings.Contains(rest, string(rawJSON(e.Message))) {
			t.Errorf("%s: GraphQL says %q, %s says %s", name, e.Message, path, rest)
		}
	}
	for name, key := range map[string]string{"401 UNAUTHENTICATED key_malformed": s.Key[:40], "403 FORBIDDEN scope_missing": ingest} {
		_, resp, err := websocket.Dial(t.Context(), s.URL+"/graphql", &websocket.DialOptions{HTTPHeader: map[string][]string{"Authorization": {"Bearer " + key}}})
		body := make([]byte, 4096)
		n := 0
		if resp != nil {
			n, _ = resp.Body.Read(body) // judged below
		}
		for _, word := range strings.Fields(name) {
			if err == nil || !strings.Contains(resp.Status+string(body[:n]), word) {
				t.Errorf("a WebSocket is answered %v %s; want %s", err, body[:n], name)
			}
		}
	}
	// The command line names the closer code, as it does for other routes.
	keep := s.Key
	s.Key = ingest
	if _, errs, exit := s.annals("", "run", "list", "-o", "json"); exit != exitAuth || !strings.Contains(errs, `"code":"scope_missing"`) {
		t.Errorf("run list with a key that may not read exits %d: %s", exit, errs)
	}
	s.Key = keep
}

// While the server is not ready it says so in the same words.
func TestAShutGateSpeaksGraphQL(t *testing.T) {
	t.Parallel()
	mux := access.NewMux(access.NewKeys(nil, nil), nil, nil)
	mux.Speak("/graphql", refuseGraphQL)
	g := gate{refuse: mux.Refuse}
	for path, want := range map[string]string{
		"/graphql": `{"errors":[{"message":"the server is not ready: try again in a second","extensions":{"code":"UNAVAILABLE","reason":"unavailable","rule":"A request is taken while the server is ready and keys can be looked up."}}]}`,
		"/v1/keys": `{"error":{"code":"unavailable","message":"the server is not ready: try again in a second"}}` + "\n",
	} {
		w := httptest.NewRecorder()
		g.guard(mux).ServeHTTP(w, httptest.NewRequest("POST", path, nil))
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" || w.Body.String() != want {
			t.Errorf("%s answers %d %q; want %q", path, w.Code, w.Body, want)
		}
	}
}
