package access_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
)

// people are the cast of these tests.
var (
	founder = uuid.UUID{15: 1}
	ada     = uuid.UUID{15: 2}
	ben     = uuid.UUID{15: 3}
	robot   = uuid.UUID{15: 4}
)

// town is an organization with a workspace, and two servers over one log.
type town struct {
	t        *testing.T
	store    eventstore.Store
	commands eventstore.Commander // of the first server
	here     *access.Rights
	there    *access.Rights // the other server's: it only hears of changes by looking
	when     time.Time      // that what is done happens; zero: now
}

func newTown(t *testing.T) *town {
	t.Helper()
	store := memory.New()
	x := eventstore.New(store, eventstore.Config{})
	t.Cleanup(func() { _ = x.Close(context.Background()); _ = store.Close() })
	w := &town{t: t, store: store, here: access.NewRights(store, nil, "acme"), there: access.NewRights(store, nil, "acme")}
	w.commands = w.here.Watch(x)
	w.do(domain.OrganizationStream("acme"), domain.CreateOrganization{Slug: "acme", Name: "Acme", Owner: founder})
	w.do(domain.WorkspaceStream("fraud"), domain.CreateWorkspace{Slug: "fraud", Name: "Fraud", Organization: "acme", Owner: founder})
	return w
}

func (w *town) do(stream domain.Stream, c domain.Command) {
	w.t.Helper()
	if _, err := w.commands.Execute(w.t.Context(), eventstore.Request{Stream: stream, Meta: domain.Meta{Actor: domain.Actor{Kind: "test", ID: "test"}}, OccurredAt: w.now(), Command: c}); err != nil {
		w.t.Fatalf("%T: %v", c, err)
	}
}

func (w *town) now() time.Time {
	if w.when.IsZero() {
		return time.Now()
	}
	return w.when
}

var all = domain.Asker{Who: domain.Person(founder), Holds: domain.SetOf(domain.Permissions(domain.OrganizationLevel)...)}

func (w *town) grantHere(g domain.Grantee, role domain.RoleRef, permits ...domain.Permission) {
	w.do(domain.WorkspaceStream("fraud"), domain.GrantRole{Member: g, Role: role, Permits: permits, By: all})
}

func (w *town) grantInOrganization(g domain.Grantee, role domain.RoleRef) {
	w.do(domain.OrganizationStream("acme"), domain.GrantRole{At: domain.Place{Organization: "acme"}, Member: g, Role: role, By: all})
}

func TestRightsInAWorkspace(t *testing.T) {
	t.Parallel()
	service := domain.Grantee{Kind: domain.ServiceGrantee, ID: robot.String()}
	acme := domain.Place{Organization: "acme"}
	for name, tt := range map[string]struct {
		given func(w *town)
		who   domain.Grantee
		has   []domain.Permission
		not   []domain.Permission
	}{
		"the founder owns it": {func(*town) {}, domain.Person(founder), []domain.Permission{domain.ReadWorkspace, domain.DeleteWorkspaces, domain.ManageOwners}, []domain.Permission{domain.ReadOrganization}},
		"an outsider":         {func(*town) {}, domain.Person(ada), nil, domain.Permissions(domain.OrganizationLevel)},
		"a viewer":            {func(w *town) { w.grantHere(domain.Person(ada), domain.Viewer) }, domain.Person(ada), []domain.Permission{domain.ReadWorkspace}, []domain.Permission{domain.IngestEvents, domain.WriteRuns}},
		"a member":            {func(w *town) { w.grantHere(domain.Person(ada), domain.Member) }, domain.Person(ada), []domain.Permission{domain.ReadWorkspace, domain.WriteRuns}, []domain.Permission{domain.ConfigureWorkspace, domain.ManageSecrets}},
		"an admin":            {func(w *town) { w.grantHere(domain.Person(ada), domain.Admin) }, domain.Person(ada), []domain.Permission{domain.ManageSecrets, domain.ManageMembers, domain.ManageRoles}, []domain.Permission{domain.DeleteWorkspaces, domain.ManageOwners}},
		"a member of the organization sees none of its workspaces": {func(w *town) { w.grantInOrganization(domain.Person(ada), domain.Member) }, domain.Person(ada), nil, []domain.Permission{domain.ReadWorkspace}},
		"an admin of the organization":                             {func(w *town) { w.grantInOrganization(domain.Person(ada), domain.Admin) }, domain.Person(ada), []domain.Permission{domain.ManageSecrets}, []domain.Permission{domain.DeleteWorkspaces, domain.CreateWorkspaces}},
		"by a team": {func(w *town) {
			w.do(domain.OrganizationStream("acme"), domain.CreateTeam{At: acme, Team: "ml", By: all})
			w.do(domain.OrganizationStream("acme"), domain.MoveTeamMember{At: acme, Team: "ml", Member: domain.Person(ada), By: all})
			w.grantHere(domain.Grantee{Kind: domain.TeamGrantee, ID: "ml"}, domain.Member)
		}, domain.Person(ada), []domain.Permission{domain.WriteRuns}, nil},
		"by a team that was deleted": {func(w *town) {
			w.do(domain.OrganizationStream("acme"), domain.CreateTeam{At: acme, Team: "ml", By: all})
			w.do(domain.OrganizationStream("acme"), domain.MoveTeamMember{At: acme, Team: "ml", Member: domain.Person(ada), By: all})
			w.grantHere(domain.Grantee{Kind: domain.TeamGrantee, ID: "ml"}, domain.Member)
			w.do(domain.OrganizationStream("acme"), domain.DeleteTeam{At: acme, Team: "ml", By: all})
		}, domain.Person(ada), nil, []domain.Permission{domain.ReadWorkspace}},
		"a custom role of the organization": {func(w *town) {
			w.do(domain.OrganizationStream("acme"), domain.DefineRole{At: acme, Name: "steward", Permissions: []domain.Permission{domain.ReadWorkspace, domain.WriteArtifacts, domain.CreateWorkspaces}, By: all})
			w.grantHere(domain.Person(ada), domain.RoleRef{Level: domain.OrganizationLevel, Name: "steward"}, domain.ReadWorkspace, domain.WriteArtifacts)
		}, domain.Person(ada), []domain.Permission{domain.ReadWorkspace, domain.WriteArtifacts}, []domain.Permission{domain.WriteRuns, domain.CreateWorkspaces}},
		"suspended": {func(w *town) {
			w.grantHere(domain.Person(ada), domain.Admin)
			w.grantInOrganization(domain.Person(ada), domain.Member)
			w.do(domain.OrganizationStream("acme"), domain.SuspendMember{At: acme, Member: domain.Person(ada), By: all})
		}, domain.Person(ada), nil, []domain.Permission{domain.ReadWorkspace}},
		"a service account": {func(w *town) {
			w.do(domain.OrganizationStream("acme"), domain.CreateServiceAccount{At: acme, Account: robot, Name: "ci", By: all})
			w.grantHere(service, domain.Member)
		}, service, []domain.Permission{domain.IngestEvents}, nil},
		"a service account of nobody": {func(w *town) { w.grantHere(service, domain.Member) }, service, nil, []domain.Permission{domain.ReadWorkspace}},
		"a service account that ended": {func(w *town) {
			w.do(domain.OrganizationStream("acme"), domain.CreateServiceAccount{At: acme, Account: robot, Name: "ci", By: all})
			w.grantHere(service, domain.Member)
			w.do(domain.OrganizationStream("acme"), domain.DeleteServiceAccount{At: acme, Account: robot, By: all})
		}, service, nil, []domain.Permission{domain.ReadWorkspace}},
		"a deleted workspace is read by owners": {func(w *town) { w.do(domain.WorkspaceStream("fraud"), domain.DeleteWorkspace{}) }, domain.Person(founder), []domain.Permission{domain.ReadWorkspace}, nil},
		"a deleted workspace is told of to members, and read by none": {func(w *town) {
			w.grantHere(domain.Person(ada), domain.Member)
			w.do(domain.WorkspaceStream("fraud"), domain.DeleteWorkspace{})
		}, domain.Person(ada), []domain.Permission{domain.IngestEvents}, []domain.Permission{domain.ReadWorkspace}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			tt.given(w)
			a, err := w.here.Workspace(t.Context(), tt.who, "fraud")
			if err != nil || !a.Exists || a.Organization != "acme" {
				t.Fatalf("the workspace is %+v, %v", a, err)
			}
			if missing := a.Holds.Missing(tt.has); len(missing) > 0 {
				t.Errorf("lacks %v; it holds %v", missing, a.Holds.List())
			}
			for _, p := range tt.not {
				if a.Holds.Has(p) {
					t.Errorf("holds %s", p)
				}
			}
		})
	}
}

func TestRightsWhereThereIsNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, slug := range []domain.Slug{"none", "-", "", "organization/acme"} {
		if a, err := w.here.Workspace(t.Context(), domain.Person(founder), slug); err != nil || a.Exists || len(a.Holds) > 0 {
			t.Errorf("%q is %+v, %v", slug, a, err)
		}
	}
	if a, err := w.here.Organization(t.Context(), domain.Person(founder), "none"); err != nil || a.Exists {
		t.Errorf("organization none is %+v, %v", a, err)
	}
}

// What is changed through a server counts there with the next question; on another one within staleAfter.
func TestRightsAreTakenAway(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.grantHere(domain.Person(ada), domain.Member)
	who := access.Principal{Account: ada, Scopes: []access.Scope{access.Admin}}
	for i := range 200 {
		role := domain.RoleRef{Name: []string{"member", "admin"}[i%2]}
		other := domain.RoleRef{Name: []string{"admin", "member"}[i%2]}
		w.grantHere(domain.Person(ada), other)
		w.do(domain.WorkspaceStream("fraud"), domain.RevokeRole{Member: domain.Person(ada), Role: role, By: all})
		holds, err := w.here.Holds(t.Context(), who, "fraud")
		if err != nil || holds.Has(domain.ManageMembers) != (other == domain.Admin) || !holds.Has(domain.ReadWorkspace) {
			t.Fatalf("after change %d they hold %v, %v", i, holds.List(), err)
		}
	}
	if may, err := w.there.May(t.Context(), who, "fraud", domain.ReadWorkspace); err != nil || !may {
		t.Fatalf("on the other server they may read: %t, %v", may, err)
	}
	w.do(domain.WorkspaceStream("fraud"), domain.RemoveMember{Member: domain.Person(ada), By: all})
	began := time.Now()
	for {
		may, err := w.there.May(t.Context(), who, "fraud", domain.ReadWorkspace)
		if err != nil {
			t.Fatal(err)
		}
		if !may {
			return
		}
		if time.Since(began) > 10*time.Second { // how soon it is, the benchmark of rights says
			t.Fatal("the other server never hears of it")
		}
	}
}

// A credential gives no more than its holder has, nor more than it was made for, nor anything elsewhere.
func TestRightsOfCredentials(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.do(domain.WorkspaceStream("ranking"), domain.CreateWorkspace{Slug: "ranking", Name: "Ranking", Organization: "acme", Owner: ben})
	w.grantHere(domain.Person(ada), domain.Viewer)
	admin := []access.Scope{access.Admin}
	for name, tt := range map[string]struct {
		given access.Principal
		ws    domain.Slug
		want  string
	}{
		"all of a viewer":             {access.Principal{Account: ada, Scopes: admin}, "fraud", "[workspace:read]"},
		"to ingest, of a viewer":      {access.Principal{Account: ada, Scopes: []access.Scope{access.IngestOnly}}, "fraud", "[]"},
		"to read, of an owner":        {access.Principal{Account: founder, Scopes: []access.Scope{access.Read}}, "fraud", "[workspace:read history:export]"},
		"bound elsewhere":             {access.Principal{Account: founder, Scopes: admin, Workspace: "ranking"}, "fraud", "[]"},
		"of another workspace's":      {access.Principal{Account: ben, Scopes: admin}, "fraud", "[]"},
		"nobody's":                    {access.Principal{Scopes: admin}, "fraud", "[]"},
		"a scope that does not exist": {access.Principal{Account: founder, Scopes: []access.Scope{"root"}}, "fraud", "[]"},
	} {
		holds, err := w.here.Holds(t.Context(), tt.given, tt.ws)
		if got := fmt.Sprint(holds.List()); err != nil || got != tt.want {
			t.Errorf("%s: holds %s, %v; want %s", name, got, err, tt.want)
		}
	}
	for name, tt := range map[string]struct {
		given access.Principal
		want  bool
	}{
		"the founder":      {access.Principal{Account: founder, Scopes: admin}, true},
		"bound":            {access.Principal{Account: founder, Scopes: admin, Workspace: "fraud"}, false},
		"by a lesser key":  {access.Principal{Account: founder, Scopes: []access.Scope{access.Write}}, false},
		"an owner of less": {access.Principal{Account: ben, Scopes: admin}, false},
	} {
		if got, err := w.here.Operator(t.Context(), tt.given); err != nil || got != tt.want {
			t.Errorf("%s operates the server: %t, %v", name, got, err)
		}
	}
}

func BenchmarkRights(b *testing.B) {
	store := memory.New()
	x := eventstore.New(store, eventstore.Config{})
	b.Cleanup(func() { _ = x.Close(context.Background()); _ = store.Close() })
	rights := access.NewRights(store, nil, "acme")
	for stream, c := range map[domain.Stream]domain.Command{
		domain.OrganizationStream("acme"): domain.CreateOrganization{Slug: "acme", Name: "Acme", Owner: founder},
		domain.WorkspaceStream("fraud"):   domain.CreateWorkspace{Slug: "fraud", Name: "Fraud", Organization: "acme", Owner: founder},
	} {
		if _, err := x.Execute(b.Context(), eventstore.Request{Stream: stream, OccurredAt: time.Now(), Command: c}); err != nil {
			b.Fatal(err)
		}
	}
	who := access.Principal{Account: founder, Scopes: []access.Scope{access.Admin}}
	for b.Loop() {
		if may, err := rights.May(b.Context(), who, "fraud", domain.ReadWorkspace); err != nil || !may {
			b.Fatal(may, err)
		}
	}
}
