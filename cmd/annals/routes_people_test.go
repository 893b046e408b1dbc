package main

import "maps"

// peopleRequests are those of the routes about organizations and the people in them.
var peopleRequests = map[string]routeRequest{
	"GET /v1/permissions":                                          {"GET", "/v1/permissions", "", 200, 200, ""},
	"POST /v1/invitations/offer":                                   {"POST", "/v1/invitations/offer", `{"token":"x"}`, 404, 403, ""},
	"POST /v1/invitations/accept":                                  {"POST", "/v1/invitations/accept", `{"token":"x"}`, 404, 403, ""},
	"GET /v1/organizations":                                        {"GET", "/v1/organizations", "", 200, 200, ""},
	"POST /v1/organizations":                                       {"POST", "/v1/organizations", `{"name":"x1-team","slug":"v1"}`, 400, 403, ""},
	"GET /v1/organizations/{org}":                                  {"GET", "/v1/organizations/personal", "", 200, 404, ""},
	"PATCH /v1/organizations/{org}":                                {"PATCH", "/v1/organizations/personal", `{"description":"x"}`, 200, 404, ""},
	"GET /v1/organizations/{org}/workspaces":                       {"GET", "/v1/organizations/personal/workspaces", "", 200, 404, ""},
	"POST /v1/organizations/{org}/workspaces":                      {"POST", "/v1/organizations/personal/workspaces", `{"slug":"v1"}`, 400, 404, ""},
	"POST /v1/organizations/{org}/members/{member}/suspend":        {"POST", "/v1/organizations/personal/members/account:0190a2a0-0000-7000-8000-000000000001/suspend", "", 404, 404, ""},
	"POST /v1/organizations/{org}/members/{member}/reinstate":      {"POST", "/v1/organizations/personal/members/account:0190a2a0-0000-7000-8000-000000000001/reinstate", "", 404, 404, ""},
	"GET /v1/organizations/{org}/teams":                            {"GET", "/v1/organizations/personal/teams", "", 200, 404, ""},
	"POST /v1/organizations/{org}/teams":                           {"POST", "/v1/organizations/personal/teams", `{"name":"data"}`, 201, 404, ""},
	"GET /v1/organizations/{org}/teams/{team}":                     {"GET", "/v1/organizations/personal/teams/none", "", 404, 404, ""},
	"DELETE /v1/organizations/{org}/teams/{team}":                  {"DELETE", "/v1/organizations/personal/teams/none", "", 404, 404, ""},
	"GET /v1/organizations/{org}/teams/{team}/members":             {"GET", "/v1/organizations/personal/teams/none/members", "", 404, 404, ""},
	"PUT /v1/organizations/{org}/teams/{team}/members/{member}":    {"PUT", "/v1/organizations/personal/teams/none/members/account:0190a2a0-0000-7000-8000-000000000001", "", 404, 404, ""},
	"DELETE /v1/organizations/{org}/teams/{team}/members/{member}": {"DELETE", "/v1/organizations/personal/teams/none/members/account:0190a2a0-0000-7000-8000-000000000001", "", 404, 404, ""},
	"GET /v1/organizations/{org}/service-accounts":                 {"GET", "/v1/organizations/personal/service-accounts", "", 200, 404, ""},
	"POST /v1/organizations/{org}/service-accounts":                {"POST", "/v1/organizations/personal/service-accounts", `{"name":"CI"}`, 201, 404, ""},
	"DELETE /v1/organizations/{org}/service-accounts/{account}":    {"DELETE", "/v1/organizations/personal/service-accounts/0190a2a0-0000-7000-8000-000000000002", "", 404, 404, ""},
	"GET /v1/organizations/{org}/members":                          {"GET", "/v1/organizations/personal/members", "", 200, 404, ""},
	"GET /v1/organizations/{org}/members/{member}":                 {"GET", "/v1/organizations/personal/members/account:0190a2a0-0000-7000-8000-000000000001", "", 200, 404, ""},
	"PUT /v1/organizations/{org}/members/{member}/roles/{role}":    {"PUT", "/v1/organizations/personal/members/account:0190a2a0-0000-7000-8000-000000000001/roles/member", "", 404, 404, ""},
	"DELETE /v1/organizations/{org}/members/{member}/roles/{role}": {"DELETE", "/v1/organizations/personal/members/account:0190a2a0-0000-7000-8000-000000000001/roles/member", "", 200, 404, ""},
	"DELETE /v1/organizations/{org}/members/{member}":              {"DELETE", "/v1/organizations/personal/members/account:0190a2a0-0000-7000-8000-000000000001", "", 200, 404, ""},
	"GET /v1/organizations/{org}/roles":                            {"GET", "/v1/organizations/personal/roles", "", 200, 404, ""},
	"PUT /v1/organizations/{org}/roles/{name}":                     {"PUT", "/v1/organizations/personal/roles/auditor", `{"permissions":["workspace:read"]}`, 200, 404, ""},
	"DELETE /v1/organizations/{org}/roles/{name}":                  {"DELETE", "/v1/organizations/personal/roles/none", "", 404, 404, ""},
	"GET /v1/organizations/{org}/invitations":                      {"GET", "/v1/organizations/personal/invitations", "", 200, 404, ""},
	"POST /v1/organizations/{org}/invitations":                     {"POST", "/v1/organizations/personal/invitations", `{"roles":["member"]}`, 201, 404, ""},
	"DELETE /v1/organizations/{org}/invitations/{invitation}":      {"DELETE", "/v1/organizations/personal/invitations/0190a2a0-0000-7000-8000-000000000003", "", 404, 404, ""},
	"PUT /v1/organizations/{org}/members/{member}":                 {"PUT", "/v1/organizations/personal/members/account:0190a2a0-0000-7000-8000-000000000001", `{"roles":["member"]}`, 404, 404, ""},
	"POST /v1/organizations/{org}/leave":                           {"POST", "/v1/organizations/personal/leave", "", 409, 404, ""},
	"GET /v1/organizations/{org}/who-can":                          {"GET", "/v1/organizations/personal/who-can?permission=workspace:delete", "", 200, 404, ""},
	"PUT /v1/workspaces/{slug}/members/{member}":                   {"PUT", "/v1/workspaces/default/members/account:0190a2a0-0000-7000-8000-000000000001", `{"roles":["member"]}`, 404, 404, "/v1/workspaces/nowhere/members/account:0190a2a0-0000-7000-8000-000000000001"},
	"POST /v1/workspaces/{slug}/leave":                             {"POST", "/v1/workspaces/default/leave", "", 409, 404, "/v1/workspaces/nowhere/leave"},
	"GET /v1/workspaces/{slug}/who-can":                            {"GET", "/v1/workspaces/default/who-can?permission=workspace:delete", "", 200, 404, "/v1/workspaces/nowhere/who-can?permission=workspace:delete"},
	"GET /v1/workspaces/{slug}/onboarding":                         {"GET", "/v1/workspaces/default/onboarding", "", 200, 404, "/v1/workspaces/nowhere/onboarding"},
	"GET /v1/workspace-groups":                                     {"GET", "/v1/workspace-groups?by=kind", "", 200, 200, ""},
	"GET /v1/workspaces/{slug}/promotions":                         {"GET", "/v1/workspaces/default/promotions", "", 200, 404, "/v1/workspaces/nowhere/promotions"},
	"POST /v1/workspaces/{slug}/promotions":                        {"POST", "/v1/workspaces/default/promotions", `{"artifactVersion":"default/model@3","to":"nowhere","reason":"x"}`, 404, 404, "/v1/workspaces/nowhere/promotions"},
	"GET /v1/workspaces/{slug}/members":                            {"GET", "/v1/workspaces/default/members", "", 200, 404, "/v1/workspaces/nowhere/members"},
	"GET /v1/workspaces/{slug}/members/{member}":                   {"GET", "/v1/workspaces/default/members/account:0190a2a0-0000-7000-8000-000000000001", "", 200, 404, "/v1/workspaces/nowhere/members/account:0190a2a0-0000-7000-8000-000000000001"},
	"PUT /v1/workspaces/{slug}/members/{member}/roles/{role}":      {"PUT", "/v1/workspaces/default/members/account:0190a2a0-0000-7000-8000-000000000001/roles/member", "", 404, 404, "/v1/workspaces/nowhere/members/account:0190a2a0-0000-7000-8000-000000000001/roles/member"},
	"DELETE /v1/workspaces/{slug}/members/{member}/roles/{role}":   {"DELETE", "/v1/workspaces/default/members/account:0190a2a0-0000-7000-8000-000000000001/roles/member", "", 200, 404, "/v1/workspaces/nowhere/members/account:0190a2a0-0000-7000-8000-000000000001/roles/member"},
	"DELETE /v1/workspaces/{slug}/members/{member}":                {"DELETE", "/v1/workspaces/default/members/account:0190a2a0-0000-7000-8000-000000000001", "", 200, 404, "/v1/workspaces/nowhere/members/account:0190a2a0-0000-7000-8000-000000000001"},
	"GET /v1/workspaces/{slug}/roles":                              {"GET", "/v1/workspaces/default/roles", "", 200, 404, "/v1/workspaces/nowhere/roles"},
	"PUT /v1/workspaces/{slug}/roles/{name}":                       {"PUT", "/v1/workspaces/default/roles/auditor", `{"permissions":["workspace:read"]}`, 200, 404, "/v1/workspaces/nowhere/roles/auditor"},
	"DELETE /v1/workspaces/{slug}/roles/{name}":                    {"DELETE", "/v1/workspaces/default/roles/none", "", 404, 404, "/v1/workspaces/nowhere/roles/none"},
	"GET /v1/workspaces/{slug}/invitations":                        {"GET", "/v1/workspaces/default/invitations", "", 200, 404, "/v1/workspaces/nowhere/invitations"},
	"POST /v1/workspaces/{slug}/invitations":                       {"POST", "/v1/workspaces/default/invitations", `{"roles":["member"]}`, 201, 404, "/v1/workspaces/nowhere/invitations"},
	"DELETE /v1/workspaces/{slug}/invitations/{invitation}":        {"DELETE", "/v1/workspaces/default/invitations/0190a2a0-0000-7000-8000-000000000003", "", 404, 404, "/v1/workspaces/nowhere/invitations/0190a2a0-0000-7000-8000-000000000003"},
}

// everyRequest is one request for every route there is.
var everyRequest = func() map[string]routeRequest {
	all := maps.Clone(requests)
	maps.Copy(all, peopleRequests)
	return all
}()
