package rest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/rest/openapi"
)

// A Workspace is a workspace at a moment.
type Workspace struct {
	Slug         string    `json:"slug" doc:"The name in addresses: never changed, never used again."`
	Name         string    `json:"name" doc:"The name for people."`
	Organization string    `json:"organization" doc:"The slug of the organization it belongs to."`
	Description  *string   `json:"description"`
	Status       Word      `json:"status" enum:"active,archived,deleted"`
	Kind         Word      `json:"kind" enum:"default,project,environment"`
	Environment  *Word     `json:"environment" enum:"development,staging,production"`
	Sensitivity  *Word     `json:"sensitivity" enum:"public,internal,confidential"`
	Team         *string   `json:"team" doc:"The team it is filed under, which grants the team nothing."`
	Labels       Labels    `json:"labels"`
	CreatedAt    time.Time `json:"createdAt"`
	UpdatedAt    time.Time `json:"updatedAt"`
	Revision     int64     `json:"revision" doc:"Of the last change of the workspace itself: its ETag."`
	AsOf         Moment    `json:"asOf"`
	Counts       *Counts   `json:"counts,omitempty"`
	Permissions  []string  `json:"permissions,omitempty" doc:"Of a single workspace: what the caller may do here now."`
}

// Counts are how many things a workspace holds.
type Counts struct {
	Pipelines        int `json:"pipelines"`
	Runs             int `json:"runs"`
	Steps            int `json:"steps"`
	Artifacts        int `json:"artifacts"`
	ArtifactVersions int `json:"artifactVersions"`
}

const (
	momentFields    = `asOf { revision time settled }`
	workspaceFields = `slug name organization: organizationSlug description status kind environment sensitivity team labels { key value } createdAt updatedAt revision ` + momentFields
	countFields     = ` viewerAccess { permissions } counts { pipelines runs steps artifacts artifactVersions }`

	workspacesDocument = `query listWorkspaces($filter: WorkspaceFilter, $asOf: AsOf, $first: Int, $after: String) {
	workspaces(filter: $filter, asOf: $asOf, first: $first, after: $after) { nodes { ` + workspaceFields + ` }` + pageFields + ` } }`
	groupsDocument = `query groupWorkspaces($filter: WorkspaceFilter, $asOf: AsOf, $by: WorkspaceGrouping!, $label: String) {
	workspaces(filter: $filter, asOf: $asOf, first: 1) { groups(by: $by, label: $label) { value count } } }`
	workspaceDocument = `query getWorkspace($slug: String!, $asOf: AsOf, $atLeast: Int64) {
	workspace(slug: $slug, asOf: $asOf, atLeast: $atLeast) { ` + workspaceFields + countFields + ` } }`
	slugDocument = `query getSlug($slug: String!) { slugAvailability(slug: $slug) { slug available reason } }`
)

// A Slug is whether a name in addresses can be had.
type Slug struct {
	Slug      string  `json:"slug"`
	Available bool    `json:"available"`
	Reason    *string `json:"reason" doc:"Why it cannot be had: it breaks a rule, or it was ever taken."`
}

// Groups are how many workspaces have which value.
type Groups struct {
	Groups []Group `json:"groups"`
}

// A Group is how many workspaces have a value.
type Group struct {
	Value *string `json:"value" doc:"null: they have none."`
	Count int     `json:"count"`
}

// workspaceURL is a workspace's own address, for people and programs alike.
const workspaceURL = "/workspaces/{slug}"

var errNoWorkspace = &domain.Error{Code: domain.NotFound, Subject: "slug", Message: "there is no such workspace"}

// filterParams are the parameters of lists of workspaces.
func filterParams() []openapi.Parameter {
	return params(
		some("status", "Only those in one of these states; active and archived when left out.", "active", "archived", "deleted"),
		some("kind", "Only those of one of these kinds.", "default", "project", "environment"),
		some("environment", "Only those that stand for one of these stages.", "development", "staging", "production"),
		some("sensitivity", "Only those whose data are to be handled in one of these ways.", "public", "internal", "confidential"),
		some("team", "Only those filed under one of these teams."),
		some("label", "Only those with all of these labels, each written key=value."),
		one("text", "Only those whose slug or name contains this text, whatever its case.", openapi.Text()),
		asOfParam, limitParam, cursorParam,
	)
}

// ofOrganizations narrows a list over the whole server.
var ofOrganizations = some("organization", "Only those of one of these organizations, by slug.")

func (a *API) workspaceActions() []action {
	one := openapi.Of[Workspace]()
	return []action{
		{openapi.Operation{
			Pattern: "GET /v1/workspaces", ID: "listWorkspaces", Tag: "workspaces", Summary: "List workspaces", Description: "Those that the caller may see, by slug.",
			Parameters: append(filterParams(), ofOrganizations), Answers: []openapi.Answer{openapi.Says(http.StatusOK, "A page of them.", openapi.Of[Page[Workspace]]())}, Refuses: reading(),
		}, access.Read, listWorkspaces},
		{openapi.Operation{
			Pattern: "GET /v1/workspace-groups", ID: "groupWorkspaces", Tag: "workspaces", Summary: "Count workspaces by a value that they have",
			Description: "Those of listWorkspaces by the same filters, the most frequent value first; 500 values at most.",
			Parameters: append(slices.DeleteFunc(filterParams(), func(p openapi.Parameter) bool { return p.Name == limitParam.Name || p.Name == cursorParam.Name }), ofOrganizations,
				openapi.Parameter{Name: "by", In: "query", Required: true, Shape: openapi.Words("kind", "environment", "sensitivity", "team", "label", "status", "organization"), Description: "The value of what.", Example: "kind"},
				openapi.Parameter{Name: "labelKey", In: "query", Shape: openapi.Text(), Description: "The key of the label, for by=label."}),
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "The values, and how many workspaces have each.", openapi.Of[Groups]())}, Refuses: reading(),
		}, access.Read, groupWorkspaces},
		{openapi.Operation{
			Pattern: "GET /v1/workspaces/{slug}", ID: "getWorkspace", Tag: "workspaces", Summary: "Read a workspace", Permission: string(domain.ReadWorkspace),
			Parameters: params(slugParam, asOfParam, atLeastParam), Answers: says(http.StatusOK, "The workspace.", one), Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, getWorkspace},
		{openapi.Operation{
			Pattern: "GET " + workspaceURL, ID: "openWorkspace", Tag: "workspaces", Summary: "Open a workspace at its own address", Permission: string(domain.ReadWorkspace),
			Description: "Programs are answered as by getWorkspace. A browser is shown a page about what lies under the workspace, which holds no data and is the same for every slug.",
			Parameters:  params(slugParam, asOfParam, atLeastParam), Answers: []openapi.Answer{{Status: http.StatusOK, Description: "The workspace, or a page.", Content: append(openapi.JSON(one), openapi.Content{Type: "text/html", Shape: openapi.Text()})}},
			Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, getWorkspace},
		{openapi.Operation{
			Pattern: "GET /v1/slugs/{slug}", ID: "getSlug", Tag: "workspaces", Summary: "Ask whether a slug can be had",
			Description: "For a new workspace or organization. Slugs are unique on the whole server and never used again, so that the answer cannot be kept from those who may have one.",
			Parameters:  params(openapi.Parameter{Name: "slug", In: "path", Description: "The slug that is wanted.", Shape: openapi.Text(), Example: "fraud"}),
			Answers:     []openapi.Answer{openapi.Says(http.StatusOK, "Whether it can be had.", openapi.Of[Slug]())}, Refuses: reading(http.StatusTooManyRequests),
		}, access.Read, getSlug},
	}
}

// reading are the refusals of every action that reads, with others.
func reading(more ...int) []int { return append(more, http.StatusBadRequest, http.StatusGone) }

// filter is which workspaces are asked for.
func (c *call) filter() (map[string]any, error) {
	labels := []map[string]string{}
	for _, l := range c.query["label"] {
		key, value, ok := cutLabel(l)
		if !ok {
			return nil, invalid("label", "it is written key=value")
		}
		labels = append(labels, map[string]string{"key": key, "value": value})
	}
	return map[string]any{
		"organizations": c.list("organization"), "statuses": c.words("status"), "kinds": c.words("kind"), "environments": c.words("environment"), "sensitivities": c.words("sensitivity"),
		"teams": c.list("team"), "text": c.text("text"), "labels": labels,
	}, nil
}

// paged are the variables of a list, with others.
func (c *call) paged(more map[string]any) (map[string]any, error) {
	at, err := c.asOf()
	v := map[string]any{"asOf": at, "first": c.number("limit"), "after": c.text("cursor")}
	for name, value := range more {
		v[name] = value
	}
	return v, err
}

func listWorkspaces(c *call) (answer, error) {
	filter, err := c.filter()
	if err != nil {
		return answer{}, err
	}
	v, err := c.paged(map[string]any{"filter": filter})
	if err != nil {
		return answer{}, err
	}
	var found struct{ Workspaces connection[Workspace] }
	if err := c.ask(workspacesDocument, v, &found); err != nil {
		return answer{}, err
	}
	return found.Workspaces.page(), nil
}

func groupWorkspaces(c *call) (answer, error) {
	filter, err := c.filter()
	if err != nil {
		return answer{}, err
	}
	at, err := c.asOf()
	if err != nil {
		return answer{}, err
	}
	v := map[string]any{"filter": filter, "asOf": at, "by": strings.ToUpper(c.query.Get("by")), "label": c.text("labelKey")}
	var found struct{ Workspaces struct{ Groups []Group } }
	if err := c.ask(groupsDocument, v, &found); err != nil {
		return answer{}, err
	}
	if words := v["by"]; words != "TEAM" && words != "LABEL" && words != "ORGANIZATION" {
		for i, g := range found.Workspaces.Groups {
			if g.Value != nil { // a word of an enum, which GraphQL writes in capitals
				small := strings.ToLower(*g.Value)
				found.Workspaces.Groups[i].Value = &small
			}
		}
	}
	return answer{body: Groups{found.Workspaces.Groups}}, nil
}

func getWorkspace(c *call) (answer, error) {
	at, err := c.asOf()
	if err != nil {
		return answer{}, err
	}
	return c.workspaceAt(http.StatusOK, c.path("slug"), at, c.number("atLeast"))
}

// workspace reads the workspace of the path, at a revision that a change came to.
func (c *call) workspace(atLeast int64) (answer, error) {
	return c.workspaceAt(http.StatusOK, c.path("slug"), nil, atLeast)
}

func (c *call) workspaceAt(status int, slug string, asOf, atLeast any) (answer, error) {
	var found struct {
		Workspace *struct {
			Workspace
			ViewerAccess struct{ Permissions []string }
		}
	}
	if err := c.ask(workspaceDocument, map[string]any{"slug": slug, "asOf": asOf, "atLeast": atLeast}, &found); err != nil {
		return answer{}, err
	}
	if found.Workspace == nil {
		return answer{}, errNoWorkspace
	}
	w := found.Workspace.Workspace
	w.Permissions = found.Workspace.ViewerAccess.Permissions
	return answer{status: status, body: w, revision: &w.Revision}, nil
}

func getSlug(c *call) (answer, error) {
	var found struct{ SlugAvailability Slug }
	if err := c.ask(slugDocument, map[string]any{"slug": c.path("slug")}, &found); err != nil {
		return answer{}, err
	}
	return answer{body: found.SlugAvailability}, nil
}
