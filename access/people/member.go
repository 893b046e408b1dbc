package people

import (
	"context"
	"errors"
	"slices"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A RoleChange gives somebody a role in a place, or takes it away.
type RoleChange struct {
	Ask
	At     Place
	Member domain.Grantee
	Role   domain.RoleRef
}

// A MemberChange is about everything that somebody holds in a place.
type MemberChange struct {
	Ask
	At     Place
	Member domain.Grantee
}

// GrantRole gives a person, service account or team a role. People have to be known to the server: strangers are invited.
func (d *Desk) GrantRole(ctx context.Context, p access.Principal, q RoleChange) (eventstore.Result, error) {
	return d.granted(ctx, p, q.At, q.Member)(d.carry(ctx, p, q.Ask, q.At, aMember(q.Member), "grantRole", []any{q.Member, q.Role}, func(in door, _ *eventstore.Request) (domain.Command, error) {
		c := domain.GrantRole{At: in.domain(), Member: q.Member, Role: q.Role, By: in.by}
		if !in.by.Holds.Has(manage(in.Place)) {
			return c, nil // it is refused, and says nothing of who and what there is
		}
		var err error
		if c.Permits, err = d.permits(ctx, in, true, q.Role); err != nil {
			return nil, err
		}
		return c, d.isThere(ctx, in.organization, q.Member, "member")
	}))
}

// RevokeRole takes a role away that somebody holds directly. Everybody may give up their own.
func (d *Desk) RevokeRole(ctx context.Context, p access.Principal, q RoleChange) (eventstore.Result, error) {
	return d.carry(ctx, p, q.Ask, q.At, aMember(q.Member), "revokeRole", []any{q.Member, q.Role}, func(in door, _ *eventstore.Request) (domain.Command, error) {
		permits, err := d.permits(ctx, in, false, q.Role)
		if err != nil {
			return nil, err
		}
		shut, err := d.shut(ctx, in)
		return sameOwners{domain.RevokeRole{At: in.domain(), Member: q.Member, Role: q.Role, Permits: permits, By: in.by, Shut: shut}, in.Place, in.members().Owners()}, err
	})
}

// RemoveMember takes every role away that somebody holds directly; what they hold through teams stays.
func (d *Desk) RemoveMember(ctx context.Context, p access.Principal, q MemberChange) (eventstore.Result, error) {
	return d.carry(ctx, p, q.Ask, q.At, aMember(q.Member), "removeMember", q.Member, func(in door, _ *eventstore.Request) (domain.Command, error) {
		permits, err := d.permits(ctx, in, false, in.members().Members[q.Member.String()]...)
		if err != nil {
			return nil, err
		}
		shut, err := d.shut(ctx, in)
		return sameOwners{domain.RemoveMember{At: in.domain(), Member: q.Member, Permits: permits, By: in.by, Shut: shut}, in.Place, in.members().Owners()}, err
	})
}

// A RolesChange says everything that somebody is to hold directly in a place.
type RolesChange struct {
	Ask
	At     Place
	Member domain.Grantee
	Roles  []domain.RoleRef
}

// SetRoles makes these the roles that somebody holds directly, by one command: all of it is granted and taken away, or
// nothing.
func (d *Desk) SetRoles(ctx context.Context, p access.Principal, q RolesChange) (eventstore.Result, error) {
	return d.granted(ctx, p, q.At, q.Member)(d.carry(ctx, p, q.Ask, q.At, aMember(q.Member), "setMemberRoles", []any{q.Member, q.Roles}, func(in door, _ *eventstore.Request) (domain.Command, error) {
		c := domain.SetRoles{At: in.domain(), Member: q.Member, Roles: q.Roles, By: in.by}
		held := in.members().Members[q.Member.String()]
		if !in.by.Holds.Has(manage(in.Place)) && q.Member != in.by.Who {
			return c, nil // it is refused, and says nothing of who and what there is
		}
		given, err := d.permits(ctx, in, true, slices.DeleteFunc(slices.Clone(q.Roles), func(r domain.RoleRef) bool { return slices.Contains(held, r) })...)
		if err != nil {
			return nil, err
		}
		taken, err := d.permits(ctx, in, false, slices.DeleteFunc(slices.Clone(held), func(r domain.RoleRef) bool { return slices.Contains(q.Roles, r) })...)
		if err != nil {
			return nil, err
		}
		c.Permits = append(given, taken...)
		if c.Shut, err = d.shut(ctx, in); err != nil {
			return nil, err
		}
		return sameOwners{c, in.Place, in.members().Owners()}, d.isThere(ctx, in.organization, q.Member, "member")
	}))
}

// Leave gives up every role that the asker holds directly in a place. It takes no permission, not even to see the place:
// whoever holds a role there knows of it.
func (d *Desk) Leave(ctx context.Context, p access.Principal, a Ask, at Place) (eventstore.Result, error) {
	if err := at.check(); err != nil {
		return eventstore.Result{}, err
	}
	return d.retried(func() (eventstore.Result, error) { return d.leave(ctx, p, a, at) })
}

func (d *Desk) leave(ctx context.Context, p access.Principal, a Ask, at Place) (eventstore.Result, error) {
	in, err := d.look(ctx, at)
	if err != nil {
		return eventstore.Result{}, err
	}
	in.by = domain.Asker{Who: p.Who(), Holds: domain.PermissionSet{}}
	if p.Workspace != "" && p.Workspace != at.Workspace || p.Run != nil {
		return eventstore.Result{}, at.missing()
	}
	r, err := d.request(p, a, at.stream(), "leave", in.by.Who)
	if err != nil {
		return eventstore.Result{}, err
	}
	if _, member := in.members().Members[in.by.Who.String()]; !member {
		return d.left(ctx, r, at)
	}
	if !p.Has(access.Write) {
		return eventstore.Result{}, &domain.Error{Code: domain.Forbidden, Message: "leaving takes a session, or a key with the scope write"}
	}
	return d.carryIn(ctx, p, a, in, aMember(in.by.Who), "leave", in.by.Who, func(in door, _ *eventstore.Request) (domain.Command, error) {
		shut, err := d.shut(ctx, in)
		return sameOwners{domain.RemoveMember{At: in.domain(), Member: in.by.Who, By: in.by, Shut: shut}, in.Place, in.members().Owners()}, err
	})
}

// left answers whoever sends the request again by which they left; to everybody else the place is none.
func (d *Desk) left(ctx context.Context, r eventstore.Request, at Place) (eventstore.Result, error) {
	if r.CommandID == "" {
		return eventstore.Result{}, at.missing()
	}
	result, err := d.do(ctx, r, nothing{at})
	if err != nil {
		return eventstore.Result{}, at.missing()
	}
	return result, nil
}

// nothing is a command that can only have been carried out before.
type nothing struct{ at Place }

// Needs is the place.
func (c nothing) Needs() []domain.Entity { return []domain.Entity{c.at.entity()} }

// Decide refuses.
func (c nothing) Decide(domain.States) ([]domain.Event, error) { return nil, c.at.missing() }

// SuspendMember keeps a member of an organization from doing anything in it and in its workspaces.
func (d *Desk) SuspendMember(ctx context.Context, p access.Principal, q MemberChange) (eventstore.Result, error) {
	return d.suspend(ctx, p, q, "suspendMember", false)
}

// ReinstateMember ends a suspension.
func (d *Desk) ReinstateMember(ctx context.Context, p access.Principal, q MemberChange) (eventstore.Result, error) {
	return d.suspend(ctx, p, q, "reinstateMember", true)
}

func (d *Desk) suspend(ctx context.Context, p access.Principal, q MemberChange, name string, end bool) (eventstore.Result, error) {
	return d.carry(ctx, p, q.Ask, q.At, aMember(q.Member), name, q.Member, func(in door, _ *eventstore.Request) (domain.Command, error) {
		shut, err := d.shut(ctx, in)
		return sameOwners{domain.SuspendMember{At: in.domain(), Member: q.Member, Reinstate: end, By: in.by, Shut: shut}, in.Place, in.members().Owners()}, err
	})
}

// manage is the permission that changing members takes in a place.
func manage(at Place) domain.Permission {
	if at.level() == domain.OrganizationLevel {
		return domain.ManageOrganizationMembers
	}
	return domain.ManageMembers
}

// permits is what the organization's custom roles among these permit together, for a workspace: they are defined in
// another stream. Where all must be there, one that is not is refused.
func (d *Desk) permits(ctx context.Context, in door, all bool, roles ...domain.RoleRef) ([]domain.Permission, error) {
	if in.level() == domain.OrganizationLevel || !slices.ContainsFunc(roles, func(r domain.RoleRef) bool { return r.Level == domain.OrganizationLevel }) {
		return nil, nil
	}
	of, err := d.look(ctx, Place{Organization: in.organization})
	if err != nil {
		return nil, err
	}
	permitted := domain.PermissionSet{}
	for _, role := range roles {
		if role.Level != domain.OrganizationLevel {
			continue
		}
		custom, there := of.members().Roles[role.Name]
		if !there && all {
			return nil, &domain.Error{Code: domain.NotFound, Subject: "role", Message: "there is no custom role " + role.String()}
		}
		permitted.Add(custom.Permissions...)
	}
	return permitted.List(), nil
}

// renamed is a refusal about a field of another name.
func renamed(err error, field string) error {
	var no *domain.Error
	if !errors.As(err, &no) {
		return err
	}
	other := *no
	other.Subject = field
	return &other
}
