package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	kept     = 90 * 24 * time.Hour
	sweepSQL = `DELETE FROM ops.operations WHERE ended_at < now() - $1::interval`
	// mostLosses is how often in a row, without a checkpoint between, an operation is given back for what passes.
	mostLosses = 20
	longRest   = time.Minute
)

// Run carries out operations until ctx ends, then gives back those under way.
func (d *Desk) Run(ctx context.Context) {
	holder := uuid.New()
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, d.Parallel)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var swept time.Time
	for {
		select {
		case <-timer.C:
		case <-d.nudged:
		case <-ctx.Done():
			return
		}
		if time.Since(swept) > time.Hour {
			swept = time.Now()
			if _, err := d.Pool.Exec(ctx, sweepSQL, kept); err != nil && ctx.Err() == nil {
				d.Log.Warn("old operations were not forgotten; trying again in an hour", "err", err)
			}
		}
		for d.takeOne(ctx, holder, slots, &running) {
		}
		timer.Reset(d.Look)
	}
}

// takeOne takes up one operation, where there is room and work.
func (d *Desk) takeOne(ctx context.Context, holder uuid.UUID, slots chan struct{}, running *sync.WaitGroup) bool {
	select {
	case slots <- struct{}{}:
	default:
		return false
	}
	op, err := d.take(ctx, holder)
	if op == nil {
		<-slots
		if err != nil && ctx.Err() == nil {
			d.Log.Warn("looking for operations failed; trying again", "err", err)
		}
		return false
	}
	running.Go(func() {
		defer d.nudge() // there is room again
		defer func() { <-slots }()
		d.do(ctx, op)
	})
	return true
}

// do runs an operation to its end, or until it is somebody else's.
func (d *Desk) do(ctx context.Context, op *Op) {
	log := d.Log.With("operation", op.ID, "kind", op.Kind, "target", op.Target)
	log.Info("an operation is taken up", "try", op.Tries)
	r, _ := d.kind(op.Kind) // only known kinds are taken
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		d.beats(work, op, stop)
	}()
	result, err := safely(work, r, op)
	cause := context.Cause(work)
	stop(nil)
	<-beating
	switch {
	case errors.Is(cause, ErrFenced) || errors.Is(err, ErrFenced):
		log.Warn("an operation went to another server")
	case errors.Is(cause, errCancelled):
		d.end(op, Cancelled, result, "cancelled", "it was cancelled")
		log.Info("an operation was cancelled")
	case ctx.Err() != nil:
		d.giveBack(op, 0, 0)
		log.Info("an operation is left to another server, or to this one when it runs again")
	default:
		d.conclude(op, result, err)
	}
}

// conclude writes how a Runner ended by itself.
func (d *Desk) conclude(op *Op, result json.RawMessage, err error) {
	log := d.Log.With("operation", op.ID, "kind", op.Kind, "target", op.Target)
	var found *Finding
	var failed *Failure
	switch {
	case err == nil:
		d.end(op, Done, result, "", "")
		log.Info("an operation is done")
	case errors.As(err, &found):
		d.end(op, Done, result, found.Code, found.Message)
		log.Warn("an operation is done", "found", found.Code, "message", found.Message)
	case errors.As(err, &failed):
		d.end(op, Failed, result, failed.Code, failed.Message)
		log.Warn("an operation failed", "code", failed.Code, "message", failed.Message)
	case passing(err) && d.giveBack(op, min(time.Second<<min(op.Tries, 6), longRest), 1):
		log.Warn("an operation is tried again", "err", err)
	default:
		d.end(op, Failed, result, "internal", "the server failed; it was logged")
		log.Error("an operation failed", "err", err)
	}
}

// beats writes progress and prolongs the tenure until ctx ends; it ends the work that was cancelled or taken over.
func (d *Desk) beats(ctx context.Context, op *Op, stop context.CancelCauseFunc) {
	tick := time.NewTicker(d.Beat)
	defer tick.Stop()
	heard := time.Now()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		at := time.Now()
		err := op.beat(ctx)
		switch {
		case err == nil:
			heard = at
		case errors.Is(err, ErrFenced), errors.Is(err, errCancelled):
			stop(err)
			return
		case ctx.Err() == nil && time.Since(heard) > d.Lease:
			stop(ErrFenced) // it may be somebody else's by now
			return
		}
	}
}

// safely runs a Runner; a panic is an error.
func safely(ctx context.Context, r Runner, op *Op) (result json.RawMessage, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return r.Run(ctx, op, op.progress)
}

// end writes the last progress and how it ended, and goes on trying while the tenure may last: what is not written is
// done again.
func (d *Desk) end(op *Op, state State, result json.RawMessage, code, message string) {
	d.finally(op, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, d.Pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, beatSQL, op.ID, op.term, op.holder, d.Lease, op.stage, op.done, op.total); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, endSQL, op.ID, op.term, op.holder, string(state), result, code, message)
			return err
		})
	})
}

// giveBack leaves an operation to whoever takes it up next, not before some time has passed; false where it was given back
// too often.
func (d *Desk) giveBack(op *Op, rest time.Duration, losses int) (ok bool) {
	d.finally(op, func(ctx context.Context) error {
		tag, err := d.Pool.Exec(ctx, giveBackSQL, op.ID, op.term, op.holder, rest, losses, mostLosses)
		ok = err == nil && tag.RowsAffected() == 1
		return err
	})
	return ok
}

// finally writes what became of an operation, though the server may be stopping.
func (d *Desk) finally(op *Op, write func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), d.Lease)
	defer cancel()
	for {
		err := write(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			d.Log.Warn("what became of an operation was not written; it is taken up again", "operation", op.ID, "err", err)
			return
		case <-time.After(d.Beat):
		}
	}
}

// passing says that the same work can succeed later: the database was away, or too busy.
func passing(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code[:2] {
		case "08", "40", "53", "55", "57", "58":
			return true
		}
		return false
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || pgconn.SafeToRetry(err) || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgx.ErrTxClosed)
}
