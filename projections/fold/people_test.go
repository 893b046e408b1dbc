package fold_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// newOrganization is the stream of an organization with its founder.
func newOrganization() *story {
	s := &story{ws: 9, slug: "organization/acme"}
	s.says(0, domain.OrganizationCreated{Slug: "acme", Name: "Acme", Owner: founder})
	return s
}

var founder = uuid.UUID{15: 1}

const (
	membersSQL     = `SELECT member, array_to_string(roles, ','), suspended, since FROM read.members`
	membersWasSQL  = `SELECT member, array_to_string(roles, ','), suspended, since, until FROM read.members_was`
	teamMembersSQL = `SELECT team, member FROM read.team_members`
)

// Given an organization whose people come, change and go, its rows say who may do what, now and at every earlier moment,
// however the pages were cut.
func TestPeople(t *testing.T) {
	t.Parallel()
	bob, robot, core := domain.Person(uuid.UUID{15: 2}), domain.Grantee{Kind: domain.ServiceGrantee, ID: uuid.UUID{15: 7}.String()}, domain.Grantee{Kind: domain.TeamGrantee, ID: "core"}
	releaser, invitation := domain.RoleRef{Level: domain.OrganizationLevel, Name: "releaser"}, uuid.UUID{15: 8}
	s := newOrganization()
	for i, e := range []domain.Event{
		domain.OrganizationRenamed{Slug: "acme", Name: "Acme & Sons"},                                                         // 1
		domain.RoleGranted{Member: domain.Person(founder), Role: domain.Owner},                                                // 2: true already
		domain.RoleDefined{Name: "releaser", Permissions: []domain.Permission{domain.ReadWorkspace}},                          // 3
		domain.RoleGranted{Member: bob, Role: domain.Member},                                                                  // 4
		domain.RoleGranted{Member: bob, Role: releaser},                                                                       // 5
		domain.MemberSuspended{Member: bob},                                                                                   // 6
		domain.MemberReinstated{Member: bob},                                                                                  // 7
		domain.RoleRevoked{Member: bob, Role: domain.Member},                                                                  // 8
		domain.TeamCreated{Team: "core", Title: "Core"},                                                                       // 9
		domain.TeamMemberAdded{Team: "core", Member: bob},                                                                     // 10
		domain.TeamMemberAdded{Team: "core", Member: robot},                                                                   // 11
		domain.RoleGranted{Member: core, Role: domain.Admin},                                                                  // 12
		domain.TeamMemberRemoved{Team: "core", Member: bob},                                                                   // 13
		domain.RoleRevoked{Member: bob, Role: releaser},                                                                       // 14: bob is no member
		domain.RoleDefined{Name: "releaser", Permissions: []domain.Permission{domain.ReadWorkspace, domain.PromoteArtifacts}}, // 15
		domain.RoleDeleted{Name: "releaser"},                                                                                  // 16
		domain.ServiceAccountCreated{Account: uuid.UUID{15: 7}, Name: "nightly"},                                              // 17
		domain.ServiceAccountDeleted{Account: uuid.UUID{15: 7}},                                                               // 18
		domain.TeamDeleted{Team: "core"},                                                                                      // 19: with the robot in it
		domain.MemberInvited{Invitation: invitation, Roles: []domain.RoleRef{domain.Member}, ExpiresAt: noon.Add(time.Hour)},  // 20
		domain.InvitationAccepted{Invitation: invitation, Account: uuid.UUID{15: 2}},                                          // 21
		domain.RoleGranted{Member: bob, Role: domain.Member},                                                                  // 22
		domain.MemberRemoved{Member: core},                                                                                    // 23
		domain.APIKeyCreated{Key: "k1", Kind: "sa", Holder: robot, Scopes: []string{"ingest"}},                                // 24
		domain.APIKeyRotated{Key: "k1", Successor: "k2", EndsAt: noon},                                                        // 25
		domain.APIKeyRevoked{Key: "k2"},                                                                                       // 26
	} {
		s.says(float64(i+1), e)
	}
	a := "account:00000000-0000-0000-0000-00000000000"
	check := func(what string, m *model) {
		m.want(what+": the organization", `SELECT name, since FROM read.organizations`, "Acme & Sons 1")
		m.want(what+": before", `SELECT name, since, until FROM read.organizations_was`, "Acme 0 1")
		m.want(what+": members", membersSQL, a+"1 owner false 0", a+"2 member false 22")
		m.want(what+": former members", membersWasSQL,
			a+"2 member false 4 5", a+"2 member,organization/releaser false 5 6", a+"2 member,organization/releaser false 7 8",
			a+"2 member,organization/releaser true 6 7", a+"2 organization/releaser false 8 14", "team:core admin false 12 23")
		m.want(what+": roles", `SELECT name FROM read.roles`)
		m.want(what+": former roles", `SELECT name, cardinality(permissions), since, until FROM read.roles_was`, "releaser 1 3 15", "releaser 2 15 16")
		m.want(what+": teams", `SELECT name FROM read.teams`)
		m.want(what+": in teams", teamMembersSQL)
		m.want(what+": formerly in teams", `SELECT team, member, since, until FROM read.team_members_was`, "core "+a+"2 10 13", "core "+robot.String()+" 11 19")
		m.want(what+": service accounts", `SELECT name, since, until FROM read.service_accounts_was`, "nightly 17 18")
		m.want(what+": keys in the history", `SELECT type, revision, kind FROM read.audit_entries WHERE kind = 'api_key'`,
			"api_key.created 24 api_key", "api_key.revoked 26 api_key", "api_key.rotated 25 api_key")
		m.want(what+": invitations", `SELECT state, array_to_string(roles, ','), account, since FROM read.invitations`, "accepted member [0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 2] 21")
	}
	m := newModel(t)
	var digests []map[string]string
	for _, size := range []int{1, 7, 5000} {
		m.fresh("people_" + string(rune('a'+len(digests))))
		m.project(s.readBack(t), size, nil)
		check("pages of several sizes", m)
		digests = append(digests, m.digest(s.ws))
	}
	equalDigests(t, "pages of 1 and 7", digests[0], digests[1])
	equalDigests(t, "pages of 1 and 5,000", digests[0], digests[2])
}

// Whoever creates a workspace owns it from its first event, and its filing is kept.
func TestAWorkspaceHasItsFounder(t *testing.T) {
	t.Parallel()
	s := &story{ws: ws, slug: slug}
	s.says(0, domain.WorkspaceCreated{Slug: slug, Name: "Lab", Organization: "acme", Owner: founder, Kind: domain.EnvironmentWorkspace, Environment: domain.Staging})
	s.says(1, domain.WorkspaceSensitivitySet{Sensitivity: domain.Confidential})
	s.says(2, domain.WorkspaceTeamSet{Team: "core"})
	s.says(3, domain.WorkspaceEnvironmentSet{Environment: domain.Production})
	m := newModel(t)
	m.project(s, 2, nil)
	m.want("members", membersSQL, "account:00000000-0000-0000-0000-000000000001 owner false 0")
	m.want("filed", `SELECT kind, environment, sensitivity, team FROM read.workspaces`, "environment production confidential core")
	if was := m.rows(`SELECT environment, sensitivity, team, since, until FROM read.workspaces_was`); !slices.Equal(was, []string{"staging - - 0 1", "staging confidential - 1 2", "staging confidential core 2 3"}) {
		t.Errorf("before: %v", was)
	}
}

// Given an account that is renamed, shut out and let in again, and vouched for by others, its row says so at every moment.
func TestAccounts(t *testing.T) {
	t.Parallel()
	ann := uuid.UUID{15: 4}
	s := &story{ws: 10, slug: "account/" + domain.Slug(ann.String())}
	for i, e := range []domain.Event{
		domain.AccountRegistered{Account: ann, Name: &domain.Personal{Subject: "ann", Sealed: []byte("a")}}, // 0
		domain.IdentityLinked{Account: ann, Issuer: "https://one.example", Identity: domain.Digest{1}},      // 1
		domain.IdentityLinked{Account: ann, Issuer: "https://one.example", Identity: domain.Digest{2}},      // 2
		domain.AccountRenamed{Account: ann, Name: &domain.Personal{Subject: "ann", Sealed: []byte("b")}},    // 3
		domain.AccountDisabled{Account: ann}, // 4
		domain.IdentityUnlinked{Account: ann, Issuer: "https://one.example", Identity: domain.Digest{1}}, // 5
		domain.AccountEnabled{Account: ann}, // 6
	} {
		s.says(float64(i), e)
	}
	m := newModel(t)
	for _, size := range []int{1, 3, 100} {
		m.fresh("accounts_" + strconv.Itoa(size))
		m.project(s.readBack(t), size, nil)
		m.want("now", `SELECT encode(name, 'escape'), disabled, array_to_string(issuers, ','), since FROM read.accounts`, "b false https://one.example 6")
		m.want("before", `SELECT encode(name, 'escape'), disabled, cardinality(issuers), since, until FROM read.accounts_was`,
			"a false 0 0 1", "a false 1 1 2", "a false 2 2 3", "b false 2 3 4", "b true 1 5 6", "b true 2 4 5")
	}
}
