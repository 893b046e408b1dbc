package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// advance applies as much of one stream as can be: all of the part, or everything before the event that cannot be
// folded, which is then parked and its stream paused; done is false then. Errors are of passing causes only: nothing
// was parked, and what was applied stays. The work says under which lease; its place is left alone.
func (p *projection) advance(ctx context.Context, some part, w work) (done bool, err error) {
	w.parts, w.place, w.then = []part{some}, nil, nil
	err = p.timed(ctx, w)
	var gap *gapError
	if errors.As(err, &gap) {
		if done, err := p.fill(ctx, gap, w); err != nil || !done {
			return false, err
		}
		w.parts = []part{some}
		err = p.timed(ctx, w) // a gap that does not close is an error, not a loop
	}
	switch {
	case err == nil:
		return true, nil
	case timedOut(ctx, err) && len(some.events) > 1: // in halves, then
	case !poisonous(err):
		return false, err
	case len(some.events) == 1:
		return false, p.park(ctx, some, w, err)
	}
	cut := p.suspect(some, err)
	head, tail := some, some
	head.events, tail.events = some.events[:cut], some.events[cut:]
	if done, err := p.advance(ctx, head, w); err != nil || !done {
		return false, err
	}
	return p.advance(ctx, tail, w)
}

// timed does a work within the time of a page.
func (p *projection) timed(ctx context.Context, w work) error {
	ctx, cancel := context.WithTimeout(ctx, p.e.PageTimeout)
	defer cancel()
	return p.transact(ctx, w)
}

// suspect is where to cut a part that cannot be folded: before or after the event that the error names, else in the
// middle.
func (p *projection) suspect(some part, err error) int {
	if revision, ok := blamed(p, err); ok {
		switch i := int(revision - some.first()); {
		case i > 0 && i < len(some.events):
			return i
		case i == 0:
			return 1
		}
	}
	return len(some.events) / 2
}

// blamed is the revision that an error of folding names.
func blamed(p *projection, err error) (domain.Revision, bool) {
	var s *stateError
	if errors.As(err, &s) {
		return s.revision, true
	}
	return p.e.fold.bad(err)
}

// park keeps the event that cannot be folded, with its error, and pauses its stream.
func (p *projection) park(ctx context.Context, some part, w work, cause error) error {
	revision := some.first()
	reason := fmt.Sprintf("revision %d cannot be folded: %s", revision, clip(cause.Error()))
	w.parts = nil
	w.then = func(ctx context.Context, tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(p.sql.park, some.number, revision, clip(cause.Error()))
		b.Queue(p.sql.pause, some.number, reason, revision)
		return tx.SendBatch(ctx, &b).Close()
	}
	if err := p.transact(ctx, w); err != nil {
		return fmt.Errorf("park revision %d of %s: %w", revision, some.stream, err)
	}
	p.e.Log.Error("an event cannot be folded; its stream is paused", "model", p.schema, "stream", some.stream, "revision", revision, "error", cause)
	p.e.watch.wake(some.name)
	if hook := p.e.Hooks.Parked; hook != nil {
		hook(p.schema, some.stream, revision, cause)
	}
	return nil
}

// clip bounds a text that is kept in a row.
func clip(s string) string {
	const most = 2000
	if len(s) > most {
		s = s[:most]
	}
	return cleanUTF8(s)
}
