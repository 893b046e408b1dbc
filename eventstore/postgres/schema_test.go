package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

// asServer migrates for a role of its own and answers the owner's and that role's connection strings.
func asServer(t *testing.T) (owner, server string) {
	t.Helper()
	admin, role := pgtest.URL(t), "server_"+strings.ToLower(rand.Text()[:16])
	pgtest.Exec(t, admin, fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD 'secret'`, role))
	t.Cleanup(func() { // after the database with the role's rights is gone
		conn, err := pgx.Connect(context.Background(), admin)
		if err != nil {
			t.Errorf("drop the role: %v", err)
			return
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(context.Background(), `DROP ROLE `+role); err != nil {
			t.Errorf("drop the role: %v", err)
		}
	})
	owner = pgtest.URL(t)
	config, err := pgx.ParseConfig(owner)
	if err != nil {
		t.Fatal(err)
	}
	if err := postgres.Migrate(t.Context(), owner, role); err != nil {
		t.Fatal(err)
	}
	return owner, fmt.Sprintf("host='%s' port=%d user=%s password=secret dbname=%s sslmode=disable", config.Host, config.Port, role, config.Database)
}

// History cannot be changed: the server's role has no right to, and the owner runs into a trigger.
func TestHistoryIsImmutable(t *testing.T) {
	t.Parallel()
	owner, server := asServer(t)
	s := open(t, server, postgres.Options{})
	mustAppend(t, s, one(eventstore.NoStream, "create"))
	for _, statement := range []string{
		`UPDATE log.events SET type = 'x'`, `DELETE FROM log.events`, `TRUNCATE log.events`,
		`DELETE FROM log.streams`, `TRUNCATE log.streams`, `DELETE FROM log.head`, `TRUNCATE log.head`,
	} {
		for who, url := range map[string]string{"the server": server, "the owner": owner} {
			conn, err := pgx.Connect(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "42501") {
				t.Errorf("%s: %s: %v, want it refused", who, statement, err)
			}
			_ = conn.Close(t.Context())
		}
	}
	for _, statement := range []string{`UPDATE log.commands SET digest = ''`, `UPDATE log.evidence SET bytes = ''`, `CREATE TABLE log.mine (id int)`} {
		if _, err := s.Pool().Exec(t.Context(), statement); err == nil {
			t.Errorf("the server may %s", statement)
		}
	}
	if n := len(read(t, s)); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

func TestAccessDenied(t *testing.T) {
	t.Parallel()
	owner, server := asServer(t)
	s := open(t, server, postgres.Options{})
	mustAppend(t, s, one(eventstore.NoStream, "create"))
	pgtest.Exec(t, owner, `REVOKE INSERT ON log.events FROM PUBLIC, `+s.Pool().Config().ConnConfig.User)
	var denied *eventstore.AccessDeniedError
	if _, err := s.Append(t.Context(), []eventstore.Slice{one(0, "a")}); !errors.As(err, &denied) {
		t.Errorf("append: %v, want access denied", err)
	}
	if _, err := postgres.Open(t.Context(), strings.Replace(server, "password=secret", "password=wrong", 1), postgres.Options{}); !errors.As(err, &denied) {
		t.Logf("the test server asks for no password: %v", err)
	}
	if n := len(read(t, s)); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	if _, err := postgres.Open(t.Context(), url, postgres.Options{}); err == nil {
		t.Error("a database without a log was opened")
	}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if err := postgres.Migrate(t.Context(), url, ""); err != nil {
				t.Errorf("migrate beside others: %v", err)
			}
		})
	}
	wg.Wait()
	s := open(t, url, postgres.Options{})
	mustAppend(t, s, one(eventstore.NoStream, "create"))
	if err := postgres.Migrate(t.Context(), url, ""); err != nil {
		t.Errorf("migrate again: %v", err)
	}
	if n := len(read(t, s)); n != 1 {
		t.Errorf("%d events after migrating again, want 1", n)
	}
	pgtest.Exec(t, url, `INSERT INTO log.migrations (name) VALUES ('9999_future.sql')`)
	if err := postgres.Migrate(t.Context(), url, ""); err == nil || !strings.Contains(err.Error(), "newer server") {
		t.Errorf("a newer database: %v, want it refused", err)
	}
}

// Each statement of the hot roads finds its rows by the index made for it, without statistics.
func TestPlans(t *testing.T) {
	t.Parallel()
	s := open(t, migrated(t), postgres.Options{})
	for i := range 4 { // a slice has room for some 700
		sl := eventstore.Slice{Stream: ws, Expected: eventstore.Expected(500*i - 1)}
		for n := range 500 {
			sl.Events = append(sl.Events, startedEvent(fmt.Sprint(500*i+n)))
		}
		mustAppend(t, s, sl)
	}
	for name, tt := range map[string]struct {
		sql   string
		args  []any
		index string
	}{
		"entities":       {postgres.EntitiesSQL, []any{[]int32{1}, []string{domain.RunEntity(domain.RunRef{ID: "7"}).ID.String()}, []int64{0}, []int64{64}}, "events_subject"},
		"a stream":       {postgres.ForwardSQL, []any{string(ws), int64(100), 10}, "events_revision"},
		"a stream back":  {postgres.BackwardSQL, []any{string(ws), int64(100), 10}, "events_revision"},
		"the log":        {postgres.AllSQL, []any{int64(100), 10}, "events_pkey"},
		"known commands": {postgres.CommandsSQL, []any{string(ws), []string{"a", "b"}}, "commands_pkey"},
		"evidence":       {postgres.EvidenceSQL, []any{string(ws), [][]byte{{1}}}, "evidence_pkey"},
	} {
		rows, _ := s.Pool().Query(t.Context(), "EXPLAIN "+tt.sql, tt.args...)
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if text := strings.Join(plan, "\n"); !strings.Contains(text, tt.index) || strings.Contains(text, "Seq Scan on events") {
			t.Errorf("%s does not use %s:\n%s", name, tt.index, text)
		}
	}
}

func TestEvidenceIsPacked(t *testing.T) {
	t.Parallel()
	s := open(t, migrated(t), postgres.Options{})
	sl := one(eventstore.NoStream, "create")
	body := strings.Repeat(`{"eventType":"COMPLETE","job":{"namespace":"n"}}`, 200)
	sl.Evidence = []eventstore.Evidence{{Digest: domain.Digest{1}, Bytes: []byte(body)}, {Digest: domain.Digest{2}, Bytes: []byte("short")}}
	mustAppend(t, s, sl)
	var packed, raw int
	err := s.Pool().QueryRow(t.Context(), `SELECT (SELECT length(bytes) FROM log.evidence WHERE encoding = 1), (SELECT length(bytes) FROM log.evidence WHERE encoding = 0)`).Scan(&packed, &raw)
	if err != nil || packed > len(body)/5 || raw != len("short") {
		t.Errorf("%d bytes became %d, and %d stayed %d, %v", len(body), packed, len("short"), raw, err)
	}
}
