package people_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
)

// The people of a village who are something: bob an admin and eve a viewer of the lab, mel a stranger.
func settled(t testing.TB) (o *office, robot uuid.UUID) {
	o = village(t, stores["memory"](t))
	o.grant(inLab, bob, domain.Admin)
	o.grant(inLab, eve, domain.Viewer)
	robot, _, err := o.CreateServiceAccount(t.Context(), session(ada), people.NewServiceAccount{Organization: "acme", Name: "Robot"})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []people.RoleDefinition{
		{At: inAcme, Name: "auditor", Permissions: []domain.Permission{domain.ReadOrganization, domain.ReadWorkspace}},
		{At: inLab, Name: "runner", Permissions: []domain.Permission{domain.WriteRuns}},
		{At: inAcme, Name: "founder", Permissions: []domain.Permission{domain.CreateWorkspaces, domain.ReadOrganization}},
	} {
		if _, err := o.DefineRole(t.Context(), session(ada), q); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.CreateTeam(t.Context(), session(ada), people.NewTeam{Organization: "acme", Team: "ml"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.CreateTeam(t.Context(), session(ada), people.NewTeam{Organization: "acme", Team: "gone"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.DeleteTeam(t.Context(), session(ada), people.TeamChange{Organization: "acme", Team: "gone"}); err != nil {
		t.Fatal(err)
	}
	return o, robot
}

// Bad input of each noun is a refusal that names field and code, and changes nothing.
func TestBadInputChangesNothing(t *testing.T) {
	t.Parallel()
	o, robot := settled(t)
	machine := domain.Grantee{Kind: domain.ServiceGrantee, ID: robot.String()}
	team := func(name string) domain.Grantee { return domain.Grantee{Kind: domain.TeamGrantee, ID: name} }
	long := strings.Repeat("x", 2001)
	var seen domain.Revision
	grant := func(at people.Place, g domain.Grantee, r domain.RoleRef) func(p access.Principal) error {
		return func(p access.Principal) error {
			_, err := o.GrantRole(t.Context(), p, people.RoleChange{At: at, Member: g, Role: r})
			return err
		}
	}
	define := func(at people.Place, name string, ps ...domain.Permission) func(p access.Principal) error {
		return func(p access.Principal) error {
			_, err := o.DefineRole(t.Context(), p, people.RoleDefinition{At: at, Name: name, Permissions: ps})
			return err
		}
	}
	newTeam := func(org domain.Slug, name, title string) func(p access.Principal) error {
		return func(p access.Principal) error {
			_, err := o.CreateTeam(t.Context(), p, people.NewTeam{Organization: org, Team: name, Title: title})
			return err
		}
	}
	add := func(name string, g domain.Grantee) func(p access.Principal) error {
		return func(p access.Principal) error {
			_, err := o.AddTeamMember(t.Context(), p, people.TeamChange{Organization: "acme", Team: name, Member: g})
			return err
		}
	}
	invite := func(q people.NewInvitation) func(p access.Principal) error {
		return func(p access.Principal) error { _, err := o.Invite(t.Context(), p, q); return err }
	}
	create := func(q people.NewWorkspace) func(p access.Principal) error {
		return func(p access.Principal) error { _, err := o.CreateWorkspace(t.Context(), p, q); return err }
	}
	person := domain.Person(mel)
	auditor, runner := domain.RoleRef{Level: domain.OrganizationLevel, Name: "auditor"}, domain.RoleRef{Level: domain.WorkspaceLevel, Name: "runner"}
	viewers := []domain.RoleRef{domain.Viewer}
	for name, test := range map[string]struct {
		do      func(p access.Principal) error
		who     uuid.UUID
		code    domain.Code
		subject string
	}{
		"no place":                               {grant(people.Place{}, person, domain.Viewer), ada, domain.Required, "workspace"},
		"two places":                             {grant(people.Place{Workspace: "lab", Organization: "acme"}, person, domain.Viewer), ada, domain.Invalid, "workspace"},
		"no workspace":                           {grant(people.Place{Workspace: "nope"}, person, domain.Viewer), ada, domain.NotFound, "workspace"},
		"no slug of a workspace":                 {grant(people.Place{Workspace: "a/b"}, person, domain.Viewer), ada, domain.NotFound, "workspace"},
		"no organization":                        {grant(people.Place{Organization: "nope"}, person, domain.Member), ada, domain.NotFound, "organization"},
		"a workspace one may not see":            {grant(inLab, person, domain.Viewer), mel, domain.NotFound, "workspace"},
		"an organization one is not of":          {grant(inAcme, person, domain.Member), eve, domain.NotFound, "organization"},
		"a workspace one only reads":             {grant(inLab, person, domain.Viewer), eve, domain.Forbidden, ""},
		"nobody":                                 {grant(inLab, domain.Grantee{}, domain.Viewer), ada, domain.Invalid, "member"},
		"no id":                                  {grant(inLab, domain.Grantee{Kind: domain.AccountGrantee, ID: "bob"}, domain.Viewer), ada, domain.Invalid, "member"},
		"an id written otherwise":                {grant(inLab, domain.Grantee{Kind: domain.AccountGrantee, ID: strings.ToUpper(uuid.UUID{15: 0xab}.String())}, domain.Viewer), ada, domain.Invalid, "member"},
		"a person who is not there":              {grant(inLab, domain.Person(uuid.UUID{15: 99}), domain.Viewer), ada, domain.NotFound, "member"},
		"a team that is not there":               {grant(inLab, team("nope"), domain.Viewer), ada, domain.NotFound, "member"},
		"a team that was deleted":                {grant(inLab, team("gone"), domain.Viewer), ada, domain.NotFound, "member"},
		"a service account that is none":         {grant(inLab, domain.Grantee{Kind: domain.ServiceGrantee, ID: uuid.NewString()}, domain.Viewer), ada, domain.NotFound, "member"},
		"no role":                                {grant(inLab, person, domain.RoleRef{}), ada, domain.Invalid, "role"},
		"a role that is none":                    {grant(inLab, person, domain.RoleRef{Name: "boss"}), ada, domain.Invalid, "role"},
		"a viewer of an organization":            {grant(inAcme, person, domain.Viewer), ada, domain.Invalid, "role"},
		"a custom role that is none":             {grant(inLab, person, domain.RoleRef{Level: domain.WorkspaceLevel, Name: "nope"}), ada, domain.NotFound, "role"},
		"an organization's that is none":         {grant(inLab, person, domain.RoleRef{Level: domain.OrganizationLevel, Name: "nope"}), ada, domain.NotFound, "role"},
		"a workspace's in acme":                  {grant(inAcme, person, runner), ada, domain.Invalid, "role"},
		"a role that a viewer asks after":        {grant(inLab, person, domain.RoleRef{Level: domain.OrganizationLevel, Name: "nope"}), eve, domain.Forbidden, ""},
		"an invitation that a viewer asks after": {invite(people.NewInvitation{At: inLab, Roles: []domain.RoleRef{{Level: domain.OrganizationLevel, Name: "nope"}}}), eve, domain.Forbidden, ""},
		"a team as owner":                        {grant(inLab, team("ml"), domain.Owner), ada, domain.Invalid, "role"},
		"a machine as owner":                     {grant(inLab, machine, domain.Owner), ada, domain.Invalid, "role"},
		"more than one holds":                    {grant(inLab, person, domain.Owner), bob, domain.Forbidden, "role"},
		"an organization's role one lacks":       {grant(inLab, person, domain.RoleRef{Level: domain.OrganizationLevel, Name: "founder"}), bob, domain.Forbidden, "role"},
		"to take from an owner": {func(p access.Principal) error {
			_, err := o.RevokeRole(t.Context(), p, people.RoleChange{At: inLab, Member: domain.Person(ada), Role: domain.Owner})
			return err
		}, bob, domain.Forbidden, "member"},
		"to remove an owner": {func(p access.Principal) error {
			_, err := o.RemoveMember(t.Context(), p, people.MemberChange{At: inLab, Member: domain.Person(ada)})
			return err
		}, bob, domain.Forbidden, "member"},
		"to remove nobody": {func(p access.Principal) error {
			_, err := o.RemoveMember(t.Context(), p, people.MemberChange{At: inLab})
			return err
		}, ada, domain.Invalid, "member"},
		"the last owner leaves": {func(p access.Principal) error { _, err := o.Leave(t.Context(), p, people.Ask{}, inLab); return err }, ada, domain.LastOwner, "member"},
		"a stranger leaves":     {func(p access.Principal) error { _, err := o.Leave(t.Context(), p, people.Ask{}, inLab); return err }, mel, domain.NotFound, "workspace"},
		"to leave nowhere": {func(p access.Principal) error {
			_, err := o.Leave(t.Context(), p, people.Ask{}, people.Place{})
			return err
		}, ada, domain.Required, "workspace"},
		"to suspend in a workspace": {func(p access.Principal) error {
			_, err := o.SuspendMember(t.Context(), p, people.MemberChange{At: inLab, Member: domain.Person(eve)})
			return err
		}, ada, domain.Invalid, "organization"},
		"to suspend a stranger": {func(p access.Principal) error {
			_, err := o.SuspendMember(t.Context(), p, people.MemberChange{At: inAcme, Member: domain.Person(eve)})
			return err
		}, ada, domain.NotFound, "member"},
		"to suspend oneself": {func(p access.Principal) error {
			_, err := o.SuspendMember(t.Context(), p, people.MemberChange{At: inAcme, Member: domain.Person(ada)})
			return err
		}, ada, domain.Forbidden, "member"},

		"a role without a name":          {define(inLab, "", domain.ReadWorkspace), ada, domain.Required, "name"},
		"a role called owner":            {define(inLab, "Owner", domain.ReadWorkspace), ada, domain.Invalid, "name"},
		"a role with a blank":            {define(inLab, "a b", domain.ReadWorkspace), ada, domain.Invalid, "name"},
		"a role of nothing":              {define(inLab, "x"), ada, domain.Required, "permissions"},
		"a permission that is none":      {define(inLab, "x", domain.ReadWorkspace, "all"), ada, domain.Invalid, "permissions[1]"},
		"an organization's permission":   {define(inLab, "x", domain.CreateWorkspaces), ada, domain.Invalid, "permissions[0]"},
		"what only owners may":           {define(inLab, "x", domain.DeleteWorkspaces), ada, domain.Invalid, "permissions[0]"},
		"a role by somebody who may not": {define(inLab, "x", domain.ReadWorkspace), eve, domain.Forbidden, ""},
		"to delete a role that is none": {func(p access.Principal) error {
			_, err := o.DeleteRole(t.Context(), p, people.RoleDefinition{At: inLab, Name: "nope"})
			return err
		}, ada, domain.NotFound, "name"},
		"a team without a name":            {newTeam("acme", "", ""), ada, domain.Invalid, "name"},
		"a team with capitals":             {newTeam("acme", "ML", ""), ada, domain.Invalid, "name"},
		"a team with a long title":         {newTeam("acme", "x", long), ada, domain.TooLong, "title"},
		"a team that is there":             {newTeam("acme", "ml", ""), ada, domain.AlreadyExists, "name"},
		"a team that was there":            {newTeam("acme", "gone", ""), ada, domain.AlreadyExists, "name"},
		"a team of no organization":        {newTeam("", "x", ""), ada, domain.Required, "workspace"},
		"a team of an organization unseen": {newTeam("acme", "x", ""), mel, domain.NotFound, "organization"},
		"into no team":                     {add("nope", person), ada, domain.NotFound, "team"},
		"a team into a team":               {add("ml", team("ml")), ada, domain.Invalid, "member"},
		"nobody into a team":               {add("ml", domain.Person(uuid.UUID{15: 99})), ada, domain.NotFound, "member"},
		"a service account without a name": {func(p access.Principal) error {
			_, _, err := o.CreateServiceAccount(t.Context(), p, people.NewServiceAccount{Organization: "acme"})
			return err
		}, ada, domain.Required, "name"},
		"to delete one that is none": {func(p access.Principal) error {
			_, err := o.DeleteServiceAccount(t.Context(), p, people.ServiceAccountChange{Organization: "acme", Account: uuid.UUID{15: 9}})
			return err
		}, ada, domain.NotFound, "account"},

		"an invitation to nothing":      {invite(people.NewInvitation{At: inLab}), ada, domain.Required, "roles"},
		"an invitation for ever":        {invite(people.NewInvitation{At: inLab, Roles: viewers, For: 31 * 24 * 3600e9}), ada, domain.Invalid, "expiresAt"},
		"an invitation for less":        {invite(people.NewInvitation{At: inLab, Roles: viewers, For: -1e9}), ada, domain.Invalid, "expiresAt"},
		"an invitation as an owner":     {invite(people.NewInvitation{At: inLab, Roles: []domain.RoleRef{domain.Owner}}), bob, domain.Forbidden, "role"},
		"an invitation to no role":      {invite(people.NewInvitation{At: inLab, Roles: []domain.RoleRef{auditor, {Level: domain.OrganizationLevel, Name: "nope"}}}), ada, domain.NotFound, "role"},
		"an invitation by a viewer":     {invite(people.NewInvitation{At: inLab, Roles: viewers}), eve, domain.Forbidden, ""},
		"an invitation for a long name": {invite(people.NewInvitation{At: inLab, Roles: viewers, Invited: long}), ada, domain.TooLong, "invited"},
		"to take back one that is none": {func(p access.Principal) error {
			_, err := o.RevokeInvitation(t.Context(), p, people.InvitationChange{At: inLab, Invitation: uuid.New()})
			return err
		}, ada, domain.NotFound, "invitation"},
		"a workspace nowhere":         {create(people.NewWorkspace{Organization: "nope", Slug: "abc"}), ada, domain.NotFound, "organization"},
		"a workspace of others":       {create(people.NewWorkspace{Organization: "acme", Slug: "abc"}), mel, domain.NotFound, "organization"},
		"a workspace without a slug":  {create(people.NewWorkspace{Organization: "acme"}), ada, domain.Required, "name"},
		"a workspace that is there":   {create(people.NewWorkspace{Organization: "acme", Slug: "lab"}), ada, domain.AlreadyExists, "slug"},
		"a second default":            {create(people.NewWorkspace{Organization: "acme", Slug: "abc", Kind: domain.DefaultWorkspace}), ada, domain.Invalid, "kind"},
		"an environment that is none": {create(people.NewWorkspace{Organization: "acme", Slug: "abc", Environment: "moon"}), ada, domain.Invalid, "environment"},
		"an environment of no kind":   {create(people.NewWorkspace{Organization: "acme", Slug: "abc", Kind: domain.EnvironmentWorkspace}), ada, domain.Required, "environment"},
		"a project's environment":     {create(people.NewWorkspace{Organization: "acme", Slug: "abc", Kind: domain.ProjectWorkspace, Environment: domain.Staging}), ada, domain.Invalid, "environment"},
		"a sensitivity that is none":  {create(people.NewWorkspace{Organization: "acme", Slug: "abc", Sensitivity: "very"}), ada, domain.Invalid, "sensitivity"},
		"filed under what is no name": {create(people.NewWorkspace{Organization: "acme", Slug: "abc", Team: "No Name"}), ada, domain.Invalid, "team"},
		"a rename to nothing": {func(p access.Principal) error {
			_, err := o.RenameOrganization(t.Context(), p, people.OrganizationChange{Organization: "acme", Name: " "})
			return err
		}, ada, domain.Required, "name"},
		"a rename that was overtaken": {func(p access.Principal) error {
			_, err := o.RenameOrganization(t.Context(), p, people.OrganizationChange{Ask: people.Ask{Since: &seen}, Organization: "acme", Name: "B"})
			return err
		}, ada, domain.RevisionConflict, "organization"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a rename that was overtaken" {
				if _, err := o.RenameOrganization(t.Context(), session(ada), people.OrganizationChange{Organization: "acme", Name: "A"}); err != nil {
					t.Fatal(err)
				}
			}
			before := o.log()
			refused(t, test.do(session(test.who)), test.code, test.subject)
			if o.log() != before {
				t.Error("something was changed all the same")
			}
		})
	}
}

// The same key with the same request is one request; with another it is a conflict.
func TestAskingAgain(t *testing.T) {
	t.Parallel()
	o, _ := settled(t)
	ask := people.RoleChange{Ask: people.Ask{Key: "k", Reason: "she joins", Correlation: "c"}, At: inLab, Member: domain.Person(mel), Role: domain.Member}
	first, err := o.GrantRole(t.Context(), session(ada), ask)
	if err != nil {
		t.Fatal(err)
	}
	events := o.events("workspace-lab")
	if m := events[len(events)-1].Meta; m.Reason != "she joins" || m.CorrelationID != "c" {
		t.Errorf("it is recorded with %+v", m)
	}
	if _, err := o.RevokeRole(t.Context(), session(ada), people.RoleChange{At: inLab, Member: domain.Person(mel), Role: domain.Member}); err != nil {
		t.Fatal(err)
	}
	again, err := openOn(t, o.store).GrantRole(t.Context(), session(ada), ask)
	if err != nil || !again.Duplicate || again.Last != first.Last {
		t.Errorf("asked again: %+v, %v; want a duplicate of revision %d", again, err, first.Last)
	}
	if o.may(inLab, domain.Person(mel)).Has(domain.ReadWorkspace) {
		t.Error("what was taken away came back with a request that was sent again")
	}
	ask.Role = domain.Admin
	if _, err := o.GrantRole(t.Context(), session(ada), ask); !errors.Is(err, domain.Conflict) {
		t.Errorf("the key with another request: %v; want a conflict", err)
	}
}

// Everybody may go, and take themselves out of teams.
func TestLeaving(t *testing.T) {
	t.Parallel()
	o, _ := settled(t)
	if _, err := o.Leave(t.Context(), session(eve), people.Ask{}, inLab); err != nil {
		t.Errorf("a viewer leaves: %v", err)
	}
	if len(o.may(inLab, domain.Person(eve))) > 0 {
		t.Error("she may still do something")
	}
	reader := session(bob)
	reader.Scopes = []access.Scope{access.Read}
	_, err := o.Leave(t.Context(), reader, people.Ask{}, inLab)
	refused(t, err, domain.Forbidden, "")
	o.grant(inAcme, eve, domain.Member)
	in := people.TeamChange{Organization: "acme", Team: "ml", Member: domain.Person(eve)}
	if _, err := o.AddTeamMember(t.Context(), session(ada), in); err != nil {
		t.Fatal(err)
	}
	if _, err := o.RemoveTeamMember(t.Context(), session(eve), in); err != nil {
		t.Errorf("she leaves the team: %v", err)
	}
	if _, err := o.AddTeamMember(t.Context(), session(eve), in); !errors.Is(err, domain.Forbidden) {
		t.Errorf("she puts herself into it again: %v", err)
	}
}

// What a service account creates belongs to a person.
func TestWorkspacesOfServiceAccountsBelongToOwners(t *testing.T) {
	t.Parallel()
	o, robot := settled(t)
	o.grantTo(inAcme, domain.Grantee{Kind: domain.ServiceGrantee, ID: robot.String()}, domain.RoleRef{Level: domain.OrganizationLevel, Name: "founder"})
	machine := access.Principal{KeyID: "k", Holder: domain.ServiceGrantee, Account: robot, Scopes: []access.Scope{access.Admin}}
	made, err := o.CreateWorkspace(t.Context(), machine, people.NewWorkspace{Organization: "acme", Name: "Nightly Runs", Environment: domain.Staging, Team: "ml"})
	if err != nil || made.Slug != "nightly-runs" {
		t.Fatalf("made %+v, %v", made, err)
	}
	ws := o.events("workspace-nightly-runs")[0].Event.(domain.WorkspaceCreated)
	if ws.Owner != ada || ws.Kind != domain.EnvironmentWorkspace || ws.Environment != domain.Staging || ws.Team != "ml" {
		t.Errorf("made %+v", ws)
	}
	if _, err := o.DeleteServiceAccount(t.Context(), session(ada), people.ServiceAccountChange{Organization: "acme", Account: robot}); err != nil {
		t.Fatal(err)
	}
	_, err = o.CreateWorkspace(t.Context(), machine, people.NewWorkspace{Organization: "acme", Name: "More"})
	refused(t, err, domain.NotFound, "organization")
}
