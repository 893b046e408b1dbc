package operations

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/internal/pgtest"
)

// A script is a Runner whose work a test writes.
type script struct {
	kind string
	run  func(ctx context.Context, op *Op, progress func(string, int64, int64)) (json.RawMessage, error)
}

func (s script) Kind() string { return s.kind }

func (s script) Run(ctx context.Context, op *Op, progress func(string, int64, int64)) (json.RawMessage, error) {
	return s.run(ctx, op, progress)
}

func migrated(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool := pgtest.Pool(t)
	for range 2 { // the second does nothing
		if err := Migrate(t.Context(), pool, ""); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

func anybody(context.Context, access.Principal, Order) error { return nil }

// desk is a server's, with short terms, and work of one kind, which is told to it.
func desk(t *testing.T, pool *pgxpool.Pool, run func(context.Context, *Op, func(string, int64, int64)) (json.RawMessage, error), rule Rule) *Desk {
	t.Helper()
	d := New(Config{Pool: pool, Lease: 500 * time.Millisecond, Look: 10 * time.Millisecond, Beat: 20 * time.Millisecond, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if rule.Permit == nil {
		rule.Permit = anybody
	}
	d.Register(script{"work", run}, rule)
	return d
}

// runs runs a desk until the answered function is called, or the test ends.
func runs(t *testing.T, d *Desk) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

func order(target string) Order {
	return Order{Kind: "work", Target: target, Params: json.RawMessage(`{"a":1}`), By: domain.Actor{Kind: "key", ID: "k1"}}
}

func start(t *testing.T, d *Desk, o Order) Operation {
	t.Helper()
	got, err := d.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// until waits until an operation is as it should be.
func until(t *testing.T, d *Desk, id uuid.UUID, what string, is func(Operation) bool) Operation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		o, err := d.Get(ctx, id)
		if err != nil {
			t.Fatalf("waiting until it is %s: %v; it is %+v", what, err, o)
		}
		if is(o) {
			return o
		}
		<-tick.C
	}
}

func over(o Operation) bool { return o.State.Over() }
