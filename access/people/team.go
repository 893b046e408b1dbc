package people

import (
	"context"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A NewTeam is a team to be created in an organization.
type NewTeam struct {
	Ask
	Organization domain.Slug
	Team         string // its name for ever: a-z, 0-9 and dashes
	Title        string // for people; empty: the name
	Description  *string
}

// A TeamChange is about somebody in a team, or about the team itself.
type TeamChange struct {
	Ask
	Organization domain.Slug
	Team         string
	Member       domain.Grantee
}

// CreateTeam creates a team, with nobody in it.
func (d *Desk) CreateTeam(ctx context.Context, p access.Principal, q NewTeam) (eventstore.Result, error) {
	about := anEntity(domain.TeamEntity(q.Team), func(s *domain.State) any { return s.Exists })
	said := []any{q.Team, q.Title, q.Description}
	return d.carry(ctx, p, q.Ask, Place{Organization: q.Organization}, about, "createTeam", said, func(in door, r *eventstore.Request) (domain.Command, error) {
		return domain.CreateTeam{At: in.domain(), Team: q.Team, Title: q.Title, Description: text(r, q.Description), By: in.by}, nil
	})
}

// AddTeamMember puts a person or service account into a team.
func (d *Desk) AddTeamMember(ctx context.Context, p access.Principal, q TeamChange) (eventstore.Result, error) {
	return d.move(ctx, p, q, "addTeamMember", false)
}

// RemoveTeamMember takes a person or service account out of a team. Everybody may go themselves.
func (d *Desk) RemoveTeamMember(ctx context.Context, p access.Principal, q TeamChange) (eventstore.Result, error) {
	return d.move(ctx, p, q, "removeTeamMember", true)
}

func (d *Desk) move(ctx context.Context, p access.Principal, q TeamChange, name string, out bool) (eventstore.Result, error) {
	about := subject{domain.TeamEntity(q.Team),
		func(_ *domain.Roster, s *domain.State) any { return []any{s.Deleted, contains(s.Team, q.Member)} },
		func(e domain.Event) bool { _, gone := e.(domain.TeamDeleted); return gone || memberOf(e) == q.Member }}
	return d.carry(ctx, p, q.Ask, Place{Organization: q.Organization}, about, name, []any{q.Team, q.Member}, func(in door, _ *eventstore.Request) (domain.Command, error) {
		c := domain.MoveTeamMember{At: in.domain(), Team: q.Team, Member: q.Member, Out: out, By: in.by}
		if out || q.Member.Kind == domain.TeamGrantee || !in.by.Holds.Has(domain.ManageTeams) {
			return c, nil
		}
		return c, d.isThere(ctx, in.organization, q.Member, "member")
	})
}

// DeleteTeam ends a team: what it was granted is granted to nobody, and its name is not used again.
func (d *Desk) DeleteTeam(ctx context.Context, p access.Principal, q TeamChange) (eventstore.Result, error) {
	// Who was put into it meanwhile is told of: whoever deletes it has not seen them.
	about := anEntity(domain.TeamEntity(q.Team), func(s *domain.State) any { return []any{s.Deleted, append([]domain.Grantee{}, s.Team...)} })
	return d.carry(ctx, p, q.Ask, Place{Organization: q.Organization}, about, "deleteTeam", q.Team, func(in door, _ *eventstore.Request) (domain.Command, error) {
		return domain.DeleteTeam{At: in.domain(), Team: q.Team, By: in.by}, nil
	})
}

func contains(all []domain.Grantee, one domain.Grantee) bool {
	for _, g := range all {
		if g == one {
			return true
		}
	}
	return false
}

// A NewServiceAccount is an account of an organization that no person signs in with.
type NewServiceAccount struct {
	Ask
	Organization domain.Slug
	Name         string // for people
	Description  *string
}

// CreateServiceAccount creates a service account and answers its id. It may do nothing until it is granted a role.
func (d *Desk) CreateServiceAccount(ctx context.Context, p access.Principal, q NewServiceAccount) (id uuid.UUID, _ eventstore.Result, err error) {
	at := Place{Organization: q.Organization}
	in, err := d.enter(ctx, p, at)
	if err != nil {
		return uuid.Nil, eventstore.Result{}, err
	}
	r, err := d.request(p, q.Ask, at.stream(), "createServiceAccount", []any{q.Name, q.Description})
	if err != nil {
		return uuid.Nil, eventstore.Result{}, err
	}
	id = made(r)
	c := domain.CreateServiceAccount{At: in.domain(), Account: id, Name: q.Name, Description: text(&r, q.Description), By: in.by}
	result, err := d.do(ctx, r, c)
	return id, result, err
}

// A ServiceAccountChange is about a service account of an organization.
type ServiceAccountChange struct {
	Ask
	Organization domain.Slug
	Account      uuid.UUID
}

// DeleteServiceAccount ends a service account: from then on it may do nothing, whatever it was granted.
func (d *Desk) DeleteServiceAccount(ctx context.Context, p access.Principal, q ServiceAccountChange) (eventstore.Result, error) {
	about := anEntity(domain.Entity{Kind: domain.KindServiceAccount, ID: q.Account}, func(s *domain.State) any { return s.Deleted })
	return d.carry(ctx, p, q.Ask, Place{Organization: q.Organization}, about, "deleteServiceAccount", q.Account, func(in door, _ *eventstore.Request) (domain.Command, error) {
		return domain.DeleteServiceAccount{At: in.domain(), Account: q.Account, By: in.by}, nil
	})
}
