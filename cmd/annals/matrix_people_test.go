package main

import (
	"maps"

	"github.com/annals-io/annals/domain"
)

// matrixPeople are the routes about organizations and the people in them, as matrixRoutes are the others.
var matrixPeople = map[string]matrixRow{
	"GET /v1/permissions":                                          {place: ofAnybody},
	"POST /v1/invitations/offer":                                   {place: nowhereAtAll, people: true},
	"POST /v1/invitations/accept":                                  {place: nowhereAtAll, people: true},
	"GET /v1/organizations":                                        {place: ofAnybody},
	"POST /v1/organizations":                                       {place: ofAnybody, people: true},
	"GET /v1/organizations/{org}":                                  readsOrganization(),
	"PATCH /v1/organizations/{org}":                                takesIn(domain.ConfigureOrganization),
	"GET /v1/organizations/{org}/workspaces":                       readsOrganization(),
	"POST /v1/organizations/{org}/workspaces":                      takesIn(domain.CreateWorkspaces),
	"GET /v1/organizations/{org}/members":                          readsOrganization(),
	"GET /v1/organizations/{org}/members/{member}":                 readsOrganization().ofSome(),
	"PUT /v1/organizations/{org}/members/{member}/roles/{role}":    takesIn(domain.ManageOrganizationMembers).ofSome(),
	"DELETE /v1/organizations/{org}/members/{member}/roles/{role}": takesIn(domain.ManageOrganizationMembers).ofSome(),
	"DELETE /v1/organizations/{org}/members/{member}":              takesIn(domain.ManageOrganizationMembers).ofSome(),
	"POST /v1/organizations/{org}/members/{member}/suspend":        takesIn(domain.ManageOrganizationMembers).ofSome(),
	"POST /v1/organizations/{org}/members/{member}/reinstate":      takesIn(domain.ManageOrganizationMembers).ofSome(),
	"GET /v1/organizations/{org}/roles":                            readsOrganization(),
	"PUT /v1/organizations/{org}/roles/{name}":                     takesIn(domain.ManageOrganizationRoles),
	"DELETE /v1/organizations/{org}/roles/{name}":                  takesIn(domain.ManageOrganizationRoles).ofSome(),
	"GET /v1/organizations/{org}/teams":                            readsOrganization(),
	"POST /v1/organizations/{org}/teams":                           takesIn(domain.ManageTeams),
	"GET /v1/organizations/{org}/teams/{team}":                     readsOrganization().ofSome(),
	"DELETE /v1/organizations/{org}/teams/{team}":                  takesIn(domain.ManageTeams).ofSome(),
	"GET /v1/organizations/{org}/teams/{team}/members":             readsOrganization().ofSome(),
	"PUT /v1/organizations/{org}/teams/{team}/members/{member}":    takesIn(domain.ManageTeams).ofSome(),
	"DELETE /v1/organizations/{org}/teams/{team}/members/{member}": takesIn(domain.ManageTeams).ofSome(),
	"GET /v1/organizations/{org}/service-accounts":                 readsOrganization(),
	"POST /v1/organizations/{org}/service-accounts":                takesIn(domain.ManageServiceAccounts),
	"DELETE /v1/organizations/{org}/service-accounts/{account}":    takesIn(domain.ManageServiceAccounts).ofSome(),
	"GET /v1/organizations/{org}/invitations":                      takesIn(domain.ManageOrganizationMembers),
	"POST /v1/organizations/{org}/invitations":                     takesIn(domain.ManageOrganizationMembers),
	"DELETE /v1/organizations/{org}/invitations/{invitation}":      takesIn(domain.ManageOrganizationMembers).ofSome(),
	"PUT /v1/organizations/{org}/members/{member}":                 takesIn(domain.ManageOrganizationMembers).ofSome(),
	"POST /v1/organizations/{org}/leave":                           matrixRow{place: inOrganization, direct: true}.with("If-Match", `"0"`),
	"GET /v1/organizations/{org}/who-can":                          readsOrganization().with("?permission", "organization:read"),
	"PUT /v1/workspaces/{slug}/members/{member}":                   changes(domain.ManageMembers).ofSome(),
	"POST /v1/workspaces/{slug}/leave":                             matrixRow{place: inWorkspace, direct: true}.with("If-Match", `"0"`),
	"GET /v1/workspaces/{slug}/who-can":                            reads().with("?permission", "workspace:delete"),
	"GET /v1/workspaces/{slug}/members":                            reads(),
	"GET /v1/workspaces/{slug}/members/{member}":                   reads().ofSome(),
	"PUT /v1/workspaces/{slug}/members/{member}/roles/{role}":      changes(domain.ManageMembers).ofSome(),
	"DELETE /v1/workspaces/{slug}/members/{member}/roles/{role}":   changes(domain.ManageMembers).ofSome(),
	"DELETE /v1/workspaces/{slug}/members/{member}":                changes(domain.ManageMembers).ofSome(),
	"GET /v1/workspaces/{slug}/roles":                              reads(),
	"PUT /v1/workspaces/{slug}/roles/{name}":                       changes(domain.ManageRoles),
	"DELETE /v1/workspaces/{slug}/roles/{name}":                    changes(domain.ManageRoles).ofSome(),
	"GET /v1/workspaces/{slug}/invitations":                        {place: inWorkspace, needs: domain.ManageMembers, reads: true},
	"POST /v1/workspaces/{slug}/invitations":                       changes(domain.ManageMembers),
	"DELETE /v1/workspaces/{slug}/invitations/{invitation}":        changes(domain.ManageMembers).ofSome(),
}

// everyMatrixRoute is all of them.
var everyMatrixRoute = func() map[string]matrixRow {
	all := maps.Clone(matrixRoutes)
	maps.Copy(all, matrixPeople)
	return all
}()

func readsOrganization() matrixRow {
	return matrixRow{place: inOrganization, needs: domain.ReadOrganization}
}

func takesIn(p domain.Permission) matrixRow { return matrixRow{place: inOrganization, needs: p} }

// changes is what takes a permission in the workspace, by the desk.
func changes(p domain.Permission) matrixRow { return takes(p) }

// ofSome is about something in the place that need not be there.
func (r matrixRow) ofSome() matrixRow { r.void = true; return r }
