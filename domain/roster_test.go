package domain

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
)

// a village is a workspace with its owner, where commands are carried out one after the other.
type village struct {
	states   States
	revision Revision
}

var ada, bob, eve = Person(uuid.UUID{15: 1}), Person(uuid.UUID{15: 2}), Person(uuid.UUID{15: 3})

func founded(events ...Event) *village {
	v := &village{states: States{}, revision: NoRevision}
	v.record(events)
	return v
}

func lab() *village {
	return founded(WorkspaceCreated{Slug: "lab", Name: "Lab", Organization: "acme", Owner: uuid.UUID{15: 1}})
}

func acme() *village {
	return founded(OrganizationCreated{Slug: "acme", Name: "Acme", Owner: uuid.UUID{15: 1}})
}

func (v *village) record(events []Event) {
	for _, e := range events {
		v.revision++
		st := v.states.Of(e.Subject()).Clone()
		if err := st.Apply(&Recorded{Envelope: Envelope{Revision: v.revision}, Event: e}); err != nil {
			panic(err)
		}
		v.states[e.Subject()] = st
	}
}

func (v *village) do(c Command) error {
	events, err := c.Decide(v.states)
	v.record(events)
	return err
}

// may is what somebody may do at a place of the village, as the one who asks finds it there.
func (v *village) may(at Place, g Grantee) PermissionSet {
	set, roster := PermissionSet{}, at.roster(v.states)
	if roster.Suspended[g.String()] {
		return set
	}
	for _, role := range roster.Members[g.String()] {
		ps, _ := roster.permits(at.level(), role, nil)
		set.Add(ps...)
	}
	return set
}

func (v *village) by(at Place, g Grantee) Asker { return Asker{g, v.may(at, g)} }

func TestWhatTheBuiltInRolesPermit(t *testing.T) {
	t.Parallel()
	v := lab()
	if got := v.may(Place{}, ada).List(); !slices.Equal(got, Permissions(WorkspaceLevel)) {
		t.Errorf("whoever creates a workspace owns it: %v", got)
	}
	for _, tt := range []struct {
		role     RoleRef
		may, not []Permission
	}{
		{Viewer, []Permission{ReadWorkspace}, []Permission{IngestEvents, WriteRuns, ManageSecrets, DeleteWorkspaces}},
		{Member, []Permission{ReadWorkspace, WriteRuns, WriteArtifacts, PromoteArtifacts}, []Permission{ManageSecrets, ManageMembers, ManageRoles, DeleteWorkspaces}},
		{Admin, []Permission{WriteRuns, ManageSecrets, ManageMembers, ManageRoles}, []Permission{DeleteWorkspaces, ManageOwners}},
		{Owner, []Permission{DeleteWorkspaces, ManageOwners}, nil},
	} {
		ps, ok := BuiltinPermissions(WorkspaceLevel, tt.role)
		held := SetOf(ps...)
		if missing := held.Missing(tt.may); !ok || len(missing) > 0 {
			t.Errorf("%s does not permit %v", tt.role, missing)
		}
		for _, p := range tt.not {
			if held.Has(p) {
				t.Errorf("%s permits %s", tt.role, p)
			}
		}
	}
	if ps, ok := BuiltinPermissions(OrganizationLevel, Member); !ok || !slices.Equal(ps, []Permission{ReadOrganization}) {
		t.Errorf("who belongs to an organization may see it and no workspace of it: %v", ps)
	}
	if _, ok := BuiltinPermissions(OrganizationLevel, Viewer); ok {
		t.Error("an organization has no viewers")
	}
}

// Given a workspace with its owner, what is refused, and by which rule.
func TestRosterRefusals(t *testing.T) {
	t.Parallel()
	here, org := Place{}, Place{"acme"}
	adaHere := Asker{ada, SetOf(ownerMay...)}
	bobHere := Asker{bob, SetOf(adminMay...)}
	releaser := RoleDefined{Name: "releaser", Permissions: []Permission{ReadWorkspace, PromoteArtifacts}}
	for name, tt := range map[string]struct {
		given   []Event
		command Command
		code    Code
	}{
		"a viewer grants":                       {nil, GrantRole{At: here, Member: eve, Role: Viewer, By: Asker{bob, SetOf(viewerMay...)}}, Forbidden},
		"an admin makes an owner":               {nil, GrantRole{At: here, Member: eve, Role: Owner, By: bobHere}, Forbidden},
		"an admin removes an owner":             {nil, RemoveMember{At: here, Member: ada, By: bobHere}, Forbidden},
		"the last owner goes":                   {nil, RemoveMember{At: here, Member: ada, By: adaHere}, LastOwner},
		"the last owner steps down":             {nil, RevokeRole{At: here, Member: ada, Role: Owner, By: adaHere}, LastOwner},
		"a team owns":                           {nil, GrantRole{At: here, Member: Grantee{TeamGrantee, "core"}, Role: Owner, By: adaHere}, Invalid},
		"a role that is none":                   {nil, GrantRole{At: here, Member: eve, Role: RoleRef{WorkspaceLevel, "releaser"}, By: adaHere}, NotFound},
		"an organization's role unknown":        {nil, GrantRole{At: here, Member: eve, Role: RoleRef{OrganizationLevel, "x"}, By: adaHere}, NotFound},
		"a workspace's role in an organization": {nil, GrantRole{At: org, Member: eve, Role: RoleRef{WorkspaceLevel, "x"}, By: Asker{ada, SetOf(organizationOwnerMay...)}}, NotFound},
		"nobody":                                {nil, GrantRole{At: here, Member: Grantee{"ghost", "1"}, Role: Viewer, By: adaHere}, Invalid},
		"an id that is none":                    {nil, GrantRole{At: here, Member: Grantee{AccountGrantee, "1"}, Role: Viewer, By: adaHere}, Invalid},
		"a built-in name":                       {nil, DefineRole{At: here, Name: "owner", Permissions: viewerMay, By: adaHere}, Invalid},
		"a built-in name in capitals":           {nil, DefineRole{At: here, Name: "OWNER", Permissions: viewerMay, By: adaHere}, Invalid},
		"a built-in name with a Kelvin sign":    {nil, DefineRole{At: here, Name: "o\u212ane", Permissions: viewerMay, By: adaHere}, Invalid},
		"a role of nothing":                     {nil, DefineRole{At: here, Name: "r", By: adaHere}, Required},
		"a permission that is none":             {nil, DefineRole{At: here, Name: "r", Permissions: []Permission{"all"}, By: adaHere}, Invalid},
		"what only owners may":                  {nil, DefineRole{At: here, Name: "r", Permissions: []Permission{DeleteWorkspaces}, By: adaHere}, Invalid},
		"what is of organizations":              {nil, DefineRole{At: here, Name: "r", Permissions: []Permission{CreateWorkspaces}, By: adaHere}, Invalid},
		"more than one holds":                   {nil, DefineRole{At: here, Name: "r", Permissions: []Permission{ManageSecrets}, By: Asker{bob, SetOf(ReadWorkspace, ManageRoles)}}, Forbidden},
		"a role of more than one holds":         {[]Event{RoleDefined{Name: "r", Permissions: []Permission{ManageSecrets}}}, DefineRole{At: here, Name: "r", Permissions: viewerMay, By: Asker{bob, SetOf(ReadWorkspace, ManageRoles)}}, Forbidden},
		"a role that is held goes":              {[]Event{releaser, RoleGranted{eve, RoleRef{WorkspaceLevel, "releaser"}}}, DeleteRole{At: here, Name: "releaser", By: adaHere}, Conflict},
		"no role goes":                          {nil, DeleteRole{At: here, Name: "releaser", By: adaHere}, NotFound},
		"an archived workspace":                 {[]Event{WorkspaceArchived{}}, GrantRole{At: here, Member: eve, Role: Viewer, By: adaHere}, Archived},
		"a deleted workspace":                   {[]Event{WorkspaceDeleted{}}, GrantRole{At: here, Member: eve, Role: Viewer, By: adaHere}, Gone},
		"suspended in a workspace":              {[]Event{RoleGranted{eve, Viewer}}, SuspendMember{At: here, Member: eve, By: adaHere}, Invalid},
		"a team in a workspace":                 {nil, CreateTeam{At: here, Team: "core", By: adaHere}, Required},
	} {
		v := lab()
		v.record(Place{}.founding(v.states))
		v.record(tt.given)
		if at, ok := tt.command.(GrantRole); ok && at.At == org {
			v = acme()
			tt.code = Invalid
		}
		events, err := tt.command.Decide(v.states)
		if !errors.Is(err, tt.code) || len(events) > 0 {
			t.Errorf("%s: %v and %d events, want %s", name, err, len(events), tt.code)
		}
	}
}

// Given two owners who remove each other at once: whoever comes second is refused, whatever they were allowed before.
func TestTwoOwnersRemoveEachOther(t *testing.T) {
	t.Parallel()
	for _, at := range []Place{{}, {"acme"}} {
		v := lab()
		if at.Organization != "" {
			v = acme()
		}
		if err := v.do(GrantRole{At: at, Member: bob, Role: Owner, By: v.by(at, ada)}); err != nil {
			t.Fatal(err)
		}
		adas, bobs := v.by(at, ada), v.by(at, bob)
		if err := v.do(RemoveMember{At: at, Member: bob, By: adas}); err != nil {
			t.Fatal(err)
		}
		if err := v.do(RemoveMember{At: at, Member: ada, By: bobs}); !errors.Is(err, LastOwner) {
			t.Errorf("%v: the second is answered %v", at, err)
		}
	}
}

func TestSuspension(t *testing.T) {
	t.Parallel()
	at, v := Place{"acme"}, acme()
	for _, c := range []Command{
		GrantRole{At: at, Member: bob, Role: Owner, By: v.by(at, ada)},
		SuspendMember{At: at, Member: bob, By: v.by(at, ada)},
	} {
		if err := v.do(c); err != nil {
			t.Fatal(err)
		}
	}
	if held := v.may(at, bob); len(held) > 0 {
		t.Errorf("who is suspended may %v", held.List())
	}
	if err := v.do(RemoveMember{At: at, Member: ada, By: v.by(at, ada)}); !errors.Is(err, LastOwner) {
		t.Errorf("a suspended owner does not count: %v", err)
	}
	if err := v.do(SuspendMember{At: at, Member: ada, By: v.by(at, ada)}); !errors.Is(err, Forbidden) {
		t.Errorf("nobody suspends themselves: %v", err)
	}
	if err := v.do(SuspendMember{At: at, Member: bob, Reinstate: true, By: v.by(at, ada)}); err != nil || len(v.may(at, bob)) == 0 {
		t.Errorf("reinstated: %v", err)
	}
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	at, now := Place{}, time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	secret, carol := Digest{1}, uuid.UUID{15: 9}
	invite := func(v *village, roles ...RoleRef) InviteMember {
		return InviteMember{At: at, Invitation: uuid.UUID{1}, Roles: roles, Now: now, ExpiresAt: now.Add(time.Hour), Secret: secret, By: v.by(at, ada)}
	}
	accept := AcceptInvitation{At: at, Invitation: uuid.UUID{1}, Secret: secret, Account: carol, Now: now}

	v := lab()
	if err := v.do(invite(v, Member)); err != nil {
		t.Fatal(err)
	}
	wrong := accept
	wrong.Secret = Digest{2}
	late := accept
	late.Now = now.Add(time.Hour)
	if err := v.do(wrong); !errors.Is(err, NotFound) {
		t.Errorf("another secret: %v", err)
	}
	if err := v.do(late); !errors.Is(err, Gone) {
		t.Errorf("too late: %v", err)
	}
	if err := v.do(accept); err != nil || !v.may(at, Person(carol)).Has(WriteRuns) {
		t.Errorf("accepted: %v", err)
	}
	if err := v.do(accept); !errors.Is(err, Gone) {
		t.Errorf("a second time: %v", err)
	}
	if err := v.do(RevokeInvitation{At: at, Invitation: uuid.UUID{1}, By: v.by(at, ada)}); !errors.Is(err, Gone) {
		t.Errorf("taken back when used: %v", err)
	}

	v = lab()
	bobs := invite(v, Owner)
	bobs.By = Asker{bob, SetOf(adminMay...)}
	if err := v.do(bobs); !errors.Is(err, Forbidden) {
		t.Errorf("an admin invites an owner: %v", err)
	}
	if err := v.do(invite(v, Viewer)); err != nil {
		t.Fatal(err)
	}
	if err := v.do(RevokeInvitation{At: at, Invitation: uuid.UUID{1}, By: v.by(at, ada)}); err != nil {
		t.Fatal(err)
	}
	if err := v.do(accept); !errors.Is(err, Gone) || len(v.may(at, Person(carol))) > 0 {
		t.Errorf("taken back: %v", err)
	}
}

func TestTeams(t *testing.T) {
	t.Parallel()
	at, v := Place{"acme"}, acme()
	adas, robot := v.by(at, ada), Grantee{ServiceGrantee, uuid.UUID{15: 7}.String()}
	for _, tt := range []struct {
		command Command
		code    error
	}{
		{CreateTeam{At: at, Team: "core", Title: "Core", By: adas}, nil},
		{CreateTeam{At: at, Team: "core", By: adas}, AlreadyExists},
		{CreateTeam{At: at, Team: "Not A Name", By: adas}, Invalid},
		{CreateTeam{At: at, Team: "more", By: Asker{bob, SetOf(organizationMemberMay...)}}, Forbidden},
		{MoveTeamMember{At: at, Team: "core", Member: bob, By: adas}, nil},
		{MoveTeamMember{At: at, Team: "core", Member: robot, By: adas}, nil},
		{MoveTeamMember{At: at, Team: "core", Member: Grantee{TeamGrantee, "core"}, By: adas}, Invalid},
		{MoveTeamMember{At: at, Team: "none", Member: bob, By: adas}, NotFound},
		{MoveTeamMember{At: at, Team: "core", Member: robot, Out: true, By: Asker{bob, nil}}, Forbidden},
		{MoveTeamMember{At: at, Team: "core", Member: bob, Out: true, By: Asker{bob, nil}}, nil}, // anybody may leave
		{DeleteTeam{At: at, Team: "core", By: adas}, nil},
		{MoveTeamMember{At: at, Team: "core", Member: bob, By: adas}, NotFound},
		{CreateTeam{At: at, Team: "core", By: adas}, AlreadyExists}, // never used again
	} {
		if err := v.do(tt.command); !errors.Is(err, tt.code) {
			t.Errorf("%+v: %v, want %v", tt.command, err, tt.code)
		}
	}
	if team := v.states.Of(TeamEntity("core")).Team; !slices.Equal(team, []Grantee{robot}) {
		t.Errorf("the team was %v", team)
	}
}
