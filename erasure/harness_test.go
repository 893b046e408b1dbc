package erasure_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/erasure"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/evidence"
	"github.com/annals-io/annals/internal/embedded"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/vault"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A house is a desk over a PostgreSQL of its own, whose files can be looked into.
type house struct {
	*erasure.Desk
	t        *testing.T
	server   *embedded.Server
	store    *postgres.Store
	keys     *vault.Keys
	x        *eventstore.Executor
	accepted []erasure.Accepted
	log      *bytes.Buffer
}

// built is a house; its server belongs to this test alone.
func built(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, server: pgtest.Private(t, map[string]string{"autovacuum_naptime": "1s"}), log: &bytes.Buffer{}}
	config := func(url, role string) *pgxpool.Pool {
		t.Helper()
		c, err := pgxpool.ParseConfig(url)
		h.must(err)
		pool, err := pgxpool.NewWithConfig(t.Context(), c)
		h.must(err)
		t.Cleanup(pool.Close)
		return pool
	}
	c, err := pgx.ParseConfig(h.server.URL())
	h.must(err)
	h.must(postgres.Migrate(t.Context(), h.server.OwnerURL(), c.User))
	h.must(access.Migrate(t.Context(), h.server.OwnerURL(), c.User))
	h.store, err = postgres.Open(t.Context(), h.server.URL(), postgres.Options{})
	h.must(err)
	t.Cleanup(func() { _ = h.store.Close() })
	h.keys, err = vault.Open(filepath.Join(t.TempDir(), "vault"))
	h.must(err)
	h.x = eventstore.New(h.store, eventstore.Config{})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = h.x.Close(ctx)
	})
	h.Desk = &erasure.Desk{
		Log: h.store, Commands: h.x, DB: config(h.server.URL(), c.User), Owner: config(h.server.OwnerURL(), ""), Keys: h.keys,
		Logger: slog.New(slog.NewTextHandler(h.log, nil)), Accepted: func(context.Context, uuid.UUID) ([]erasure.Accepted, error) { return h.accepted, nil },
	}
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

const lab = domain.Stream("workspace-lab")

// say records events in the workspace, with what they refer to.
func (h *house) say(stream domain.Stream, body *eventstore.Evidence, texts []eventstore.Evidence, events ...domain.Event) domain.Revision {
	h.t.Helper()
	r := eventstore.Request{Stream: stream, OccurredAt: noon, Command: recorded(events), Evidence: texts}
	if body != nil {
		r.Meta.Evidence, r.Evidence = &body.Digest, append(r.Evidence, *body)
	}
	result, err := h.x.Execute(h.t.Context(), r)
	h.must(err)
	return result.Last
}

// recorded is a command that has its events recorded, whatever there is.
type recorded []domain.Event

func (r recorded) Needs() []domain.Entity                       { return []domain.Entity{r[0].Subject()} }
func (r recorded) Decide(domain.States) ([]domain.Event, error) { return r, nil }

// canary is a value that is found wherever it lies: short of what is compressed, and of no word of ours.
func canary(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "canary-" + name + "-" + strings.ToLower(base(sum[:10]))
}

func base(b []byte) string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = letters[c%32]
	}
	return string(out)
}

// owner is who erases.
var owner = access.Principal{SessionID: "s", Account: uuid.UUID{15: 9}, Holder: domain.AccountGrantee, Scopes: []access.Scope{access.Admin}}

func because(reason string) erasure.Ask { return erasure.Ask{By: owner, Reason: reason} }

// text is a free text beside the log.
func text(s string) (*domain.Text, eventstore.Evidence) {
	e := evidence.New([]byte(s))
	return &domain.Text{Evidence: e.Digest}, e
}

// inFiles says in which files of the cluster a value lies, when all pages are written; the write-ahead log apart, which is
// given back when it is old.
func (h *house) inFiles(values ...string) (found []string) {
	h.t.Helper()
	pgtest.Exec(h.t, h.server.AdminURL(), "CHECKPOINT")
	err := filepath.WalkDir(h.server.Dir(), func(path string, e fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err):
			return nil
		case err != nil:
			return err
		case e.IsDir() && e.Name() == "pg_wal":
			return fs.SkipDir
		case e.IsDir():
			return nil
		}
		b, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		for _, v := range values {
			if bytes.Contains(b, []byte(v)) {
				rel, _ := filepath.Rel(h.server.Dir(), path)
				found = append(found, rel+" has "+v)
			}
		}
		return err
	})
	h.must(err)
	return found
}

const columnsSQL = `SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1`

// inTables says in which tables a value lies, those of the planner's samples among them.
func (h *house) inTables(values ...string) (found []string) {
	h.t.Helper()
	conn, err := pgx.Connect(h.t.Context(), h.server.AdminURL())
	h.must(err)
	defer conn.Close(h.t.Context())
	admin, err := pgx.ParseConfig(h.server.AdminURL())
	h.must(err)
	ours, err := pgx.ParseConfig(h.server.URL())
	h.must(err)
	if admin.Database != ours.Database {
		admin.Database = ours.Database
		conn, err = pgx.ConnectConfig(h.t.Context(), admin)
		h.must(err)
		defer conn.Close(h.t.Context())
	}
	rows, _ := conn.Query(h.t.Context(), columnsSQL)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	h.must(err)
	for _, table := range tables {
		var dump bytes.Buffer
		if _, err := conn.PgConn().CopyTo(h.t.Context(), &dump, "COPY (SELECT * FROM "+table+") TO STDOUT"); err != nil {
			h.t.Fatalf("dump %s: %v", table, err)
		}
		for _, v := range values {
			if bytes.Contains(dump.Bytes(), []byte(v)) || bytes.Contains(dump.Bytes(), []byte(hex.EncodeToString([]byte(v)))) {
				found = append(found, table+" has "+v)
			}
		}
	}
	return found
}

// erasedIn are the events that say that something was erased.
func (h *house) erasedIn(stream domain.Stream) (all []domain.SubjectErased) {
	h.t.Helper()
	page, err := h.store.ReadStream(h.t.Context(), stream, 0, eventstore.Forward, 10_000)
	h.must(err)
	for _, e := range page.Events {
		if x, ok := e.Event.(domain.SubjectErased); ok {
			all = append(all, x)
		}
	}
	return all
}

// raw is a stream as it is stored.
func (h *house) raw() []byte {
	h.t.Helper()
	page, err := h.store.ReadRaw(h.t.Context(), eventstore.Position{}, 10_000)
	h.must(err)
	var b bytes.Buffer
	for _, e := range page.Events {
		b.Write(e.Data)
		b.Write(e.MetaData)
	}
	return b.Bytes()
}

func shown(v any) string { b, _ := json.Marshal(v); return string(b) }
