package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/read"
)

// An AsOf is the moment asked for: a recorded time, a revision, or now where both are nil. Not both.
type AsOf struct {
	Time     *time.Time
	Revision *int64
}

const (
	// ahead is how far ahead of our clock a time may lie and still mean now.
	ahead = time.Minute
	// settles is how old a time must be to have a final answer: the clocks that give events their recorded time
	// differ by less.
	settles = 10 * time.Second
)

// Open fixes the moment of an answer about one workspace: the model, the workspace's number in it, the revision. It
// waits at most timeout until atLeast (where not nil), or the revision asked for, has been applied.
//
// As of a time is the last event recorded by then. It is settled, so that the same question will have the same answer
// for ever, when the time is older than 10 s and the workspace has applied everything that its stream held after the
// question came. Now is as of the last applied revision, and never settled; a revision is always settled.
//
// Errors: *NotFoundError; *PausedError where what is asked lies behind the event that stopped the workspace;
// *TimeoutError; *BeforeFirstError; *FutureError for times more than a minute ahead.
func (e *Engine) Open(ctx context.Context, slug domain.Slug, asOf AsOf, atLeast *int64, timeout time.Duration) (read.Moment, error) {
	asked := e.Now()
	if asOf.Time != nil && asOf.Revision != nil {
		return read.Moment{}, &domain.Error{Code: domain.Invalid, Subject: "asOf", Message: "a time and a revision: give one of them"}
	}
	if asOf.Time != nil && asOf.Time.Sub(asked) > ahead {
		return read.Moment{}, &FutureError{*asOf.Time, asked}
	}
	want := domain.Revision(0) // a workspace has an event: one that has none here was not projected yet
	if atLeast != nil {
		want = max(want, domain.Revision(*atLeast))
	}
	if asOf.Revision != nil {
		want = max(want, domain.Revision(*asOf.Revision))
	}
	head := domain.NoRevision
	past := asOf.Time != nil && asked.Sub(*asOf.Time) > settles
	if past { // read after the question came, and before what is applied
		info, err := e.Store.Info(ctx, streamOf(slug))
		if err != nil && !isNoStream(err) {
			return read.Moment{}, fmt.Errorf("read how far workspace %s goes: %w", slug, err)
		}
		head = info.Last
	}
	s, err := e.opened(ctx, slug, want, timeout)
	if err != nil {
		return read.Moment{}, err
	}
	m := read.Moment{Slug: slug, Number: s.number, Schema: s.model, Revision: s.applied, Time: s.recorded}
	switch {
	case asOf.Revision != nil:
		m.Revision, m.Settled = domain.Revision(*asOf.Revision), true
		return e.atRevision(ctx, m)
	case asOf.Time != nil:
		m.Settled = past && s.applied >= head
		return e.atTime(ctx, m, *asOf.Time)
	}
	return m, nil
}

// Live is the schema of the live model, for questions that are not about one workspace.
func (e *Engine) Live(ctx context.Context) (string, error) {
	m, err := e.liveModel(ctx)
	if err != nil {
		return "", err
	}
	return m.Schema, nil
}

// Settle says of moments of an earlier time, which were just read, whether the same question will have the same answer for
// ever; see [Engine.Open]. Applied is how far each workspace was projected when its moment was read, and asked is when the
// question came.
func (e *Engine) Settle(ctx context.Context, asked, at time.Time, moments []*read.Moment, applied []domain.Revision) error {
	if asked.Sub(at) <= settles || len(moments) == 0 {
		return nil
	}
	list := make([]Standing, len(moments))
	for i, m := range moments {
		list[i] = Standing{Workspace: m.Slug, Applied: applied[i]}
	}
	if err := e.heads(ctx, list); err != nil {
		return err
	}
	for i, m := range moments {
		m.Settled = list[i].Applied >= list[i].Head
	}
	return nil
}

func (e *Engine) opened(ctx context.Context, slug domain.Slug, want domain.Revision, timeout time.Duration) (standing, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return e.await(ctx, slug, want)
}

const (
	revisionTimeSQL = `SELECT revision, recorded_at FROM read.moments WHERE ws = $1 AND revision = $2`
	lastByTimeSQL   = `
SELECT revision, recorded_at FROM read.moments
WHERE ws = $1 AND recorded_at <= $2
ORDER BY recorded_at DESC, revision DESC LIMIT 1`
)

func (e *Engine) atRevision(ctx context.Context, m read.Moment) (read.Moment, error) {
	if m.Revision < 0 {
		return m, e.beforeFirst(ctx, m)
	}
	err := e.Pool.QueryRow(ctx, inSchema(revisionTimeSQL, m.Schema), m.Number, m.Revision).Scan(&m.Revision, &m.Time)
	if err != nil {
		return m, fmt.Errorf("read when revision %d of workspace %s was recorded: %w", m.Revision, m.Slug, err)
	}
	return m, nil
}

func (e *Engine) atTime(ctx context.Context, m read.Moment, t time.Time) (read.Moment, error) {
	err := e.Pool.QueryRow(ctx, inSchema(lastByTimeSQL, m.Schema), m.Number, t).Scan(&m.Revision, &m.Time)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, e.beforeFirst(ctx, m)
	}
	if err != nil {
		return m, fmt.Errorf("find the revision of workspace %s at %s: %w", m.Slug, t.Format(time.RFC3339Nano), err)
	}
	return m, nil
}

func (e *Engine) beforeFirst(ctx context.Context, m read.Moment) error {
	b := &BeforeFirstError{Slug: m.Slug}
	err := e.Pool.QueryRow(ctx, inSchema(revisionTimeSQL, m.Schema), m.Number, 0).Scan(new(int64), &b.First)
	if err != nil {
		return fmt.Errorf("read when workspace %s began: %w", m.Slug, err)
	}
	return b
}
