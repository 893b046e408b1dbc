package model

import (
	"context"
	"time"
)

// An OrganizationWritten is the answer of a mutation of an Organization.
type OrganizationWritten struct{ Written[*Organization] }

// Organization is the thing as it is now.
func (w *OrganizationWritten) Organization(ctx context.Context) (*Organization, error) {
	return w.read(ctx)
}

// A MemberWritten is the answer of a mutation of a Member.
type MemberWritten struct{ Written[*Member] }

// Member is the member as they are now.
func (w *MemberWritten) Member(ctx context.Context) (*Member, error) { return w.read(ctx) }

// A RoleWritten is the answer of a mutation of a Role.
type RoleWritten struct{ Written[*Role] }

// Role is the thing as it is now.
func (w *RoleWritten) Role(ctx context.Context) (*Role, error) { return w.read(ctx) }

// A TeamWritten is the answer of a mutation of a Team.
type TeamWritten struct{ Written[*Team] }

// Team is the thing as it is now.
func (w *TeamWritten) Team(ctx context.Context) (*Team, error) { return w.read(ctx) }

// A ServiceAccountWritten is the answer of a mutation of a ServiceAccount.
type ServiceAccountWritten struct{ Written[*ServiceAccount] }

// ServiceAccount is the thing as it is now.
func (w *ServiceAccountWritten) ServiceAccount(ctx context.Context) (*ServiceAccount, error) {
	return w.read(ctx)
}

// An InvitationWritten is the answer of a mutation of an Invitation.
type InvitationWritten struct{ Written[*Invitation] }

// Invitation is the thing as it is now.
func (w *InvitationWritten) Invitation(ctx context.Context) (*Invitation, error) { return w.read(ctx) }

// The answers of the mutations about organizations and people.
type (
	RenameOrganizationPayload   struct{ OrganizationWritten }
	DescribeOrganizationPayload struct{ OrganizationWritten }

	GrantRolePayload       struct{ MemberWritten }
	RevokeRolePayload      struct{ MemberWritten }
	RemoveMemberPayload    struct{ MemberWritten }
	SuspendMemberPayload   struct{ MemberWritten }
	ReinstateMemberPayload struct{ MemberWritten }
	SetMemberRolesPayload  struct{ MemberWritten }
	LeavePayload           struct{ Outcome }

	DefineRolePayload struct{ RoleWritten }
	DeleteRolePayload struct{ Outcome }

	CreateTeamPayload       struct{ TeamWritten }
	AddTeamMemberPayload    struct{ TeamWritten }
	RemoveTeamMemberPayload struct{ TeamWritten }
	DeleteTeamPayload       struct{ Outcome }

	CreateServiceAccountPayload struct{ ServiceAccountWritten }
	DeleteServiceAccountPayload struct{ Outcome }

	RevokeInvitationPayload struct{ InvitationWritten }
)

// A CreateOrganizationPayload is an organization and the workspace that was made with it.
type CreateOrganizationPayload struct {
	OrganizationWritten
	Default func(ctx context.Context) (*Workspace, error) // nil: nothing was done
}

// Workspace is the default workspace.
func (p *CreateOrganizationPayload) Workspace(ctx context.Context) (*Workspace, error) {
	if p.Default == nil {
		return nil, nil
	}
	return p.Default(ctx)
}

// An EraseSubjectPayload is what an erasure came to.
type EraseSubjectPayload struct {
	Outcome
	Erasure *Erasure
}

// An InviteMemberPayload is an invitation with its link, which is shown this once.
type InviteMemberPayload struct {
	InvitationWritten
	Link      *string
	ExpiresAt *time.Time
}

// An AcceptInvitationPayload is what somebody became, and where.
type AcceptInvitationPayload struct {
	MemberWritten
	Workspace, Organization *string
}
