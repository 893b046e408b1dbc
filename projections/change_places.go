package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// The model before the last one goes as soon as no request reads it: there is one way back, not many.
	retireSQL = `UPDATE log.models SET drop_after = least(drop_after, now() + $2::interval) WHERE state = 'old' AND schema <> $1`
	stepBack  = `UPDATE log.models SET state = 'old', changed_at = now(), drop_after = now() + greatest($2::interval, $3::interval) WHERE state = 'live' AND schema <> $1`
	stepUp    = `UPDATE log.models SET state = 'live', changed_at = now(), drop_after = NULL WHERE schema = $1 AND state IN ('building', 'old') AND filled`
)

// swap makes a model live and the live one old, to be kept for some time; zero: Config.KeepOld. Requests under way go on
// reading what they began with.
//
// Nobody who reads sees a workspace go back: projecting into the live model is held for the moment in which the other one
// gets what it has, and the two change places then. Readers and writers of events are not held. Where the other one does
// not get level so fast, the live one goes on, and it is tried again; at last the error is a *NotLevelError.
func (e *Engine) swap(ctx context.Context, schema string, keepOld time.Duration) error {
	keepOld = cmp.Or(keepOld, e.KeepOld)
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, e.OwnerPool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, lockModels); err != nil {
				return err
			}
			if err := e.holdLevel(ctx, tx, schema); err != nil {
				return err
			}
			return e.changePlaces(ctx, tx, schema, keepOld)
		})
		var behind *NotLevelError
		if err == nil {
			break
		}
		if (errors.As(err, &behind) || locked(err)) && try < mostHolds {
			if err := pauseFor(ctx, time.Duration(try)*pollOthers); err != nil {
				return err
			}
			continue
		}
		return fmt.Errorf("make %s the live model: %w", schema, err)
	}
	e.nudge()
	_, err := e.liveModel(ctx)
	e.watch.wakeAll()
	return err
}

const (
	// mostHolds is how often the live model is held, and longestHold for how long at most.
	mostHolds   = 20
	longestHold = 2 * time.Second
)

// locked says that a lock was not to be had in time.
func locked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03"
}

// holdLevel holds projecting into the live model until the transaction ends, and waits until another one has all of it.
func (e *Engine) holdLevel(ctx context.Context, tx pgx.Tx, schema string) error {
	var live string
	err := tx.QueryRow(ctx, `SELECT schema FROM log.models WHERE state = 'live'`).Scan(&live)
	if errors.Is(err, pgx.ErrNoRows) || live == schema {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `SELECT set_config('lock_timeout', '2s', true)`); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, inSchema(`LOCK TABLE read.progress IN SHARE MODE`, live)); err != nil {
		return err
	}
	numbers, applied, err := e.progressed(ctx, live)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, longestHold)
	defer cancel()
	behind, err := e.reach(waiting, e.projected(schema), numbers, applied, true)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return &NotLevelError{schema, behind}
	}
	return err
}

// changePlaces makes a model live, and the live one old.
func (e *Engine) changePlaces(ctx context.Context, tx pgx.Tx, schema string, keepOld time.Duration) error {
	if _, err := tx.Exec(ctx, retireSQL, schema, e.LongestRequest); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, stepBack, schema, keepOld, e.LongestRequest); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, stepUp, schema)
	if err == nil && tag.RowsAffected() != 1 {
		err = ErrNoModel
	}
	return err
}
