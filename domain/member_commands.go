package domain

import (
	"fmt"
	"slices"
)

// An Asker is who asks for a change of the roster.
type Asker struct {
	Who   Grantee
	Holds PermissionSet // what they may do in the place, by whatever role
}

// GrantRole gives somebody a role. Nobody gives what they do not hold; only people are owners.
type GrantRole struct {
	At     Place
	Member Grantee
	Role   RoleRef
	// Permits is what an organization's custom role permits, where a workspace grants it: it is defined in another stream.
	Permits []Permission
	By      Asker
}

// Needs is the roster.
func (c GrantRole) Needs() []Entity { return c.At.needs() }

// Decide does nothing where the member holds the role.
func (c GrantRole) Decide(s States) ([]Event, error) {
	if err := c.At.opened(s); err != nil {
		return nil, err
	}
	if err := may(c.By.Holds, c.At.level(), ManageMembers, ManageOrganizationMembers); err != nil {
		return nil, err
	}
	roster := c.At.roster(s)
	if err := grantable(c.At, roster, c.Member, c.Role, c.Permits, c.By.Holds); err != nil {
		return nil, err
	}
	held, member := roster.Members[c.Member.String()]
	switch {
	case slices.Contains(held, c.Role):
		return nil, nil
	case !member && len(roster.Members) >= MaxMembers:
		return nil, full()
	}
	return append(c.At.founding(s), RoleGranted{c.Member, c.Role}), nil
}

// grantable refuses a grant that breaks a rule, whoever the roster has.
func grantable(at Place, roster *Roster, g Grantee, role RoleRef, permits []Permission, holds PermissionSet) error {
	if err := checkGrantee(g); err != nil {
		return err
	}
	if role == Owner && g.Kind != AccountGrantee {
		return &Error{Code: Invalid, Subject: "role", Message: "only a person can be an owner: grant admin to teams and service accounts"}
	}
	permitted, err := roster.permits(at.level(), role, permits)
	if err != nil {
		return err
	}
	if missing := holds.Missing(permitted); len(missing) > 0 {
		return &Error{Code: Forbidden, Subject: "role", Message: fmt.Sprintf("the role %s permits %s, which you do not hold yourself and so cannot grant", role, listed(missing)), Missing: missing}
	}
	return nil
}

// RevokeRole takes a role away that somebody holds directly. Nobody takes away what they do not hold, except from
// themselves.
type RevokeRole struct {
	At      Place
	Member  Grantee
	Role    RoleRef
	Permits []Permission
	By      Asker
	Shut    []Grantee // owners whose accounts are shut out: they do not count as active
}

// Needs is the roster.
func (c RevokeRole) Needs() []Entity { return c.At.needs() }

// Decide refuses to take the last owner away; it does nothing where the member does not hold the role.
func (c RevokeRole) Decide(s States) ([]Event, error) {
	if err := c.At.opened(s); err != nil {
		return nil, err
	}
	roster := c.At.roster(s)
	held := roster.Members[c.Member.String()]
	if err := takeable(c.At, roster, c.Member, intersect(held, c.Role), c.Permits, c.By); err != nil {
		return nil, err
	}
	if !slices.Contains(held, c.Role) {
		return nil, nil
	}
	if c.Role == Owner {
		if err := ownerLeft(c.At, roster, c.Member, c.Shut); err != nil {
			return nil, err
		}
	}
	return append(c.At.founding(s), RoleRevoked{c.Member, c.Role}), nil
}

// RemoveMember takes every role away that somebody holds directly; what they hold through teams stays.
type RemoveMember struct {
	At      Place
	Member  Grantee
	Permits []Permission // what the organization's custom roles among them permit, where it is a workspace's member
	By      Asker
	Shut    []Grantee // owners whose accounts are shut out: they do not count as active
}

// Needs is the roster.
func (c RemoveMember) Needs() []Entity { return c.At.needs() }

// Decide refuses to remove the last owner; it does nothing where there is no such member.
func (c RemoveMember) Decide(s States) ([]Event, error) {
	if err := c.At.opened(s); err != nil {
		return nil, err
	}
	roster := c.At.roster(s)
	held, member := roster.Members[c.Member.String()]
	if err := takeable(c.At, roster, c.Member, held, c.Permits, c.By); err != nil {
		return nil, err
	}
	if !member {
		return nil, nil
	}
	if slices.Contains(held, Owner) {
		if err := ownerLeft(c.At, roster, c.Member, c.Shut); err != nil {
			return nil, err
		}
	}
	return append(c.At.founding(s), MemberRemoved{c.Member}), nil
}

// SetRoles makes these the roles that somebody holds directly: what is missing is granted, what is too much is taken away,
// by the rules of [GrantRole] and [RevokeRole], all of it or nothing.
type SetRoles struct {
	At      Place
	Member  Grantee
	Roles   []RoleRef
	Permits []Permission // what the organization's custom roles among those given and taken permit, where it is a workspace's member
	By      Asker
	Shut    []Grantee // owners whose accounts are shut out: they do not count as active
}

// Needs is the roster.
func (c SetRoles) Needs() []Entity { return c.At.needs() }

// Decide refuses what any of the grants and revocations would be refused for; it does nothing where the member holds
// just these.
func (c SetRoles) Decide(s States) ([]Event, error) {
	if err := c.At.opened(s); err != nil {
		return nil, err
	}
	roster := c.At.roster(s)
	held, member := roster.Members[c.Member.String()]
	added := slices.DeleteFunc(unrepeated(c.Roles), func(r RoleRef) bool { return slices.Contains(held, r) })
	removed := slices.DeleteFunc(slices.Clone(held), func(r RoleRef) bool { return slices.Contains(c.Roles, r) })
	if len(added) > 0 || c.Member != c.By.Who {
		if err := may(c.By.Holds, c.At.level(), ManageMembers, ManageOrganizationMembers); err != nil {
			return nil, err
		}
	}
	switch {
	case len(c.Roles) == 0:
		return nil, &Error{Code: Required, Subject: "roles", Message: "name a role at least: somebody who is to hold none is removed"}
	case !member && len(roster.Members) >= MaxMembers:
		return nil, full()
	}
	for _, role := range added {
		if err := grantable(c.At, roster, c.Member, role, c.Permits, c.By.Holds); err != nil {
			return nil, err
		}
	}
	if err := takeable(c.At, roster, c.Member, removed, c.Permits, c.By); err != nil {
		return nil, err
	}
	if slices.Contains(removed, Owner) {
		if err := ownerLeft(c.At, roster, c.Member, c.Shut); err != nil {
			return nil, err
		}
	}
	if len(added)+len(removed) == 0 {
		return nil, nil
	}
	events := c.At.founding(s)
	for _, role := range added {
		events = append(events, RoleGranted{c.Member, role})
	}
	for _, role := range removed {
		events = append(events, RoleRevoked{c.Member, role})
	}
	return events, nil
}

// unrepeated are roles in their order, each once.
func unrepeated(roles []RoleRef) (out []RoleRef) {
	for _, r := range roles {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// full refuses one member more than there may be.
func full() error {
	return &Error{Code: TooLong, Subject: "member", Message: fmt.Sprintf("there are %d members here, as many as there may be: put people into teams", MaxMembers)}
}

// takeable refuses somebody who would take roles from another who holds more than they do.
func takeable(at Place, roster *Roster, g Grantee, roles []RoleRef, permits []Permission, by Asker) error {
	if err := checkGrantee(g); err != nil {
		return err
	}
	if g == by.Who {
		return nil // whoever wants to go may go
	}
	if err := may(by.Holds, at.level(), ManageMembers, ManageOrganizationMembers); err != nil {
		return err
	}
	for _, role := range roles {
		permitted, err := roster.permits(at.level(), role, permits)
		if err != nil {
			continue // a role that is gone permits nothing: whoever manages members may clear it away
		}
		if missing := by.Holds.Missing(permitted); len(missing) > 0 {
			return &Error{Code: Forbidden, Subject: "member", Message: fmt.Sprintf("%s is %s here, which permits %s: you do not hold that yourself and so cannot take it away", g, role, listed(missing)), Missing: missing}
		}
	}
	return nil
}

// ownerLeft refuses what would leave a place without an owner who can act.
func ownerLeft(at Place, roster *Roster, without Grantee, shut []Grantee) error {
	if roster.activeOwners(without, shut) > 0 {
		return nil
	}
	return &Error{Code: LastOwner, Subject: "member", Message: fmt.Sprintf("this is the last active owner of the %s: make somebody else an owner first", at.level())}
}

// SuspendMember keeps a member of an organization from doing anything in it and in its workspaces, or ends that.
type SuspendMember struct {
	At        Place // an organization
	Member    Grantee
	Reinstate bool
	By        Asker
	Shut      []Grantee // owners whose accounts are shut out: they do not count as active
}

// Needs is the roster.
func (c SuspendMember) Needs() []Entity { return c.At.needs() }

// Decide refuses whoever is no member, the last active owner, and oneself; it does nothing where it is so already.
func (c SuspendMember) Decide(s States) ([]Event, error) {
	if err := c.At.opened(s); err != nil {
		return nil, err
	}
	if c.At.level() != OrganizationLevel {
		return nil, &Error{Code: Invalid, Subject: "organization", Message: "members are suspended in an organization; from one workspace they are removed"}
	}
	if err := may(c.By.Holds, OrganizationLevel, ManageMembers, ManageOrganizationMembers); err != nil {
		return nil, err
	}
	roster := c.At.roster(s)
	held, member := roster.Members[c.Member.String()]
	switch {
	case !member:
		return nil, &Error{Code: NotFound, Subject: "member", Message: fmt.Sprintf("%s is no member of the organization", c.Member)}
	case c.Member == c.By.Who:
		return nil, &Error{Code: Forbidden, Subject: "member", Message: "nobody suspends or reinstates themselves: ask another admin"}
	}
	if err := takeable(c.At, roster, c.Member, held, nil, c.By); err != nil {
		return nil, err
	}
	switch suspended := roster.Suspended[c.Member.String()]; {
	case suspended == !c.Reinstate:
		return nil, nil
	case c.Reinstate:
		return []Event{MemberReinstated{c.Member}}, nil
	}
	if slices.Contains(held, Owner) {
		if err := ownerLeft(c.At, roster, c.Member, c.Shut); err != nil {
			return nil, err
		}
	}
	return append(c.At.founding(s), MemberSuspended{c.Member}), nil
}

func intersect(held []RoleRef, role RoleRef) []RoleRef {
	if slices.Contains(held, role) {
		return []RoleRef{role}
	}
	return nil
}
