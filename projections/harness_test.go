package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
	"github.com/annals-io/annals/internal/pgtest"
)

// A rig is a log in memory and a migrated database, with engines to project the one into the other.
type rig struct {
	t     testing.TB
	store *memory.Store
	pool  *pgxpool.Pool
	fold  *ledger

	mu    sync.Mutex
	clock time.Time
	next  map[domain.Slug]domain.Revision
}

func newRig(t testing.TB) *rig {
	t.Helper()
	return newRigOn(t, pgtest.Pool(t))
}

func newRigOn(t testing.TB, pool *pgxpool.Pool) *rig {
	t.Helper()
	if err := Migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	r := &rig{
		t: t, store: memory.New(), pool: pool, fold: &ledger{},
		clock: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), next: map[domain.Slug]domain.Revision{},
	}
	t.Cleanup(func() { _ = r.store.Close() })
	return r
}

// engine makes an engine with a short lease, that folds with the rig's ledger.
func (r *rig) engine(with ...func(*Config)) *Engine {
	r.t.Helper()
	c := Config{Store: r.store, Pool: r.pool, Lease: 300 * time.Millisecond, StatesLinger: time.Millisecond, Log: testLog(r.t)}
	for _, f := range with {
		f(&c)
	}
	e, err := New(c)
	if err != nil {
		r.t.Fatal(err)
	}
	e.fold = r.fold
	return e
}

// run runs an engine until the test ends, or the answered function is called.
func (r *rig) run(e *Engine) (stop func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	r.t.Cleanup(stop)
	select {
	case <-e.Ready():
	case err := <-done:
		done <- err
		r.t.Fatalf("Run: %v", err)
	}
	return stop
}

// write appends that many events to a workspace, creating it first; it answers the last revision.
func (r *rig) write(slug domain.Slug, events int) domain.Revision {
	r.t.Helper()
	list := make([]domain.Event, events)
	for i := range list {
		list[i] = report(fmt.Sprintf("run-%d", i%7))
	}
	return r.append(slug, list...)
}

func report(run string) domain.Event {
	return domain.RunReported{Phase: domain.Started, Run: domain.RunRef{ID: run}}
}

// append appends events to a workspace, creating it first; the recorded time goes on by a second an event.
func (r *rig) append(slug domain.Slug, events ...domain.Event) domain.Revision {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	next, known := r.next[slug]
	if !known {
		events = append([]domain.Event{domain.WorkspaceCreated{Slug: slug, Name: string(slug), Organization: "personal"}}, events...)
	}
	stream := domain.WorkspaceStream(slug)
	r.slice(stream, next, events)
	r.next[slug] = next + domain.Revision(len(events))
	return r.next[slug] - 1
}

// slice appends to any stream, with the lock held.
func (r *rig) slice(stream domain.Stream, next domain.Revision, events []domain.Event) {
	r.t.Helper()
	s := eventstore.Slice{Stream: stream, Expected: eventstore.Expected(next - 1)}
	for i, ev := range events {
		r.clock = r.clock.Add(time.Second)
		data, err := domain.Encode(ev)
		if err != nil {
			r.t.Fatal(err)
		}
		id := domain.EventID(stream, fmt.Sprint(next+domain.Revision(i)), 0)
		s.Events = append(s.Events, eventstore.NewEvent{Event: ev, Data: data, Envelope: domain.Envelope{
			EventID: id, Type: ev.EventType(), Version: 1, RecordedAt: r.clock, OccurredAt: r.clock, Subject: ev.Subject(),
		}})
	}
	results, err := r.store.Append(context.Background(), []eventstore.Slice{s})
	if err != nil || results[0].Err != nil {
		r.t.Fatalf("append: %v", errors.Join(err, results[0].Err))
	}
}

// waitFor waits until a workspace has a revision.
func (r *rig) waitFor(e *Engine, slug domain.Slug, revision domain.Revision) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := e.Wait(ctx, slug, revision); err != nil {
		r.t.Fatalf("waiting for revision %d of %s: %v", revision, slug, err)
	}
}

// eventually looks again and again until it is as it should be.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		<-tick.C
	}
}

// rows are the revisions of a workspace that a schema has rows of, in order of their count, as "count/min-max", and
// the counter beside them: equal unless an event was folded twice or left out.
func (r *rig) rows(schema string, slug domain.Slug) (rows string) {
	r.t.Helper()
	const sql = `
SELECT format('%s/%s-%s counted %s', count(*), min(revision), max(revision), (SELECT n FROM read.counters c WHERE c.ws = a.ws))
FROM read.audit_entries a WHERE ws = (SELECT number FROM log.workspaces WHERE slug = $1) GROUP BY ws`
	err := r.pool.QueryRow(context.Background(), inSchema(sql, schema), slug).Scan(&rows)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		r.t.Fatal(err)
	}
	return rows
}

// all is what rows should be when everything up to a revision is folded once.
func all(last domain.Revision) string { return fmt.Sprintf("%d/0-%d counted %d", last+1, last, last+1) }

// A ledger is the smallest read model: an audit entry for each event, and a count of them that a second folding of
// one would show. Runs called "poison" cannot be folded while bad is set; "panic" panics.
type ledger struct {
	mended  atomic.Bool
	twisted atomic.Bool // folds other rows than before
	before  func(ctx context.Context, tx pgx.Tx, schema string, parts []part) error
	after   func(ctx context.Context, tx pgx.Tx, schema string, parts []part) error
}

type poisoned struct{ revision domain.Revision }

func (p *poisoned) Error() string { return "the ledger cannot take this" }

func (l *ledger) bad(err error) (domain.Revision, bool) {
	var p *poisoned
	if errors.As(err, &p) {
		return p.revision, true
	}
	return 0, false
}

func (l *ledger) apply(ctx context.Context, tx pgx.Tx, schema string, parts []part) error {
	if l.before != nil {
		if err := l.before(ctx, tx, schema, parts); err != nil {
			return err
		}
	}
	var b pgx.Batch
	for _, p := range parts {
		for _, e := range p.events {
			if run, ok := e.Event.(domain.RunReported); ok && !l.mended.Load() {
				switch run.Run.ID {
				case "poison":
					return &poisoned{e.Revision}
				case "nameless poison":
					return errors.New("something in this page is wrong")
				case "panic":
					panic("at the ledger")
				}
			}
			kind := string(e.Subject.Kind)
			if l.twisted.Load() && e.Revision == 2 {
				kind = "twisted"
			}
			b.Queue(inSchema(`INSERT INTO read.audit_entries (ws, revision, type, kind, occurred_at, recorded_at) VALUES ($1, $2, $3, $4, $5, $6)`, schema),
				p.number, e.Revision, e.Type, kind, e.OccurredAt, e.RecordedAt)
		}
		b.Queue(inSchema(`INSERT INTO read.counters AS c (ws, key, what, n) VALUES ($1, 0, 'events', $2) ON CONFLICT (ws, key, what) DO UPDATE SET n = c.n + excluded.n`, schema),
			p.number, len(p.events))
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	if l.after != nil {
		return l.after(ctx, tx, schema, parts)
	}
	return nil
}

func (l *ledger) digest(ctx context.Context, tx pgx.Tx, schema string, number int32) (map[string]string, error) {
	out := map[string]string{}
	for _, table := range []string{"audit_entries", "counters"} {
		var sum string
		sql := inSchema(`SELECT coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM read.`+table+` t WHERE ws = $1`, schema)
		if err := tx.QueryRow(ctx, sql, number).Scan(&sum); err != nil {
			return nil, err
		}
		out[table] = sum
	}
	return out, nil
}

// testLog writes to the test's log, and nothing after its end.
func testLog(t testing.TB) *slog.Logger {
	var over atomic.Bool
	t.Cleanup(func() { over.Store(true) })
	return slog.New(slog.NewTextHandler(writer(func(b []byte) {
		if !over.Load() && testing.Verbose() {
			t.Log(strings.TrimSpace(string(b)))
		}
	}), nil))
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }
