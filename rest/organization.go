package rest

import (
	"net/http"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/rest/openapi"
)

// An Organization is an organization at a moment.
type Organization struct {
	Slug        string    `json:"slug" doc:"The name in addresses: never changed, never used again."`
	Name        string    `json:"name" doc:"The name for people."`
	Description *string   `json:"description"`
	Personal    bool      `json:"personal" doc:"It is one person's own."`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
	Revision    int64     `json:"revision" doc:"Of the last change of the organization itself: its ETag."`
	Permissions []string  `json:"permissions" doc:"What the caller may do here now."`
	AsOf        Moment    `json:"asOf"`
}

const organizationFields = `slug name description personal createdAt updatedAt revision permissions: viewerPermissions ` + momentFields

const organizationsDocument = `query listOrganizations($asOf: AsOf, $first: Int, $after: String) {
	organizations(asOf: $asOf, first: $first, after: $after) { nodes { ` + organizationFields + ` }` + pageFields + ` } }`

// OrganizationWish is the body of POST /v1/organizations.
type OrganizationWish struct {
	Name string `json:"name" doc:"The name for people; the slug when left out."`
	Slug string `json:"slug" doc:"The name in addresses: 3 to 32 of a-z, 0-9 and single dashes between them. When left out it is made of the name."`
}

// OrganizationPatch is the body of PATCH /v1/organizations/{org}: what is left out stays, null takes away.
type OrganizationPatch struct {
	Name        Optional[string] `json:"name"`
	Description Optional[string] `json:"description"`
}

// WorkspaceWish is the body of POST /v1/organizations/{org}/workspaces.
type WorkspaceWish struct {
	Name        string            `json:"name" doc:"The name for people; the slug when left out."`
	Slug        string            `json:"slug" doc:"The name in addresses: 3 to 40 of a-z, 0-9 and single dashes between them. It can never be changed. When left out it is made of the name."`
	Description *string           `json:"description"`
	Labels      map[string]string `json:"labels"`
	Kind        string            `json:"kind" enum:"project,environment" doc:"What it is for; a project when left out."`
	Environment string            `json:"environment" enum:"development,staging,production" doc:"The stage that a workspace of kind environment stands for."`
	Sensitivity string            `json:"sensitivity" enum:"public,internal,confidential" doc:"How its data are to be handled."`
	Team        string            `json:"team" doc:"The team of the organization it is filed under."`
}

func (a *API) organizationActions() []action {
	one, configure := openapi.Of[Organization](), string(domain.ConfigureOrganization)
	made := func(what string, shape openapi.Shape) []openapi.Answer {
		created := openapi.Says(http.StatusCreated, what+" is there.", shape)
		created.Headers = append([]openapi.Header{{Name: "Location", Description: "Its address."}}, etag...)
		return []openapi.Answer{created}
	}
	bodies := []int{http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}
	return []action{
		{openapi.Operation{
			Pattern: "GET /v1/organizations", ID: "listOrganizations", Tag: "organizations", Summary: "List organizations", Description: "Those that the caller may see, by slug.",
			Parameters: params(asOfParam, limitParam, cursorParam), Answers: []openapi.Answer{openapi.Says(http.StatusOK, "A page of them.", openapi.Of[Page[Organization]]())}, Refuses: reading(),
		}, access.Read, listOrganizations},
		{openapi.Operation{
			Pattern: "POST /v1/organizations", ID: "createOrganization", Tag: "organizations", Summary: "Create a team organization",
			Description: "With its default workspace, both owned by whoever asks: a person. The operator of the server may keep it to operators.",
			Body:        openapi.Sends(openapi.Closed[OrganizationWish](), map[string]any{"name": "Acme"}), Answers: made("The organization", one), Refuses: changing(bodies...),
		}, access.Admin, createOrganization},
		{openapi.Operation{
			Pattern: "GET /v1/organizations/{org}", ID: "getOrganization", Tag: "organizations", Summary: "Read an organization", Permission: string(domain.ReadOrganization),
			Parameters: params(orgParam, asOfParam, atLeastParam), Answers: says(http.StatusOK, "The organization.", one), Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, func(c *call) (answer, error) { return c.organization(http.StatusOK, c.path("org")) }},
		{openapi.Operation{
			Pattern: "PATCH /v1/organizations/{org}", ID: "updateOrganization", Tag: "organizations", Summary: "Change the settings of an organization", Permission: configure,
			Description: "All of it at once, or nothing. What is left out stays; null takes the description away.",
			Parameters:  params(orgParam, matchParam), Body: openapi.Sends(openapi.Closed[OrganizationPatch](), map[string]any{"description": "Everything about risk."}),
			Answers: says(http.StatusOK, "The organization as it is now.", one), Refuses: changing(append(bodies, http.StatusPreconditionFailed)...),
		}, access.Admin, updateOrganization},
		{openapi.Operation{
			Pattern: "GET /v1/organizations/{org}/workspaces", ID: "listOrganizationWorkspaces", Tag: "workspaces", Summary: "List the workspaces of an organization", Permission: string(domain.ReadOrganization),
			Description: "Those that the caller may see, by slug.", Parameters: append(params(orgParam, atLeastParam), filterParams()...),
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "A page of them.", openapi.Of[Page[Workspace]]())}, Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, listOrganizationWorkspaces},
		{openapi.Operation{
			Pattern: "POST /v1/organizations/{org}/workspaces", ID: "createWorkspace", Tag: "workspaces", Summary: "Create a workspace", Permission: string(domain.CreateWorkspaces),
			Description: "Whoever creates it owns it. Its slug is taken for ever.", Parameters: params(orgParam),
			Body:    openapi.Sends(openapi.Closed[WorkspaceWish](), map[string]any{"name": "Fraud detection", "labels": map[string]string{"area": "risk"}}),
			Answers: made("The workspace", openapi.Of[Workspace]()), Refuses: changing(bodies...),
		}, access.Admin, createWorkspace},
	}
}

func listOrganizations(c *call) (answer, error) {
	v, err := c.paged(nil)
	if err != nil {
		return answer{}, err
	}
	var found struct{ Organizations connection[Organization] }
	if err := c.ask(organizationsDocument, v, &found); err != nil {
		return answer{}, err
	}
	return found.Organizations.page(), nil
}

// organization reads an organization; atLeast is a parameter of the request.
func (c *call) organization(status int, slug string) (answer, error) {
	at, err := c.asOf()
	if err != nil {
		return answer{}, err
	}
	return c.organizationAt(status, slug, at, c.number("atLeast"))
}

const organizationDocument = `query getOrganization($slug: String!, $asOf: AsOf, $atLeast: Int64) { organization(slug: $slug, asOf: $asOf, atLeast: $atLeast) { ` + organizationFields + ` } }`

func (c *call) organizationAt(status int, slug string, asOf, atLeast any) (answer, error) {
	var found struct{ Organization *Organization }
	if err := c.ask(organizationDocument, map[string]any{"slug": slug, "asOf": asOf, "atLeast": atLeast}, &found); err != nil {
		return answer{}, err
	}
	if found.Organization == nil {
		return answer{}, organizations.missing()
	}
	return answer{status: status, body: found.Organization, revision: &found.Organization.Revision}, nil
}

func createOrganization(c *call) (answer, error) {
	var wish OrganizationWish
	if err := c.decode(&wish); err != nil {
		return answer{}, err
	}
	a, err := c.asking()
	if err != nil {
		return answer{}, err
	}
	made, err := c.api.Desk.CreateOrganization(c.ctx, c.principal, people.NewOrganization{Ask: a, Slug: domain.Slug(wish.Slug), Name: wish.Name})
	if err != nil {
		return answer{}, atDesk(err)
	}
	said, err := c.organizationAt(http.StatusCreated, string(made.Slug), nil, int64(made.Revision))
	said.location = "/v1/organizations/" + string(made.Slug)
	return said, err
}

func updateOrganization(c *call) (answer, error) {
	var patch OrganizationPatch
	if err := c.decode(&patch); err != nil {
		return answer{}, err
	}
	a, err := c.asking()
	if err != nil {
		return answer{}, err
	}
	if patch.Name.Said && patch.Name.Value == nil {
		return answer{}, &domain.Error{Code: domain.Required, Subject: "name", Message: "an organization has a name"}
	}
	if !patch.Name.Said && !patch.Description.Said {
		return c.organization(http.StatusOK, c.path("org"))
	}
	result, err := c.api.Desk.UpdateOrganization(c.ctx, c.principal, people.OrganizationUpdate{
		Ask: a, Organization: domain.Slug(c.path("org")), Name: patch.Name.Value, Describe: patch.Description.Said, Description: patch.Description.Value,
	})
	if err != nil {
		return answer{}, atDesk(err)
	}
	return c.organizationAt(http.StatusOK, c.path("org"), nil, int64(result.Revision))
}

func listOrganizationWorkspaces(c *call) (answer, error) {
	filter, err := c.filter()
	if err != nil {
		return answer{}, err
	}
	found, err := ask[struct{ Workspaces connection[Workspace] }](c, organizations, ", $filter: WorkspaceFilter",
		"workspaces(filter: $filter, first: $first, after: $after) { nodes { "+workspaceFields+" }"+pageFields+" }", map[string]any{"filter": filter})
	if err != nil {
		return answer{}, err
	}
	return found.Workspaces.page(), nil
}

func createWorkspace(c *call) (answer, error) {
	var wish WorkspaceWish
	if err := c.decode(&wish); err != nil {
		return answer{}, err
	}
	a, err := c.asking()
	if err != nil {
		return answer{}, err
	}
	made, err := c.api.Desk.CreateWorkspace(c.ctx, c.principal, people.NewWorkspace{
		Ask: a, Organization: domain.Slug(c.path("org")), Slug: domain.Slug(wish.Slug), Name: wish.Name, Description: wish.Description, Labels: wish.Labels,
		Kind: domain.WorkspaceKind(wish.Kind), Environment: domain.Environment(wish.Environment), Sensitivity: domain.Sensitivity(wish.Sensitivity), Team: wish.Team,
	})
	if err != nil {
		return answer{}, atDesk(err)
	}
	said, err := c.workspaceAt(http.StatusCreated, string(made.Slug), nil, int64(made.Revision))
	said.location = "/v1/workspaces/" + string(made.Slug)
	return said, err
}
