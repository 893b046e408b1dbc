package rest

import (
	"net/http"
	"net/url"
	"strings"
)

// Tenants lets paths say tenants where they say workspaces: what comes is the same.
func Tenants(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, ok := workspacesIn(r.URL.EscapedPath()); ok {
			if plain, err := url.PathUnescape(path); err == nil {
				other := *r
				where := *r.URL
				where.Path, where.RawPath = plain, path
				other.URL = &where
				r = &other
			}
		}
		next.ServeHTTP(w, r)
	})
}

// workspacesIn writes the old word for workspaces where a path has it in their place: /tenants/..., /v1/tenants... and
// /v1/organizations/SLUG/tenants. A workspace whose own name it is keeps it.
func workspacesIn(path string) (string, bool) {
	if !strings.Contains(path, "tenants") {
		return path, false
	}
	parts := strings.Split(path, "/")
	at := 1
	if len(parts) > 2 && parts[1] == "v1" {
		at = 2
		if parts[2] == "organizations" {
			at = 4
		}
	}
	if len(parts) <= at || parts[at] != "tenants" {
		return path, false
	}
	parts[at] = "workspaces"
	return strings.Join(parts, "/"), true
}
