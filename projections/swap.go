package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/domain"
)

// Swap makes the model that waits beside the live one the live one, once it has what that one has now: it waits for
// that as long as ctx lasts. The model that was live is kept as long as keepOld says; zero: Config.KeepOld. Where the two were found to differ, accept says that somebody has looked; without it the
// error is a *DifferentError, and nothing changes.
//
// Other errors: ErrNoModel where none waits; ErrIncomplete where its rebuild was cut off; a *DifferentError whatever accept says where one
// code made both; an *OtherCodeError where no process projects the one that waits; ErrRebuilding.
func (e *Engine) Swap(ctx context.Context, accept bool, keepOld time.Duration) (Waiting, error) {
	unlock, err := e.lockRebuild(ctx)
	if err != nil {
		return Waiting{}, err
	}
	defer unlock()
	w, err := e.Waiting(ctx)
	if err != nil {
		return w, err
	}
	switch {
	case w.Report != nil && w.Differs() && (w.Report.SameCode || !accept):
		return w, &DifferentError{w.Schema, w.Report.SameCode, w.Report.Tables}
	case !w.Complete:
		return w, fmt.Errorf("%s: %w", w.Schema, ErrIncomplete)
	case w.MadeBy != e.version && w.Projecting == 0:
		return w, &OtherCodeError{w.Schema, w.MadeBy, e.version}
	}
	live, err := e.liveModel(ctx)
	if err != nil {
		return w, err
	}
	if behind, err := e.level(ctx, e.projected(w.Schema), e.projected(live.Schema), true); err != nil {
		return w, notLevel(w.Schema, behind, err)
	}
	if err := e.swap(ctx, w.Schema, keepOld); err != nil {
		return w, err
	}
	if w.Report != nil {
		w.Report.Swapped = true
	}
	return w, nil
}

// Rollback makes the model that was live before the live one again. It must be level: within half a minute it has to
// have what the live one has now, in every workspace, else the error is a *NotLevelError. ErrNoModel: it was dropped.
func (e *Engine) Rollback(ctx context.Context) error {
	unlock, err := e.lockRebuild(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := e.modelIn(ctx, old)
	if err != nil {
		return err
	}
	live, err := e.liveModel(ctx)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	behind, err := e.level(waiting, e.projected(m.Schema), e.projected(live.Schema), false)
	if err != nil {
		return notLevel(m.Schema, behind, err)
	}
	return e.swap(ctx, m.Schema, 0)
}

func notLevel(schema string, behind int, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && behind > 0 {
		return &NotLevelError{schema, behind}
	}
	return err
}

// Discard drops the model that waits beside the live one, for good: see [ModelStatus].Discarded. ErrNoModel: there is
// none. ErrRebuilding: it is being built.
func (e *Engine) Discard(ctx context.Context) error {
	unlock, err := e.lockRebuild(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := e.modelIn(ctx, building)
	if err != nil {
		return err
	}
	if _, err := e.Pool.Exec(ctx, `UPDATE log.models SET discarded = true WHERE schema = $1`, m.Schema); err != nil {
		return fmt.Errorf("discard model %s: %w", m.Schema, err)
	}
	return e.dropBuilding(ctx)
}

// dropBuilding drops what rebuilds left.
func (e *Engine) dropBuilding(ctx context.Context) error {
	for {
		m, err := e.modelIn(ctx, building)
		if errors.Is(err, ErrNoModel) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := e.dropModel(ctx, m.Schema); err != nil {
			return err
		}
	}
}

// DropOld has the model that was live before dropped as soon as no request can be reading it, rather than when
// Config.KeepOld is over. There is no way back to it then.
func (e *Engine) DropOld(ctx context.Context) error {
	const dropSQL = `UPDATE log.models SET drop_after = greatest(changed_at + $1::interval, now()) WHERE state = 'old'`
	tag, err := e.Pool.Exec(ctx, dropSQL, e.LongestRequest)
	if err != nil {
		return fmt.Errorf("have the old model dropped: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNoModel
	}
	e.nudge()
	return nil
}

// modelIn is the newest model in a state.
func (e *Engine) modelIn(ctx context.Context, state modelState) (*model, error) {
	models, err := e.listModels(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the models: %w", err)
	}
	for i := len(models) - 1; i >= 0; i-- {
		if models[i].State == state {
			return &models[i], nil
		}
	}
	return nil, fmt.Errorf("%s: %w", state, ErrNoModel)
}

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

// level waits until a model has applied what another one has applied now, in every workspace. Workspaces that are
// paused in it count only where they must all be level. behind is how many were not, at the end of ctx.
func (e *Engine) level(ctx context.Context, p, than *projection, butPaused bool) (behind int, err error) {
	numbers, applied, err := e.progressed(ctx, than.schema)
	if err != nil {
		return 0, err
	}
	return e.reach(ctx, p, numbers, applied, butPaused)
}

// progressed is what a model has applied, by the numbers of its workspaces.
func (e *Engine) progressed(ctx context.Context, schema string) (numbers []int32, applied []int64, err error) {
	rows, _ := e.Pool.Query(ctx, inSchema(`SELECT ws, applied FROM read.progress`, schema))
	var number int32
	var at domain.Revision
	_, err = pgx.ForEachRow(rows, []any{&number, &at}, func() error {
		numbers, applied = append(numbers, number), append(applied, int64(at))
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the progress of %s: %w", schema, err)
	}
	return numbers, applied, nil
}

// reach waits until a model has applied that much; see level.
func (e *Engine) reach(ctx context.Context, p *projection, numbers []int32, applied []int64, butPaused bool) (behind int, err error) {
	const behindSQL = `
SELECT count(*) FROM unnest($1::int[], $2::bigint[]) g (ws, applied)
LEFT JOIN read.progress p ON p.ws = g.ws
WHERE coalesce(p.applied, -1) < g.applied AND NOT ($3 AND coalesce(p.state, 'live') = 'paused')`
	for {
		var now int
		err := e.Pool.QueryRow(ctx, inSchema(behindSQL, p.schema), numbers, applied, butPaused).Scan(&now)
		if err != nil && ctx.Err() != nil {
			return behind, ctx.Err()
		}
		if err != nil {
			return behind, fmt.Errorf("see whether %s is level: %w", p.schema, err)
		}
		if behind = now; behind == 0 {
			return 0, nil
		}
		if err := pauseFor(ctx, pollOthers); err != nil {
			return behind, err
		}
	}
}

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
