package rest

import "testing"

func TestTenantsAreWorkspaces(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v1/tenants":                      "/v1/workspaces",
		"/v1/tenants/lab":                  "/v1/workspaces/lab",
		"/v1/tenants/tenants":              "/v1/workspaces/tenants",
		"/v1/tenants/lab/runs/a%2Fb":       "/v1/workspaces/lab/runs/a%2Fb",
		"/tenants/lab/api/v1/lineage":      "/workspaces/lab/api/v1/lineage",
		"/v1/organizations/acme/tenants":   "/v1/organizations/acme/workspaces",
		"/v1/organizations/tenants":        "/v1/organizations/tenants",
		"/v1/workspaces/tenants":           "/v1/workspaces/tenants",
		"/v1/workspaces/lab/runs/tenants":  "/v1/workspaces/lab/runs/tenants",
		"/workspaces/tenants/docs":         "/workspaces/tenants/docs",
		"/v1/keys":                         "/v1/keys",
		"/v1/organizations/tenants/teams":  "/v1/organizations/tenants/teams",
		"/v1/organizations/acme/tenants/x": "/v1/organizations/acme/workspaces/x",
	} {
		if got, changed := workspacesIn(path); got != want || changed != (path != want) {
			t.Errorf("%s becomes %s (%v), want %s", path, got, changed, want)
		}
	}
}
