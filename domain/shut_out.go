package domain

import (
	"fmt"
	"slices"
)

// DisableMember says in one place that the account of a member is shut out. The account's own stream cannot say so for all
// places at once: that a place keeps an owner who can act is decided in the stream of that place, where the owners
// are removed too.
type DisableMember struct {
	At     Place
	Member Grantee
	// Sleeps says that the place is the member's own: with nobody else in it, it may be without an active owner.
	Sleeps bool
	// Successor becomes an owner where the member is the only active one; nobody: such a place refuses.
	Successor Grantee
	Shut      []Grantee // owners whose accounts are shut out
}

// Needs is the roster.
func (c DisableMember) Needs() []Entity { return c.At.needs() }

// Decide refuses the last active owner; it does nothing where the place is gone, where there is no such member, and where
// it was said. An archived workspace has people too.
func (c DisableMember) Decide(s States) ([]Event, error) {
	place, roster := s.Of(c.At.entity()), c.At.roster(s)
	held, member := roster.Members[c.Member.String()]
	if !place.Exists || place.Deleted || !member || roster.Disabled[c.Member.String()] {
		return nil, nil
	}
	events := c.At.founding(s)
	owns := slices.Contains(held, Owner) && !roster.Suspended[c.Member.String()]
	switch {
	case !owns || roster.activeOwners(c.Member, c.Shut) > 0:
	case c.Sleeps && len(roster.Members) == 1:
	case c.Successor == (Grantee{}):
		return nil, &Error{Code: LastOwner, Subject: "account", Message: fmt.Sprintf("%s is the last active owner of the %s", c.Member, c.At.level())}
	case roster.Suspended[c.Successor.String()]:
		return nil, &Error{Code: LastOwner, Subject: "successor", Message: fmt.Sprintf("%s is suspended in the %s and cannot own it", c.Successor, c.At.level())}
	default:
		events = append(events, RoleGranted{c.Successor, Owner})
	}
	return append(events, MemberDisabled{c.Member}), nil
}

// EnableMember says in one place that the account of a member may come in again.
type EnableMember struct {
	At     Place
	Member Grantee
}

// Needs is the roster.
func (c EnableMember) Needs() []Entity { return c.At.needs() }

// Decide does nothing where the member is not shut out, or the place is gone.
func (c EnableMember) Decide(s States) ([]Event, error) {
	if place := s.Of(c.At.entity()); !place.Exists || place.Deleted || !c.At.roster(s).Disabled[c.Member.String()] {
		return nil, nil
	}
	return []Event{MemberEnabled{c.Member}}, nil
}
