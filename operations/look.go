package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const columns = `id, kind, target, params, by_kind, by_id, state, cancelling, tries, stage, done, total, code, message,
    created_at, begun_at, changed_at, ended_at, stage_from, stage_at, now()`

func (o *Operation) fields() []any {
	return []any{
		&o.ID, &o.Kind, &o.Target, (*[]byte)(&o.Params), &o.By.Kind, &o.By.ID, &o.State, &o.Cancelling, &o.Tries, &o.Stage, &o.Done, &o.Total, &o.Code, &o.Message,
		&o.CreatedAt, &o.BegunAt, &o.ChangedAt, &o.EndedAt, &o.stageFrom, &o.stageAt, &o.now,
	}
}

// Get reads how an operation stands, with its result. ErrNotFound: there is none.
func (d *Desk) Get(ctx context.Context, id uuid.UUID) (Operation, error) {
	var o Operation
	var result []byte
	err := d.Pool.QueryRow(ctx, `SELECT `+columns+`, result FROM ops.operations WHERE id = $1`, id).Scan(append(o.fields(), &result)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return o, ErrNotFound
	}
	if err != nil {
		return o, fmt.Errorf("read operation %s: %w", id, err)
	}
	o.Result = json.RawMessage(result)
	return o, nil
}

// A Filter chooses operations; what is empty chooses all.
type Filter struct {
	Kind, Target string
	States       []State
}

// MostListed bounds a list: the newest are in it.
const MostListed = 1_000

const listSQL = `
SELECT ` + columns + ` FROM ops.operations
WHERE ($1 = '' OR kind = $1) AND ($2 = '' OR target = $2) AND (cardinality($3::text[]) = 0 OR state = ANY($3))
ORDER BY created_at DESC, id LIMIT $4`

// List reads how operations stand, without their results, the newest first, MostListed at most.
func (d *Desk) List(ctx context.Context, f Filter) ([]Operation, error) {
	states := make([]string, len(f.States))
	for i, s := range f.States {
		states[i] = string(s)
	}
	rows, _ := d.Pool.Query(ctx, listSQL, f.Kind, f.Target, states, MostListed)
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Operation, error) {
		var o Operation
		err := row.Scan(o.fields()...)
		return o, err
	})
	if err != nil {
		return nil, fmt.Errorf("list operations: %w", err)
	}
	return all, nil
}
