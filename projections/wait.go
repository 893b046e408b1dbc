package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
)

// A place in the live model: where a workspace is, read in one statement.
type standing struct {
	at
	model    string
	number   int32
	known    bool      // the workspace has a number
	recorded time.Time // of the last applied event
}

const standingSQL = `
SELECT m.schema, w.number, p.applied, p.state = 'paused', p.reason, t.recorded_at
FROM (SELECT max(schema) AS schema FROM log.models WHERE state = 'live') m
LEFT JOIN log.workspaces w ON w.slug = $1
LEFT JOIN read.progress p ON p.ws = w.number
LEFT JOIN read.moments t ON t.ws = w.number AND t.revision = p.applied`

// standing reads where a workspace is in the live model. The model that was live last is the first guess; where
// another one is live by now, that one is asked.
func (e *Engine) standing(ctx context.Context, slug domain.Slug) (standing, error) {
	guess := e.live.Load()
	failed := errors.New("the live model keeps changing")
	for range 5 {
		if guess == nil {
			var err error
			if guess, err = e.liveModel(ctx); err != nil {
				return standing{}, err
			}
		}
		s, live, err := e.standingIn(ctx, slug, guess.Schema)
		if err == nil && live == guess.Schema {
			return s, nil
		}
		if err != nil && !broken(err) {
			return standing{}, fmt.Errorf("read the progress of workspace %s: %w", slug, err)
		}
		if err != nil {
			failed = err
		}
		guess = nil
	}
	return standing{}, fmt.Errorf("read the progress of workspace %s: %w", slug, failed)
}

func (e *Engine) standingIn(ctx context.Context, slug domain.Slug, schema string) (s standing, live string, err error) {
	var model *string
	var number *int32
	var applied *domain.Revision
	var paused *bool
	var reason *string
	var recorded *time.Time
	s = standing{at: at{applied: domain.NoRevision}, model: schema}
	err = e.Pool.QueryRow(ctx, e.projected(schema).sql.standing, slug).Scan(&model, &number, &applied, &paused, &reason, &recorded)
	if err != nil || model == nil {
		return s, "", errors.Join(err, noModel(model))
	}
	if number != nil {
		s.number, s.known = *number, true
	}
	if applied != nil {
		s.applied, s.paused = *applied, *paused
	}
	if reason != nil {
		s.reason = *reason
	}
	if recorded != nil {
		s.recorded = *recorded
	}
	return s, *model, nil
}

func noModel(schema *string) error {
	if schema == nil {
		return ErrNoModel
	}
	return nil
}

// Wait waits until a workspace has applied a revision in the live model. Where ctx's deadline passes before, the answer
// is a *TimeoutError; where the workspace is paused before the revision, a *PausedError at once; where there is no such
// workspace, a *NotFoundError.
func (e *Engine) Wait(ctx context.Context, slug domain.Slug, revision domain.Revision) error {
	_, err := e.await(ctx, slug, revision)
	return err
}

// await is Wait, and answers where the workspace is.
func (e *Engine) await(ctx context.Context, slug domain.Slug, revision domain.Revision) (standing, error) {
	s, err := e.awaits(ctx, slug, revision)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return s, e.late(slug, s, revision)
	case err != nil && ctx.Err() != nil: // nobody waits any more
		return s, ctx.Err()
	}
	return s, err
}

func (e *Engine) awaits(ctx context.Context, slug domain.Slug, revision domain.Revision) (standing, error) {
	s, err := e.standing(ctx, slug)
	if err != nil || s.applied >= revision {
		return s, err
	}
	if s.applied == domain.NoRevision {
		if err := e.exists(ctx, slug); err != nil {
			return s, err
		}
	}
	moved, leave := e.watch.join(string(slug))
	defer leave()
	for {
		next := moved()
		now, err := e.standing(ctx, slug)
		switch {
		case err != nil:
			return s, err
		case now.applied >= revision:
			return now, nil
		case now.paused:
			return now, &PausedError{slug, now.applied, now.reason}
		}
		s = now
		select {
		case <-next:
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// exists is nil where the log has the workspace.
func (e *Engine) exists(ctx context.Context, slug domain.Slug) error {
	info, err := e.Store.Info(ctx, streamOf(slug))
	if isNoStream(err) || err == nil && info.Last == domain.NoRevision {
		return &NotFoundError{slug}
	}
	if err != nil {
		return fmt.Errorf("look for workspace %s: %w", slug, err)
	}
	return nil
}

// late is the error of a wait that took too long. Where the workspace is and where its stream ends is read in a
// moment of its own: whoever waited has none left, and would rather know whether the revision exists at all.
func (e *Engine) late(slug domain.Slug, s standing, want domain.Revision) error {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	if now, err := e.standing(ctx, slug); err == nil {
		s = now
	}
	t := &TimeoutError{Slug: slug, Have: s.applied, Want: want, Head: s.applied}
	info, err := e.Store.Info(ctx, streamOf(slug))
	if isNoStream(err) || err == nil && info.Last == domain.NoRevision {
		return &NotFoundError{slug}
	}
	if err == nil {
		t.Head = info.Last
	}
	return t
}

// Changes yields the newest applied revision of a workspace each time it moved past the one yielded before, beginning
// after a revision; it is closed when ctx ends. A slow reader skips revisions and never misses the newest.
func (e *Engine) Changes(ctx context.Context, slug domain.Slug, after domain.Revision) <-chan domain.Revision {
	out := make(chan domain.Revision)
	go func() {
		defer close(out)
		moved, leave := e.watch.join(string(slug))
		defer leave()
		for {
			next := moved()
			s, err := e.standing(ctx, slug)
			if err == nil && s.applied > after {
				select {
				case out <- s.applied:
					after = s.applied
				case <-next: // newer than what nobody took
				case <-ctx.Done():
					return
				}
				continue
			}
			var again <-chan time.Time
			if err != nil {
				again = time.After(pollSafety)
			}
			select {
			case <-next:
			case <-again:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}
