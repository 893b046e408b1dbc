package domain

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A RoleRef names a role: a built-in one, or a custom one of a workspace or of an organization.
type RoleRef struct {
	// Level says where a custom role is defined; empty: the role is a built-in one.
	Level Level  `json:"level,omitempty"`
	Name  string `json:"name"`
}

// The built-in roles. In a workspace: a viewer reads; a member also creates and changes resources; an admin also manages
// secrets, members and roles; an owner also deletes the workspace and manages owners. In an organization: a member
// belongs to it and sees it, but none of its workspaces by that; an admin manages it and is an admin of each of its
// workspaces; an owner also manages its owners and is an owner of each of its workspaces.
var (
	Viewer = RoleRef{Name: "viewer"} // of workspaces alone
	Member = RoleRef{Name: "member"}
	Admin  = RoleRef{Name: "admin"}
	Owner  = RoleRef{Name: "owner"}
)

// builtin is the role's place among the built-in ones, the weakest first; negative: it is none of them.
func builtin(name string) int {
	return slices.IndexFunc([]string{"viewer", "member", "admin", "owner"}, func(b string) bool { return strings.EqualFold(b, name) })
}

var (
	viewerMay = []Permission{ReadWorkspace}
	memberMay = append(viewerMay[:1:1], IngestEvents, WritePipelines, WriteRuns, WriteArtifacts, PromoteArtifacts, WriteModels, WriteStacks, WriteDeployments)
	adminMay  = append(memberMay[:len(memberMay):len(memberMay)], ManageSecrets, ManageMembers, ManageRoles, ManageKeys, ExportHistory, ConfigureWorkspace)
	ownerMay  = append(adminMay[:len(adminMay):len(adminMay)], DeleteWorkspaces, ManageOwners)

	organizationMemberMay = []Permission{ReadOrganization}
	organizationAdminMay  = append(adminMay[:len(adminMay):len(adminMay)], ReadOrganization, CreateWorkspaces, ConfigureOrganization, ManageTeams, ManageServiceAccounts, ManageOrganizationMembers, ManageOrganizationRoles)
	organizationOwnerMay  = Permissions(OrganizationLevel)
)

// BuiltinPermissions is what a built-in role permits at a level; ok is false where there is no such role there.
func BuiltinPermissions(l Level, r RoleRef) (ps []Permission, ok bool) {
	if r.Level != "" {
		return nil, false
	}
	of := map[string][]Permission{"viewer": viewerMay, "member": memberMay, "admin": adminMay, "owner": ownerMay}
	if l == OrganizationLevel {
		of = map[string][]Permission{"member": organizationMemberMay, "admin": organizationAdminMay, "owner": organizationOwnerMay}
	}
	ps, ok = of[r.Name]
	return slices.Clone(ps), ok
}

// String writes a built-in role by its name, a custom one as LEVEL/NAME. [ParseRoleRef] reads it.
func (r RoleRef) String() string {
	if r.Level == "" {
		return r.Name
	}
	return string(r.Level) + "/" + r.Name
}

// ParseRoleRef reads what String writes.
func ParseRoleRef(s string) (RoleRef, error) {
	level, name, custom := strings.Cut(s, "/")
	switch {
	case !custom && builtin(s) >= 0 && s == strings.ToLower(s):
		return RoleRef{Name: s}, nil
	case custom && (Level(level) == WorkspaceLevel || Level(level) == OrganizationLevel) && dashed.MatchString(name):
		return RoleRef{Level: Level(level), Name: name}, nil
	}
	return RoleRef{}, &Error{Code: Invalid, Subject: "role", Message: fmt.Sprintf("%q is no role: write viewer, member, admin, owner, or workspace/NAME or organization/NAME for a custom one", clip(s))}
}

// dashed is the form of words in names that stand in addresses: letters and digits, with single dashes between them.
var dashed = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// MaxRoleName is the longest name of a custom role, in bytes. MaxRoles is how many of them one level may have.
const (
	MaxRoleName = 40
	MaxRoles    = 200
)

// checkRoleName refuses what cannot name a custom role. The built-in names are reserved however they are written: names are
// ASCII alone, so that no two that look alike differ.
func checkRoleName(name string) error {
	switch {
	case name == "":
		return &Error{Code: Required, Subject: "name", Message: "the role's name is missing"}
	case builtin(name) >= 0:
		return &Error{Code: Invalid, Subject: "name", Message: fmt.Sprintf("%q is the name of a built-in role: choose another", clip(name))}
	case len(name) > MaxRoleName || !dashed.MatchString(name):
		return &Error{Code: Invalid, Subject: "name", Message: fmt.Sprintf("%q cannot name a role: 1 to %d of a-z, 0-9 and single dashes between them", clip(name), MaxRoleName)}
	}
	return nil
}
