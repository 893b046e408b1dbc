package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A Place is where people hold roles: an organization or a workspace. One of the two is named.
type Place struct{ Organization, Workspace domain.Slug }

// String names the place for people.
func (at Place) String() string {
	if at.Workspace != "" {
		return "workspace " + string(at.Workspace)
	}
	return "organization " + string(at.Organization)
}

// level says of which kind the place is.
func (at Place) level() domain.Level {
	if at.Workspace != "" {
		return domain.WorkspaceLevel
	}
	return domain.OrganizationLevel
}

// entity is the place itself, in its stream.
func (at Place) entity() domain.Entity {
	if at.Workspace != "" {
		return domain.WorkspaceEntity()
	}
	return domain.OrganizationEntity(at.Organization)
}

func (at Place) stream() domain.Stream {
	if at.Workspace != "" {
		return domain.WorkspaceStream(at.Workspace)
	}
	return domain.OrganizationStream(at.Organization)
}

// domain is the place in the words of the model.
func (at Place) domain() domain.Place { return domain.Place{Organization: at.Organization} }

// missing is what is said of a place that is not there, and of one that the asker may not see.
func (at Place) missing() error {
	if at.Workspace != "" {
		return &domain.Error{Code: domain.NotFound, Subject: "workspace", Message: fmt.Sprintf("there is no workspace %s", clip(string(at.Workspace)))}
	}
	return &domain.Error{Code: domain.NotFound, Subject: "organization", Message: fmt.Sprintf("there is no organization %s", clip(string(at.Organization)))}
}

// clip shortens what a caller sent, for a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%q…", s[:most])
}

// check refuses what names no place.
func (at Place) check() error {
	switch {
	case at == Place{}:
		return &domain.Error{Code: domain.Required, Subject: "workspace", Message: "name a workspace or an organization"}
	case at.Organization != "" && at.Workspace != "":
		return &domain.Error{Code: domain.Invalid, Subject: "workspace", Message: "a workspace and an organization: name one of them"}
	}
	if _, err := domain.ParseSlug(string(at.Organization + at.Workspace)); err != nil {
		return at.missing()
	}
	return nil
}

// A door is a place that somebody entered: what it looked like then, and what they may do there. The states were seen
// before the rights were, so that whatever changed since the states did may have changed the rights.
type door struct {
	Place
	organization  domain.Slug // whose place it is
	place, roster *domain.State
	by            domain.Asker
}

// members is the roster of the place, never nil.
func (in door) members() *domain.Roster { return domain.RosterOf(in.place, in.roster) }

// look sees a place, without asking who may.
func (d *Desk) look(ctx context.Context, at Place) (door, error) {
	in := door{Place: at, organization: at.Organization}
	states, err := d.Lens.See(ctx, eventstore.Sight{Stream: at.stream(), Entity: at.entity()}, eventstore.Sight{Stream: at.stream(), Entity: domain.RosterEntity()})
	if err != nil {
		return in, fmt.Errorf("look at %s: %w", at, err)
	}
	in.place, in.roster = states[0], states[1]
	if at.Workspace != "" {
		in.organization = in.place.Organization
	}
	return in, nil
}

// enter sees a place as somebody may. One that they may not see is a missing one.
func (d *Desk) enter(ctx context.Context, p access.Principal, at Place) (door, error) {
	if err := at.check(); err != nil {
		return door{}, err
	}
	in, err := d.look(ctx, at)
	if err != nil {
		return in, err
	}
	read, holds := domain.ReadOrganization, d.Rights.HoldsIn
	name := at.Organization
	if at.Workspace != "" {
		read, holds, name = domain.ReadWorkspace, d.Rights.Holds, at.Workspace
	}
	in.by.Who = p.Who()
	if in.by.Holds, err = holds(ctx, p, name); err != nil {
		return in, fmt.Errorf("look up the rights in %s: %w", at, err)
	}
	switch {
	case in.by.Holds.Has(read):
	case in.place.Deleted && in.by.Holds.Has(domain.IngestEvents): // who wrote there is told that it ended, as by every other door
		return in, &domain.Error{Code: domain.Gone, Subject: "workspace", Message: "the workspace was deleted; its slug is never used again"}
	default:
		return in, at.missing()
	}
	return in, nil
}

// isThere refuses a person, service account or team that an organization cannot give roles to, since there is none. The
// field is where it was named.
func (d *Desk) isThere(ctx context.Context, organization domain.Slug, g domain.Grantee, field string) error {
	if _, err := domain.ParseGrantee(g.String()); err != nil {
		return renamed(err, field)
	}
	sight := eventstore.Sight{Stream: domain.OrganizationStream(organization), Entity: domain.TeamEntity(g.ID)}
	what := fmt.Sprintf("there is no team %s in the organization", g.ID)
	if id, err := uuid.Parse(g.ID); err == nil && g.Kind != domain.TeamGrantee {
		sight.Entity = domain.Entity{Kind: domain.KindServiceAccount, ID: id}
		what = fmt.Sprintf("there is no service account %s in the organization", g.ID)
		if g.Kind == domain.AccountGrantee {
			sight = eventstore.Sight{Stream: domain.AccountStream(id), Entity: domain.Entity{Kind: domain.KindAccount, ID: id}}
			what = fmt.Sprintf("there is no person %s: people come by an invitation", g.ID)
		}
	}
	states, err := d.Lens.See(ctx, sight)
	if err != nil {
		return fmt.Errorf("look for %s: %w", g, err)
	}
	if !states[0].Exists || states[0].Deleted {
		return &domain.Error{Code: domain.NotFound, Subject: field, Message: what}
	}
	if states[0].Disabled {
		return &domain.Error{Code: domain.Conflict, Subject: field, Message: fmt.Sprintf("the account %s is shut out: an operator lets it in again first", g.ID)}
	}
	return nil
}
