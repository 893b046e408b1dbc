package domain

import (
	"slices"
	"strings"
)

// Access is what somebody may do in a workspace or organization, and through what. The zero Access is of somebody who may
// do nothing, and of a place that is not there: the two are told apart by those alone who need not hide it.
type Access struct {
	Exists, Deleted, Archived bool
	// Suspended says that the organization suspended them, or the team by which they hold a role.
	Suspended    bool
	Organization Slug
	Holds        PermissionSet
	Through      []Source
}

// A Source is one role by which somebody may do something.
type Source struct {
	Level       Level // where it is held: in the workspace, or in its organization
	Role        RoleRef
	Team        string // of the organization, which holds it for its members; empty: directly
	Permissions []Permission
}

// Rosters is what decides who may do what in one place: its organization's roster, the workspace's where it is one, and
// which teams somebody is in. A nil roster grants nothing.
type Rosters struct {
	Organization *Roster
	Workspace    *Roster         // nil: the place is the organization itself
	Teams        map[string]bool // of the organization, whether they are in it
}

// Level is the level of the place.
func (r Rosters) Level() Level {
	if r.Workspace == nil {
		return OrganizationLevel
	}
	return WorkspaceLevel
}

// Mentioned are the teams that hold a role in these rosters, in order.
func (r Rosters) Mentioned() (teams []string) {
	for _, roster := range []*Roster{r.Workspace, r.Organization} {
		if roster == nil {
			continue
		}
		for member := range roster.Members {
			if name, ok := strings.CutPrefix(member, string(TeamGrantee)+":"); ok && !slices.Contains(teams, name) {
				teams = append(teams, name)
			}
		}
	}
	slices.Sort(teams)
	return teams
}

// Effective says what somebody may do by these rosters: everything that any of their roles permits, unless they are
// suspended. In a workspace the roles of its organization count too, as far as they are about workspaces.
func (r Rosters) Effective(who Grantee) (through []Source, suspended bool) {
	if r.Organization != nil && r.Organization.Suspended[who.String()] {
		return nil, true
	}
	for _, roster := range []*Roster{r.Workspace, r.Organization} {
		if roster != nil && roster.Disabled[who.String()] {
			return nil, false // the account is shut out
		}
	}
	type holder struct {
		team string
		key  string
	}
	holders := []holder{{"", who.String()}}
	for _, team := range r.Mentioned() {
		if !r.Teams[team] {
			continue
		}
		key := Grantee{TeamGrantee, team}.String()
		if r.Organization != nil && r.Organization.Suspended[key] {
			suspended = true
			continue
		}
		holders = append(holders, holder{team, key})
	}
	for _, at := range []struct {
		level  Level
		roster *Roster
	}{{WorkspaceLevel, r.Workspace}, {OrganizationLevel, r.Organization}} {
		if at.roster == nil {
			continue
		}
		for _, h := range holders {
			for _, role := range at.roster.Members[h.key] {
				if ps := r.permitted(at.level, role); len(ps) > 0 {
					through = append(through, Source{at.level, role, h.team, ps})
				}
			}
		}
	}
	return through, suspended && len(through) == 0
}

// permitted is what a role held at a level permits in the place, empty for a role that is gone.
func (r Rosters) permitted(held Level, role RoleRef) []Permission {
	var ps []Permission
	switch role.Level {
	case "":
		ps, _ = BuiltinPermissions(held, role)
	case WorkspaceLevel:
		if r.Workspace != nil {
			ps = r.Workspace.Roles[role.Name].Permissions
		}
	case OrganizationLevel:
		if r.Organization != nil {
			ps = r.Organization.Roles[role.Name].Permissions
		}
	}
	if r.Level() == OrganizationLevel {
		return slices.Clone(ps)
	}
	return inWorkspaces(ps)
}

// inWorkspaces are those of the permissions that are about workspaces.
func inWorkspaces(ps []Permission) (out []Permission) {
	for _, p := range permissions {
		if !p.organization && slices.Contains(ps, p.name) {
			out = append(out, p.name)
		}
	}
	return out
}

// HoldsOf is all that these sources permit together.
func HoldsOf(through []Source) PermissionSet {
	holds := PermissionSet{}
	for _, s := range through {
		holds.Add(s.Permissions...)
	}
	return holds
}

// IsOwner says whether one of these sources makes an owner, of the workspace or of its organization.
func IsOwner(through []Source) bool {
	return slices.ContainsFunc(through, func(s Source) bool { return s.Role == Owner })
}

// RosterOf is the roster of a workspace or organization, never nil: its founder's, where no fact made one yet.
func RosterOf(place, roster *State) *Roster {
	if roster != nil && roster.Roster != nil {
		return roster.Roster
	}
	r := &Roster{}
	if place != nil && place.Exists && place.Owner != noAccount {
		r.apply(RoleGranted{Person(place.Owner), Owner})
	}
	return r
}
