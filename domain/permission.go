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
	ReadWorkspace      Permission = "workspace:read"      // see everything but the values of secrets
	IngestEvents       Permission = "events:ingest"       // send run events in
	WritePipelines     Permission = "pipelines:write"     // create and change pipelines, their versions and schedules
	WriteRuns          Permission = "runs:write"          // create and change runs and steps
	WriteArtifacts     Permission = "artifacts:write"     // create and change artifacts and their versions
	PromoteArtifacts   Permission = "artifacts:promote"   // send an artifact version to another workspace, or take one
	WriteModels        Permission = "models:write"        // create and change models, their versions and stages
	WriteStacks        Permission = "stacks:write"        // create and change stacks and their components
	WriteDeployments   Permission = "deployments:write"   // create and change deployments
	ManageSecrets      Permission = "secrets:manage"      // create, change, reveal and delete secrets and connectors
	ManageMembers      Permission = "members:manage"      // invite, and grant and revoke roles that one holds
	ManageRoles        Permission = "roles:manage"        // define and delete custom roles
	ManageKeys         Permission = "keys:manage"         // see, create and revoke the keys of others
	ConfigureWorkspace Permission = "workspace:configure" // name, describe, label, classify, archive and restore it
	DeleteWorkspaces   Permission = "workspace:delete"    // end it
	ManageOwners       Permission = "owners:manage"       // make and unmake owners
)

// What can be done in an organization, besides what can be done in each of its workspaces.
const (
	ReadOrganization          Permission = "organization:read"           // see it, its people, teams and roles
	CreateWorkspaces          Permission = "workspaces:create"           // create workspaces in it
	ConfigureOrganization     Permission = "organization:configure"      // name and describe it
	ManageTeams               Permission = "teams:manage"                // create and delete teams, and say who is in them
	ManageServiceAccounts     Permission = "service_accounts:manage"     // create and delete service accounts
	ManageOrganizationMembers Permission = "organization_members:manage" // invite, suspend, and grant and revoke roles that one holds
	ManageOrganizationRoles   Permission = "organization_roles:manage"   // define and delete its custom roles
	ManageOrganizationOwners  Permission = "organization_owners:manage"  // make and unmake its owners
	DeleteOrganizations       Permission = "organization:delete"         // end it
)

// permission is what is settled about a permission.
type permission struct {
	name Permission
	// custom says whether a custom role can hold it. What only owners may do cannot be handed on by a custom role, and who
	// says who is in a team hands on whatever the team holds anywhere: both are for the built-in roles alone.
	custom bool
	// organization says that it is about an organization and means nothing in a workspace.
	organization bool
}

// permissions is the closed list, in the order in which lists show it.
var permissions = []permission{
	{ReadWorkspace, true, false}, {IngestEvents, true, false}, {WritePipelines, true, false}, {WriteRuns, true, false},
	{WriteArtifacts, true, false}, {PromoteArtifacts, true, false}, {WriteModels, true, false}, {WriteStacks, true, false},
	{WriteDeployments, true, false}, {ManageSecrets, true, false}, {ManageMembers, true, false}, {ManageRoles, true, false},
	{ManageKeys, true, false}, {ConfigureWorkspace, true, false}, {DeleteWorkspaces, false, false}, {ManageOwners, false, false},
	{ReadOrganization, true, true}, {CreateWorkspaces, true, true}, {ConfigureOrganization, true, true}, {ManageTeams, false, true},
	{ManageServiceAccounts, false, true}, {ManageOrganizationMembers, true, true}, {ManageOrganizationRoles, true, true},
	{ManageOrganizationOwners, false, true}, {DeleteOrganizations, false, true},
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
