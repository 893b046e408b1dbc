package people

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A NewWorkspace is a workspace to be created in an organization.
type NewWorkspace struct {
	Ask
	Organization domain.Slug // empty: the principal's personal one
	Slug         domain.Slug // empty: derived from the name
	Name         string      // empty: the slug
	Description  *string
	Labels       map[string]string
	Kind         domain.WorkspaceKind // empty: a project's, or an environment's where one is named
	Environment  domain.Environment
	Sensitivity  domain.Sensitivity
	Team         string // of the organization, to file it under
}

// A Workspace is one that was created.
type Workspace struct {
	Slug, Organization domain.Slug
	eventstore.Result
}

// CreateWorkspace creates a workspace in an organization where the asker may create workspaces. Whoever creates it owns
// it; one that a service account creates is owned by an owner of the organization.
func (d *Desk) CreateWorkspace(ctx context.Context, p access.Principal, n NewWorkspace) (Workspace, error) {
	org := cmp.Or(n.Organization, p.Organization)
	in, err := d.enter(ctx, p, Place{Organization: org})
	switch {
	case err != nil:
		return Workspace{}, err
	case in.place.Deleted:
		return Workspace{}, &domain.Error{Code: domain.Gone, Subject: "organization", Message: fmt.Sprintf("organization %s was deleted; its slug is never used again", org)}
	case !in.by.Holds.Has(domain.CreateWorkspaces):
		return Workspace{}, &domain.Error{Code: domain.Forbidden, Message: fmt.Sprintf("it takes the permission %s", domain.CreateWorkspaces), Missing: []domain.Permission{domain.CreateWorkspaces}}
	case n.Kind == domain.DefaultWorkspace:
		return Workspace{}, &domain.Error{Code: domain.Invalid, Subject: "kind", Message: "an organization has one default workspace, which is made with it"}
	}
	if n.Environment != "" {
		n.Kind = cmp.Or(n.Kind, domain.EnvironmentWorkspace)
	}
	if n.Kind == domain.ProjectWorkspace {
		n.Kind = "" // what nobody says is a project's
	}
	owner, err := ownerOfNew(p, in)
	if err != nil {
		return Workspace{}, err
	}
	if n.Team != "" {
		if err := d.isThere(ctx, org, domain.Grantee{Kind: domain.TeamGrantee, ID: n.Team}, "team"); err != nil {
			return Workspace{}, err
		}
	}
	slugs, err := candidates(n.Slug, n.Name, domain.MaxNewSlug)
	if err != nil {
		return Workspace{}, err
	}
	said := n
	said.Ask = Ask{}
	made, err := first(slugs, func(slug domain.Slug) (Workspace, error) {
		r, err := d.request(p, n.Ask, domain.WorkspaceStream(slug), "createWorkspace", said)
		if err != nil {
			return Workspace{}, err
		}
		c := domain.CreateWorkspace{
			Slug: slug, Name: cmp.Or(n.Name, string(slug)), Organization: org, Owner: owner, Description: text(&r, n.Description), Labels: n.Labels,
			Kind: n.Kind, Environment: n.Environment, Sensitivity: n.Sensitivity, Team: n.Team,
		}
		result, err := d.do(ctx, r, c)
		return Workspace{slug, org, result}, err
	})
	if err == nil {
		d.owned(ctx, p, Place{Workspace: made.Slug}, org, owner)
	}
	return made, err
}

// ownerOfNew is who will own what a principal creates in an organization. Only people own: for a service account it is
// the founder of the organization, or another active owner of it.
func ownerOfNew(p access.Principal, in door) (uuid.UUID, error) {
	if p.Who().Kind == domain.AccountGrantee {
		return p.Account, nil
	}
	roster := in.members()
	var owners []string
	for _, g := range roster.Owners() {
		if !roster.Suspended[g.String()] {
			owners = append(owners, g.String())
		}
	}
	if founder := domain.Person(in.place.Owner).String(); slices.Contains(owners, founder) {
		owners = []string{founder}
	}
	if len(owners) == 0 {
		return uuid.Nil, &domain.Error{Code: domain.LastOwner, Subject: "organization", Message: "the organization has no active owner who could own the workspace"}
	}
	g, err := domain.ParseGrantee(slices.Min(owners))
	if err != nil {
		return uuid.Nil, err
	}
	return uuid.Parse(g.ID)
}

// OwnerOfNew says who will own a workspace that a principal brings into an organization, by whatever way it comes to be;
// refusals are those of [Desk.CreateWorkspace].
func (d *Desk) OwnerOfNew(ctx context.Context, p access.Principal, org domain.Slug) (uuid.UUID, error) {
	in, err := d.enter(ctx, p, Place{Organization: org})
	switch {
	case err != nil:
		return uuid.Nil, err
	case in.place.Deleted:
		return uuid.Nil, &domain.Error{Code: domain.Gone, Subject: "organization", Message: fmt.Sprintf("organization %s was deleted; its slug is never used again", org)}
	case !in.by.Holds.Has(domain.CreateWorkspaces):
		return uuid.Nil, access.Lacking(domain.CreateWorkspaces, "organization "+string(org))
	}
	return ownerOfNew(p, in)
}
