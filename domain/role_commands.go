package domain

import (
	"fmt"
	"slices"
)

// RoleDefined says what a custom role of the stream's workspace or organization permits, from now on.
type RoleDefined struct {
	Name        string       `json:"name"`
	Description *Text        `json:"description,omitempty"`
	Permissions []Permission `json:"permissions"`
}

// EventType is "role.defined".
func (RoleDefined) EventType() string { return "role.defined" }

// Subject is the roster.
func (RoleDefined) Subject() Entity { return RosterEntity() }

// RoleDeleted ends a custom role.
type RoleDeleted struct {
	Name string `json:"name"`
}

// EventType is "role.deleted".
func (RoleDeleted) EventType() string { return "role.deleted" }

// Subject is the roster.
func (RoleDeleted) Subject() Entity { return RosterEntity() }

// DefineRole says what a custom role permits. Nobody can define more than they hold, nor change a role that permits more
// than they hold.
type DefineRole struct {
	At          Place
	Name        string
	Description *Text
	Permissions []Permission
	By          Asker
}

// Needs is the roster.
func (c DefineRole) Needs() []Entity { return c.At.needs() }

// Decide refuses what cannot be a role or would be more than the asker holds; it does nothing where the role is so.
func (c DefineRole) Decide(s States) ([]Event, error) {
	if err := c.At.opened(s); err != nil {
		return nil, err
	}
	if err := may(c.By.Holds, c.At.level(), ManageRoles, ManageOrganizationRoles); err != nil {
		return nil, err
	}
	if err := checkRoleName(c.Name); err != nil {
		return nil, err
	}
	if err := checkCustom(c.At.level(), c.Permissions); err != nil {
		return nil, err
	}
	roster := c.At.roster(s)
	was, there := roster.Roles[c.Name]
	wanted := SetOf(c.Permissions...).List()
	if missing := c.By.Holds.Missing(SetOf(append(was.Permissions, wanted...)...).List()); len(missing) > 0 {
		return nil, &Error{Code: Forbidden, Subject: "permissions", Message: fmt.Sprintf("you do not hold %s yourself: you can neither put it into a role nor change a role that has it", listed(missing)), Missing: missing}
	}
	switch {
	case there && slices.Equal(was.Permissions, wanted) && was.Text == textDigest(c.Description):
		return nil, nil
	case !there && len(roster.Roles) >= MaxRoles:
		return nil, &Error{Code: TooLong, Subject: "name", Message: fmt.Sprintf("there are %d custom roles here, as many as there may be: delete one first", MaxRoles)}
	}
	return append(c.At.founding(s), RoleDefined{c.Name, c.Description, wanted}), nil
}

// DeleteRole ends a custom role that nobody here holds.
type DeleteRole struct {
	At   Place
	Name string
	By   Asker
}

// Needs is the roster.
func (c DeleteRole) Needs() []Entity { return c.At.needs() }

// Decide refuses a role that is missing or held, or that permits more than the asker holds.
func (c DeleteRole) Decide(s States) ([]Event, error) {
	if err := c.At.opened(s); err != nil {
		return nil, err
	}
	if err := may(c.By.Holds, c.At.level(), ManageRoles, ManageOrganizationRoles); err != nil {
		return nil, err
	}
	roster := c.At.roster(s)
	was, there := roster.Roles[c.Name]
	if !there {
		return nil, &Error{Code: NotFound, Subject: "name", Message: fmt.Sprintf("there is no custom role %q here", clip(c.Name))}
	}
	if missing := c.By.Holds.Missing(was.Permissions); len(missing) > 0 {
		return nil, &Error{Code: Forbidden, Subject: "name", Message: fmt.Sprintf("the role permits %s, which you do not hold yourself", listed(missing)), Missing: missing}
	}
	if n := roster.holders(RoleRef{c.At.level(), c.Name}); n > 0 {
		return nil, &Error{Code: Conflict, Subject: "name", Message: fmt.Sprintf("the role is held by %d here: revoke it from them first", n)}
	}
	return []Event{RoleDeleted{c.Name}}, nil
}

// may refuses somebody who does not hold the permission that a command takes at its level.
func may(holds PermissionSet, l Level, inWorkspace, inOrganization Permission) error {
	need := inWorkspace
	if l == OrganizationLevel {
		need = inOrganization
	}
	if holds.Has(need) {
		return nil
	}
	return &Error{Code: Forbidden, Message: fmt.Sprintf("it takes the permission %s", need), Missing: []Permission{need}}
}
