package rest

import (
	"net/http"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/rest/openapi"
)

// A Role is a built-in role, or a custom one of a workspace or organization.
type Role struct {
	Role        string   `json:"role" doc:"The word by which it is granted."`
	Name        string   `json:"name"`
	Level       Word     `json:"level" enum:"workspace,organization"`
	Builtin     bool     `json:"builtin"`
	Permissions []string `json:"permissions"`
	Description *string  `json:"description"`
	Revision    int64    `json:"revision" doc:"Of its definition; -1 for a built-in one."`
}

// RoleWish is the body of PUT .../roles/{name}.
type RoleWish struct {
	Permissions []domain.Permission `json:"permissions" need:"yes" minItems:"1" doc:"What it permits; nobody defines a role that permits what they do not hold."`
	Description *string             `json:"description"`
}

// A Permission is one thing that somebody may do.
type Permission struct {
	Name         string `json:"name"`
	Custom       bool   `json:"custom" doc:"Custom roles can hold it."`
	Organization bool   `json:"organization" doc:"It is about organizations and means nothing in one workspace."`
}

func (a *API) roleActions() []action {
	all := []action{{openapi.Operation{
		Pattern: "GET /v1/permissions", ID: "listPermissions", Tag: "members", Summary: "List everything that can be permitted", Description: "The closed list. No name is ever given another meaning.",
		Parameters: params(one("level", "Where it is to be held; organization when left out.", openapi.Words("workspace", "organization"))),
		Answers:    []openapi.Answer{openapi.Says(http.StatusOK, "All of them.", openapi.Of[Page[Permission]]())}, Refuses: reading(),
	}, access.Read, listPermissions}}
	for _, k := range places {
		all = append(all, roleActions(k)...)
	}
	return all
}

func roleActions(k placeKind) []action {
	name := openapi.Parameter{Name: "name", In: "path", Shape: openapi.Text(), Description: "The name of a custom role.", Example: "auditor"}
	manage := string(k.roles)
	return []action{
		{openapi.Operation{
			Pattern: "GET " + k.base + "/roles", ID: "list" + k.ids + "Roles", Tag: "members", Summary: "List the roles that can be granted in " + article(k.word), Permission: string(k.read),
			Parameters: params(k.param, asOfParam, atLeastParam), Answers: []openapi.Answer{openapi.Says(http.StatusOK, "All of them.", openapi.Of[Page[Role]]())}, Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, func(c *call) (answer, error) {
			found, err := ask[struct{ Roles []Role }](c, k, "", "roles { role name level builtin permissions description revision }", unpaged(nil))
			if err != nil {
				return answer{}, err
			}
			return whole(found.Roles), nil
		}},
		{openapi.Operation{
			Pattern: "PUT " + k.base + "/roles/{name}", ID: "define" + k.ids + "Role", Tag: "members", Summary: "Define a custom role of " + article(k.word), Permission: manage,
			Description: "Or define one anew: from then on that counts for everybody who holds it.", Parameters: params(k.param, name, reasonParam, matchParam),
			Body: openapi.Sends(openapi.Closed[RoleWish](), map[string]any{"permissions": []string{"workspace:read", "runs:write"}}), Answers: changedAnswer("It is defined so."),
			Refuses: changing(http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType),
		}, access.Admin, func(c *call) (answer, error) {
			var wish RoleWish
			if err := c.decode(&wish); err != nil {
				return answer{}, err
			}
			return c.desk(func(d *people.Desk, p access.Principal, a people.Ask) (eventstore.Result, error) {
				return d.DefineRole(c.ctx, p, people.RoleDefinition{Ask: a, At: k.of(c), Name: c.path("name"), Description: wish.Description, Permissions: wish.Permissions})
			})
		}},
		{openapi.Operation{
			Pattern: "DELETE " + k.base + "/roles/{name}", ID: "delete" + k.ids + "Role", Tag: "members", Summary: "Delete a custom role of " + article(k.word), Permission: manage,
			Description: "One that nobody holds.", Parameters: params(k.param, name, reasonParam, matchParam), Answers: changedAnswer("It is deleted."), Refuses: changing(http.StatusPreconditionFailed),
		}, access.Admin, func(c *call) (answer, error) {
			return c.desk(func(d *people.Desk, p access.Principal, a people.Ask) (eventstore.Result, error) {
				return d.DeleteRole(c.ctx, p, people.RoleDefinition{Ask: a, At: k.of(c), Name: c.path("name")})
			})
		}},
	}
}

// whole is a list that comes in one page.
func whole[T any](all []T) answer {
	if all == nil {
		all = []T{}
	}
	return answer{body: Page[T]{Items: all, TotalCount: len(all)}}
}

func listPermissions(c *call) (answer, error) {
	level := "ORGANIZATION"
	if c.query.Get("level") == "workspace" {
		level = "WORKSPACE"
	}
	var found struct{ Permissions []Permission }
	if err := c.ask(`query permissions($level: RoleLevel!) { permissions(level: $level) { name custom organization } }`, map[string]any{"level": level}, &found); err != nil {
		return answer{}, err
	}
	return whole(found.Permissions), nil
}
