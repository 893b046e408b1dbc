package operations

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
)

// Config says how a desk works. A field left zero has its default; Pool is needed.
type Config struct {
	Pool     *pgxpool.Pool
	Lease    time.Duration // how long an operation stays with a server that is not heard of; default 10 s
	Look     time.Duration // how often a server looks for work; default 1 s
	Beat     time.Duration // how often progress is written and the tenure prolonged; default 500 ms
	Parallel int           // operations that one server runs at a time; default 2
	Log      *slog.Logger  // nil: silence
}

// A Runner does one kind of work.
type Runner interface {
	// Kind names it, such as "projection.verify".
	Kind() string
	// Run does it, or goes on with it from op.Checkpoint. Progress may be told as often as one likes, by any goroutine.
	// The error is a *Finding, a *Failure, or what went wrong; where ctx has ended it is not looked at.
	Run(ctx context.Context, op *Op, progress func(stage string, done, total int64)) (result json.RawMessage, err error)
}

// A Rule says what may be ordered of a kind, and by whom.
type Rule struct {
	// Alone: one at a time about each target.
	Alone bool
	// Permit refuses whoever may not order such an operation. Who may not order it does not see it either.
	Permit func(ctx context.Context, p access.Principal, o Order) error
	// Check refuses what is wrong with an order, before anything is stored; nil: nothing can be.
	Check func(ctx context.Context, o Order) error
}

type registered struct {
	Runner
	Rule
}

// A Desk takes orders for operations, says how they stand, and carries them out while [Desk.Run] runs.
type Desk struct {
	Config
	mu     sync.RWMutex
	kinds  map[string]registered
	nudged chan struct{}
}

// New makes a desk. It touches nothing yet.
func New(c Config) *Desk {
	c.Lease, c.Look, c.Beat = cmp.Or(c.Lease, 10*time.Second), cmp.Or(c.Look, time.Second), cmp.Or(c.Beat, 500*time.Millisecond)
	c.Parallel = cmp.Or(c.Parallel, 2)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{Config: c, kinds: map[string]registered{}, nudged: make(chan struct{}, 1)}
}

// Register lets a kind of work be ordered and done. Call it before [Desk.Run].
func (d *Desk) Register(r Runner, rule Rule) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kinds[r.Kind()] = registered{r, rule}
}

func (d *Desk) kind(name string) (registered, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	r, ok := d.kinds[name]
	return r, ok
}

// Permit refuses whoever may not order or see an operation of a kind, by the rule of the kind. ErrUnknownKind: this
// server has no such kind.
func (d *Desk) Permit(ctx context.Context, p access.Principal, o Order) error {
	r, ok := d.kind(o.Kind)
	if !ok {
		return ErrUnknownKind
	}
	return r.Permit(ctx, p, o)
}

const (
	insertSQL = `
INSERT INTO ops.operations (id, kind, target, params, alone, by_kind, by_id, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting') ON CONFLICT (id) DO NOTHING`
	openSQL = `SELECT id FROM ops.operations WHERE kind = $1 AND target = $2 AND alone AND state IN ('waiting', 'running')`
)

// Start takes an order; who may give it is asked before, by [Desk.Permit]. An order that was taken before, with the same
// id and words, is answered as it stands.
//
// Errors: ErrUnknownKind; what the rule's Check says; *UnderWayError where only one of the kind is done at a time;
// *TakenError where the id is that of another order.
func (d *Desk) Start(ctx context.Context, o Order) (Operation, error) {
	r, ok := d.kind(o.Kind)
	if !ok {
		return Operation{}, fmt.Errorf("%q: %w", short(o.Kind), ErrUnknownKind)
	}
	if len(o.Params) == 0 {
		o.Params = json.RawMessage("{}")
	}
	if r.Check != nil {
		if err := r.Check(ctx, o); err != nil {
			return Operation{}, err
		}
	}
	if o.ID == uuid.Nil {
		id, err := uuid.NewRandom()
		if err != nil {
			return Operation{}, fmt.Errorf("name an operation: %w", err)
		}
		o.ID = id
	}
	tag, err := d.Pool.Exec(ctx, insertSQL, o.ID, o.Kind, o.Target, o.Params, r.Alone, o.By.Kind, o.By.ID)
	if violates(err, "operations_alone") {
		return Operation{}, d.underWay(ctx, o)
	}
	if err != nil {
		return Operation{}, fmt.Errorf("store an order: %w", err)
	}
	d.nudge()
	got, err := d.Get(ctx, o.ID)
	if err == nil && tag.RowsAffected() == 0 && !got.is(o) {
		return Operation{}, &TakenError{o.ID}
	}
	return got, err
}

// is says that an operation is what an order asks for; whoever asked may have come by another key.
func (o *Operation) is(want Order) bool {
	var a, b bytes.Buffer
	return o.Kind == want.Kind && o.Target == want.Target && o.By.Kind == want.By.Kind && o.By.ID == want.By.ID &&
		json.Compact(&a, o.Params) == nil && json.Compact(&b, want.Params) == nil && bytes.Equal(a.Bytes(), b.Bytes())
}

// underWay names the one that is in the way, which may be the same order sent twice.
func (d *Desk) underWay(ctx context.Context, o Order) error {
	var id uuid.UUID
	err := d.Pool.QueryRow(ctx, openSQL, o.Kind, o.Target).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return &StateError{Done, "begun beside another one that ended just now: order it again"}
	}
	if err != nil {
		return fmt.Errorf("look which operation is under way: %w", err)
	}
	return &UnderWayError{id}
}

func violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}

const (
	cancelSQL = `
UPDATE ops.operations SET changed_at = now(), cancelling = state = 'running',
    state = CASE state WHEN 'waiting' THEN 'cancelled' ELSE state END,
    ended_at = CASE state WHEN 'waiting' THEN now() END
WHERE id = $1 AND state IN ('waiting', 'running')`
	resumeSQL = `
UPDATE ops.operations SET state = 'waiting', cancelling = false, code = '', message = '', result = NULL, ended_at = NULL, losses = 0,
    not_before = '-infinity', changed_at = now()
WHERE id = $1 AND state IN ('failed', 'cancelled')`
)

// Cancel has an operation end: at once where it waits, else within a second or so, by the server that runs it. One that is
// to be cancelled already stays so. Errors: ErrNotFound; *StateError where it is over.
func (d *Desk) Cancel(ctx context.Context, id uuid.UUID) (Operation, error) {
	return d.change(ctx, cancelSQL, id, "cancelled")
}

// Resume has an operation that failed or was cancelled go on from its checkpoint. Errors: ErrNotFound; *StateError where it
// is neither; *UnderWayError where another one took its place.
func (d *Desk) Resume(ctx context.Context, id uuid.UUID) (Operation, error) {
	o, err := d.change(ctx, resumeSQL, id, "resumed")
	if violates(err, "operations_alone") {
		was, err := d.Get(ctx, id)
		if err != nil {
			return was, err
		}
		return was, d.underWay(ctx, Order{Kind: was.Kind, Target: was.Target})
	}
	d.nudge()
	return o, err
}

func (d *Desk) change(ctx context.Context, sql string, id uuid.UUID, wants string) (Operation, error) {
	tag, err := d.Pool.Exec(ctx, sql, id)
	if err != nil {
		return Operation{}, fmt.Errorf("change operation %s: %w", id, err)
	}
	o, err := d.Get(ctx, id)
	if err == nil && tag.RowsAffected() == 0 {
		err = &StateError{o.State, wants}
	}
	return o, err
}

func (d *Desk) nudge() {
	select {
	case d.nudged <- struct{}{}:
	default: // it is going to look anyway
	}
}

func short(s string) string {
	if len(s) <= 80 {
		return s
	}
	return s[:80] + "…"
}
