package people

import (
	"context"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A RoleDefinition says what a custom role of a place permits.
type RoleDefinition struct {
	Ask
	At          Place
	Name        string
	Description *string
	Permissions []domain.Permission
}

// DefineRole makes a custom role, or says anew what one permits: from then on that counts for everybody who holds it.
func (d *Desk) DefineRole(ctx context.Context, p access.Principal, q RoleDefinition) (eventstore.Result, error) {
	said := []any{q.Name, q.Description, q.Permissions}
	return d.carry(ctx, p, q.Ask, q.At, aRole(q.Name), "defineRole", said, func(in door, r *eventstore.Request) (domain.Command, error) {
		return domain.DefineRole{At: in.domain(), Name: q.Name, Description: text(r, q.Description), Permissions: q.Permissions, By: in.by}, nil
	})
}

// DeleteRole ends a custom role that nobody in the place holds. Where a workspace granted a role of its organization, it
// permits nothing from then on.
func (d *Desk) DeleteRole(ctx context.Context, p access.Principal, q RoleDefinition) (eventstore.Result, error) {
	return d.carry(ctx, p, q.Ask, q.At, aRole(q.Name), "deleteRole", q.Name, func(in door, _ *eventstore.Request) (domain.Command, error) {
		return domain.DeleteRole{At: in.domain(), Name: q.Name, By: in.by}, nil
	})
}

// An OrganizationChange renames or describes an organization.
type OrganizationChange struct {
	Ask
	Organization domain.Slug
	Name         string  // of a renaming
	Description  *string // of a describing; nil or empty removes it
}

// RenameOrganization changes an organization's name for people; its slug stays.
func (d *Desk) RenameOrganization(ctx context.Context, p access.Principal, q OrganizationChange) (eventstore.Result, error) {
	about := anEntity(domain.OrganizationEntity(q.Organization), func(s *domain.State) any { return s.Name })
	about.told = func(e domain.Event) bool { _, so := e.(domain.OrganizationRenamed); return so }
	return d.carry(ctx, p, q.Ask, Place{Organization: q.Organization}, about, "renameOrganization", q.Name, func(in door, _ *eventstore.Request) (domain.Command, error) {
		return domain.RenameOrganization{Slug: q.Organization, Name: q.Name, By: in.by}, nil
	})
}

// DescribeOrganization replaces an organization's description.
func (d *Desk) DescribeOrganization(ctx context.Context, p access.Principal, q OrganizationChange) (eventstore.Result, error) {
	about := anEntity(domain.OrganizationEntity(q.Organization), func(s *domain.State) any { return s.Text })
	about.told = func(e domain.Event) bool { _, so := e.(domain.OrganizationDescribed); return so }
	return d.carry(ctx, p, q.Ask, Place{Organization: q.Organization}, about, "describeOrganization", q.Description, func(in door, r *eventstore.Request) (domain.Command, error) {
		return domain.DescribeOrganization{Slug: q.Organization, Description: text(r, q.Description), By: in.by}, nil
	})
}

// An OrganizationUpdate changes the settings of an organization at once: what is nil stays.
type OrganizationUpdate struct {
	Ask
	Organization domain.Slug
	Name         *string
	Describe     bool    // whether the description is replaced
	Description  *string // nil or empty removes it
}

// UpdateOrganization renames and describes an organization by one command: both, or nothing.
func (d *Desk) UpdateOrganization(ctx context.Context, p access.Principal, q OrganizationUpdate) (eventstore.Result, error) {
	about := anEntity(domain.OrganizationEntity(q.Organization), func(s *domain.State) any {
		seen := []any{nil, nil}
		if q.Name != nil {
			seen[0] = s.Name
		}
		if q.Describe {
			seen[1] = s.Text
		}
		return seen
	})
	about.told = func(e domain.Event) bool {
		switch e.(type) {
		case domain.OrganizationRenamed:
			return q.Name != nil
		case domain.OrganizationDescribed:
			return q.Describe
		}
		return false
	}
	return d.carry(ctx, p, q.Ask, Place{Organization: q.Organization}, about, "updateOrganization", []any{q.Name, q.Describe, q.Description}, func(in door, r *eventstore.Request) (domain.Command, error) {
		return domain.UpdateOrganization{Slug: q.Organization, Name: q.Name, Describe: q.Describe, Description: text(r, q.Description), By: in.by}, nil
	})
}
