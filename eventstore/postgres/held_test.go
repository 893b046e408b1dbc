package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/eventstoretest"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
	walls "github.com/annals-io/annals/schema/postgres"
)

// held is a migrated log behind the wall, as a role that policies hold: nobody gave it BYPASSRLS. other is one more role
// that may read everything, and for whom no policy was made; admin is a superuser.
func held(t testing.TB) (server, other string, admin *pgxpool.Pool) {
	t.Helper()
	address := pgtest.URL(t)
	admin = pgtest.Connect(t, address)
	var database string
	if err := admin.QueryRow(t.Context(), `SELECT current_database()`).Scan(&database); err != nil {
		t.Fatal(err)
	}
	as := func(kind string) string {
		role := kind + "_" + database
		if _, err := admin.Exec(t.Context(), `CREATE ROLE `+role+` LOGIN PASSWORD 'pw' NOBYPASSRLS; GRANT CONNECT ON DATABASE `+database+` TO `+role); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_, _ = admin.Exec(context.Background(), `DROP OWNED BY `+role)
			_, _ = admin.Exec(context.Background(), `DROP ROLE `+role)
		})
		if err := postgres.Migrate(t.Context(), address, role); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(role, "pw")
		return u.String()
	}
	server, other = as("held"), as("other")
	for _, script := range []string{walls.Roles, walls.Tools, walls.Places, `SELECT log.surround(t, 'held_` + database + `') FROM log.places()`} {
		if _, err := admin.Exec(t.Context(), script); err != nil {
			t.Fatal(err)
		}
	}
	return server, other, admin
}

// The server whom policies hold appends, large groups too, which go by COPY as long as nothing refuses it.
func TestAServerWhomPoliciesHold(t *testing.T) {
	t.Parallel()
	server, other, _ := held(t)
	s := open(t, server, postgres.Options{})
	s.CopyFrom(2)
	for i, at := range []eventstore.Expected{eventstore.NoStream, 3} { // a cold append, and a guessed one
		var events []eventstore.NewEvent
		for n := range 4 {
			events = append(events, eventstore.NewEvent{Envelope: domain.Envelope{EventID: domain.EventID("workspace-a", string(rune('a'+4*i+n)), 0), Type: "strange.thing", Version: 1, Subject: domain.WorkspaceEntity()}, Data: []byte("{}"), MetaData: []byte("{}")})
		}
		results, err := s.Append(t.Context(), []eventstore.Slice{{Stream: "workspace-a", Expected: at, Events: events, Evidence: []eventstore.Evidence{{Digest: domain.Digest{byte(i)}, Salt: []byte("s"), Bytes: []byte("b")}}}})
		if err != nil || results[0].Err != nil {
			t.Fatalf("append %d: %v", i, errors.Join(err, results[0].Err))
		}
	}
	page, err := s.ReadStream(t.Context(), "workspace-a", 0, eventstore.Forward, 100)
	if err != nil || len(page.Events) != 8 {
		t.Errorf("%d events, %v; want 8", len(page.Events), err)
	}
	_, err = postgres.Open(t.Context(), other, postgres.Options{})
	var denied *eventstore.AccessDeniedError
	if !errors.As(err, &denied) || !strings.Contains(err.Error(), "BYPASSRLS") {
		t.Errorf("a role that sees nothing opens the log: %v", err)
	}
}

// The whole contract holds for it.
func TestContractBehindTheWall(t *testing.T) {
	t.Parallel()
	b := backend(postgres.Options{})
	b.Stall = nil // the owner's to do
	var admins sync.Map
	b.Open = func(t testing.TB) eventstore.Store {
		server, _, admin := held(t)
		s := open(t, server, postgres.Options{})
		admins.Store(urlOf(s), admin)
		return s
	}
	b.Damage = func(t testing.TB, s eventstore.Store, stream domain.Stream, kind eventstoretest.Damage) {
		admin, _ := admins.Load(urlOf(s))
		damageIn(t, admin.(*pgxpool.Pool), stream, damaged[kind])
	}
	eventstoretest.Run(t, b)
}
