package fold

import (
	"time"

	"github.com/google/uuid"
)

// An organization is one row, as a workspace is; so is an account.
type organizationRow struct {
	slug, name  string
	personal    bool
	owner       uuid.UUID
	description string // evidence digest
	createdAt   time.Time
}

var organizationsTable = table[workspaceKey, organizationRow]{
	name: "organizations",
	columns: []column{
		{name: "slug", typ: tText}, {name: "name", typ: tText}, {name: "personal", typ: tBool}, {name: "owner", typ: tUUID, nullable: true},
		{name: "description", typ: tBytea, nullable: true}, {name: "created_at", typ: tTime},
	},
	bind: func(_ *workspaceKey, r *organizationRow, to []any) []any {
		return append(to, &r.slug, &r.name, &r.personal, &r.owner, &r.description, &r.createdAt)
	},
}

type accountRow struct {
	id             uuid.UUID
	subject, named string // whose key opens the name, and the name sealed
	createdAt      time.Time
	disabled       bool
	issuers        string // JSON list of who vouches for the person, once for each identity
}

var accountsTable = table[workspaceKey, accountRow]{
	name: "accounts",
	columns: []column{
		{name: "id", typ: tUUID}, {name: "subject", typ: tText, nullable: true}, {name: "name", typ: tBytea, nullable: true}, {name: "created_at", typ: tTime},
		{name: "disabled", typ: tBool}, {name: "issuers", typ: tList, canon: canonical[[]string]},
	},
	bind: func(_ *workspaceKey, r *accountRow, to []any) []any {
		return append(to, &r.id, &r.subject, &r.named, &r.createdAt, &r.disabled, &r.issuers)
	},
}

// A member, role, team or service account is found by its word in its workspace or organization.
type wordKey struct{ word string }

type memberRow struct {
	roles     string // JSON list of domain.RoleRef as text, in the order of granting
	suspended bool
}

var membersTable = table[wordKey, memberRow]{
	name: "members", keys: 1,
	of:      func(*wordKey, *memberRow) int64 { return 0 },
	columns: []column{{name: "member", typ: tText}, {name: "roles", typ: tList, canon: canonical[[]string]}, {name: "suspended", typ: tBool}},
	bind:    func(k *wordKey, r *memberRow, to []any) []any { return append(to, &k.word, &r.roles, &r.suspended) },
}

type roleRow struct {
	permissions string // JSON list
	description string
}

var rolesTable = table[wordKey, roleRow]{
	name: "roles", keys: 1,
	of:      func(*wordKey, *roleRow) int64 { return 0 },
	columns: []column{{name: "name", typ: tText}, {name: "permissions", typ: tList, canon: canonical[[]string]}, {name: "description", typ: tBytea, nullable: true}},
	bind: func(k *wordKey, r *roleRow, to []any) []any {
		return append(to, &k.word, &r.permissions, &r.description)
	},
}

type teamRow struct{ title, description string }

var teamsTable = table[wordKey, teamRow]{
	name: "teams", keys: 1,
	columns: []column{{name: "name", typ: tText}, {name: "title", typ: tText}, {name: "description", typ: tBytea, nullable: true}},
	bind:    func(k *wordKey, r *teamRow, to []any) []any { return append(to, &k.word, &r.title, &r.description) },
}

type teamMemberKey struct{ team, member string }

var teamMembersTable = table[teamMemberKey, struct{}]{
	name: "team_members", keys: 2,
	columns: []column{{name: "team", typ: tText}, {name: "member", typ: tText}},
	bind:    func(k *teamMemberKey, _ *struct{}, to []any) []any { return append(to, &k.team, &k.member) },
}

type serviceAccountRow struct{ name, description string }

var serviceAccountsTable = table[uuid.UUID, serviceAccountRow]{
	name: "service_accounts", keys: 1,
	columns: []column{{name: "id", typ: tUUID}, {name: "name", typ: tText}, {name: "description", typ: tBytea, nullable: true}},
	bind: func(k *uuid.UUID, r *serviceAccountRow, to []any) []any {
		return append(to, k, &r.name, &r.description)
	},
}

type invitationRow struct {
	roles, state     string // open, accepted, revoked
	expiresAt        time.Time
	subject, invited string // as an account's name
	invitedBy        string // KIND:ID of the actor
	account          uuid.UUID
}

var invitationsTable = table[uuid.UUID, invitationRow]{
	name: "invitations", keys: 1,
	of: func(*uuid.UUID, *invitationRow) int64 { return 0 },
	columns: []column{
		{name: "id", typ: tUUID}, {name: "roles", typ: tList, canon: canonical[[]string]}, {name: "state", typ: tText}, {name: "expires_at", typ: tTime},
		{name: "subject", typ: tText, nullable: true}, {name: "invited", typ: tBytea, nullable: true}, {name: "invited_by", typ: tText}, {name: "account", typ: tUUID, nullable: true},
	},
	bind: func(k *uuid.UUID, r *invitationRow, to []any) []any {
		return append(to, k, &r.roles, &r.state, &r.expiresAt, &r.subject, &r.invited, &r.invitedBy, &r.account)
	},
}

// people are the tables about who may do what: of organizations, and of workspaces.
type people struct {
	organizations   table[workspaceKey, organizationRow]
	accounts        table[workspaceKey, accountRow]
	membersOf       table[wordKey, memberRow]
	roles           table[wordKey, roleRow]
	teams           table[wordKey, teamRow]
	teamMembers     table[teamMemberKey, struct{}]
	serviceAccounts table[uuid.UUID, serviceAccountRow]
	invitations     table[uuid.UUID, invitationRow]
}

func newPeople() people {
	return people{organizationsTable, accountsTable, membersTable, rolesTable, teamsTable, teamMembersTable, serviceAccountsTable, invitationsTable}
}

func (p *people) tables() []keeper {
	return []keeper{&p.organizations, &p.accounts, &p.membersOf, &p.roles, &p.teams, &p.teamMembers, &p.serviceAccounts, &p.invitations}
}
