package domain

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever a few people do to each other's roles, with whatever right they find themselves to have: there is always an
// owner who can act, and nobody comes to hold what nobody who held it gave or defined.
func TestNobodyRisesByThemselves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at, v := Place{}, lab()
		roles := []RoleRef{Viewer, Member, Admin, Owner, {WorkspaceLevel, "a"}, {WorkspaceLevel, "b"}}
		if rapid.Bool().Draw(t, "organization") {
			at, v = Place{"acme"}, acme()
			roles = []RoleRef{Member, Admin, Owner, {OrganizationLevel, "a"}, {OrganizationLevel, "b"}}
		}
		people := []Grantee{ada, bob, eve}
		// More than the owner can act from the start, and one can define roles while holding little.
		v.record(at.founding(v.states))
		v.record([]Event{RoleDefined{Name: "a", Permissions: []Permission{ReadWorkspace, ManageRoles, ManageMembers, ManageOrganizationRoles, ManageOrganizationMembers}}})
		for _, g := range []Grantee{bob, eve} {
			v.record([]Event{RoleGranted{g, rapid.SampledFrom([]RoleRef{Member, Admin, Owner, {at.level(), "a"}}).Draw(t, "first role")}})
		}
		for range rapid.IntRange(1, 40).Draw(t, "commands") {
			who := rapid.SampledFrom(people).Draw(t, "who")
			whom := rapid.SampledFrom(people).Draw(t, "whom")
			role := rapid.SampledFrom(roles).Draw(t, "role")
			by := v.by(at, who)
			before := map[Grantee]PermissionSet{}
			for _, g := range people {
				before[g] = v.may(at, g)
			}
			var c Command
			switch rapid.IntRange(0, 6).Draw(t, "kind") {
			case 0, 1:
				c = GrantRole{At: at, Member: whom, Role: role, By: by}
			case 2:
				c = RevokeRole{At: at, Member: whom, Role: role, By: by}
			case 3:
				c = RemoveMember{At: at, Member: whom, By: by}
			case 4:
				c = SuspendMember{At: at, Member: whom, Reinstate: rapid.Bool().Draw(t, "reinstate"), By: by}
			case 5:
				c = DeleteRole{At: at, Name: role.Name, By: by}
			default:
				choice := rapid.SliceOfN(rapid.SampledFrom(Permissions(at.level())), 1, 4).Draw(t, "permissions")
				c = DefineRole{At: at, Name: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"), Permissions: choice, By: by}
			}
			err := v.do(c)
			if roster := at.roster(v.states); roster.activeOwners(Grantee{}, nil) == 0 {
				t.Fatalf("%s did %+v (%v): no owner is left", who, c, err)
			}
			suspended, _ := c.(SuspendMember)
			for _, g := range people {
				for _, p := range v.may(at, g).List() {
					if !before[g].Has(p) && !by.Holds.Has(p) && !suspended.Reinstate {
						t.Fatalf("%s, who may %v, did %+v: now %s may %s", who, by.Holds.List(), c, g, p)
					}
				}
			}
		}
	})
}
