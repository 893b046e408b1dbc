package domain

import (
	"fmt"
	"slices"
)

// A Permission is one thing that somebody may do, in a workspace or in an organization. The list is closed: a custom
// role is a choice of it, and no name is ever given another meaning.
type Permission string

// What can be done in a workspace.
const (
	ReadWorkspace      Permission = "workspace:read"
	IngestEvents       Permission = "events:ingest"
	WritePipelines     Permission = "pipelines:write"
	WriteRuns          Permission = "runs:write"
	WriteArtifacts     Permission = "artifacts:write"
	PromoteArtifacts   Permission = "artifacts:promote"
	WriteModels        Permission = "models:write"
	WriteStacks        Permission = "stacks:write"
	WriteDeployments   Permission = "deployments:write"
	ManageSecrets      Permission = "secrets:manage"
	ManageMembers      Permission = "members:manage"
	ManageRoles        Permission = "roles:manage"
	ManageKeys         Permission = "keys:manage"
	ExportHistory      Permission = "history:export"
	ConfigureWorkspace Permission = "workspace:configure"
	DeleteWorkspaces   Permission = "workspace:delete"
	ManageOwners       Permission = "owners:manage"
)

// What can be done in an organization, besides what can be done in each of its workspaces.
const (
	ReadOrganization          Permission = "organization:read"
	CreateWorkspaces          Permission = "workspaces:create"
	ConfigureOrganization     Permission = "organization:configure"
	ManageTeams               Permission = "teams:manage"
	ManageServiceAccounts     Permission = "service_accounts:manage"
	ManageOrganizationMembers Permission = "organization_members:manage"
	ManageOrganizationRoles   Permission = "organization_roles:manage"
	ManageOrganizationOwners  Permission = "organization_owners:manage"
	DeleteOrganizations       Permission = "organization:delete"
)

// permission is what is settled about a permission.
type permission struct {
	name Permission
	// custom says whether a custom role can hold it. What only owners may do cannot be handed on by a custom role, and who
	// says who is in a team hands on whatever the team holds anywhere: both are for the built-in roles alone.
	custom bool
	// organization says that it is about an organization and means nothing in a workspace.
	organization bool
	// about says to people what it lets one do.
	about string
}

// permissions is the closed list, in the order in which lists show it.
var permissions = []permission{
	{ReadWorkspace, true, false, "see everything but the values of secrets"},
	{IngestEvents, true, false, "send run events in"},
	{WritePipelines, true, false, "create and change pipelines, their versions and schedules"},
	{WriteRuns, true, false, "create and change runs and steps"},
	{WriteArtifacts, true, false, "create and change artifacts and their versions"},
	{PromoteArtifacts, true, false, "send an artifact version to another workspace, or take one"},
	{WriteModels, true, false, "create and change models, their versions and stages"},
	{WriteStacks, true, false, "create and change stacks and their components"},
	{WriteDeployments, true, false, "create and change deployments"},
	{ManageSecrets, true, false, "create, change, reveal and delete secrets and connectors"},
	{ManageMembers, true, false, "invite, and grant and revoke roles that one holds"},
	{ManageRoles, true, false, "define and delete custom roles"},
	{ManageKeys, true, false, "see, create and revoke the keys of others"},
	{ExportHistory, true, false, "take the whole history away: every event, body and signed checkpoint"},
	{ConfigureWorkspace, true, false, "name, describe, label, classify, archive and restore it"},
	{DeleteWorkspaces, false, false, "end it, and erase what can be read in it"},
	{ManageOwners, false, false, "make and unmake owners"},
	{ReadOrganization, true, true, "see it, its people, teams and roles"},
	{CreateWorkspaces, true, true, "create workspaces in it"},
	{ConfigureOrganization, true, true, "name and describe it"},
	{ManageTeams, false, true, "create and delete teams, and say who is in them"},
	{ManageServiceAccounts, false, true, "create and delete service accounts"},
	{ManageOrganizationMembers, true, true, "invite, suspend, and grant and revoke roles that one holds"},
	{ManageOrganizationRoles, true, true, "define and delete its custom roles"},
	{ManageOrganizationOwners, false, true, "make and unmake its owners"},
	{DeleteOrganizations, false, true, "end it, and erase what can be read in it"},
}

// Permissions is the closed list of permissions at a level, in the order in which lists show it. At the level of an
// organization it holds those of workspaces too: there they hold in each of its workspaces.
func Permissions(l Level) []Permission {
	var out []Permission
	for _, p := range permissions {
		if l == OrganizationLevel || !p.organization {
			out = append(out, p.name)
		}
	}
	return out
}

// Customizable says whether a custom role can hold a permission.
func Customizable(p Permission) bool {
	return slices.ContainsFunc(permissions, func(x permission) bool { return x.name == p && x.custom })
}

// About says to people what a permission lets one do, empty for what is no permission.
func (p Permission) About() string {
	for _, known := range permissions {
		if known.name == p {
			return known.about
		}
	}
	return ""
}

// A Level says where a role is defined or held: in one workspace, or in an organization and so in each of its workspaces.
type Level string

// The levels.
const (
	WorkspaceLevel    Level = "workspace"
	OrganizationLevel Level = "organization"
)

// A PermissionSet is a choice of permissions. The zero set holds none.
type PermissionSet map[Permission]bool

// SetOf is the set of these permissions.
func SetOf(ps ...Permission) PermissionSet {
	s := PermissionSet{}
	for _, p := range ps {
		s[p] = true
	}
	return s
}

// Has says whether the set holds the permission.
func (s PermissionSet) Has(p Permission) bool { return s[p] }

// Add puts permissions into the set.
func (s PermissionSet) Add(ps ...Permission) {
	for _, p := range ps {
		s[p] = true
	}
}

// Missing lists what of ps the set does not hold, in order.
func (s PermissionSet) Missing(ps []Permission) (missing []Permission) {
	for _, p := range ps {
		if !s[p] {
			missing = append(missing, p)
		}
	}
	return missing
}

// List is the set in the order of the closed list.
func (s PermissionSet) List() (list []Permission) {
	for _, p := range permissions {
		if s[p.name] {
			list = append(list, p.name)
		}
	}
	return list
}

// checkCustom refuses what a custom role at a level cannot hold.
func checkCustom(l Level, ps []Permission) error {
	if len(ps) == 0 {
		return &Error{Code: Required, Subject: "permissions", Message: "a role that permits nothing is no role: name at least one permission"}
	}
	for i, name := range ps {
		field := fmt.Sprintf("permissions[%d]", i)
		at := slices.IndexFunc(permissions, func(p permission) bool { return p.name == name })
		switch {
		case at < 0:
			return &Error{Code: Invalid, Subject: field, Message: fmt.Sprintf("there is no permission %q: choose of %s", clip(string(name)), listed(customOf(l)))}
		case permissions[at].organization && l == WorkspaceLevel:
			return &Error{Code: Invalid, Subject: field, Message: fmt.Sprintf("%s is about organizations: a role of a workspace cannot hold it", name)}
		case !permissions[at].custom:
			return &Error{Code: Invalid, Subject: field, Message: fmt.Sprintf("%s comes with the built-in roles alone: a custom role cannot hold it", name)}
		}
	}
	return nil
}

func customOf(l Level) (out []Permission) {
	for _, p := range permissions {
		if p.custom && (l == OrganizationLevel || !p.organization) {
			out = append(out, p.name)
		}
	}
	return out
}

// listed writes permissions for people.
func listed(ps []Permission) string {
	s := ""
	for i, p := range ps {
		if i > 0 {
			s += ", "
		}
		s += string(p)
	}
	return s
}
