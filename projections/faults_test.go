package projections

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/internal/pgtest"
)

// patience is how long a question that should be answered at once may take on a busy machine.
const patience = 20 * time.Second

var errConnReset error = syscall.ECONNRESET

func pgError(code string) error { return &pgconn.PgError{Code: code, Message: "injected"} }

// failures are errors that folding meets, one after the other.
type failures struct {
	mu   sync.Mutex
	list []error
}

func newFailures(list ...error) *failures { return &failures{list: list} }

func (f *failures) next(context.Context, pgx.Tx, string, []part) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == 0 {
		return nil
	}
	err := f.list[0]
	f.list = f.list[1:]
	return err
}

func (f *failures) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.list)
}

// slowOver takes longer than any page may where a page has more events than that.
func slowOver(events int) func(context.Context, pgx.Tx, string, []part) error {
	return func(ctx context.Context, tx pgx.Tx, _ string, parts []part) error {
		for _, p := range parts {
			if len(p.events) > events {
				_, err := tx.Exec(ctx, `SELECT pg_sleep(60)`)
				return err
			}
		}
		return nil
	}
}

func (r *rig) exec(sql string, args ...any) {
	r.t.Helper()
	if _, err := r.pool.Exec(context.Background(), sql, args...); err != nil {
		r.t.Fatal(err)
	}
}

// crashing is a fault that a way of applying pages must survive: after the rows of a page are written, and before
// the transaction commits, the server ends the session. It answers what the database says afterwards: how far
// progress is, and the rows there are.
func crashing(t *testing.T, apply func(r *rig, p *projection, parts []part) error) (applied domain.Revision, rows string) {
	r := newRig(t)
	r.write("one", 9)
	e := r.engine()
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	crashed := false
	r.fold.after = func(ctx context.Context, tx pgx.Tx, _ string, _ []part) error {
		if crashed {
			return nil
		}
		crashed = true
		var pid int
		if err := tx.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
			return err
		}
		_, err := r.pool.Exec(ctx, `SELECT pg_terminate_backend($1, 5000)`, pid)
		return err
	}
	p := e.projected("read_1")
	parts := r.parts(p, "one", 0)
	if err := apply(r, p, parts); err == nil {
		t.Fatal("the session was ended and nobody noticed")
	}
	if err := apply(r, p, r.parts(p, "one", 0)); err != nil { // the page comes again
		t.Fatal(err)
	}
	at, err := p.progress(t.Context(), parts[0].number)
	if err != nil {
		t.Fatal(err)
	}
	return at.applied, r.rows("read_1", "one")
}

func TestACrashBetweenFoldAndCommitLosesRowsAndProgressTogether(t *testing.T) {
	t.Parallel()
	t.Run("as built", func(t *testing.T) {
		t.Parallel()
		applied, rows := crashing(t, func(r *rig, p *projection, parts []part) error {
			return p.transact(context.Background(), work{parts: parts})
		})
		if applied != 9 || rows != all(9) {
			t.Errorf("progress at %d and rows %s, want 9 and %s", applied, rows, all(9))
		}
	})
	t.Run("broken on purpose: progress in a transaction of its own", func(t *testing.T) {
		t.Parallel()
		applied, rows := crashing(t, func(r *rig, p *projection, parts []part) error {
			return applyInTwo(r.pool, p, parts)
		})
		if applied == 9 && rows == all(9) {
			t.Error("the test does not see a page whose progress moved without its rows")
		}
	})
}

// applyInTwo is the mistake: progress is moved and committed before the rows are.
func applyInTwo(pool *pgxpool.Pool, p *projection, parts []part) error {
	ctx := context.Background()
	var due []step
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) (err error) {
		if due, err = p.due(ctx, tx, work{parts: parts}); err != nil {
			return err
		}
		return p.moved(ctx, tx, due, nil)
	})
	if err != nil || len(due) == 0 {
		return err
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return p.folded(ctx, tx, []part{due[0].part}) })
}

// A server that is killed forgets commits that it had not written yet. Lanes go back to where it remembers them.
func TestAKilledServerLosesNothingForGood(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t, pgtest.Durable)
	r := newRigOn(t, pgtest.Connect(t, server.OwnerURL()))
	e := r.engine()
	r.run(e)
	first := r.write("one", 5)
	r.waitFor(e, "one", first)
	last := r.write("one", 40)
	r.waitFor(e, "one", last)
	if err := syscall.Kill(server.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	select {
	case <-server.Exited():
	case <-ctx.Done():
		t.Fatal("the killed server did not end")
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	// Nothing new comes: the idle lanes must find out by themselves.
	eventually(t, "everything is there again", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return e.Wait(ctx, "one", last) == nil && r.pool.Ping(ctx) == nil
	})
	if got := r.rows("read_1", "one"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
}

// The same by hand, for what a killed server forgets depends on its luck: rows, progress and places go back together.
func TestIdleLanesFindWhatTheDatabaseForgot(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.engine(func(c *Config) { c.Lanes = 1 })
	r.run(e)
	middle := r.write("one", 10)
	r.waitFor(e, "one", middle)
	var commit, prepare string
	const placeSQL = `SELECT commit_pos::text, prepare_pos::text FROM read_1.lanes`
	eventually(t, "the lane's place", func() bool {
		return r.pool.QueryRow(t.Context(), placeSQL).Scan(&commit, &prepare) == nil && commit != "0"
	})
	last := r.write("one", 10)
	r.waitFor(e, "one", last)
	err := pgx.BeginFunc(t.Context(), r.pool, func(tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(`UPDATE read_1.progress SET applied = $1`, middle)
		b.Queue(`UPDATE read_1.lanes SET commit_pos = $1::text::numeric, prepare_pos = $2::text::numeric`, commit, prepare)
		b.Queue(`DELETE FROM read_1.audit_entries WHERE revision > $1`, middle)
		b.Queue(`UPDATE read_1.counters SET n = $1`, middle+1)
		return tx.SendBatch(t.Context(), &b).Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	r.waitFor(e, "one", last)
	if got := r.rows("read_1", "one"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
}

// holdFrom keeps pages with that revision or later ones from being applied until they are released.
func holdFrom(revision domain.Revision, release <-chan struct{}) func(context.Context, pgx.Tx, string, []part) error {
	return func(ctx context.Context, _ pgx.Tx, _ string, parts []part) error {
		for _, p := range parts {
			if p.last() >= revision {
				select {
				case <-release:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return nil
	}
}

// waits is how many wait for a workspace.
func (w *watch) waits(slug string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at := w.waiting[slug]; at != nil {
		return at.count
	}
	return 0
}
