package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Retry drives a paused workspace on, in order, after the cause was mended: in every model where it is paused, and in
// the decision states. It returns when the workspace is level with its stream. Where an event still cannot be folded
// it is parked again and the answer is a *PausedError; a workspace that is not paused is left as it is.
func (e *Engine) Retry(ctx context.Context, slug domain.Slug) error {
	stream := streamOf(slug)
	if info, err := e.Store.Info(ctx, stream); err != nil && !isNoStream(err) {
		return fmt.Errorf("read how far %s goes: %w", stream, err)
	} else if err != nil || info.Last == domain.NoRevision {
		return &NotFoundError{slug}
	}
	models, err := e.listModels(ctx)
	if err != nil {
		return err
	}
	paused := e.retry(ctx, e.states, stream, slug)
	for _, m := range models {
		if e.projectable(m) {
			paused = errors.Join(paused, e.retry(ctx, e.projected(m.Schema), stream, slug))
		}
	}
	return paused
}

func isNoStream(err error) bool {
	var none *eventstore.NotFoundError
	return errors.As(err, &none)
}

// retry drives a stream on in one projection.
func (e *Engine) retry(ctx context.Context, p *projection, stream domain.Stream, slug domain.Slug) error {
	name, _ := p.name(stream)
	if err := p.numbers.learn(ctx, []string{name}); err != nil {
		return err
	}
	number, _ := p.numbers.get(name)
	for {
		at, err := p.progress(ctx, number)
		if err != nil || !at.paused {
			return err
		}
		done, err := p.drive(ctx, part{number: number, name: name, stream: stream}, at.applied)
		if err != nil {
			return fmt.Errorf("drive %s on in %s: %w", stream, p.schema, err)
		}
		if !done {
			at, err := p.progress(ctx, number)
			if err != nil {
				return err
			}
			return &PausedError{slug, at.applied, at.reason}
		}
	}
}

const pausedStreamsSQL = `SELECT stream FROM states.progress WHERE state = 'paused' ORDER BY ws`

// resumeStates drives the decision states on that an earlier start had to pause: this build may know the events. The
// executor reads what is missing from the log meanwhile, or refuses there by itself.
func (e *Engine) resumeStates(ctx context.Context) {
	rows, _ := e.Pool.Query(ctx, pausedStreamsSQL)
	streams, err := pgx.CollectRows(rows, pgx.RowTo[domain.Stream])
	for _, stream := range streams {
		err = errors.Join(err, e.retry(ctx, e.states, stream, domain.Slug(stream)))
	}
	if err != nil && ctx.Err() == nil {
		e.Log.Warn("some decision states stay paused", "error", err)
	}
}

// drive applies the next page of a paused stream, or ends the pause where there is nothing more. done is false where
// an event cannot be folded.
func (p *projection) drive(ctx context.Context, s part, applied domain.Revision) (done bool, err error) {
	page, err := p.e.Store.ReadStream(ctx, s.stream, applied+1, eventstore.Forward, p.e.PageSize)
	if err != nil {
		return false, err
	}
	if len(page.Events) > 0 {
		s.events = page.Events
		return p.advance(ctx, s, work{driven: true})
	}
	// With the stream's progress locked, a lane either came before, and what it skipped is in the store by now, or
	// it waits and finds the stream going on.
	return true, pgx.BeginFunc(ctx, p.e.Pool, func(tx pgx.Tx) error {
		var now domain.Revision
		err := tx.QueryRow(ctx, inSchema(`SELECT applied FROM read.progress WHERE ws = $1 FOR UPDATE`, p.schema), s.number).Scan(&now)
		if err != nil || now != applied {
			return err
		}
		page, err := p.e.Store.ReadStream(ctx, s.stream, applied+1, eventstore.Forward, 1)
		if err != nil || len(page.Events) > 0 {
			return err
		}
		if _, err := tx.Exec(ctx, p.sql.resume, s.number); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, p.sql.unpark, s.number)
		return err
	})
}

// An at is how far a stream is in a projection.
type at struct {
	applied domain.Revision
	paused  bool
	reason  string
}

// progress reads how far a stream is; one that was never met has applied nothing.
func (p *projection) progress(ctx context.Context, number int32) (at, error) {
	var a at
	const progressSQL = `SELECT applied, state = 'paused', coalesce(reason, '') FROM read.progress WHERE ws = $1`
	err := p.e.Pool.QueryRow(ctx, inSchema(progressSQL, p.schema), number).Scan(&a.applied, &a.paused, &a.reason)
	if errors.Is(err, pgx.ErrNoRows) {
		return at{applied: domain.NoRevision}, nil
	}
	if err != nil {
		return a, fmt.Errorf("read the progress of number %d in %s: %w", number, p.schema, err)
	}
	return a, nil
}
