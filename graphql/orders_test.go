package graphql_test

import (
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/limit"
	"github.com/annals-io/annals/projections"
)

// An organization from its creation on, by mutations alone: each answers what became of the thing, and what is refused says
// why in a type of its own.
func TestPeopleAreChangedByMutations(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.must(projections.AccountScope(ann.String()), domain.RegisterAccount{Account: ann, Name: &domain.Personal{Subject: "1", Sealed: []byte("Ann")}})
	h.must(projections.AccountScope(bob.String()), domain.RegisterAccount{Account: bob, Name: &domain.Personal{Subject: "2", Sealed: []byte("Bob")}})
	h.send("createOrganization", `slug: "personal", name: "Acme"`, `organization { slug name members { nodes { name roles } } } workspace { slug kind }`).want(map[string]string{
		"it.organization.name": "Acme", "it.organization.members.nodes": `[{"name":"Ann","roles":["owner"]}]`, "it.workspace": `{"kind":"DEFAULT","slug":"default"}`,
	})
	const in, b = `organization: "personal", `, `"account:00000000-0000-0000-0000-000000000002"`
	h.send("renameOrganization", in+`name: "Acme & Sons"`, `organization { name }`).want(map[string]string{"it.organization.name": "Acme & Sons"})
	h.send("describeOrganization", in+`description: "Tools"`, `organization { description }`).want(map[string]string{"it.organization.description": "Tools"})
	h.send("defineRole", in+`name: "releaser", permissions: ["workspace:read", "artifacts:promote"], description: "ships"`, `role { role permissions description level }`).want(map[string]string{
		"it.role": `{"description":"ships","level":"ORGANIZATION","permissions":["workspace:read","artifacts:promote"],"role":"organization/releaser"}`,
	})
	h.send("createTeam", in+`name: "core", title: "Core team"`, `team { title member }`).want(map[string]string{"it.team": `{"member":"team:core","title":"Core team"}`})
	h.send("addTeamMember", in+`team: "core", member: `+b, `team { members { nodes { name } } }`).want(map[string]string{"it.team.members.nodes": `[{"name":"Bob"}]`})
	granted := h.send("grantRole", `workspace: "default", member: "team:core", role: "organization/releaser", meta: {idempotencyKey: "g", reason: "they ship"}`, `member { name roles }`)
	granted.want(map[string]string{"it.member": `{"name":"Core team","roles":["organization/releaser"]}`, "it.duplicate": "false"})
	h.send("grantRole", `workspace: "default", member: "team:core", role: "organization/releaser", meta: {idempotencyKey: "g", reason: "they ship"}`, `member { name }`).
		want(map[string]string{"it.duplicate": "true", "it.revision": granted.at("it.revision")})
	robot := h.send("createServiceAccount", in+`name: "nightly"`, `serviceAccount { account name }`).at("it.serviceAccount.account")
	link := h.send("inviteMember", in+`roles: ["member"], invited: "bob@acme.example", validHours: 2`, `invitation { state invited } link expiresAt`)
	link.want(map[string]string{"it.invitation": `{"invited":"bob@acme.example","state":"OPEN"}`})
	accept := `mutation { acceptInvitation(input: {link: "` + link.at("it.link") + `"}) { member { name roles } organization workspace userErrors { __typename message } } }`
	h.as("bob", accept, nil).want(map[string]string{"acceptInvitation.member": `{"name":"Bob","roles":["member"]}`, "acceptInvitation.organization": "personal", "acceptInvitation.workspace": "null"})
	h.send("suspendMember", in+`member: `+b, `member { suspended through { role } }`).want(map[string]string{"it.member": `{"suspended":true,"through":[]}`})
	h.send("reinstateMember", in+`member: `+b, `member { suspended }`).want(map[string]string{"it.member.suspended": "false"})

	h.send("createWorkspace", in+`slug: "second"`, `workspace { organizationSlug }`).want(map[string]string{"it.workspace.organizationSlug": "personal"})
	if kind, code := h.refused("createWorkspace", `organization: "never", slug: "third"`); kind != "NotFoundError" || code != "NOT_FOUND" {
		t.Errorf("a workspace of no organization is refused with %s %s", kind, code)
	}

	for name, tt := range map[string]struct{ mutation, input, kind, code, path string }{
		"the last owner":          {"removeMember", in + `member: "account:` + ann.String() + `"`, "LastOwner", "LAST_OWNER", `["input","member"]`},
		"a word that is nobody":   {"revokeRole", in + `member: "nobody", role: "member"`, "InvalidInput", "INVALID", `["input","member"]`},
		"nobody of that id":       {"grantRole", in + `member: "account:00000000-0000-0000-0000-000000000099", role: "member"`, "NotFoundError", "NOT_FOUND", `["input","member"]`},
		"no role of that name":    {"grantRole", in + `member: ` + b + `, role: "boss"`, "InvalidInput", "INVALID", `["input","role"]`},
		"a reserved name":         {"defineRole", in + `name: "Owner", permissions: ["workspace:read"]`, "InvalidInput", "INVALID", `["input","name"]`},
		"an unknown permission":   {"defineRole", in + `name: "boss", permissions: ["workspace:read", "all"]`, "InvalidInput", "INVALID", `["input","permissions","1"]`},
		"no place":                {"defineRole", `name: "boss", permissions: ["workspace:read"]`, "InvalidInput", "REQUIRED", `["input","workspace"]`},
		"an organization of none": {"createTeam", `organization: "never", name: "x"`, "NotFoundError", "NOT_FOUND", `["input","organization"]`},
		"a team that there is":    {"createTeam", in + `name: "core"`, "AlreadyExists", "ALREADY_EXISTS", `["input","name"]`},
		"another invitation":      {"acceptInvitation", `link: "` + link.at("it.link") + `x"`, "NotFoundError", "NOT_FOUND", `["input","link"]`},
		"no service account":      {"deleteServiceAccount", in + `account: "x"`, "NotFoundError", "NOT_FOUND", `["input","account"]`},
		"a team of none":          {"deleteTeam", in + `team: "none", meta: {ifUnchangedSince: 0}`, "NotFoundError", "NOT_FOUND", `["input","team"]`},
	} {
		a := h.ask("mutation { it: " + tt.mutation + "(input: {" + tt.input + "}) { userErrors { __typename message code path } revision } }")
		if a.at("it.userErrors.0.__typename") != tt.kind || a.at("it.userErrors.0.code") != tt.code || a.at("it.userErrors.0.path") != tt.path {
			t.Errorf("%s is refused with %s, want %s %s %s", name, a.at("it.userErrors"), tt.kind, tt.code, tt.path)
		}
	}
	a := h.as("bob", `mutation { grantRole(input: {organization: "personal", member: `+b+`, role: "admin"}) { userErrors { __typename code ... on PermissionDenied { missing } } } }`, nil)
	a.want(map[string]string{"grantRole.userErrors": `[{"__typename":"PermissionDenied","code":"FORBIDDEN","missing":["organization_members:manage"]}]`})
	h.send("deleteServiceAccount", in+`account: "`+robot+`"`, "")
	h.send("removeTeamMember", in+`team: "core", member: `+b, `team { members { totalCount } }`).want(map[string]string{"it.team.members.totalCount": "0"})
	h.send("deleteTeam", in+`team: "core"`, "")
	h.send("removeMember", in+`member: `+b, `member { name }`).want(map[string]string{"it.member": "null"})
	h.send("deleteRole", in+`name: "releaser"`, "")
}
