package people_test

import (
	"slices"
	"testing"

	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
)

// All roles of somebody are said at once: what is refused of them changes nothing, and the facts come together.
func TestAllRolesAtOnce(t *testing.T) {
	t.Parallel()
	o, robot := settled(t)
	machine := domain.Grantee{Kind: domain.ServiceGrantee, ID: robot.String()}
	runner, auditor := domain.RoleRef{Level: domain.WorkspaceLevel, Name: "runner"}, domain.RoleRef{Level: domain.OrganizationLevel, Name: "looker"}
	if _, err := o.DefineRole(t.Context(), session(ada), people.RoleDefinition{At: inAcme, Name: "looker", Permissions: []domain.Permission{domain.ReadWorkspace}}); err != nil {
		t.Fatal(err)
	}
	set := func(by people.Place, who domain.Grantee, roles ...domain.RoleRef) error {
		_, err := o.SetRoles(t.Context(), session(ada), people.RolesChange{At: by, Member: who, Roles: roles})
		return err
	}
	before := len(o.events("workspace-lab"))
	if err := set(inLab, machine, domain.Viewer, runner, auditor, domain.Viewer); err != nil {
		t.Fatal(err)
	}
	if events := o.events("workspace-lab")[before:]; len(events) != 3 {
		t.Errorf("%d facts for three roles: %v", len(events), events)
	}
	if err := set(inLab, machine, runner, domain.Member); err != nil {
		t.Fatal(err)
	}
	if may := o.may(inLab, machine); !may.Has(domain.WritePipelines) || may.Has(domain.ReadOrganization) {
		t.Errorf("by member and runner it may %v", may.List())
	}
	before = o.log()
	if err := set(inLab, machine, domain.Member, runner); err != nil || o.log() != before {
		t.Errorf("said again: %v, and %d facts more", err, o.log()-before)
	}
	for name, tt := range map[string]struct {
		err     error
		code    domain.Code
		subject string
	}{
		"no role":                     {set(inLab, machine), domain.Required, "roles"},
		"a robot that owns":           {set(inLab, machine, domain.Viewer, domain.Owner), domain.Invalid, "role"},
		"a role that is not there":    {set(inLab, machine, domain.Viewer, domain.RoleRef{Level: domain.WorkspaceLevel, Name: "none"}), domain.NotFound, "role"},
		"one of the organization":     {set(inLab, machine, domain.RoleRef{Level: domain.OrganizationLevel, Name: "none"}), domain.NotFound, "role"},
		"somebody who is not there":   {set(inLab, domain.Person([16]byte{15: 99}), domain.Viewer), domain.NotFound, "member"},
		"the last owner":              {set(inLab, domain.Person(ada), domain.Admin), domain.LastOwner, "member"},
		"a role of another level":     {set(inAcme, machine, runner), domain.Invalid, "role"},
		"more than one holds":         {second(o.SetRoles(t.Context(), session(bob), people.RolesChange{At: inLab, Member: domain.Person(eve), Roles: []domain.RoleRef{domain.Viewer, domain.Owner}})), domain.Forbidden, "role"},
		"from one who holds more":     {second(o.SetRoles(t.Context(), session(bob), people.RolesChange{At: inLab, Member: domain.Person(ada), Roles: []domain.RoleRef{domain.Viewer}})), domain.Forbidden, "member"},
		"by who manages nobody":       {second(o.SetRoles(t.Context(), session(eve), people.RolesChange{At: inLab, Member: domain.Person(bob), Roles: []domain.RoleRef{domain.Viewer}})), domain.Forbidden, ""},
		"by who raises themselves":    {second(o.SetRoles(t.Context(), session(eve), people.RolesChange{At: inLab, Member: domain.Person(eve), Roles: []domain.RoleRef{domain.Admin}})), domain.Forbidden, ""},
		"by who does not see it":      {second(o.SetRoles(t.Context(), session(mel), people.RolesChange{At: inLab, Member: domain.Person(eve), Roles: []domain.RoleRef{domain.Viewer}})), domain.NotFound, "workspace"},
		"a custom role never defined": {set(inLab, domain.Person(eve), auditor, domain.RoleRef{Level: domain.OrganizationLevel, Name: "king"}), domain.NotFound, "role"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tt.err, tt.code, tt.subject) })
	}
	if o.log() != before {
		t.Errorf("refusals left %d facts", o.log()-before)
	}
	if _, err := o.SetRoles(t.Context(), session(bob), people.RolesChange{At: inLab, Member: domain.Person(bob), Roles: []domain.RoleRef{domain.Viewer}}); err != nil {
		t.Errorf("an admin becomes a viewer by themselves: %v", err)
	}
	if got := o.may(inLab, domain.Person(bob)).List(); !slices.Equal(got, []domain.Permission{domain.ReadWorkspace}) {
		t.Errorf("he may %v", got)
	}
}

func second[T any](_ T, err error) error { return err }

// An organization's name and description are one change: both, or nothing.
func TestAnOrganizationIsUpdatedAtOnce(t *testing.T) {
	t.Parallel()
	o, _ := settled(t)
	name, long, none, text := "Acme & Co", string(make([]byte, 300)), "", "Everything about risk."
	update := func(q people.OrganizationUpdate) error {
		q.Organization = "acme"
		_, err := o.UpdateOrganization(t.Context(), session(ada), q)
		return err
	}
	before := len(o.events("organization-acme"))
	refused(t, update(people.OrganizationUpdate{Name: &none, Describe: true, Description: &text}), domain.Required, "name")
	if err := update(people.OrganizationUpdate{Name: &long, Describe: true, Description: &text}); err == nil {
		t.Error("a name of 300 bytes is taken")
	}
	if got := len(o.events("organization-acme")); got != before {
		t.Errorf("refusals left %d facts", got-before)
	}
	if err := update(people.OrganizationUpdate{Name: &name, Describe: true, Description: &text}); err != nil {
		t.Fatal(err)
	}
	events := o.events("organization-acme")[before:]
	if len(events) != 2 || events[0].Meta.CommandID != events[1].Meta.CommandID {
		t.Errorf("two facts of one command: %+v", events)
	}
	if _, err := o.UpdateOrganization(t.Context(), session(eve), people.OrganizationUpdate{Organization: "acme", Name: &name}); err == nil {
		t.Error("a stranger updates it")
	}
}

// Whoever sends the request again by which they left is answered as the first time; the place is none to them otherwise.
func TestLeavingTwice(t *testing.T) {
	t.Parallel()
	o, _ := settled(t)
	first, err := o.Leave(t.Context(), session(eve), people.Ask{Key: "k"}, inLab)
	if err != nil {
		t.Fatal(err)
	}
	again, err := o.Leave(t.Context(), session(eve), people.Ask{Key: "k"}, inLab)
	if err != nil || !again.Duplicate || again.Last != first.Last {
		t.Errorf("sent again: %+v, %v; want a duplicate of %+v", again, err, first)
	}
	for _, key := range []string{"", "other"} {
		_, err := o.Leave(t.Context(), session(eve), people.Ask{Key: key}, inLab)
		refused(t, err, domain.NotFound, "workspace")
		_, err = o.Leave(t.Context(), session(mel), people.Ask{Key: key}, people.Place{Workspace: "never"})
		refused(t, err, domain.NotFound, "workspace")
	}
}
