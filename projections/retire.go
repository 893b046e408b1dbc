package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	retiredSQL = `UPDATE log.models SET state = 'dropped', changed_at = now() WHERE state = 'old' AND drop_after < now() RETURNING schema`
	// Whoever still projects it stops within a lease.
	undroppedSQL = `
SELECT m.schema FROM log.models m JOIN pg_namespace n ON n.nspname = m.schema
WHERE m.state = 'dropped' AND m.changed_at < now() - $1::interval`
)

// retire has the models dropped whose time is over: first nobody projects them any more, then they go, beside
// everything else, for that may take long.
func (e *Engine) retire(ctx context.Context) error {
	rows, _ := e.Pool.Query(ctx, retiredSQL)
	retired, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("retire old models: %w", err)
	}
	for _, schema := range retired {
		e.Log.Info("an old read model is dropped", "model", schema)
	}
	rows, _ = e.Pool.Query(ctx, undroppedSQL, e.Lease)
	gone, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list dropped models: %w", err)
	}
	if len(gone) > 0 && e.drops.CompareAndSwap(false, true) {
		go e.clear(gone)
	}
	return nil
}

func (e *Engine) clear(schemas []string) {
	defer e.drops.Store(false)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	for _, schema := range schemas {
		if err := e.dropModel(ctx, schema); err != nil {
			e.Log.Warn("a read model was not dropped; trying again", "model", schema, "error", err)
		}
	}
}

// dropModel drops a model's schema. It does not wait long for whoever reads it: it will be tried again.
func (e *Engine) dropModel(ctx context.Context, schema string) error {
	if _, err := e.Pool.Exec(ctx, `UPDATE log.models SET state = 'dropped', changed_at = now() WHERE schema = $1 AND state <> 'dropped'`, schema); err != nil {
		return fmt.Errorf("drop model %s: %w", schema, err)
	}
	e.nudge()
	err := pgx.BeginFunc(ctx, e.OwnerPool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '5s'`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{schema}.Sanitize()+" CASCADE")
		return err
	})
	if err != nil {
		return fmt.Errorf("drop model %s: %w", schema, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.models, schema)
	return nil
}
