package people_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// PlacesOf are all places of a log: whoever asks looks at each.
func (f found) PlacesOf(ctx context.Context, _ domain.Grantee) (workspaces, organizations []domain.Slug, err error) {
	page, err := f.store.ReadAll(ctx, eventstore.Position{}, math.MaxInt32)
	for _, e := range page.Events {
		if slug, ok := strings.CutPrefix(string(e.Stream), "organization-"); ok && e.Revision == 0 {
			organizations = append(organizations, domain.Slug(slug))
		} else if slug, ok := e.Stream.Workspace(); ok && e.Revision == 0 {
			workspaces = append(workspaces, slug)
		}
	}
	return workspaces, organizations, err
}

// shut shuts an account out as the server does, without its tables: in every place, in the account, and again.
func (o *office) shut(who uuid.UUID, successor *uuid.UUID) error {
	q := people.ShutOut{Account: who, Successor: successor, By: domain.Actor{Kind: "account", ID: mel.String()}, Reason: "left"}
	if err := o.ShutOut(o.t.Context(), q); err != nil {
		return err
	}
	o.record(domain.AccountStream(who), domain.AccountDisabled{Account: who})
	if err := o.ShutOut(o.t.Context(), q); err != nil {
		o.record(domain.AccountStream(who), domain.AccountEnabled{Account: who})
		return errors.Join(err, o.LetIn(o.t.Context(), q))
	}
	return nil
}

func (o *office) let(who uuid.UUID) {
	o.t.Helper()
	o.record(domain.AccountStream(who), domain.AccountEnabled{Account: who})
	if err := o.LetIn(o.t.Context(), people.ShutOut{Account: who}); err != nil {
		o.t.Fatal(err)
	}
}

// owners are those who own a place and can act, by the log alone.
func (o *office) owners(at people.Place) (able []domain.Grantee) {
	o.t.Helper()
	disabled := map[string]bool{}
	page, err := o.store.ReadAll(o.t.Context(), eventstore.Position{}, math.MaxInt32)
	if err != nil {
		o.t.Fatal(err)
	}
	members, suspended := map[domain.Grantee][]domain.RoleRef{}, map[domain.Grantee]bool{}
	for _, e := range page.Events {
		switch x := e.Event.(type) {
		case domain.AccountDisabled:
			disabled[x.Account.String()] = true
		case domain.AccountEnabled:
			disabled[x.Account.String()] = false
		}
		if e.Stream != domain.OrganizationStream(at.Organization) && e.Stream != domain.WorkspaceStream(at.Workspace) {
			continue
		}
		switch x := e.Event.(type) {
		case domain.OrganizationCreated:
			members[domain.Person(x.Owner)] = []domain.RoleRef{domain.Owner}
		case domain.WorkspaceCreated:
			members[domain.Person(x.Owner)] = []domain.RoleRef{domain.Owner}
		case domain.RoleGranted:
			members[x.Member] = append(members[x.Member], x.Role)
		case domain.RoleRevoked:
			members[x.Member] = slices.DeleteFunc(members[x.Member], func(r domain.RoleRef) bool { return r == x.Role })
		case domain.MemberRemoved:
			delete(members, x.Member)
		case domain.MemberSuspended:
			suspended[x.Member] = true
		case domain.MemberReinstated:
			delete(suspended, x.Member)
		}
	}
	for g, held := range members {
		if slices.Contains(held, domain.Owner) && !suspended[g] && !disabled[g.ID] {
			able = append(able, g)
		}
	}
	return able
}

// A person who is the only active owner somewhere is not shut out, unless somebody succeeds them; the refusal names the
// places and changes none. What shutting out took is given back, and nothing else.
func TestShuttingOutTheOnlyOwner(t *testing.T) {
	t.Parallel()
	o, _ := settled(t)
	if _, err := o.CreateWorkspace(t.Context(), session(ada), people.NewWorkspace{Organization: "acme", Slug: "prod"}); err != nil {
		t.Fatal(err)
	}
	o.grant(inAcme, bob, domain.Owner)
	o.grant(inLab, bob, domain.Owner)
	before := o.log()
	err := o.shut(ada, nil)
	refused(t, err, domain.LastOwner, "account")
	for _, named := range []string{"workspace prod", "workspace acme-default", "successor"} {
		if !strings.Contains(err.Error(), named) {
			t.Errorf("the refusal does not name %q: %v", named, err)
		}
	}
	if strings.Contains(err.Error(), "workspace lab") || o.log() != before {
		t.Errorf("it names a place that keeps an owner, or left facts (%d): %v", o.log()-before, err)
	}
	for name, tt := range map[string]struct {
		successor uuid.UUID
		code      domain.Code
	}{"nobody": {uuid.UUID{15: 77}, domain.NotFound}, "herself": {ada, domain.Invalid}} {
		t.Run(name, func(t *testing.T) { refused(t, o.shut(ada, &tt.successor), tt.code, "successor") })
	}
	if err := o.shut(ada, &eve); err != nil {
		t.Fatal(err)
	}
	prod := people.Place{Workspace: "prod"}
	if got := o.owners(prod); !slices.Equal(got, []domain.Grantee{domain.Person(eve)}) {
		t.Errorf("prod belongs to %v", got)
	}
	if len(o.may(inLab, domain.Person(ada))) != 0 || len(o.may(prod, domain.Person(ada))) != 0 {
		t.Error("who is shut out may still do something")
	}
	if got := o.owners(inLab); !slices.Equal(got, []domain.Grantee{domain.Person(bob)}) {
		t.Errorf("the lab has the owners %v: nobody succeeds where somebody is left", got)
	}
	_, err = o.RemoveMember(t.Context(), session(eve), people.MemberChange{At: prod, Member: domain.Person(eve)})
	refused(t, err, domain.LastOwner, "member")
	_, err = o.GrantRole(t.Context(), session(eve), people.RoleChange{At: prod, Member: domain.Person(ada), Role: domain.Viewer})
	refused(t, err, domain.Conflict, "member")
	o.let(ada)
	if !o.may(prod, domain.Person(ada)).Has(domain.ManageOwners) || !o.may(inLab, domain.Person(ada)).Has(domain.ManageOwners) {
		t.Error("who was let in again has not what they had")
	}
	if _, err := o.RemoveMember(t.Context(), session(eve), people.MemberChange{At: prod, Member: domain.Person(eve)}); err != nil {
		t.Errorf("she may go now: %v", err)
	}
}

// A suspension outlives being shut out, and a place that is somebody's own sleeps without them.
func TestWhatShuttingOutLeavesAlone(t *testing.T) {
	t.Parallel()
	o, _ := settled(t)
	o.grant(inAcme, bob, domain.Owner)
	if _, err := o.SuspendMember(t.Context(), session(ada), people.MemberChange{At: inAcme, Member: domain.Person(bob)}); err != nil {
		t.Fatal(err)
	}
	own, err := o.EnsurePersonal(t.Context(), bob, "Bob")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.shut(bob, nil); err != nil {
		t.Fatalf("he owns nothing but what is his own: %v", err)
	}
	o.let(bob)
	if len(o.may(inAcme, domain.Person(bob))) != 0 {
		t.Error("letting him in ended his suspension")
	}
	if !o.may(people.Place{Workspace: own.Workspace}, domain.Person(bob)).Has(domain.ManageOwners) {
		t.Error("his own workspace is not his any more")
	}
	if _, err := o.GrantRole(t.Context(), session(bob), people.RoleChange{At: people.Place{Workspace: own.Workspace}, Member: domain.Person(eve), Role: domain.Viewer}); err != nil {
		t.Fatal(err)
	}
	refused(t, o.shut(bob, nil), domain.LastOwner, "account")
}

// An owner whose account was shut out while the role was being granted does not count, whatever the place knows.
func TestAnOwnerWhoIsShutOutDoesNotCount(t *testing.T) {
	t.Parallel()
	o, _ := settled(t)
	o.grant(inLab, bob, domain.Owner)
	o.record(domain.AccountStream(bob), domain.AccountDisabled{Account: bob}) // and nobody told the lab
	for name, act := range map[string]func() error{
		"leaves": func() error { return second(o.Leave(t.Context(), session(ada), people.Ask{}, inLab)) },
		"is taken": func() error {
			return second(o.RevokeRole(t.Context(), session(ada), people.RoleChange{At: inLab, Member: domain.Person(ada), Role: domain.Owner}))
		},
		"is set": func() error {
			return second(o.SetRoles(t.Context(), session(ada), people.RolesChange{At: inLab, Member: domain.Person(ada), Roles: []domain.RoleRef{domain.Viewer}}))
		},
		"is removed": func() error {
			return second(o.RemoveMember(t.Context(), session(ada), people.MemberChange{At: inLab, Member: domain.Person(ada)}))
		},
		"is shut out": func() error { return o.shut(ada, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := act(); !errors.Is(err, domain.LastOwner) {
				t.Errorf("the last owner who can act %s: %v", name, err)
			}
		})
	}
}

// Two owners, two servers: one has the other's account shut out while the other removes or leaves. One of the two is
// refused, and an owner who can act is there always.
func TestAnOwnerIsShutOutWhileAnotherGoes(t *testing.T) {
	t.Parallel()
	for kind, store := range stores {
		for name, goes := range map[string]func(o *office) error{
			"bob removes ada": func(o *office) error {
				return second(o.RemoveMember(o.t.Context(), session(bob), people.MemberChange{At: inLab, Member: domain.Person(ada)}))
			},
			"ada leaves":      func(o *office) error { return second(o.Leave(o.t.Context(), session(ada), people.Ask{}, inLab)) },
			"ada is shut out": func(o *office) error { return o.shut(ada, nil) },
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := store(t)
				offices := []*office{village(t, s), openOn(t, s)}
				offices[0].grant(inLab, bob, domain.Owner)
				offices[0].grant(inAcme, mel, domain.Owner) // so that acme and its own workspace have somebody
				offices[0].grant(people.Place{Workspace: "acme-default"}, mel, domain.Owner)
				for round := range 100 {
					forget(inLab, offices...)
					errs := atOnce(offices, func(o *office) error { return o.shut(bob, nil) }, goes)
					able := offices[0].owners(inLab)
					if len(able) == 0 {
						t.Fatalf("round %d: nobody who can act owns the lab: %v and %v", round, errs[0], errs[1])
					}
					if (errs[0] == nil) == (errs[1] == nil) {
						t.Fatalf("round %d: %v and %v; want one of them", round, errs[0], errs[1])
					}
					if errs[0] != nil && !errors.Is(errs[0], domain.LastOwner) {
						t.Fatalf("round %d: %v; want the last owner's refusal", round, errs[0])
					}
					offices[0].let(bob)
					offices[0].let(ada)
					forget(inLab, offices...)
					by := uuid.MustParse(able[0].ID)
					for _, other := range []uuid.UUID{ada, bob} {
						if _, err := offices[0].GrantRole(t.Context(), session(by), people.RoleChange{At: inLab, Member: domain.Person(other), Role: domain.Owner}); err != nil {
							t.Fatalf("round %d: %v", round, err)
						}
					}
				}
			})
		}
	}
}
