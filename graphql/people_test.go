package graphql_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
	"github.com/annals-io/annals/graphql/limit"
	"github.com/annals-io/annals/projections"
)

// plainNames opens names that were never closed; those of the subject "gone" were erased.
type plainNames struct{}

var errGone = errors.New("gone")

func (plainNames) Reveal(p domain.Personal) (string, error) {
	if p.Subject == "gone" {
		return "", errGone
	}
	return string(p.Sealed), nil
}

// Seal keeps a value as it is.
func (plainNames) Seal(subject, value string) (domain.Personal, error) {
	return domain.Personal{Subject: subject, Sealed: []byte(value)}, nil
}

func (plainNames) Erased(err error) bool { return err == errGone }

// seen says that whose id ends in 2 were seen at noon.
type seen struct{}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func (seen) LastActive(_ context.Context, who []domain.Grantee) (map[domain.Grantee]time.Time, error) {
	out := map[domain.Grantee]time.Time{}
	for _, g := range who {
		if strings.HasSuffix(g.ID, "2") {
			out[g] = noon
		}
	}
	return out, nil
}

// The people of the tests: ann owns everything, bob and cid come and go, nightly is a service account.
var (
	ann, bob, cid, dee = uuid.UUID{15: 1}, uuid.UUID{15: 2}, uuid.UUID{15: 3}, uuid.UUID{15: 4}
	nightly            = domain.Grantee{Kind: domain.ServiceGrantee, ID: uuid.UUID{15: 7}.String()}
	core               = domain.Grantee{Kind: domain.TeamGrantee, ID: "core"}
	everything         = domain.Asker{Who: domain.Person(ann), Holds: domain.SetOf(domain.Permissions(domain.OrganizationLevel)...)}
)

// says carries out a command in a stream and waits until it can be read; refused is why it was not.
func (h *house) says(scope domain.Slug, c domain.Command, texts ...string) (at domain.Revision, refused error) {
	h.t.Helper()
	r := eventstore.Request{Stream: projections.StreamOf(scope), Command: c, Meta: domain.Meta{Actor: domain.Actor{Kind: "account", ID: ann.String()}}}
	for _, s := range texts {
		r.Evidence = append(r.Evidence, evidence.New([]byte(s)))
	}
	result, err := h.commands.Execute(h.t.Context(), r)
	var no *domain.Error
	if errors.As(err, &no) {
		return result.Revision, no
	}
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	if err := h.engine.Wait(ctx, scope, result.Revision); err != nil {
		h.t.Fatal(err)
	}
	return result.Revision, nil
}

// must is says for what may not be refused.
func (h *house) must(scope domain.Slug, c domain.Command) domain.Revision {
	h.t.Helper()
	at, err := h.says(scope, c)
	if err != nil {
		h.t.Fatalf("%T: %v", c, err)
	}
	return at
}

var (
	acme  = projections.OrganizationScope("personal")
	place = domain.Place{Organization: "personal"}
	here  = domain.Place{}
)

// peopled is a house with an organization, its people, a team, roles and a workspace.
func peopled(t *testing.T) *house {
	t.Helper()
	h := newHouse(t, limit.Limits{})
	for id, name := range map[uuid.UUID]domain.Personal{ann: {Subject: "1", Sealed: []byte("Ann")}, bob: {Subject: "2", Sealed: []byte("Bob")}, cid: {Subject: "gone", Sealed: []byte("Cid")}} {
		h.must(projections.AccountScope(id.String()), domain.RegisterAccount{Account: id, Name: &name})
	}
	h.must(acme, domain.CreateOrganization{Slug: "personal", Name: "Acme", Owner: ann})                                                                                                                                              // 0
	h.must(acme, domain.DefineRole{At: place, Name: "releaser", Permissions: []domain.Permission{domain.ReadWorkspace, domain.PromoteArtifacts}, By: everything})                                                                    // 2, after the founder's role
	h.must(acme, domain.CreateTeam{At: place, Team: "core", Title: "Core team", By: everything})                                                                                                                                     // 3
	h.must(acme, domain.MoveTeamMember{At: place, Team: "core", Member: domain.Person(bob), By: everything})                                                                                                                         // 4
	h.must(acme, domain.CreateServiceAccount{At: place, Account: uuid.MustParse(nightly.ID), Name: "nightly", By: everything})                                                                                                       // 5
	h.must(acme, domain.GrantRole{At: place, Member: domain.Person(cid), Role: domain.Member, By: everything})                                                                                                                       // 6
	h.must("lab", domain.CreateWorkspace{Slug: "lab", Name: "Lab", Organization: "personal", Owner: ann})                                                                                                                            // 0
	h.must("lab", domain.GrantRole{At: here, Member: core, Role: domain.Admin, By: everything})                                                                                                                                      // 2
	h.must("lab", domain.GrantRole{At: here, Member: nightly, Role: domain.RoleRef{Level: domain.OrganizationLevel, Name: "releaser"}, Permits: []domain.Permission{domain.ReadWorkspace, domain.PromoteArtifacts}, By: everything}) // 3
	return h
}

func TestAnOrganizationIsShown(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.must(acme, domain.InviteMember{At: place, Invitation: uuid.UUID{15: 8}, Roles: []domain.RoleRef{domain.Member}, Now: time.Now(), ExpiresAt: time.Now().Add(time.Hour), Invited: &domain.Personal{Subject: "9", Sealed: []byte("eve@acme.example")}, By: everything})
	a := h.ask(`{ organization(slug: "personal") {
		id slug name personal description createdRevision revision viewerPermissions asOf { revision }
		members { totalCount nodes { member kind id name erased roles suspended revision lastActiveAt through { level role team through } } }
		direct: members(direct: true, kinds: [ACCOUNT], first: 1) { nodes { member } pageInfo { hasNextPage endCursor } }
		roles { role name level builtin permissions revision }
		teams { nodes { id name title member members { nodes { member name erased kind } totalCount } } }
		team(id: "core") { name } none: team(id: "nobody") { name }
		serviceAccounts { nodes { id account member name lastActiveAt } }
		invitations { nodes { id roles state invited erased invitedBy { kind id } acceptedBy } }
		open: invitations(states: [ACCEPTED, EXPIRED]) { totalCount }
		workspaces { nodes { slug organizationSlug organization { slug } } }
		auditLog(first: 1, filter: {types: ["role.*"]}) { nodes { type revision data subjectKind } totalCount }
	} }`)
	a.want(map[string]string{
		"organization.name": "Acme", "organization.personal": "false", "organization.description": "null", "organization.revision": "0", "organization.asOf.revision": "7",
		"organization.members.totalCount":   "2", // ann and cid; the others hold no role here
		"organization.members.nodes.0.name": "Ann", "organization.members.nodes.0.roles": `["owner"]`, "organization.members.nodes.0.through.0.through": "direct",
		"organization.teams.nodes.0.title": "Core team", "organization.teams.nodes.0.members.nodes.0.name": "Bob", "organization.team.name": "core", "organization.none": "null",
		"organization.serviceAccounts.nodes.0.name": "nightly", "organization.serviceAccounts.nodes.0.member": nightly.String(),
		"organization.invitations.nodes.0.invited": "eve@acme.example", "organization.invitations.nodes.0.state": "OPEN", "organization.invitations.nodes.0.invitedBy.id": ann.String(),
		"organization.open.totalCount": "0", "organization.workspaces.nodes": `[{"organization":{"slug":"personal"},"organizationSlug":"personal","slug":"lab"}]`,
		"organization.roles.2.role": "owner", "organization.roles.3.role": "organization/releaser", "organization.roles.3.permissions": `["workspace:read","artifacts:promote"]`,
	})
}

// What becomes of people is shown at the members of a place, by whatever way they come.
func TestMembersOfAWorkspace(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	const all = `members { nodes { member kind name erased roles suspended revision lastActiveAt through { level role team through permissions } } totalCount }`
	a := h.ask(`{ workspace(slug: "lab") { ` + all + ` direct: members(direct: true) { nodes { member } } robots: members(kinds: [SERVICE_ACCOUNT]) { nodes { name } } teams: members(kinds: [TEAM]) { nodes { name roles } } } }`)
	a.want(map[string]string{
		"workspace.members.totalCount":   "4", // ann, bob by the team, the service account, the team; cid's role in the organization is about no workspace
		"workspace.members.nodes.0.name": "Ann", "workspace.members.nodes.0.roles": `["owner"]`, "workspace.members.nodes.0.lastActiveAt": "null",
		"workspace.members.nodes.0.through.0.through": "direct", "workspace.members.nodes.0.through.1.through": "organization", "workspace.members.nodes.0.through.1.role": "owner",
		"workspace.members.nodes.1.name": "Bob", "workspace.members.nodes.1.roles": "[]", "workspace.members.nodes.1.revision": "-1", "workspace.members.nodes.1.lastActiveAt": "2026-11-21T12:00:00Z",
		"workspace.members.nodes.1.through.0.through": "team:core", "workspace.members.nodes.1.through.0.role": "admin", "workspace.members.nodes.1.through.0.team": "core",
		"workspace.members.nodes.2.name": "nightly", "workspace.members.nodes.2.through.0.permissions": `["workspace:read","artifacts:promote"]`,
		"workspace.direct.nodes": `[{"member":"account:` + ann.String() + `"},{"member":"` + nightly.String() + `"},{"member":"team:core"}]`,
		"workspace.robots.nodes": `[{"name":"nightly"}]`, "workspace.teams.nodes": `[{"name":"Core team","roles":["admin"]}]`,
	})

	h.must(acme, domain.GrantRole{At: place, Member: domain.Person(bob), Role: domain.Member, By: everything})
	h.must(acme, domain.SuspendMember{At: place, Member: domain.Person(bob), By: everything})
	h.must("lab", domain.GrantRole{At: here, Member: domain.Person(cid), Role: domain.Viewer, By: everything})
	h.must(acme, domain.DeleteServiceAccount{At: place, Account: uuid.MustParse(nightly.ID), By: everything})
	h.must(projections.AccountScope(ann.String()), domain.DisableAccount{Account: ann})
	b := h.ask(`{ workspace(slug: "lab") { ` + all + ` } organization(slug: "personal") { ` + all + ` } }`)
	b.want(map[string]string{
		"workspace.members.nodes.0.through": "[]", // ann is shut out, and still has her role
		"workspace.members.nodes.1.name":    "null", "workspace.members.nodes.1.erased": "true", "workspace.members.nodes.1.member": domain.Person(cid).String(),
		"workspace.members.nodes.2.through": "[]", "workspace.members.nodes.2.name": "null", // the service account is gone
		"organization.members.nodes.1.suspended": "true", "organization.members.nodes.1.through": "[]", "organization.members.nodes.1.name": "Bob",
	})
}

// Each permission says where it comes from, and who had it at an earlier moment is answered as it was then.
func TestEffectiveAccess(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	before := time.Now()
	h.must("lab", domain.GrantRole{At: here, Member: domain.Person(bob), Role: domain.Owner, By: everything})
	h.must(acme, domain.MoveTeamMember{At: place, Team: "core", Member: domain.Person(cid), By: everything})
	b, c := domain.Person(bob).String(), domain.Person(cid).String()
	a := h.ask(`{
		own: effectiveAccess(workspace: "lab") { member name permissions { permission } organizationAsOf { revision } }
		bob: effectiveAccess(workspace: "lab", member: "` + b + `") { name suspended asOf { revision } permissions { permission sources { role team through } } }
		cid: effectiveAccess(workspace: "lab", member: "` + c + `") { name erased sources { role through } }
		nobody: effectiveAccess(workspace: "lab", member: "account:` + dee.String() + `") { permissions { permission } sources { role } }
		team: effectiveAccess(workspace: "lab", member: "team:core") { sources { role through } }
		org: effectiveAccess(organization: "personal", member: "` + c + `") { permissions { permission } organizationAsOf { revision } }
		nowhere: effectiveAccess(workspace: "nope") { member }
		can: whoCan(workspace: "lab", permission: "workspace:delete") { nodes { member through { role } } totalCount }
		manage: whoCan(workspace: "lab", permission: "members:manage") { nodes { name through { through } } }
		then: whoCan(workspace: "lab", permission: "workspace:delete", asOf: {time: "` + before.UTC().Format(time.RFC3339Nano) + `"}) { nodes { member } }
		atRevision: whoCan(workspace: "lab", permission: "members:manage", asOf: {revision: 1}) { nodes { member } }
	}`)
	a.want(map[string]string{
		"own.name": "Ann", "own.permissions.16.permission": "owners:manage", "own.organizationAsOf.revision": "7",
		"bob.suspended": "false", "bob.permissions.0": `{"permission":"workspace:read","sources":[{"role":"owner","team":null,"through":"direct"},{"role":"admin","team":"core","through":"team:core"}]}`,
		"bob.permissions.16.sources": `[{"role":"owner","team":null,"through":"direct"}]`,
		"cid.name":                   "null", "cid.erased": "true", "cid.sources": `[{"role":"admin","through":"team:core"}]`,
		"nobody.permissions": "[]", "team.sources": `[{"role":"admin","through":"direct"}]`,
		"org.permissions": `[{"permission":"organization:read"}]`, "org.organizationAsOf": "null", "nowhere": "null",
		"can.totalCount": "2", "can.nodes.1.member": b, "then.nodes": `[{"member":"` + domain.Person(ann).String() + `"}]`,
		"manage.nodes.2.through": `[{"through":"team:core"}]`,
		"atRevision.nodes":       `[{"member":"` + domain.Person(ann).String() + `"}]`,
	})
	for asked, want := range map[string]string{
		`effectiveAccess(workspace: "lab", organization: "personal") { member }`: "BAD_USER_INPUT",
		`effectiveAccess { member }`:                                                                   "BAD_USER_INPUT",
		`effectiveAccess(workspace: "lab", member: "bob") { member }`:                                  "BAD_USER_INPUT",
		`whoCan(workspace: "lab", permission: "everything") { totalCount }`:                            "BAD_USER_INPUT",
		`whoCan(workspace: "lab", permission: "teams:manage") { totalCount }`:                          "BAD_USER_INPUT",
		`whoCan(organization: "personal", permission: "teams:manage") { totalCount }`:                  "",
		`effectiveAccess(workspace: "lab", asOf: {time: "2001-01-01T00:00:00Z"}) { member }`:           "AS_OF_BEFORE_FIRST_EVENT",
		`organization(slug: "personal", asOf: {revision: 99}, timeoutMs: 100) { name }`:                "AS_OF_AHEAD",
		`organizations(asOf: {revision: 1}) { totalCount }`:                                            "AS_OF_NEEDS_TIME",
		`organizations(atLeast: [{organization: "nope", revision: 0}], timeoutMs: 100) { totalCount }`: "CONSISTENCY_TIMEOUT",
	} {
		if got := h.as("owner", `{ `+asked+` }`, nil); got.code() != want {
			t.Errorf("%s is answered %q: %v", asked, got.code(), got.Errors)
		}
	}
}

// What one may not see looks like what is not there: the organization of others, and invitations to those who may not invite.
func TestWhatOneMayNotSeeOfOrganizations(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	other := projections.OrganizationScope("other")
	h.must(other, domain.CreateOrganization{Slug: "other", Name: "Other", Owner: dee})
	h.must("theirs", domain.CreateWorkspace{Slug: "theirs", Name: "Theirs", Organization: "other", Owner: dee})
	ask := func(slug string) string {
		a := h.as("owner", `{ organization(slug: "`+slug+`") { name } effectiveAccess(organization: "`+slug+`") { member } whoCan(organization: "`+slug+`", permission: "teams:manage") { totalCount } }`, nil)
		b, err := json.Marshal([]any{a.status, a.Data, a.Errors})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if hidden, missing := ask("other"), ask("never"); hidden != missing || strings.Contains(hidden, "Other") {
		t.Errorf("a foreign organization is answered\n%s, one that never was\n%s", hidden, missing)
	}
	id := h.ask(`{ organization(slug: "personal") { id team(id: "core") { id } } }`)
	h.ask(`query($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on Team { name } } viewer { member account kind operator organizations { slug } memberships { level slug roles team } } }`,
		map[string]any{"ids": []string{id.at("organization.id"), id.at("organization.team.id"), "org_b3JnYW5pemF0aW9uL290aGVyOg", "role_bGFiOnZpZXdlcg"}}).want(map[string]string{
		"nodes.0.__typename": "Organization", "nodes.1.name": "core", "nodes.2": "null", "nodes.3.__typename": "Role",
		"viewer.organizations": `[{"slug":"personal"}]`, "viewer.kind": "ACCOUNT", "viewer.account": ann.String(),
		"viewer.memberships": `[{"level":"WORKSPACE","roles":["owner"],"slug":"lab","team":null},{"level":"ORGANIZATION","roles":["owner"],"slug":"personal","team":null}]`,
	})
	if a := h.as("reader", `{ organization(slug: "personal") { name invitations { totalCount } } workspace(slug: "lab") { slug invitations { totalCount } } }`, nil); a.code() != "FORBIDDEN" || len(a.Errors) != 2 || a.at("workspace") != `{"invitations":null,"slug":"lab"}` {
		t.Errorf("a reader who asks for invitations is answered %v %v", a.Data, a.Errors)
	}
}

// Events of an organization come as they are read, and can be gone on with.
func TestOrganizationEvents(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	s := h.follow(`subscription { it: organizationEvents(organization: "personal", after: -1, filter: {types: ["team.*"]}) { revision events { type revision } } }`)
	if got := s.next(); !strings.Contains(got, "team.member_added") {
		t.Fatalf("the first batch is %s", got)
	}
	h.must(acme, domain.DeleteTeam{At: place, Team: "core", By: everything})
	for {
		got := s.next()
		if strings.Contains(got, "team.deleted") {
			break
		}
		if strings.Contains(got, `"type"`) {
			t.Fatalf("after it came %s", got)
		}
	}
	if a := h.as("owner", `subscription { organizationEvents(organization: "never") { revision } }`, nil); len(a.Errors) == 0 {
		t.Error("events of an organization that never was are followed")
	}
}

// A change is a command that a random history may hold, in one of its two streams.
type change struct {
	scope domain.Slug
	cmd   domain.Command
}

func randomChange(rng *rand.Rand, n int) change {
	pick := func(gs ...domain.Grantee) domain.Grantee { return gs[rng.IntN(len(gs))] }
	people := []domain.Grantee{domain.Person(ann), domain.Person(bob), domain.Person(cid), domain.Person(dee), nightly, core}
	who, at, scope := pick(people...), place, acme
	roles := []domain.RoleRef{domain.Member, domain.Admin, domain.Owner, {Level: domain.OrganizationLevel, Name: "releaser"}}
	if rng.IntN(2) == 0 {
		at, scope = here, "lab"
		roles = append(roles, domain.Viewer, domain.RoleRef{Level: domain.WorkspaceLevel, Name: "runner"})
	}
	role := roles[rng.IntN(len(roles))]
	may := []domain.Permission{domain.ReadWorkspace, []domain.Permission{domain.WriteRuns, domain.PromoteArtifacts, domain.ManageMembers}[rng.IntN(3)]}
	switch rng.IntN(12) {
	case 0, 1, 2:
		return change{scope, domain.GrantRole{At: at, Member: who, Role: role, Permits: may, By: everything}}
	case 3:
		return change{scope, domain.RevokeRole{At: at, Member: who, Role: role, Permits: may, By: everything}}
	case 4:
		return change{scope, domain.RemoveMember{At: at, Member: who, By: everything}}
	case 5:
		return change{acme, domain.SuspendMember{At: place, Member: who, Reinstate: rng.IntN(2) == 0, By: domain.Asker{Who: domain.Person(dee), Holds: everything.Holds}}}
	case 6:
		name := "runner"
		if scope == acme {
			name = "releaser"
		}
		return change{scope, domain.DefineRole{At: at, Name: name, Permissions: may, By: everything}}
	case 7, 8:
		return change{acme, domain.MoveTeamMember{At: place, Team: "core", Member: pick(people[:5]...), Out: rng.IntN(3) == 0, By: everything}}
	case 9:
		if rng.IntN(2) == 0 {
			return change{projections.AccountScope(bob.String()), domain.EnableAccount{Account: bob}}
		}
		return change{projections.AccountScope(bob.String()), domain.DisableAccount{Account: bob}}
	case 10:
		return change{scope, domain.InviteMember{At: at, Invitation: uuid.NewSHA1(ann, []byte{byte(n)}), Roles: []domain.RoleRef{domain.Member}, Now: noon, ExpiresAt: noon.AddDate(0, 0, 20), By: everything}}
	default:
		return change{acme, domain.RenameOrganization{Slug: "personal", Name: fmt.Sprint("Acme ", n), By: everything}}
	}
}

// recalled is one question at the head of a stream, and the answer it had.
type recalled struct {
	question func(asOf string) string
	asOf     string
	answer   string
}

// Given a random history of two streams, every answer as of a revision or time is the one there was when that was the
// present, and what somebody may do is what the log itself says.
func TestRightsAsOfAnyMoment(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.must("lab", domain.DefineRole{At: here, Name: "runner", Permissions: []domain.Permission{domain.ReadWorkspace, domain.WriteRuns}, By: everything})
	rng := rand.New(rand.NewPCG(7, 11))
	organization := func(asOf string) string {
		return `{ organization(slug: "personal"` + asOf + `) { name revision members { totalCount nodes { member roles suspended revision through { level role team permissions } } } roles { role permissions revision }
			teams { nodes { name members { nodes { member revision } } } } serviceAccounts { nodes { account } } invitations { nodes { invitation state roles revision } } } }`
	}
	rights := `{ sources { level role team permissions } suspended permissions { permission } }`
	people := []domain.Grantee{domain.Person(ann), domain.Person(bob), domain.Person(cid), domain.Person(dee), nightly}
	workspace := func(asOf string) string {
		q := `{ workspace(slug: "lab"` + asOf + `) { members { nodes { member roles revision through { level role team permissions } } } roles { role permissions } invitations { nodes { invitation state } } }
			can: whoCan(workspace: "lab", permission: "members:manage"` + asOf + `) { nodes { member } }`
		for i, who := range people {
			q += fmt.Sprintf(` p%d: effectiveAccess(workspace: "lab", member: %q%s) %s`, i, who, asOf, rights)
		}
		return q + ` }`
	}
	text := func(q string) string {
		b, err := json.Marshal(h.ask(q).Data)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	lens := eventstore.NewLens(h.store, nil, time.Minute)
	var past []recalled
	applied, head := 0, domain.Revision(0)
	for n := range 150 {
		c := randomChange(rng, n)
		at, refused := h.says(c.scope, c.cmd)
		if refused != nil {
			continue
		}
		applied++
		answer := text(workspace(""))
		for i, who := range people {
			if got, want := sourcesOf(t, answer, i), h.oracle(lens, who); got != want {
				t.Fatalf("after %d changes, %#v the last, %s has\n%s, by the log\n%s", applied, c.cmd, who, got, want)
			}
		}
		past = append(past, recalled{workspace, `, asOf: {time: "` + time.Now().UTC().Format(time.RFC3339Nano) + `"}`, answer})
		if c.scope == acme && at > head { // else it was so already, and what changed since is an account
			head = at
			past = append(past, recalled{organization, fmt.Sprintf(`, asOf: {revision: %d}`, at), text(organization(""))})
		}
	}
	if applied < 60 {
		t.Fatalf("%d changes were carried out; the history is too short to say much", applied)
	}
	for _, r := range past {
		if got := text(r.question(r.asOf)); got != r.answer {
			t.Fatalf("%s is answered\n%s, and was\n%s", r.asOf, got, r.answer)
		}
	}
}

// sourcesOf is by what the i-th of the people may do something, as an answer has it.
func sourcesOf(t *testing.T, answer string, i int) string {
	t.Helper()
	var all map[string]json.RawMessage
	var one struct {
		Sources []struct {
			Level, Role string
			Team        *string
			Permissions []string
		}
	}
	if err := errors.Join(json.Unmarshal([]byte(answer), &all), json.Unmarshal(all[fmt.Sprint("p", i)], &one)); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range one.Sources {
		team := ""
		if s.Team != nil {
			team = *s.Team
		}
		out = append(out, fmt.Sprint(strings.ToLower(s.Level), " ", s.Role, " ", team, " ", s.Permissions))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// oracle is by what somebody may do something in the workspace, as the log has it.
func (h *house) oracle(lens *eventstore.Lens, who domain.Grantee) string {
	h.t.Helper()
	ws, org := domain.WorkspaceStream("lab"), domain.OrganizationStream("personal")
	account := eventstore.Sight{Stream: org, Entity: domain.Entity{Kind: domain.KindServiceAccount, ID: uuid.MustParse(who.ID)}}
	if who.Kind == domain.AccountGrantee {
		account = eventstore.Sight{Stream: projections.StreamOf(projections.AccountScope(who.ID)), Entity: domain.AccountEntity(uuid.MustParse(who.ID))}
	}
	for _, s := range []domain.Stream{ws, org, account.Stream} {
		lens.Forget(s)
	}
	seen, err := lens.See(h.t.Context(), eventstore.Sight{Stream: ws, Entity: domain.WorkspaceEntity()}, eventstore.Sight{Stream: ws, Entity: domain.RosterEntity()},
		eventstore.Sight{Stream: org, Entity: domain.OrganizationEntity("personal")}, eventstore.Sight{Stream: org, Entity: domain.RosterEntity()}, eventstore.Sight{Stream: org, Entity: domain.TeamEntity("core")}, account)
	if err != nil {
		h.t.Fatal(err)
	}
	if seen[5].Disabled {
		return ""
	}
	rosters := domain.Rosters{Workspace: domain.RosterOf(seen[0], seen[1]), Organization: domain.RosterOf(seen[2], seen[3]), Teams: map[string]bool{"core": slices.Contains(seen[4].Team, who)}}
	sources, _ := rosters.Effective(who)
	var out []string
	for _, s := range sources {
		out = append(out, fmt.Sprint(s.Level, " ", s.Role, " ", s.Team, " ", s.Permissions))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}
