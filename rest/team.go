package rest

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/rest/openapi"
)

// A Team is a team of an organization: what it is granted, each of its members has.
type Team struct {
	Name        string  `json:"name" doc:"Unique in the organization for ever."`
	Member      string  `json:"member" doc:"What roles are granted to: team:NAME."`
	Title       string  `json:"title" doc:"For people."`
	Description *string `json:"description"`
	Revision    int64   `json:"revision" doc:"Of its last change, who is in it apart: its ETag."`
}

// A TeamMember is somebody in a team.
type TeamMember struct {
	Member   string  `json:"member"`
	Kind     Word    `json:"kind" enum:"account,service_account"`
	ID       string  `json:"id"`
	Name     *string `json:"name"`
	Erased   bool    `json:"erased"`
	Revision int64   `json:"revision" doc:"Of the event that put them there."`
}

// TeamWish is the body of POST .../teams.
type TeamWish struct {
	Name        string  `json:"name" need:"yes" doc:"Its name for ever: 1 to 40 of a-z, 0-9 and single dashes between them."`
	Title       string  `json:"title" doc:"For people; the name when left out."`
	Description *string `json:"description"`
}

// A ServiceAccount is an account of an organization that no person signs in with.
type ServiceAccount struct {
	Account      string     `json:"account" doc:"The id that keys and events name."`
	Member       string     `json:"member" doc:"What roles are granted to: service_account:ID."`
	Name         string     `json:"name"`
	Description  *string    `json:"description"`
	LastActiveAt *time.Time `json:"lastActiveAt" doc:"When one of its keys was last used, to the minute."`
	Revision     int64      `json:"revision"`
}

// ServiceAccountWish is the body of POST .../service-accounts.
type ServiceAccountWish struct {
	Name        string  `json:"name" need:"yes"`
	Description *string `json:"description"`
}

// MadeServiceAccount is the answer to it.
type MadeServiceAccount struct {
	Account string `json:"account"`
	Member  string `json:"member" doc:"Grant it a role by this: it may do nothing until then."`
	Changed
}

const teamFields = `name member title description revision`

func (a *API) teamActions() []action {
	teams, manage := organizations.base+"/teams", string(domain.ManageTeams)
	team := openapi.Parameter{Name: "team", In: "path", Shape: openapi.Text(), Description: "The name of a team.", Example: "data"}
	page := params(asOfParam, atLeastParam, limitParam, cursorParam)
	bodies := []int{http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}
	move := func(method, id, summary string, do func(*people.Desk, *call, access.Principal, people.TeamChange) (eventstore.Result, error)) action {
		return action{openapi.Operation{
			Pattern: method + " " + teams + "/{team}/members/{member}", ID: id, Tag: "members", Summary: summary, Permission: manage, Description: "People and service accounts; no teams.",
			Parameters: params(orgParam, team, memberParam, reasonParam, matchParam), Answers: changedAnswer("It is so."), Refuses: changing(http.StatusPreconditionFailed),
		}, access.Admin, func(c *call) (answer, error) {
			member, err := domain.ParseGrantee(c.path("member"))
			if err != nil {
				return answer{}, err
			}
			return c.desk(func(d *people.Desk, p access.Principal, a people.Ask) (eventstore.Result, error) {
				return do(d, c, p, people.TeamChange{Ask: a, Organization: domain.Slug(c.path("org")), Team: c.path("team"), Member: member})
			})
		}}
	}
	return []action{
		{openapi.Operation{
			Pattern: "GET " + teams, ID: "listTeams", Tag: "members", Summary: "List the teams of an organization", Permission: string(domain.ReadOrganization),
			Parameters: append(params(orgParam), page...), Answers: []openapi.Answer{openapi.Says(http.StatusOK, "A page of them, by name.", openapi.Of[Page[Team]]())}, Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, listTeams},
		{openapi.Operation{
			Pattern: "POST " + teams, ID: "createTeam", Tag: "members", Summary: "Create a team", Permission: manage, Parameters: params(orgParam),
			Body: openapi.Sends(openapi.Closed[TeamWish](), map[string]any{"name": "data", "title": "Data"}), Answers: []openapi.Answer{openapi.Says(http.StatusCreated, "It is there, with nobody in it.", openapi.Of[Changed]())},
			Refuses: changing(bodies...),
		}, access.Admin, createTeam},
		{openapi.Operation{
			Pattern: "GET " + teams + "/{team}", ID: "getTeam", Tag: "members", Summary: "Read a team", Permission: string(domain.ReadOrganization), Parameters: params(orgParam, team, asOfParam, atLeastParam),
			Answers: says(http.StatusOK, "The team.", openapi.Of[Team]()), Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, getTeam},
		{openapi.Operation{
			Pattern: "DELETE " + teams + "/{team}", ID: "deleteTeam", Tag: "members", Summary: "Delete a team", Permission: manage, Description: "What it was granted is granted to nobody, and its name is not used again.",
			Parameters: params(orgParam, team, reasonParam, matchParam), Answers: changedAnswer("It is deleted."), Refuses: changing(http.StatusPreconditionFailed),
		}, access.Admin, func(c *call) (answer, error) {
			return c.desk(func(d *people.Desk, p access.Principal, a people.Ask) (eventstore.Result, error) {
				return d.DeleteTeam(c.ctx, p, people.TeamChange{Ask: a, Organization: domain.Slug(c.path("org")), Team: c.path("team")})
			})
		}},
		{openapi.Operation{
			Pattern: "GET " + teams + "/{team}/members", ID: "listTeamMembers", Tag: "members", Summary: "List who is in a team", Permission: string(domain.ReadOrganization),
			Parameters: append(params(orgParam, team), page...), Answers: []openapi.Answer{openapi.Says(http.StatusOK, "A page of them.", openapi.Of[Page[TeamMember]]())}, Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, listTeamMembers},
		move("PUT", "addTeamMember", "Put somebody into a team", func(d *people.Desk, c *call, p access.Principal, q people.TeamChange) (eventstore.Result, error) {
			return d.AddTeamMember(c.ctx, p, q)
		}),
		move("DELETE", "removeTeamMember", "Take somebody out of a team", func(d *people.Desk, c *call, p access.Principal, q people.TeamChange) (eventstore.Result, error) {
			return d.RemoveTeamMember(c.ctx, p, q)
		}),
		{openapi.Operation{
			Pattern: "GET " + organizations.base + "/service-accounts", ID: "listServiceAccounts", Tag: "members", Summary: "List the service accounts of an organization", Permission: string(domain.ReadOrganization),
			Parameters: append(params(orgParam), page...), Answers: []openapi.Answer{openapi.Says(http.StatusOK, "A page of them.", openapi.Of[Page[ServiceAccount]]())}, Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, listServiceAccounts},
		{openapi.Operation{
			Pattern: "POST " + organizations.base + "/service-accounts", ID: "createServiceAccount", Tag: "members", Summary: "Create a service account", Permission: string(domain.ManageServiceAccounts), Parameters: params(orgParam),
			Body: openapi.Sends(openapi.Closed[ServiceAccountWish](), map[string]any{"name": "CI"}), Answers: []openapi.Answer{openapi.Says(http.StatusCreated, "It is there.", openapi.Of[MadeServiceAccount]())}, Refuses: changing(bodies...),
		}, access.Admin, createServiceAccount},
		{openapi.Operation{
			Pattern: "DELETE " + organizations.base + "/service-accounts/{account}", ID: "deleteServiceAccount", Tag: "members", Summary: "Delete a service account", Permission: string(domain.ManageServiceAccounts),
			Description: "From then on it may do nothing, whatever it was granted.",
			Parameters:  params(orgParam, openapi.Parameter{Name: "account", In: "path", Shape: openapi.Text(), Description: "Its id.", Example: "0190a2a0-0000-7000-8000-000000000002"}, reasonParam, matchParam), Answers: changedAnswer("It is deleted."), Refuses: changing(http.StatusPreconditionFailed),
		}, access.Admin, deleteServiceAccount},
	}
}

func listTeams(c *call) (answer, error) {
	found, err := ask[struct{ Teams connection[Team] }](c, organizations, "", "teams(first: $first, after: $after) { nodes { "+teamFields+" }"+pageFields+" }", nil)
	if err != nil {
		return answer{}, err
	}
	return found.Teams.page(), nil
}

var errNoTeam = &domain.Error{Code: domain.NotFound, Subject: "team", Message: "there is no such team"}

func getTeam(c *call) (answer, error) {
	found, err := ask[struct{ Team *Team }](c, organizations, ", $team: ID!", "team(id: $team) { "+teamFields+" }", unpaged(map[string]any{"team": c.path("team")}))
	switch {
	case err != nil:
		return answer{}, err
	case found.Team == nil:
		return answer{}, errNoTeam
	}
	return answer{body: found.Team, revision: &found.Team.Revision}, nil
}

func createTeam(c *call) (answer, error) {
	var wish TeamWish
	if err := c.decode(&wish); err != nil {
		return answer{}, err
	}
	said, err := c.desk(func(d *people.Desk, p access.Principal, a people.Ask) (eventstore.Result, error) {
		return d.CreateTeam(c.ctx, p, people.NewTeam{Ask: a, Organization: domain.Slug(c.path("org")), Team: wish.Name, Title: wish.Title, Description: wish.Description})
	})
	said.status, said.location = http.StatusCreated, c.request.URL.Path+"/"+wish.Name
	return said, err
}

func listTeamMembers(c *call) (answer, error) {
	found, err := ask[struct {
		Team *struct{ Members connection[TeamMember] }
	}](c, organizations, ", $team: ID!", "team(id: $team) { members(first: $first, after: $after) { nodes { member kind id name erased revision }"+pageFields+" } }", map[string]any{"team": c.path("team")})
	switch {
	case err != nil:
		return answer{}, err
	case found.Team == nil:
		return answer{}, errNoTeam
	}
	return found.Team.Members.page(), nil
}

func listServiceAccounts(c *call) (answer, error) {
	found, err := ask[struct{ ServiceAccounts connection[ServiceAccount] }](c, organizations, "",
		"serviceAccounts(first: $first, after: $after) { nodes { account member name description lastActiveAt revision }"+pageFields+" }", nil)
	if err != nil {
		return answer{}, err
	}
	return found.ServiceAccounts.page(), nil
}

func createServiceAccount(c *call) (answer, error) {
	var wish ServiceAccountWish
	if err := c.decode(&wish); err != nil {
		return answer{}, err
	}
	a, err := c.asking()
	if err != nil {
		return answer{}, err
	}
	id, r, err := c.api.Desk.CreateServiceAccount(c.ctx, c.principal, people.NewServiceAccount{Ask: a, Organization: domain.Slug(c.path("org")), Name: wish.Name, Description: wish.Description})
	if err != nil {
		return answer{}, atDesk(err)
	}
	who := domain.Grantee{Kind: domain.ServiceGrantee, ID: id.String()}
	return answer{status: http.StatusCreated, body: MadeServiceAccount{id.String(), who.String(), Changed{int64(r.Revision), r.Duplicate}}}, nil
}

func deleteServiceAccount(c *call) (answer, error) {
	id, err := uuid.Parse(c.path("account"))
	if err != nil {
		return answer{}, invalid("account", "it is no id of a service account")
	}
	return c.desk(func(d *people.Desk, p access.Principal, a people.Ask) (eventstore.Result, error) {
		return d.DeleteServiceAccount(c.ctx, p, people.ServiceAccountChange{Ask: a, Organization: domain.Slug(c.path("org")), Account: id})
	})
}
