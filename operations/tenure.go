package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ErrFenced says that another server runs the operation now: nothing more of it is to be done here.
var ErrFenced = errors.New("another server runs the operation now")

// Why the context of a Runner ends, besides ErrFenced and that the server stops.
var errCancelled = errors.New("the operation was cancelled")

// An Op is an operation while this server runs it.
type Op struct {
	Operation
	Checkpoint json.RawMessage // what an earlier try kept; nil: this is the first, or none was kept

	d      *Desk
	holder uuid.UUID
	term   int64

	mu    sync.Mutex
	stage string
	done  int64
	total int64
}

const (
	// The oldest that waits, or that a server was killed with.
	takeSQL = `
UPDATE ops.operations SET state = 'running', holder = $1, term = term + 1, until = now() + $2::interval, tries = tries + 1,
    begun_at = coalesce(begun_at, now()), changed_at = now(), stage_from = done, stage_at = now()
WHERE id = (
    SELECT id FROM ops.operations
    WHERE kind = ANY($3) AND (state = 'waiting' AND not_before <= now() OR state = 'running' AND until < now())
    ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING ` + columns + `, checkpoint, term`
	beatSQL = `
UPDATE ops.operations SET until = now() + $4::interval, stage = $5, done = $6, total = $7,
    stage_from = CASE WHEN stage = $5 THEN least(stage_from, $6) ELSE $6 END,
    stage_at = CASE WHEN stage = $5 THEN stage_at ELSE now() END,
    changed_at = CASE WHEN stage = $5 AND done = $6 AND total = $7 THEN changed_at ELSE now() END
WHERE id = $1 AND term = $2 AND holder = $3 AND state = 'running'
RETURNING cancelling`
	keepSQL  = `UPDATE ops.operations SET checkpoint = $4, losses = 0 WHERE id = $1 AND term = $2 AND holder = $3 AND state = 'running'`
	fenceSQL = `SELECT term FROM ops.operations WHERE id = $1 AND term = $2 AND holder = $3 AND state = 'running' FOR KEY SHARE`
	endSQL   = `
UPDATE ops.operations SET state = $4, cancelling = false, result = $5, code = $6, message = $7, ended_at = now(), changed_at = now(), until = '-infinity'
WHERE id = $1 AND term = $2 AND holder = $3 AND state = 'running'`
	giveBackSQL = `
UPDATE ops.operations SET state = 'waiting', until = '-infinity', losses = losses + $5, not_before = now() + $4::interval, changed_at = now()
WHERE id = $1 AND term = $2 AND holder = $3 AND state = 'running' AND losses + $5 <= $6`
)

// take takes up the oldest operation that nobody runs; nil: there is none.
func (d *Desk) take(ctx context.Context, holder uuid.UUID) (*Op, error) {
	d.mu.RLock()
	kinds := make([]string, 0, len(d.kinds))
	for name := range d.kinds {
		kinds = append(kinds, name)
	}
	d.mu.RUnlock()
	op := &Op{d: d, holder: holder}
	var checkpoint []byte
	err := d.Pool.QueryRow(ctx, takeSQL, holder, d.Lease, kinds).Scan(append(op.fields(), &checkpoint, &op.term)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("take up an operation: %w", err)
	}
	op.Checkpoint = json.RawMessage(checkpoint)
	op.stage, op.done, op.total = op.Stage, op.Done, op.Total
	return op, nil
}

// progress notes how far it is, to be written at the next beat.
func (op *Op) progress(stage string, done, total int64) {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.stage, op.done, op.total = stage, done, total
}

// beat writes the progress and prolongs the tenure. The error is ErrFenced, errCancelled, or of the database.
func (op *Op) beat(ctx context.Context) error {
	op.mu.Lock()
	stage, done, total := op.stage, op.done, op.total
	op.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, max(op.d.Lease/2, time.Second))
	defer cancel()
	var cancelling bool
	err := op.d.Pool.QueryRow(ctx, beatSQL, op.ID, op.term, op.holder, op.d.Lease, stage, done, total).Scan(&cancelling)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return ErrFenced
	case err != nil:
		return fmt.Errorf("prolong operation %s: %w", op.ID, err)
	case cancelling:
		return errCancelled
	}
	return nil
}

// Keep notes from where the operation is to be taken up again. ErrFenced: another server runs it now.
func (op *Op) Keep(ctx context.Context, checkpoint json.RawMessage) error {
	tag, err := op.d.Pool.Exec(ctx, keepSQL, op.ID, op.term, op.holder, checkpoint)
	if err != nil {
		return fmt.Errorf("keep how far operation %s is: %w", op.ID, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrFenced
	}
	return nil
}

// Fence makes a transaction one that only the server that runs the operation can commit: whoever takes the operation over
// waits for it. ErrFenced: another server runs it now.
func (op *Op) Fence(ctx context.Context, tx pgx.Tx) error {
	err := tx.QueryRow(ctx, fenceSQL, op.ID, op.term, op.holder).Scan(new(int64))
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrFenced
	}
	if err != nil {
		return fmt.Errorf("check who runs operation %s: %w", op.ID, err)
	}
	return nil
}
