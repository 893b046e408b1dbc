package projections

import (
	"context"
	"errors"
	"fmt"
	"time"
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
// have what the live one has now, in every workspace, else the error is a *NotLevelError. The one that is gone back from is
// kept as long as keepOld says; zero: Config.KeepOld. ErrNoModel: it was dropped.
func (e *Engine) Rollback(ctx context.Context, keepOld time.Duration) error {
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
	return e.swap(ctx, m.Schema, keepOld)
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
