package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/vault"
)

// The workspaces that are asked about. Their slugs are equally long, so that answers about them can be told apart by
// nothing but what they say.
const (
	ownWorkspace     = "own-mx-1"
	foreignWorkspace = "far-mx-1"
	deletedWorkspace = "end-mx-1"
	missingWorkspace = "non-mx-1"
)

// theirs says which organization the workspaces belong to; a missing workspace belongs to a missing one.
var theirs = map[string]string{ownWorkspace: "acme-mx", deletedWorkspace: "acme-mx", foreignWorkspace: "riva-mx", missingWorkspace: "none-mx"}

// matrixWorld is a server with the workspaces, and the cast with their keys.
type matrixWorld struct {
	*testServer
	cast []*actor
}

// newMatrixWorld writes into the log what the roles are, as another server would: this one hears of nothing.
func newMatrixWorld(t *testing.T) *matrixWorld {
	t.Helper()
	database := pgtest.URL(t)
	w := &matrixWorld{testServer: startServerIn(t, pgtest.Dir(t), database, func(stop func()) { t.Cleanup(stop) }), cast: actors()}
	sealer, err := vault.Open(filepath.Join(w.Dir, "vault"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := postgres.Open(t.Context(), database, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	pool, err := pgxpool.New(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	x := eventstore.New(store, eventstore.Config{})
	defer x.Close(context.Background())
	rights := access.NewRights(store, nil, firstOrganization)
	desk := &people.Desk{Commands: x, Log: store, Lens: rights.Lens(), Rights: rights, Sealer: sealer, First: firstOrganization}
	b := &matrixBuilder{t: t, server: w.URL, x: x, keys: access.NewKeys(pool, nil), registry: newRegistry(pool, x, desk)}
	b.build(w.cast)
	w.waitFor(t, ownWorkspace, w.cast)
	return w
}

type matrixBuilder struct {
	registry
	t      *testing.T
	server string
	x      *eventstore.Executor
	keys   *access.Keys
}

func (b *matrixBuilder) do(stream domain.Stream, c domain.Command) {
	b.t.Helper()
	_, err := b.x.Execute(b.t.Context(), eventstore.Request{Stream: stream, OccurredAt: time.Now(), Meta: domain.Meta{Actor: domain.Actor{Kind: "test", ID: "matrix"}}, Command: c})
	if err != nil {
		b.t.Fatalf("%T in %s: %v", c, stream, err)
	}
}

// build makes organizations, workspaces, roles and keys.
func (b *matrixBuilder) build(cast []*actor) {
	b.t.Helper()
	founder, stranger := uuid.UUID{0: 1}, uuid.UUID{0: 2}
	acme := domain.OrganizationStream("acme-mx")
	place := domain.Place{Organization: "acme-mx"}
	by := domain.Asker{Who: domain.Person(founder), Holds: domain.SetOf(domain.Permissions(domain.OrganizationLevel)...)}
	b.do(acme, domain.CreateOrganization{Slug: "acme-mx", Name: "Acme", Owner: founder})
	b.do(domain.OrganizationStream("riva-mx"), domain.CreateOrganization{Slug: "riva-mx", Name: "Rival", Owner: stranger})
	b.do(acme, domain.CreateTeam{At: place, Team: "ml", By: by})
	accounts := map[string]uuid.UUID{}
	for i, a := range cast {
		accounts[a.name] = uuid.UUID{0: 9, 15: byte(i)}
	}
	for name, slug := range map[string]string{"session": "browser-mx", "program signed in by a device code": "program-mx"} {
		accounts[name] = b.person(b.t, slug).ID
	}
	accounts["key to read"], accounts["key to ingest"], accounts["run token"] = founder, founder, founder
	grantee := func(name string) domain.Grantee {
		g := domain.Person(accounts[name])
		if name == "service account" {
			g.Kind = domain.ServiceGrantee
		}
		return g
	}
	b.do(acme, domain.CreateServiceAccount{At: place, Account: accounts["service account"], Name: "ci", By: by})
	b.do(acme, domain.MoveTeamMember{At: place, Team: "ml", Member: grantee("team member"), By: by})
	for name, role := range map[string]domain.RoleRef{"organization member": domain.Member, "organization admin": domain.Admin, "organization owner": domain.Owner, "suspended": domain.Admin} {
		b.do(acme, domain.GrantRole{At: place, Member: grantee(name), Role: role, By: by})
	}
	b.do(acme, domain.SuspendMember{At: place, Member: grantee("suspended"), By: by})
	for slug, organization := range theirs {
		if slug == missingWorkspace {
			continue
		}
		stream, owner := domain.WorkspaceStream(domain.Slug(slug)), founder
		if slug == foreignWorkspace {
			owner = stranger
		}
		b.do(stream, domain.CreateWorkspace{Slug: domain.Slug(slug), Name: "Canary of " + slug, Organization: domain.Slug(organization), Owner: owner})
		b.do(stream, domain.MoveRun{RunReported: domain.RunReported{Phase: domain.Started, Run: domain.RunRef{ID: "r1"}, Pipeline: &domain.Name{Name: "p"}}})
		if slug == foreignWorkspace {
			continue
		}
		b.do(stream, domain.DefineRole{Name: "steward", Permissions: []domain.Permission{domain.ReadWorkspace, domain.WriteArtifacts}, By: by})
		for name, role := range map[string]domain.RoleRef{
			"viewer": domain.Viewer, "member": domain.Member, "session": domain.Member, "program signed in by a device code": domain.Member, "admin": domain.Admin, "owner": domain.Owner, "service account": domain.Member, "revoked": domain.Owner, "expired": domain.Owner,
			"custom role": {Level: domain.WorkspaceLevel, Name: "steward"}, "suspended": domain.Admin,
		} {
			b.do(stream, domain.GrantRole{Member: grantee(name), Role: role, By: by})
		}
		b.do(stream, domain.GrantRole{Member: domain.Grantee{Kind: domain.TeamGrantee, ID: "ml"}, Role: domain.Member, By: by})
	}
	b.do(domain.WorkspaceStream(deletedWorkspace), domain.MoveRun{RunReported: domain.RunReported{Phase: domain.Succeeded, Run: domain.RunRef{ID: "r1"}}})
	b.do(domain.WorkspaceStream(deletedWorkspace), domain.DeleteWorkspace{})
	for _, a := range cast {
		if a.name != "anonymous" {
			a.key = b.key(a, accounts[a.name], grantee(a.name).Kind)
		}
	}
}

// key makes a credential for everything, but where the actor's name says what it is for.
func (b *matrixBuilder) key(a *actor, account uuid.UUID, holder domain.GranteeKind) string {
	b.t.Helper()
	scope := access.Admin
	switch a.name {
	case "session":
		return b.cookie(b.t, account)
	case "program signed in by a device code":
		return deviceKey(b.t, b.server, b.cookie(b.t, account), "admin")
	case "key to read":
		scope = access.Read
	case "key to ingest":
		scope = access.IngestOnly
	}
	text, _, err := access.Mint(access.Service, rand.Reader)
	if err != nil {
		b.t.Fatal(err)
	}
	if a.name == "run token" {
		maker := access.Principal{KeyID: "matrix", Account: account, Holder: holder, Scopes: []access.Scope{access.Admin}, Organization: "acme-mx"}
		text, _, err := b.keys.RunToken(b.t.Context(), maker, ownWorkspace, domain.RunRef{ID: "r1"}, 0)
		if err != nil {
			b.t.Fatal(err)
		}
		return text
	}
	maker := access.Principal{KeyID: "matrix", Account: account, Holder: holder, Scopes: []access.Scope{access.Admin}, Organization: "acme-mx", DefaultWorkspace: missingWorkspace}
	wish := access.Wish{Name: a.name, Scopes: []access.Scope{scope}}
	keys := b.keys
	if a.name == "expired" {
		wish.Life = time.Nanosecond
	}
	record, err := keys.Adopt(b.t.Context(), maker, wish, text)
	if err != nil {
		b.t.Fatal(err)
	}
	if a.name == "revoked" {
		if _, err := keys.Revoke(b.t.Context(), maker, record.ID); err != nil {
			b.t.Fatal(err)
		}
	}
	return text
}

// waitFor waits until everybody who may read a workspace is shown it whole.
func (w *matrixWorld) waitFor(t *testing.T, slug string, cast []*actor) {
	t.Helper()
	for _, a := range cast {
		if a.name != "organization owner" {
			continue
		}
		for _, slug := range []string{slug, deletedWorkspace} {
			_, answer, _ := w.call(t, "POST", "/graphql", a.key, string(rawJSON(map[string]string{"query": fmt.Sprintf(`{ workspace(slug: %q, atLeast: 1, timeoutMs: 10000) { id } }`, slug)})), "Content-Type", "application/json")
			var got struct{ Errors []graphqlError }
			decode(t, answer, &got)
			if len(got.Errors) > 0 && got.Errors[0].Extensions.Code == "CONSISTENCY_TIMEOUT" {
				t.Fatalf("%s is not shown: %s", slug, answer)
			}
		}
	}
}
