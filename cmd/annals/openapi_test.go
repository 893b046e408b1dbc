package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/annals-io/annals/access"
)

// A route without a description fails the build, and so does a description without a route.
func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]serveFlags{"as it is": {}, "with profiles": {pprof: true}} {
		doc, err := document(routesWith(f), f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		described := 0
		for _, item := range doc.Paths {
			described += len(item)
		}
		if registered := len(routesWith(f)); described != registered {
			t.Errorf("%s: %d routes are registered and %d are in the document", name, registered, described)
		}
	}
	if _, err := document(append(routes(), access.Route{Pattern: "GET /v1/secrets"}), serveFlags{}); err == nil || !strings.Contains(err.Error(), "GET /v1/secrets is registered, and nothing describes it") {
		t.Errorf("a route that nobody describes: %v", err)
	}
	if _, err := document(routes()[1:], serveFlags{}); err == nil || !strings.Contains(err.Error(), "not registered") {
		t.Errorf("a description of no route: %v", err)
	}
}

// What lies under a workspace is told to anybody in the same words, whether there is such a workspace or not.
func TestDocumentsUnderWorkspaces(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, part := range []string{"docs", "openapi.json"} {
		at := func(slug string) (int, string, http.Header) {
			status, body, header := s.call(t, "GET", "/workspaces/"+slug+"/"+part, "", "")
			header.Del("Date")
			header.Del("Etag")
			return status, body, header
		}
		status, there, header := at("default")
		missingStatus, missing, missingHeader := at("elsewhr") // as long as the other
		same := func(body string) string { return strings.NewReplacer("default", "…", "elsewhr", "…").Replace(body) }
		if status != 200 || missingStatus != 200 || same(there) != same(missing) {
			t.Errorf("%s: %d and %d, and the two differ in more than the slug", part, status, missingStatus)
		}
		for name := range header {
			if header.Get(name) != missingHeader.Get(name) {
				t.Errorf("%s: the header %s is %q and %q", part, name, header.Get(name), missingHeader.Get(name))
			}
		}
		if len(header) != len(missingHeader) {
			t.Errorf("%s: headers %v and %v", part, header, missingHeader)
		}
		if status, body, _ := s.call(t, "GET", "/workspaces/%3Cscript%3E/"+part, "", ""); status != 404 || strings.Contains(body, "script") {
			t.Errorf("%s of what cannot be a slug: %d %s", part, status, body)
		}
	}
	browser := []string{"Accept", "text/html"}
	if status, body, _ := s.call(t, "GET", "/workspaces/elsewhr", "", "", browser...); status != 200 || !strings.Contains(body, "/workspaces/elsewhr/") {
		t.Errorf("a browser is shown at a workspace's own address: %d %.200s", status, body)
	}
	if status, body, _ := s.call(t, "GET", "/workspaces/%3Cscript%3E", "", "", browser...); status != 404 || strings.Contains(body, "<script>") {
		t.Errorf("a browser is shown at what cannot be a slug: %d %.200s", status, body)
	}
	_, body, _ := s.call(t, "GET", "/workspaces/acme/openapi.json", "", "")
	var doc struct{ Paths map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Paths) == 0 || strings.Contains(body, "{slug}") {
		t.Errorf("the slug is not written out: %.300s", body)
	}
	for path := range doc.Paths {
		if !strings.Contains(path+"/", "/workspaces/acme/") {
			t.Errorf("%s is not under the workspace", path)
		}
	}
}
