package explorer_test

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/annals-io/annals/graphql/explorer"
)

// TestThePageIsOurs: nothing is fetched from elsewhere, and nothing runs that the policy would refuse.
func TestThePageIsOurs(t *testing.T) {
	t.Parallel()
	get := func(path string) string {
		w := httptest.NewRecorder()
		explorer.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 200 {
			t.Fatalf("%s answered %d", path, w.Code)
		}
		return w.Body.String()
	}
	page := get("/graphql")
	for _, ref := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if strings.Contains(ref[1], "//") {
			t.Errorf("the page fetches %s", ref[1])
			continue
		}
		get("/" + ref[1])
	}
	if regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|\son\w+=|\sstyle=|<style`).MatchString(page) {
		t.Error("the page has script or style of its own, which its policy refuses")
	}
	for _, part := range []string{"explorer.js", "schema.js", "examples.js"} {
		text := get("/graphql/explorer/" + part)
		if strings.Contains(text, "innerHTML") || strings.Contains(text, "eval(") || strings.Contains(text, "http:") && !strings.Contains(text, "http://www.w3.org") {
			t.Errorf("%s writes HTML, evaluates text or names another host", part)
		}
	}
}

func TestWantedIsForBrowsersOnly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method, target, accept string
		want                   bool
	}{
		"browser":         {"GET", "/graphql", "text/html,application/xhtml+xml,*/*;q=0.8", true},
		"a query":         {"GET", "/graphql?query={a}", "text/html", false},
		"a client":        {"GET", "/graphql", "*/*", false},
		"no html, please": {"GET", "/graphql", "text/html;q=0, application/json", false},
		"post":            {"POST", "/graphql", "text/html", false},
	} {
		r := httptest.NewRequest(tt.method, tt.target, nil)
		r.Header.Set("Accept", tt.accept)
		if got := explorer.Wanted(r); got != tt.want {
			t.Errorf("%s: Wanted = %t; want %t", name, got, tt.want)
		}
	}
}
