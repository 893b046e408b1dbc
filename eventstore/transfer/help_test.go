package transfer_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/eventstore/transfer"
	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
	"github.com/annals-io/annals/internal/pgtest"
)

// store is a backend with all that tests do to it.
type store interface {
	eventstore.Store
	eventstore.RawReader
	Pool() *pgxpool.Pool
	ForgetCommands(ctx context.Context, before time.Time) (int64, error)
}

// A home is where an instance can be kept; opened anew, it is as after a restart.
type home struct {
	name     string
	database string
	server   *esdbfake.Server // nil: in the database
}

func (h *home) open(t testing.TB) store {
	t.Helper()
	u, err := url.Parse(h.database)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("application_name", "copy")
	u.RawQuery = q.Encode()
	var s store
	if h.server == nil {
		s, err = postgres.Open(t.Context(), u.String(), postgres.Options{PollOnly: true})
	} else {
		s, err = esdb.Open(t.Context(), h.server.ConnectionString(), u.String(), esdb.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func inPostgres(t testing.TB) *home {
	t.Helper()
	h := &home{name: "postgres", database: pgtest.URL(t)}
	if err := postgres.Migrate(t.Context(), h.database, ""); err != nil {
		t.Fatal(err)
	}
	if err := access.Migrate(t.Context(), h.database, ""); err != nil {
		t.Fatal(err)
	}
	return h
}

func inEventstore(t testing.TB) *home {
	t.Helper()
	h := inPostgres(t)
	h.name, h.server = "esdb", esdbtest.Start(t, esdbfake.Options{})
	return h
}

const stream = domain.Stream("workspace-a")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// commandOf is a command of n events of a stream, with evidence; without an id nobody recognises it again.
func commandOf(of domain.Stream, at eventstore.Expected, id string, n int) eventstore.Slice {
	sl := eventstore.Slice{Stream: of, Expected: at, CommandID: id, RequestDigest: sha256.Sum256([]byte(id)), Forever: len(id)%2 == 0}
	body := eventstore.Evidence{Salt: []byte("salt"), Bytes: []byte(fmt.Sprint("a body of ", of, at, id))}
	body.Digest = sha256.Sum256(append([]byte("salt"), body.Bytes...))
	sl.Evidence = append(sl.Evidence, body)
	for i := range n {
		e := domain.RunReported{Phase: domain.Started, Run: domain.RunRef{ID: fmt.Sprint("run-", id, i)}, Pipeline: &domain.Name{Name: "train"}}
		data, err := domain.Encode(e)
		if err != nil {
			panic(err)
		}
		sl.Events = append(sl.Events, eventstore.NewEvent{Event: e, Data: data, Envelope: domain.Envelope{
			EventID: uuid.New(), Type: e.EventType(), Version: 1, RecordedAt: noon.Add(time.Duration(at) * time.Minute), OccurredAt: noon, Subject: e.Subject(),
			Meta: domain.Meta{Actor: domain.Actor{Kind: "key", ID: "k"}, CommandID: id, RequestDigest: sl.RequestDigest, CorrelationID: "c" + id, Evidence: &body.Digest},
		}})
	}
	return sl
}

// fill writes an instance: several streams side by side, commands that are remembered, forgotten and nameless, and one
// that was forgotten and carried out again.
func fill(t testing.TB, s store, commands int) {
	t.Helper()
	at := map[domain.Stream]eventstore.Expected{}
	write := func(of domain.Stream, id string, n int) {
		t.Helper()
		if _, ok := at[of]; !ok {
			at[of] = eventstore.NoStream
		}
		results, err := s.Append(t.Context(), []eventstore.Slice{commandOf(of, at[of], id, n)})
		if err != nil || results[0].Err != nil || results[0].Duplicate {
			t.Fatalf("%v, %+v", err, results)
		}
		at[of] += eventstore.Expected(n)
	}
	write(stream, "twice", 2) // of an odd length: it is forgotten
	write(stream, "gone", 1)
	for i := range 4 {
		write(stream, fmt.Sprint("lost-", i), 1)
	}
	if n, err := s.ForgetCommands(t.Context(), noon.Add(time.Hour)); err != nil || n == 0 {
		t.Fatalf("%d forgotten, %v", n, err)
	}
	write(stream, "twice", 2)
	for i := range commands {
		id := fmt.Sprint("command-", i)
		if i%10 == 3 {
			id = ""
		}
		write(domain.Stream(fmt.Sprint("workspace-", []string{"a", "b", "c"}[i%3])), id, 1+i%4)
	}
	write("organization-é", "wide", 300)
	_, err := s.Pool().Exec(t.Context(), `INSERT INTO log.api_keys (id, kind, hash, name, scopes, account, organization, default_workspace, created_at, created_by)
		VALUES ('one', 'sa', sha256('x'), 'a "key"', '{admin,read}', gen_random_uuid(), 'personal', 'default', now(), 'system')`)
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`INSERT INTO log.accounts (account, login, name, email, password, state, created_at) SELECT gen_random_uuid(), 'p' || i, 'A "person"', 'p@example.org', '$argon2id$', 'active', now() FROM generate_series(1, 3) i`,
		`INSERT INTO log.identities (issuer, subject, account, linked_at) SELECT 'https://id.example', login, account, now() FROM log.accounts`,
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

// all is everything that is to be read in an instance.
func all(t testing.TB, s store) (events []domain.Recorded, rows []string) {
	t.Helper()
	var at eventstore.Position
	for {
		p, err := s.ReadAll(t.Context(), at, 100)
		if err != nil {
			t.Fatal(err)
		}
		events, at = append(events, p.Events...), p.Next
		if p.CaughtUp {
			break
		}
	}
	for _, sql := range []string{
		`SELECT s.name || encode(e.digest, 'hex') || encode(e.salt, 'hex') || encode(e.bytes, 'hex') || e.encoding FROM log.evidence e JOIN log.streams s ON s.id = e.stream ORDER BY 1`,
		`SELECT s.name || c.id || encode(c.digest, 'hex') || ' ' || c.first || ' ' || c.last || ' ' || c.at || c.forever FROM log.commands c JOIN log.streams s ON s.id = c.stream ORDER BY 1`,
		`SELECT s.name || s.revision || s.recorded_at FROM log.streams s ORDER BY 1`,
		`SELECT k::text FROM log.api_keys k ORDER BY 1`,
		`SELECT a::text FROM log.accounts a ORDER BY 1`,
		`SELECT i::text FROM log.identities i ORDER BY 1`,
	} {
		found, err := s.Pool().Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		for found.Next() {
			var row string
			if err := found.Scan(&row); err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row)
		}
		if found.Err() != nil {
			t.Fatal(found.Err())
		}
	}
	return events, rows
}

func mustCopy(t testing.TB, from, to transfer.Backend) transfer.Report {
	t.Helper()
	r, err := transfer.Run(t.Context(), from, to, transfer.Options{PageEvents: 37})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
