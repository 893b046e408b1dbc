package graphql_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/graphql/limit"
)

// TestAbuse tries what is commonly tried on a GraphQL server.
func TestAbuse(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	nested := strings.Repeat("pipeline { lastRun { ", 6) + "id" + strings.Repeat(" } }", 6)
	doubling := "{ ...f0 }"
	for i := range 60 {
		doubling += " fragment f" + letters(i) + " on Query { ...f" + letters(i+1) + " ...f" + letters(i+1) + " }"
	}
	doubling = strings.Replace(doubling, "...f0", "...f"+letters(0), 1) + " fragment f" + letters(60) + " on Query { __typename }"
	for name, tt := range map[string]struct{ query, code string }{
		"too many tokens":      {"{" + strings.Repeat("__typename ", 5001) + "}", "GRAPHQL_PARSE_FAILED"},
		"one field many times": {"{ workspace(slug: \"www\") {" + strings.Repeat("name ", 501) + "} }", "QUERY_TOO_LARGE"},
		"aliases":              {"{ workspace(slug: \"www\") {" + aliased(201) + "} }", "QUERY_TOO_LARGE"},
		"many roots":           {"{" + strings.Repeat("__typename ", 21) + "}", "QUERY_TOO_LARGE"},
		"deep":                 {`{ workspace(slug: "www") { runs { nodes { ` + nested + ` } } } }`, "QUERY_TOO_LARGE"},
		"doubling fragments":   {doubling, "QUERY_TOO_LARGE"},
		"fragment of itself":   {`{ ...f } fragment f on Query { ...f }`, "GRAPHQL_VALIDATION_FAILED"},
		"expensive":            {`{ workspace(slug: "www") { runs(first: 500) { nodes { steps(first: 500) { nodes { id name } } } } } }`, "QUERY_TOO_EXPENSIVE"},
		"circular schema":      {`{ __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }`, "GRAPHQL_VALIDATION_FAILED"},
		"no such field":        {`{ workspac(slug: "www") { name } }`, "GRAPHQL_VALIDATION_FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			a := h.as("owner", tt.query, nil)
			if a.code() != tt.code || a.status != http.StatusBadRequest {
				t.Errorf("answered %d %v; want 400 %s", a.status, a.Errors, tt.code)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			for _, e := range a.Errors {
				if more, _ := e["extensions"].(map[string]any); more["rule"] == nil {
					t.Errorf("it names no rule: %v", e)
				}
				if strings.Contains(e["message"].(string), "Did you mean") {
					t.Errorf("it suggests names: %v", e)
				}
			}
		})
	}
	// The schema is shown to whom has a key; the answer of an operation carries no trace.
	if a := h.ask(`{ __schema { queryType { name } } }`); a.at("__schema.queryType.name") != "Query" {
		t.Error("the schema is not shown to the owner")
	}
	if a := h.as("", `{ __schema { queryType { name } } }`, nil); a.status != http.StatusUnauthorized {
		t.Errorf("without a key the schema answers %d", a.status)
	}
}

func letters(i int) string { return string(rune('a'+i/26)) + string(rune('a'+i%26)) }

func aliased(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("x" + letters(i%26) + letters(i/26) + ": name ")
	}
	return b.String()
}

func TestSlowOperationsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{Timeout: time.Nanosecond})
	a := h.as("owner", `{ workspace(slug: "www") { name } }`, nil)
	if a.code() != "TIMEOUT" {
		t.Errorf("answered %v; want TIMEOUT", a.Errors)
	}
}

func TestBrowsersGetTheExplorer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	for path, want := range map[string]string{"/graphql": "text/html", "/graphql/explorer/explorer.js": "text/javascript", "/graphql/explorer/explorer.css": "text/css"} {
		req, err := http.NewRequestWithContext(context.Background(), "GET", h.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		policy := resp.Header.Get("Content-Security-Policy")
		if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), want) || !strings.Contains(policy, "default-src 'self'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s answered %d %s, policy %q", path, resp.StatusCode, resp.Header.Get("Content-Type"), policy)
		}
	}
}
