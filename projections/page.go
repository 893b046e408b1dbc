package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A work is what one transaction does: apply parts, under a lease, and move a lane.
type work struct {
	parts []part
	fence *lease // nil: progress alone decides
	place *place // nil: the lane stays where it is
	// driven: the streams are paused and are being driven on by [Engine.Retry].
	driven bool
	// then runs in the transaction at its end.
	then func(ctx context.Context, tx pgx.Tx) error
}

// A place is a step of a lane through the log.
type place struct {
	lane     int
	from, to eventstore.Position
}

// A step is how far one stream came in a transaction.
type step struct {
	part
	was, now domain.Revision
}

// errMoved says that the lane is not where this process left it: the database lost what it had not yet written, or
// somebody else moved it. What is in memory is worth nothing.
var errMoved = errors.New("the lane is not where it was left")

// A gapError says that a part begins after the revision that is due.
type gapError struct {
	part
	due domain.Revision
}

func (e *gapError) Error() string {
	return fmt.Sprintf("%s: revision %d is due, %d came", e.stream, e.due, e.first())
}

// transact does a work in one transaction and wakes who waits for it. Events that are applied already are skipped,
// and so are paused streams; a part that leaves a gap is a *gapError. On any error nothing happened.
func (p *projection) transact(ctx context.Context, w work) error {
	var steps []step
	err := pgx.BeginFunc(ctx, p.e.Pool, func(tx pgx.Tx) (err error) {
		steps, err = p.within(ctx, tx, w)
		return err
	})
	if err != nil {
		return err
	}
	p.e.watch.applied(p.schema, steps)
	return nil
}

// within does a work in a transaction.
func (p *projection) within(ctx context.Context, tx pgx.Tx, w work) ([]step, error) {
	slices.SortFunc(w.parts, func(a, b part) int { return cmp.Compare(a.number, b.number) })
	steps, err := p.due(ctx, tx, w)
	if err != nil {
		return nil, err
	}
	if len(steps) > 0 {
		parts := make([]part, len(steps))
		for i, s := range steps {
			parts[i] = s.part
		}
		if err := p.folded(ctx, tx, parts); err != nil {
			return nil, err
		}
	}
	if w.then != nil {
		if err := w.then(ctx, tx); err != nil {
			return nil, err
		}
	}
	return steps, p.moved(ctx, tx, steps, w.place)
}

// due locks the progress of the work's streams and finds what of its parts is to be applied.
func (p *projection) due(ctx context.Context, tx pgx.Tx, w work) ([]step, error) {
	numbers, names := make([]int32, len(w.parts)), make([]string, len(w.parts))
	for i, part := range w.parts {
		numbers[i], names[i] = part.number, part.name
	}
	var b pgx.Batch
	// Rows and progress are lost together in a crash, and found again in the log: no need to wait for the disk.
	b.Queue(`SET LOCAL synchronous_commit = off`)
	b.Queue(`SET LOCAL idle_in_transaction_session_timeout = '2min'`)
	if w.fence != nil {
		b.Queue(fenceSQL, w.fence.name, w.fence.term, w.fence.holder).QueryRow(func(row pgx.Row) error {
			var term int64
			if err := row.Scan(&term); errors.Is(err, pgx.ErrNoRows) {
				return errFenced
			} else if err != nil {
				return err
			}
			return nil
		})
	}
	type at struct {
		applied domain.Revision
		paused  bool
	}
	progress := make(map[int32]at, len(w.parts))
	if len(w.parts) > 0 {
		b.Queue(p.sql.begin, numbers, names)
		b.Queue(p.sql.lock, numbers).Query(func(rows pgx.Rows) error {
			var number int32
			var a at
			_, err := pgx.ForEachRow(rows, []any{&number, &a.applied, &a.paused}, func() error {
				progress[number] = a
				return nil
			})
			return err
		})
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, fmt.Errorf("lock the progress of %d streams: %w", len(w.parts), err)
	}
	var steps []step
	for _, part := range w.parts {
		a, ok := progress[part.number]
		if !ok {
			return nil, fmt.Errorf("lock the progress of %s: it went away", part.stream)
		}
		if a.paused && !w.driven {
			continue
		}
		part.events = after(part.events, a.applied)
		if len(part.events) == 0 {
			continue
		}
		if part.first() != a.applied+1 {
			return nil, &gapError{part, a.applied + 1}
		}
		steps = append(steps, step{part, a.applied, part.last()})
	}
	return steps, nil
}

// after is what of a stream's events comes after a revision.
func after(events []domain.Recorded, applied domain.Revision) []domain.Recorded {
	i, _ := slices.BinarySearchFunc(events, applied+1, func(e domain.Recorded, r domain.Revision) int {
		return cmp.Compare(e.Revision, r)
	})
	return events[i:]
}

// moved moves progress and the lane by compare-and-set.
func (p *projection) moved(ctx context.Context, tx pgx.Tx, steps []step, at *place) error {
	var b pgx.Batch
	if len(steps) > 0 {
		numbers, was, now := make([]int32, len(steps)), make([]int64, len(steps)), make([]int64, len(steps))
		for i, s := range steps {
			numbers[i], was[i], now[i] = s.number, int64(s.was), int64(s.now)
		}
		b.Queue(p.sql.move, numbers, was, now).Exec(rowsOr(int64(len(steps)), errMoved))
	}
	if at != nil {
		b.Queue(p.sql.place, laneRow(p.lanes, at.lane), at.from.Commit, at.from.Prepare, at.to.Commit, at.to.Prepare).Exec(rowsOr(1, errMoved))
	}
	if b.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("move the progress of %d streams: %w", len(steps), err)
	}
	return nil
}

// rowsOr answers otherwise where a statement did not change that many rows.
func rowsOr(want int64, otherwise error) func(tag pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() != want {
			return otherwise
		}
		return nil
	}
}

// laneRow is how a lane is named in the table lanes.
func laneRow(lanes, index int) int { return lanes*1000 + index }

// fill closes a gap from the store: it applies what lies before a part, page by page. The lane is not moved; done is
// false where an event on the way cannot be folded.
func (p *projection) fill(ctx context.Context, gap *gapError, w work) (done bool, err error) {
	for next := gap.due; next < gap.first(); {
		limit := min(int64(p.e.PageSize), int64(gap.first()-next))
		page, err := p.e.Store.ReadStream(ctx, gap.stream, next, eventstore.Forward, int(limit))
		if err != nil {
			return false, fmt.Errorf("read the gap of %s at revision %d: %w", gap.stream, next, err)
		}
		if len(page.Events) == 0 {
			return false, fmt.Errorf("read the gap of %s: revision %d is not there: %w", gap.stream, next, errHole)
		}
		some := gap.part
		some.events = page.Events
		if done, err := p.advance(ctx, some, w); err != nil || !done {
			return false, err
		}
		next = some.last() + 1
	}
	return true, nil
}

// errHole says that the store does not have an event that lies before one it had.
var errHole = errors.New("the store lacks an event before one that it has")
