package docs_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/annals-io/annals/rest/docs"
	"github.com/annals-io/annals/rest/openapi"
)

type thing struct {
	Name string `json:"name" doc:"<b>bold</b> & \"quoted\""`
}

// site shows two operations, one of them under workspaces.
func site(t *testing.T) http.Handler {
	t.Helper()
	slug := openapi.Parameter{Name: "slug", In: "path", Shape: openapi.Text(), Example: "default"}
	described := []openapi.Operation{
		{Pattern: "GET /v1/things", ID: "listThings", Tag: "things", Summary: "List <i>things</i>", Answers: []openapi.Answer{openapi.Says(200, "All.", openapi.Of[[]thing]())}},
		{Pattern: "PUT /v1/workspaces/{slug}/thing", ID: "putThing", Tag: "things", Summary: "Put a thing", Parameters: []openapi.Parameter{slug}, Body: openapi.Sends(openapi.Of[thing](), map[string]any{"name": "</pre><script>"}),
			Answers: []openapi.Answer{{Status: 204, Description: "It is there."}}, Refuses: []int{409}},
	}
	doc, err := openapi.Build(openapi.Info{Title: "Things", Version: "1", Tags: []openapi.Tag{{Name: "things"}}}, nil,
		[]openapi.Route{{Pattern: "GET /v1/things"}, {Pattern: "PUT /v1/workspaces/{slug}/thing", Scope: "write"}}, described)
	if err != nil {
		t.Fatal(err)
	}
	var s docs.Site
	if err := s.Publish(doc); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s.Register(mux.Handle)
	return mux
}

func get(t *testing.T, h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Nothing on the page runs, is fetched from elsewhere, or is anything but text of the document.
func TestThePageIsOurs(t *testing.T) {
	t.Parallel()
	h := site(t)
	for _, path := range []string{"/docs", "/workspaces/acme/docs"} {
		w := get(t, h, path)
		page := w.Body.String()
		if w.Code != 200 || !strings.Contains(page, `id="putThing"`) {
			t.Fatalf("%s: %d %s", path, w.Code, page)
		}
		if regexp.MustCompile(`(?i)<script|\son\w+=|\sstyle=|<style|<b>|<i>`).MatchString(page) {
			t.Errorf("%s has script or style of its own, or text that became markup", path)
		}
		for _, ref := range regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(page, -1) {
			if ref[1] != "data:," && get(t, h, ref[1]).Code != 200 {
				t.Errorf("%s: %s is not there", path, ref[1])
			}
		}
		if policy := w.Header().Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'none'") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
}

func TestAPageIsFetchedOnce(t *testing.T) {
	t.Parallel()
	h := site(t)
	for _, path := range []string{"/docs", "/openapi.json", "/docs/docs.css", "/workspaces/acme/docs", "/workspaces/acme/openapi.json"} {
		tag := get(t, h, path).Header().Get("ETag")
		if again := get(t, h, path, "If-None-Match", tag); tag == "" || again.Code != http.StatusNotModified {
			t.Errorf("%s again with its ETag %q: %d", path, tag, again.Code)
		}
	}
}

func TestUnderAWorkspace(t *testing.T) {
	t.Parallel()
	h := site(t)
	acme := get(t, h, "/workspaces/acme/openapi.json").Body.String()
	if !strings.Contains(acme, `"/v1/workspaces/acme/thing"`) || strings.Contains(acme, "{slug}") || strings.Contains(acme, "/v1/things") {
		t.Errorf("under acme: %s", acme)
	}
	if other := get(t, h, "/workspaces/lab/openapi.json").Body.String(); strings.ReplaceAll(acme, "acme", "lab") != other {
		t.Errorf("two workspaces differ in more than their slug: %s", other)
	}
	for _, slug := range []string{"NO", "a b", "v1", "%22%3E"} {
		if w := get(t, h, "/workspaces/"+strings.ReplaceAll(slug, " ", "%20")+"/docs"); w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", slug, w.Code, w.Body)
		}
	}
}
