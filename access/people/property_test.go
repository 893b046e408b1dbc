package people_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
)

// A plot is a few people, a machine and two teams, who change each other's rights in an organization and two of its
// workspaces through the desk, by whatever right they have at that moment.
type plot struct {
	*rapid.T
	o       *office
	who     []domain.Grantee
	places  []people.Place
	robot   uuid.UUID
	pending []pending
	// defined is what those held together who said what a custom role permits, when they said it.
	defined map[string]domain.PermissionSet
}

// A pending invitation, and what whoever invited held there when they did.
type pending struct {
	at    people.Place
	token string
	roles []domain.RoleRef
	held  domain.PermissionSet
}

var inPlant = people.Place{Workspace: "plant"}

// No sequence of commands gives anybody a right that was not given by somebody who held it and may give it, and every
// place keeps an owner who can act.
func TestNobodyComesToARightThatNobodyGave(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := begin(t, rt)
		defer p.o.store.Close()
		for range rapid.IntRange(1, 40).Draw(rt, "commands") {
			p.step()
		}
	})
}

// begin founds the organization. Its desk is that of a test; what it is built of ends with the sequence.
func begin(t *testing.T, rt *rapid.T) *plot {
	s := memory.New()
	x := eventstore.New(s, eventstore.Config{})
	rt.Cleanup(func() {
		if err := x.Close(context.Background()); err != nil {
			rt.Fatalf("close the executor: %v", err)
		}
	})
	rights := access.NewRights(s, nil, "personal")
	p := &plot{T: rt, places: []people.Place{inAcme, inLab, inPlant}, defined: map[string]domain.PermissionSet{}}
	p.o = &office{t: t, store: s, Desk: &people.Desk{
		Commands: rights.Watch(x), Log: s, Lens: rights.Lens(), Rights: rights, Sealer: plain{}, Organizations: found{s}, First: "personal", Now: func() time.Time { return noon },
	}}
	p.o.register(ada, bob, eve, mel)
	p.o.acme()
	for _, slug := range []domain.Slug{"lab", "plant"} {
		if _, err := p.o.CreateWorkspace(t.Context(), session(ada), people.NewWorkspace{Organization: "acme", Slug: slug}); err != nil {
			rt.Fatal(err)
		}
	}
	var err error
	if p.robot, _, err = p.o.CreateServiceAccount(t.Context(), session(ada), people.NewServiceAccount{Organization: "acme", Name: "Robot"}); err != nil {
		rt.Fatal(err)
	}
	for _, name := range []string{"red", "blue"} {
		if _, err := p.o.CreateTeam(t.Context(), session(ada), people.NewTeam{Organization: "acme", Team: name}); err != nil {
			rt.Fatal(err)
		}
	}
	p.who = []domain.Grantee{domain.Person(ada), domain.Person(bob), domain.Person(eve), domain.Person(mel), {Kind: domain.ServiceGrantee, ID: p.robot.String()}}
	// One besides the owner can act from the start.
	at := rapid.SampledFrom(p.places).Draw(rt, "where bob begins")
	p.o.grant(at, bob, rapid.SampledFrom([]domain.RoleRef{domain.Member, domain.Admin, domain.Owner}).Draw(rt, "as what"))
	return p
}

// principal is how somebody comes: with a session, or with a key of some scope.
func (p *plot) principal(g domain.Grantee) access.Principal {
	id, _ := uuid.Parse(g.ID)
	q := access.Principal{KeyID: "k", Holder: g.Kind, Account: id, Scopes: []access.Scope{access.Admin}}
	q.Scopes[0] = rapid.SampledFrom([]access.Scope{access.Admin, access.Admin, access.Admin, access.Write, access.Read}).Draw(p.T, "scope")
	if rapid.IntRange(0, 9).Draw(p.T, "bound") == 0 {
		q.Workspace = "lab"
	}
	return q
}

// held is what everybody may do everywhere, by the log alone.
func (p *plot) held() map[string]domain.PermissionSet {
	out := map[string]domain.PermissionSet{}
	for _, at := range p.places {
		for _, g := range p.who {
			out[at.String()+" "+g.String()] = p.o.may(at, g)
		}
	}
	return out
}

// step has somebody do something, and looks at what came of it.
func (p *plot) step() {
	who := rapid.SampledFrom(p.who).Draw(p.T, "who")
	whom := rapid.SampledFrom(append(slices.Clone(p.who), domain.Grantee{Kind: domain.TeamGrantee, ID: "red"}, domain.Grantee{Kind: domain.TeamGrantee, ID: "blue"})).Draw(p.T, "whom")
	at := rapid.SampledFrom(p.places).Draw(p.T, "place")
	role := rapid.SampledFrom([]domain.RoleRef{
		domain.Viewer, domain.Member, domain.Admin, domain.Owner, {Level: domain.WorkspaceLevel, Name: "a"}, {Level: domain.OrganizationLevel, Name: "a"},
	}).Draw(p.T, "role")
	team := rapid.SampledFrom([]string{"red", "blue"}).Draw(p.T, "team")
	as := p.principal(who)
	before, had := p.held(), map[string]domain.PermissionSet{}
	for _, at := range p.places {
		holds, read := p.o.Rights.HoldsIn, at.Organization
		if at.Workspace != "" {
			holds, read = p.o.Rights.Holds, at.Workspace
		}
		set, err := holds(p.o.t.Context(), as, read)
		if err != nil {
			p.Fatal(err)
		}
		had[at.String()] = set
	}
	did, allowed, err := p.act(as, whom, at, role, team, had)
	if allowed == nil {
		allowed = func(at people.Place, perm domain.Permission) bool { return had[at.String()].Has(perm) }
	}
	after := p.held()
	for _, at := range p.places {
		for _, g := range p.who {
			key := at.String() + " " + g.String()
			for _, perm := range after[key].List() {
				if !before[key].Has(perm) && !allowed(at, perm) {
					p.Fatalf("%s, who may %v, did %s (%v): now %s may %s in %s", who, had[at.String()].List(), did, err, g, perm, at)
				}
			}
		}
		if !slices.ContainsFunc(p.who, func(g domain.Grantee) bool { return after[at.String()+" "+g.String()].Has(owners(at)) }) {
			p.Fatalf("%s did %s (%v): %s has no owner who can act", who, did, err, at)
		}
	}
}

func owners(at people.Place) domain.Permission {
	if at.Organization != "" {
		return domain.ManageOrganizationOwners
	}
	return domain.ManageOwners
}

// act carries out a command. Where it answers what is allowed, that says which rights may be new; else it is what the
// one who asked had there.
func (p *plot) act(as access.Principal, whom domain.Grantee, at people.Place, role domain.RoleRef, team string, had map[string]domain.PermissionSet) (did string, allowed func(people.Place, domain.Permission) bool, err error) {
	ctx, o := p.o.t.Context(), p.o
	switch kind := rapid.IntRange(0, 13).Draw(p.T, "kind"); kind {
	case 0, 1, 2:
		_, err = o.GrantRole(ctx, as, people.RoleChange{At: at, Member: whom, Role: role})
		return fmt.Sprintf("grant %s of %s to %s", role, at, whom), nil, err
	case 3:
		_, err = o.RevokeRole(ctx, as, people.RoleChange{At: at, Member: whom, Role: role})
		return fmt.Sprintf("revoke %s of %s from %s", role, at, whom), nil, err
	case 4:
		_, err = o.RemoveMember(ctx, as, people.MemberChange{At: at, Member: whom})
		return fmt.Sprintf("remove %s from %s", whom, at), nil, err
	case 5:
		_, err = o.Leave(ctx, as, people.Ask{}, at)
		return "leave " + at.String(), nil, err
	case 6:
		_, err = o.SuspendMember(ctx, as, people.MemberChange{At: at, Member: whom})
		return "suspend " + whom.String(), nil, err
	case 7:
		_, err = o.ReinstateMember(ctx, as, people.MemberChange{At: at, Member: whom})
		// They have again what they were given, if whoever ends the suspension may.
		return "reinstate " + whom.String(), p.by(err, had, domain.ManageOrganizationMembers), err
	case 8, 9:
		choice := rapid.SliceOfN(rapid.SampledFrom(domain.Permissions(domain.OrganizationLevel)), 1, 4).Draw(p.T, "permissions")
		_, err = o.DefineRole(ctx, as, people.RoleDefinition{At: at, Name: "a", Permissions: choice})
		if err == nil {
			p.defined[at.String()] = had[at.String()]
		}
		return fmt.Sprintf("define a of %s as %v", at, choice), nil, err
	case 10:
		_, err = o.DeleteRole(ctx, as, people.RoleDefinition{At: at, Name: "a"})
		return "delete a of " + at.String(), nil, err
	case 11:
		q := people.TeamChange{Organization: "acme", Team: team, Member: whom}
		if rapid.Bool().Draw(p.T, "out") {
			_, err = o.RemoveTeamMember(ctx, as, q)
			return fmt.Sprintf("take %s out of %s", whom, team), nil, err
		}
		_, err = o.AddTeamMember(ctx, as, q)
		// Whoever manages teams hands on what the team was given.
		return fmt.Sprintf("put %s into %s", whom, team), p.by(err, had, domain.ManageTeams), err
	case 12:
		made, err := o.Invite(ctx, as, people.NewInvitation{At: at, Roles: []domain.RoleRef{role}})
		if err == nil {
			p.pending = append(p.pending, pending{at, made.Token, []domain.RoleRef{role}, had[at.String()]})
		}
		return fmt.Sprintf("invite to %s as %s", at, role), nil, err
	}
	if len(p.pending) == 0 {
		return "nothing", nil, nil
	}
	i := rapid.IntRange(0, len(p.pending)-1).Draw(p.T, "invitation")
	_, _, err = o.AcceptInvitation(ctx, as, people.Ask{}, p.pending[i].token)
	offered := p.pending[i]
	return fmt.Sprintf("accept %s of %s", offered.roles[0], offered.at), func(at people.Place, perm domain.Permission) bool {
		if err != nil || offered.at.Workspace != "" && at != offered.at {
			return false
		}
		if offered.held.Has(perm) {
			return true
		}
		// A custom role permits what it was said to permit last, by somebody who held that.
		switch role := offered.roles[0]; role.Level {
		case domain.WorkspaceLevel:
			return p.defined[at.String()].Has(perm)
		case domain.OrganizationLevel:
			return p.defined[inAcme.String()].Has(perm)
		}
		return false
	}, err
}

// by allows everything that was done by somebody who held a permission in the organization.
func (p *plot) by(err error, had map[string]domain.PermissionSet, needs domain.Permission) func(people.Place, domain.Permission) bool {
	return func(people.Place, domain.Permission) bool { return err == nil && had[inAcme.String()].Has(needs) }
}
