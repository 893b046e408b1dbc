package people_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

// stores are the logs that races are run on.
var stores = map[string]func(t testing.TB) eventstore.Store{
	"memory": func(t testing.TB) eventstore.Store {
		s := memory.New()
		t.Cleanup(func() { _ = s.Close() })
		return s
	},
	"postgres": func(t testing.TB) eventstore.Store {
		url := pgtest.URL(t)
		if err := postgres.Migrate(t.Context(), url, ""); err != nil {
			t.Fatal(err)
		}
		s, err := postgres.Open(t.Context(), url, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	},
}

// together holds the first command of an office back until the others have come as far: they have all seen the same.
type together struct {
	eventstore.Commander
	meet func()
}

func (c *together) Execute(ctx context.Context, r eventstore.Request) (eventstore.Result, error) {
	c.meet()
	return c.Commander.Execute(ctx, r)
}

// atOnce has each office do something, when all have looked and none has acted.
func atOnce(offices []*office, acts ...func(o *office) error) []error {
	var arrived, done sync.WaitGroup
	arrived.Add(len(acts))
	errs := make([]error, len(acts))
	for i, act := range acts {
		o := *offices[i]
		desk := *o.Desk
		arrive := sync.OnceFunc(arrived.Done)
		desk.Commands = &together{desk.Commands, sync.OnceFunc(func() { arrive(); arrived.Wait() })}
		o.Desk = &desk
		done.Go(func() {
			errs[i] = act(&o)
			arrive() // one that was refused at its first look acts never
		})
	}
	done.Wait()
	return errs
}

// forget has offices look anew, as if a moment had passed.
func forget(at people.Place, offices ...*office) {
	for _, o := range offices {
		o.Lens.Forget(domain.OrganizationStream(at.Organization))
		o.Lens.Forget(domain.WorkspaceStream(at.Workspace))
	}
}

// A thousand times two owners remove each other at once, on two servers: one of them stays, and the other one is told that
// this is the last owner.
func TestTwoOwnersRemoveEachOther(t *testing.T) {
	t.Parallel()
	for kind, store := range stores {
		for place, at := range map[string]people.Place{"organization": inAcme, "workspace": inLab} {
			t.Run(kind+"/"+place, func(t *testing.T) {
				t.Parallel()
				s := store(t)
				offices := []*office{village(t, s), openOn(t, s)}
				offices[0].grant(at, bob, domain.Owner)
				removes := func(who, whom uuid.UUID) func(o *office) error {
					return func(o *office) error {
						_, err := o.RemoveMember(t.Context(), session(who), people.MemberChange{At: at, Member: domain.Person(whom)})
						return err
					}
				}
				for round := range 500 {
					forget(at, offices...)
					errs := atOnce(offices, removes(ada, bob), removes(bob, ada))
					winner, loser, lost := ada, bob, errs[1]
					if errs[0] != nil {
						winner, loser, lost = bob, ada, errs[0]
					}
					if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(lost, domain.LastOwner) {
						t.Fatalf("round %d: %v and %v; want one of them, and the last owner's refusal", round, errs[0], errs[1])
					}
					if !offices[0].may(at, domain.Person(winner)).Has(domain.ReadWorkspace) {
						t.Fatalf("round %d: whoever won is no owner any more", round)
					}
					forget(at, offices...)
					if _, err := offices[0].GrantRole(t.Context(), session(winner), people.RoleChange{At: at, Member: domain.Person(loser), Role: domain.Owner}); err != nil {
						t.Fatalf("round %d: make the other an owner again: %v", round, err)
					}
				}
			})
		}
	}
}

// Two people do the same or opposite things to one thing at once: one wins, and the other is told what happened.
func TestWhoComesSecondIsToldWhatHappened(t *testing.T) {
	t.Parallel()
	member, viewer := domain.Person(eve), domain.Viewer
	change := func(at people.Place) people.MemberChange { return people.MemberChange{At: at, Member: member} }
	role := func(at people.Place, r domain.RoleRef) people.RoleChange {
		return people.RoleChange{At: at, Member: member, Role: r}
	}
	define := func(ps ...domain.Permission) people.RoleDefinition {
		return people.RoleDefinition{At: inLab, Name: "r", Permissions: ps}
	}
	team := people.TeamChange{Organization: "acme", Team: "ml", Member: member}
	type act = func(o *office, p uuid.UUID) error
	grant := func(q people.RoleChange) act {
		return func(o *office, p uuid.UUID) error { _, err := o.GrantRole(o.t.Context(), session(p), q); return err }
	}
	revoke := func(q people.RoleChange) act {
		return func(o *office, p uuid.UUID) error {
			_, err := o.RevokeRole(o.t.Context(), session(p), q)
			return err
		}
	}
	remove := func(q people.MemberChange) act {
		return func(o *office, p uuid.UUID) error {
			_, err := o.RemoveMember(o.t.Context(), session(p), q)
			return err
		}
	}
	suspend := func(o *office, p uuid.UUID) error {
		_, err := o.SuspendMember(o.t.Context(), session(p), change(inAcme))
		return err
	}
	defines := func(q people.RoleDefinition) act {
		return func(o *office, p uuid.UUID) error {
			_, err := o.DefineRole(o.t.Context(), session(p), q)
			return err
		}
	}
	rename := func(name string) act {
		return func(o *office, p uuid.UUID) error {
			_, err := o.RenameOrganization(o.t.Context(), session(p), people.OrganizationChange{Organization: "acme", Name: name})
			return err
		}
	}
	for name, test := range map[string]struct {
		one, other act
		said       string // of what happened, by either
	}{
		"both grant a role":         {grant(role(inLab, viewer)), grant(role(inLab, viewer)), "was granted viewer"},
		"each grants another role":  {grant(role(inLab, viewer)), grant(role(inLab, domain.Admin)), "was granted"},
		"both grant in acme":        {grant(role(inAcme, domain.Admin)), grant(role(inAcme, domain.Admin)), "was granted admin"},
		"one grants, one takes":     {grant(role(inLab, viewer)), revoke(role(inLab, domain.Member)), "account:" + eve.String()},
		"one grants, one removes":   {grant(role(inLab, viewer)), remove(change(inLab)), "account:" + eve.String()},
		"both remove":               {remove(change(inLab)), remove(change(inLab)), "was removed"},
		"one suspends, one removes": {suspend, remove(change(inAcme)), "account:" + eve.String()},
		"both suspend":              {suspend, suspend, "was suspended"},
		"both define a role":        {defines(define(domain.ReadWorkspace)), defines(define(domain.WriteRuns)), "the role r was defined"},
		"one defines, one deletes": {defines(define(domain.WriteRuns)), func(o *office, p uuid.UUID) error {
			_, err := o.DeleteRole(o.t.Context(), session(p), define())
			return err
		}, "the role r was de"},
		"both rename": {rename("A"), rename("B"), "it was renamed to"},
		"both put her into a team": {func(o *office, p uuid.UUID) error {
			_, err := o.AddTeamMember(o.t.Context(), session(p), team)
			return err
		}, func(o *office, p uuid.UUID) error {
			_, err := o.AddTeamMember(o.t.Context(), session(p), team)
			return err
		}, "was put into the team ml"},
		"both delete a team": {func(o *office, p uuid.UUID) error {
			_, err := o.DeleteTeam(o.t.Context(), session(p), team)
			return err
		}, func(o *office, p uuid.UUID) error {
			_, err := o.DeleteTeam(o.t.Context(), session(p), team)
			return err
		}, ""},
		"one deletes it, one puts in": {func(o *office, p uuid.UUID) error {
			_, err := o.DeleteTeam(o.t.Context(), session(p), team)
			return err
		}, func(o *office, p uuid.UUID) error {
			_, err := o.AddTeamMember(o.t.Context(), session(p), team)
			return err
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stores["memory"](t)
			o := village(t, s)
			o.grant(inAcme, bob, domain.Owner)
			o.grant(inAcme, eve, domain.Member)
			o.grant(inLab, eve, domain.Member)
			if _, err := o.DefineRole(t.Context(), session(ada), define(domain.ReadWorkspace, domain.WriteModels)); err != nil {
				t.Fatal(err)
			}
			if _, err := o.CreateTeam(t.Context(), session(ada), people.NewTeam{Organization: "acme", Team: "ml"}); err != nil {
				t.Fatal(err)
			}
			before := o.log()
			errs := atOnce([]*office{o, openOn(t, s)},
				func(o *office) error { return test.one(o, ada) }, func(o *office) error { return test.other(o, bob) })
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("%v and %v: want that one wins", errs[0], errs[1])
			}
			var no *domain.Error
			if !errors.As(errors.Join(errs...), &no) {
				t.Fatalf("the other one is told %v", errors.Join(errs...))
			}
			if test.said != "" && (no.Code != domain.RevisionConflict || no.Actual <= no.Expected || !strings.Contains(no.Message, test.said)) {
				t.Errorf("the other one is told %s from %d to %d: %s; want %q", no.Code, no.Expected, no.Actual, no.Message, test.said)
			}
			if o.log() != before+1 {
				t.Errorf("%d events were appended, want 1", o.log()-before)
			}
		})
	}
}

// Admins who change different people at once do not get into each other's way.
func TestManyAdminsChangeDifferentPeople(t *testing.T) {
	t.Parallel()
	s := stores["memory"](t)
	o := village(t, s)
	offices, acts := []*office{}, []func(*office) error{}
	for i := range 30 {
		who := uuid.UUID{14: 1, 15: byte(i)}
		o.register(who)
		offices = append(offices, openOn(t, s))
		acts = append(acts, func(o *office) error {
			_, err := o.GrantRole(t.Context(), session(ada), people.RoleChange{At: inLab, Member: domain.Person(who), Role: domain.Viewer})
			return err
		})
	}
	for i, err := range atOnce(offices, acts...) {
		if err != nil {
			t.Errorf("grant %d: %v", i, err)
		}
	}
	if n := len(o.events("workspace-lab")); n != 1+1+30 {
		t.Errorf("the workspace has %d events, want its creation, its founder and 30", n)
	}
}

// Whoever loses their rights while they ask is refused, as if they had come later.
func TestRightsAreThoseOfTheMoment(t *testing.T) {
	t.Parallel()
	s := stores["memory"](t)
	o := village(t, s)
	o.grant(inLab, bob, domain.Admin)
	// Given an admin who looked before he was removed, and acts after it.
	late := openOn(t, s)
	desk := *late.Desk
	desk.Commands = &together{late.Commands, sync.OnceFunc(func() {
		if _, err := o.RemoveMember(t.Context(), session(ada), people.MemberChange{At: inLab, Member: domain.Person(bob)}); err != nil {
			t.Error(err)
		}
	})}
	before := o.log()
	_, err := desk.GrantRole(t.Context(), session(bob), people.RoleChange{At: inLab, Member: domain.Person(eve), Role: domain.Viewer})
	refused(t, err, domain.NotFound, "workspace")
	if o.log() != before+1 {
		t.Error("what he asked for was done all the same")
	}
}

// What was changed since the caller saw it is not changed again, and the answer says by what.
func TestTheRevisionThatTheCallerSaw(t *testing.T) {
	t.Parallel()
	o := village(t, stores["memory"](t))
	o.grant(inLab, eve, domain.Viewer)
	seen := o.events("workspace-lab")[2].Revision
	o.grant(inLab, eve, domain.Admin)
	o.grant(inLab, bob, domain.Viewer)
	_, err := o.RemoveMember(t.Context(), session(ada), people.MemberChange{Ask: people.Ask{Since: &seen}, At: inLab, Member: domain.Person(eve)})
	var no *domain.Error
	if !errors.As(err, &no) || no.Code != domain.RevisionConflict || no.Expected != seen || no.Actual != seen+2 {
		t.Fatalf("it is answered %+v", err)
	}
	if want := fmt.Sprintf("account:%s was granted admin, by account:%s, at revision %d", eve, ada, seen+1); !strings.Contains(no.Message, want) {
		t.Errorf("it is told %q, want %q", no.Message, want)
	}
}
