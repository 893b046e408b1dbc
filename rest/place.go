package rest

import (
	"errors"
	"net/http"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/rest/openapi"
)

// A placeKind is where people hold roles: organizations, or workspaces. Most of what concerns people is the same in both.
type placeKind struct {
	base  string // of their paths
	param openapi.Parameter
	word  string // what GraphQL calls one
	ids   string // in the ids of operations: listOrganizationMembers
	read  domain.Permission
	// members, roles are what managing them takes.
	members, roles domain.Permission
}

var (
	organizations = placeKind{"/v1/organizations/{org}", orgParam, "organization", "Organization", domain.ReadOrganization, domain.ManageOrganizationMembers, domain.ManageOrganizationRoles}
	inWorkspaces  = placeKind{"/v1/workspaces/{slug}", slugParam, "workspace", "Workspace", domain.ReadWorkspace, domain.ManageMembers, domain.ManageRoles}
	places        = []placeKind{organizations, inWorkspaces}
)

// of is the place of a call.
func (k placeKind) of(c *call) people.Place {
	if k.word == "workspace" {
		return people.Place{Workspace: domain.Slug(c.path("slug"))}
	}
	return people.Place{Organization: domain.Slug(c.path("org"))}
}

// missing is what is said of a place that is not there, or not for whoever asks.
func (k placeKind) missing() error {
	return &domain.Error{Code: domain.NotFound, Subject: k.param.Name, Message: "there is no such " + k.word}
}

// ask reads something of the place of a call: what the document asks of it stands between its braces, and declared are
// the variables it has beside those of every list. The answer is nil where there is no such place.
func ask[T any](c *call, k placeKind, declared, selection string, more map[string]any) (*T, error) {
	v, err := c.paged(more)
	if err != nil {
		return nil, err
	}
	v["slug"], v["atLeast"] = c.path(k.param.Name), c.number("atLeast")
	lists := ", $first: Int, $after: String"
	if _, paged := more["unpaged"]; paged {
		delete(v, "first")
		delete(v, "after")
		delete(v, "unpaged")
		lists = ""
	}
	document := "query read($slug: String!, $asOf: AsOf, $atLeast: Int64" + lists + declared + ") { place: " + k.word + "(slug: $slug, asOf: $asOf, atLeast: $atLeast) { " + selection + " } }"
	var found struct{ Place *T }
	if err := c.ask(document, v, &found); err != nil {
		return nil, err
	}
	if found.Place == nil {
		return nil, k.missing()
	}
	return found.Place, nil
}

// unpaged says that what is asked for is no list.
func unpaged(more map[string]any) map[string]any {
	if more == nil {
		more = map[string]any{}
	}
	more["unpaged"] = true
	return more
}

// Changed is the answer to a change that makes no resource of its own.
type Changed struct {
	Revision  int64 `json:"revision" doc:"Read with atLeast=REVISION to see it."`
	Duplicate bool  `json:"duplicate" doc:"The same request was carried out before."`
}

// changed answers what a desk did.
func changed(r eventstore.Result, err error) (answer, error) {
	if err != nil {
		return answer{}, atDesk(err)
	}
	return answer{body: Changed{int64(r.Revision), r.Duplicate}}, nil
}

// changedAnswer describes what changed answers.
func changedAnswer(about string) []openapi.Answer {
	return []openapi.Answer{openapi.Says(http.StatusOK, about, openapi.Of[Changed]())}
}

// atDesk puts a refusal of the desk into the words of paths.
func atDesk(err error) error {
	var no *domain.Error
	if !errors.As(err, &no) {
		return err
	}
	other := *no
	switch no.Subject {
	case "workspace":
		other.Subject = slugParam.Name
	case "organization":
		other.Subject = orgParam.Name
	}
	return &other
}

// asking is what every request to the desk carries.
func (c *call) asking() (people.Ask, error) {
	since, err := c.since()
	return people.Ask{Key: c.request.Header.Get(keyHeader), Reason: c.query.Get("reason"), Since: since}, err
}

// desk carries out a change at the desk.
func (c *call) desk(do func(d *people.Desk, p access.Principal, a people.Ask) (eventstore.Result, error)) (answer, error) {
	a, err := c.asking()
	if err != nil {
		return answer{}, err
	}
	return changed(do(c.api.Desk, c.principal, a))
}
