package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/vault"
)

// A soakDesk makes people, beside the server and in its database: each is somebody's first day.
type soakDesk struct {
	*testServer
	registry
	desk *people.Desk
	keys *access.Keys
}

func newSoakDesk(t *testing.T, s *testServer, database string) *soakDesk {
	t.Helper()
	store, err := postgres.Open(t.Context(), database, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	sealer, err := vault.Open(filepath.Join(s.Dir, "vault"))
	if err != nil {
		t.Fatal(err)
	}
	rights := access.NewRights(store, nil, firstOrganization)
	commands := eventstore.New(store, eventstore.Config{})
	t.Cleanup(func() { _ = commands.Close(context.Background()) })
	desk := &people.Desk{Commands: rights.Watch(commands), Log: store, Lens: rights.Lens(), Rights: rights, Sealer: sealer, First: firstOrganization}
	return &soakDesk{s, newRegistry(store.Pool(), rights.Watch(commands), desk), desk, access.NewKeys(store.Pool(), nil)}
}

// key is the credential of a key.
func (d *soakDesk) key(t *testing.T, name string, of access.Principal, w access.Wish, sees map[string]bool) *soakPrincipal {
	t.Helper()
	text, _, err := d.keys.Create(t.Context(), of, w)
	if err != nil {
		t.Fatal(err)
	}
	return &soakPrincipal{name: name, header: "Authorization", value: "Bearer " + text, sees: sees}
}

// canaryOf is a word that is nowhere else; all are of one length.
func canaryOf(i int) string { return fmt.Sprintf("qzcanary%cx%cvqz", 'a'+i%26, 'a'+i/26) }

// ofPerson is what a signed-in person is to the desk.
func ofPerson(id uuid.UUID, own, workspace domain.Slug) access.Principal {
	return access.Principal{SessionID: "soak", Scopes: []access.Scope{access.Admin}, Account: id, Holder: domain.AccountGrantee, Organization: own, DefaultWorkspace: workspace}
}

// person registers somebody who owns three workspaces, of which one is their own, and those whom they let in: a service
// account, somebody who is in a team alone, and somebody with a role of their own making.
func (d *soakDesk) person(t *testing.T, h *soak, i int) {
	t.Helper()
	ctx := t.Context()
	name := fmt.Sprintf("person-%c", 'a'+i)
	canary := func(k int) string { return canaryOf(3*i + k) }
	self := d.registry.person(t, name)
	p := ofPerson(self.ID, domain.Slug(self.Organization), domain.Slug(self.DefaultWorkspace))
	roster := fmt.Sprintf("qzrosterx%cvqz", 'a'+i)
	team, err := d.desk.CreateOrganization(ctx, p, people.NewOrganization{Slug: domain.Slug("team-of-" + name), Name: "Team " + roster})
	if err != nil {
		t.Fatal(err)
	}
	d.roster(t, p, team.Slug, roster)
	h.rosters[string(team.Slug)] = roster
	more, err := d.desk.CreateWorkspace(ctx, p, people.NewWorkspace{
		Organization: team.Slug, Slug: domain.Slug("project-of-" + name), Name: "Project " + canary(2), Labels: map[string]string{"l" + canary(2): "v" + canary(2)}, Environment: domain.Environment("staging"),
	})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{roster: true}
	for k, slug := range []domain.Slug{p.DefaultWorkspace, team.Workspace, more.Slug} {
		org := team.Slug
		if k == 0 {
			org = p.Organization
		}
		h.places = append(h.places, &soakPlace{slug: string(slug), organization: string(org), canary: canary(k), roster: roster, project: k == 2})
		all[string(slug)] = true
	}
	h.principals = append(h.principals,
		d.key(t, "the owner "+name, p, access.Wish{Name: "owner", Kind: access.Personal, Scopes: []access.Scope{access.Admin}}, all),
		&soakPrincipal{name: "the session of the owner " + name, header: "Cookie", value: d.cookie(t, self.ID), sees: all})
	for k, scope := range []access.Scope{access.Admin, access.Read, access.IngestOnly} {
		slug := []domain.Slug{p.DefaultWorkspace, team.Workspace, more.Slug}[k]
		sees := map[string]bool{string(slug): true, roster: k > 0} // who does what in a workspace is said by its organization
		w := access.Wish{Name: "key " + canary(k), Kind: access.Personal, Scopes: []access.Scope{scope}, Workspace: slug}
		h.principals = append(h.principals, d.key(t, fmt.Sprintf("a key (%s) bound to %s", scope, slug), p, w, sees))
	}
	h.principals = append(h.principals, d.robot(t, p, team.Slug, more.Slug, roster), d.mate(t, p, team, roster), d.guest(t, p, more.Slug, canary(2), roster))
	if i == 0 {
		h.clerk = d.officer(t, p, team.Slug)
		stranger := d.registry.person(t, "a-stranger")
		h.principals = append(h.principals, d.key(t, "a stranger", ofPerson(stranger.ID, domain.Slug(stranger.Organization), domain.Slug(stranger.DefaultWorkspace)),
			access.Wish{Name: "stranger", Kind: access.Personal, Scopes: []access.Scope{access.Admin}}, map[string]bool{}))
	}
}

// robot is a service account that views a workspace.
func (d *soakDesk) robot(t *testing.T, p access.Principal, org, ws domain.Slug, roster string) *soakPrincipal {
	t.Helper()
	id, _, err := d.desk.CreateServiceAccount(t.Context(), p, people.NewServiceAccount{Organization: org, Name: "robot " + roster})
	if err != nil {
		t.Fatal(err)
	}
	grantee := domain.Grantee{Kind: domain.ServiceGrantee, ID: id.String()}
	if _, err := d.desk.GrantRole(t.Context(), p, people.RoleChange{At: people.Place{Workspace: ws}, Member: grantee, Role: domain.Viewer}); err != nil {
		t.Fatal(err)
	}
	self := access.Principal{SessionID: "soak", Scopes: []access.Scope{access.Admin}, Account: id, Holder: domain.ServiceGrantee, Organization: org, DefaultWorkspace: ws}
	return d.key(t, "a viewer of "+string(ws), self, access.Wish{Name: "robot", Kind: access.Service, Scopes: []access.Scope{access.Write}}, map[string]bool{string(ws): true, roster: true})
}

// mate is somebody who does something in a workspace by a team alone, and is signed in.
func (d *soakDesk) mate(t *testing.T, p access.Principal, org people.Organization, roster string) *soakPrincipal {
	t.Helper()
	self := d.registry.person(t, "mate-of-"+string(p.Organization))
	// Nobody is in an organization whom it does not know: who was invited and left the role is known from then on.
	grants := []people.RoleChange{
		{At: people.Place{Organization: org.Slug}, Member: domain.Person(self.ID), Role: domain.Member},
		{At: people.Place{Workspace: org.Workspace}, Member: domain.Grantee{Kind: domain.TeamGrantee, ID: "t-" + roster}, Role: domain.Member},
	}
	for _, g := range grants {
		if _, err := d.desk.GrantRole(t.Context(), p, g); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.desk.AddTeamMember(t.Context(), p, people.TeamChange{Organization: org.Slug, Team: "t-" + roster, Member: domain.Person(self.ID)}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.desk.RevokeRole(t.Context(), p, grants[0]); err != nil {
		t.Fatal(err)
	}
	return &soakPrincipal{name: "a session of the team of " + string(org.Slug), header: "Cookie", value: d.cookie(t, self.ID), sees: map[string]bool{string(org.Workspace): true, roster: true}}
}

// officer is a service account that views an organization, and none of its workspaces.
func (d *soakDesk) officer(t *testing.T, p access.Principal, org domain.Slug) *soakPrincipal {
	t.Helper()
	id, _, err := d.desk.CreateServiceAccount(t.Context(), p, people.NewServiceAccount{Organization: org, Name: "officer"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.desk.GrantRole(t.Context(), p, people.RoleChange{At: people.Place{Organization: org}, Member: domain.Grantee{Kind: domain.ServiceGrantee, ID: id.String()}, Role: domain.Member}); err != nil {
		t.Fatal(err)
	}
	self := access.Principal{SessionID: "soak", Scopes: []access.Scope{access.Admin}, Account: id, Holder: domain.ServiceGrantee, Organization: org, DefaultWorkspace: domain.DefaultSlug(org)}
	return d.key(t, "an officer of "+string(org), self, access.Wish{Name: "officer", Kind: access.Service, Scopes: []access.Scope{access.Write}}, nil)
}

// guest is somebody with a custom role, who asks by a program that was signed in through the browser.
func (d *soakDesk) guest(t *testing.T, p access.Principal, ws domain.Slug, canary, roster string) *soakPrincipal {
	t.Helper()
	about, at := "for guests "+canary, people.Place{Workspace: ws}
	if _, err := d.desk.DefineRole(t.Context(), p, people.RoleDefinition{At: at, Name: "g-" + canary, Description: &about, Permissions: []domain.Permission{domain.ReadWorkspace, domain.WriteArtifacts}}); err != nil {
		t.Fatal(err)
	}
	self := d.registry.person(t, "guest-of-"+string(p.Organization))
	if _, err := d.desk.GrantRole(t.Context(), p, people.RoleChange{At: at, Member: domain.Person(self.ID), Role: domain.RoleRef{Level: domain.WorkspaceLevel, Name: "g-" + canary}}); err != nil {
		t.Fatal(err)
	}
	key := deviceKey(t, d.URL, d.cookie(t, self.ID), "admin")
	return &soakPrincipal{name: "a program of a guest of " + string(ws), header: "Authorization", value: "Bearer " + key, sees: map[string]bool{string(ws): true, roster: true}}
}

// token is that of a run, which nothing else that is asked is about, so that it goes on.
func (d *soakDesk) token(t *testing.T, h *soak, p *soakPlace) *soakPrincipal {
	t.Helper()
	o, id := h.owner(p), "run-of-a-token"
	event := fmt.Sprintf(`{"id":%[1]q,"run":%[1]q,"pipeline":{"name":"train-%[2]s"},"at":"2026-03-04T12:00:00Z","body":{"type":"runStarted"}}`, id, p.canary)
	if status, body, _ := h.send(t, request{as: o, method: "POST", path: "/v1/workspaces/" + p.slug + "/events", body: event, typ: "application/x-ndjson"}); status != 200 {
		t.Fatalf("%s takes a run with %d %s", p.slug, status, body)
	}
	status, body, _ := h.send(t, request{as: o, method: "POST", path: "/v1/workspaces/" + p.slug + "/runs/" + url.PathEscape(id) + "/token"})
	var made struct{ Key string }
	decode(t, body, &made)
	if status != 201 || made.Key == "" {
		t.Fatalf("the token of a run in %s: %d %s", p.slug, status, body)
	}
	return &soakPrincipal{name: "the token of a run in " + p.slug, header: "Authorization", value: "Bearer " + made.Key, sees: map[string]bool{}, knows: p.slug}
}

// roster fills what an organization holds besides its workspaces.
func (d *soakDesk) roster(t *testing.T, p access.Principal, org domain.Slug, canary string) {
	t.Helper()
	ctx, at, about := t.Context(), people.Place{Organization: org}, "about "+canary
	if _, err := d.desk.CreateTeam(ctx, p, people.NewTeam{Organization: org, Team: "t-" + canary, Title: "Team " + canary, Description: &about}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.desk.DefineRole(ctx, p, people.RoleDefinition{At: at, Name: "r-" + canary, Description: &about, Permissions: []domain.Permission{domain.ReadWorkspace}}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.desk.Invite(ctx, p, people.NewInvitation{At: at, Roles: []domain.RoleRef{domain.Member}, Invited: "invited " + canary}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.desk.Invite(ctx, p, people.NewInvitation{At: people.Place{Workspace: domain.DefaultSlug(org)}, Roles: []domain.RoleRef{domain.Member}, Invited: "invited " + canary}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.desk.DescribeOrganization(ctx, p, people.OrganizationChange{Organization: org, Description: &about}); err != nil {
		t.Fatal(err)
	}
}
