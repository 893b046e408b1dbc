package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// checkLock is held, by the name of the model, for as long as somebody fills and compares it: what nobody holds is left over.
const checkLock = `SELECT pg_try_advisory_lock(hashtextextended('annals verify ' || $1, 0))`

// createChecked creates a model to be filled, compared and, by the answered function, dropped. It is sweepChecks' to
// drop where this process is killed.
func (e *Engine) createChecked(ctx context.Context) (m emptyModel, letGo func() error, err error) {
	conn, err := e.Pool.Acquire(ctx)
	if err != nil {
		return m, nil, fmt.Errorf("hold a model to verify by: %w", err)
	}
	if m, err = e.createEmpty(ctx, checking); err != nil {
		conn.Release()
		return m, nil, err
	}
	letGo = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err := e.dropModel(ctx, m.schema)
		letGoOf(ctx, conn)
		return err
	}
	var got bool
	if err := conn.QueryRow(ctx, checkLock, m.schema).Scan(&got); err != nil || !got {
		return m, nil, errors.Join(err, letGo())
	}
	return m, letGo, nil
}

// letGoOf ends a connection, and with it the locks that it holds.
func letGoOf(ctx context.Context, conn *pgxpool.Conn) { _ = conn.Hijack().Close(ctx) }

// sweepChecks drops the models that verifications left that were cut off. One that is only just created is not held yet,
// and not left over either.
func (e *Engine) sweepChecks(ctx context.Context) error {
	const leftSQL = `SELECT schema FROM log.models WHERE state = 'checking' AND changed_at < now() - interval '10 seconds'`
	rows, _ := e.Pool.Query(ctx, leftSQL)
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, schema := range left {
		if err := e.sweepCheck(ctx, schema); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) sweepCheck(ctx context.Context, schema string) error {
	conn, err := e.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer letGoOf(context.WithoutCancel(ctx), conn)
	var got bool
	if err := conn.QueryRow(ctx, checkLock, schema).Scan(&got); err != nil || !got {
		return err
	}
	return e.dropModel(ctx, schema)
}
