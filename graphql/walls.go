package graphql

import (
	"context"
	"errors"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// walls say what lies behind the walls of a workspace, for the caller and at the moment that was asked for.
type walls struct {
	*Resolver
	at *model.Moment
}

// behindWait is how long a walk waits for another workspace to be projected up to now.
const behindWait = 500 * time.Millisecond

// Behind implements read.Walls.
func (w walls) Behind(ctx context.Context, slug domain.Slug) (p read.Place, err error) {
	if p.Seen, err = caller(ctx).may(ctx, slug, domain.ReadWorkspace); err != nil {
		return p, err
	}
	p.Moment, err = w.openBehind(ctx, slug)
	var early *projections.BeforeFirstError
	var paused *projections.PausedError
	var late *projections.TimeoutError
	var missing *projections.NotFoundError
	switch {
	case errors.As(err, &early):
		p.Is = read.NotYet
		return p, nil
	case ctx.Err() == nil && (errors.As(err, &paused) || errors.As(err, &late) || errors.As(err, &missing)):
		p.Is = read.Unreadable
		return p, nil
	case err != nil:
		return p, err
	}
	if p.Seen { // of one that was deleted, an earlier moment is to be asked
		row, ok, err := w.Read.Workspace(ctx, p.Moment)
		if err != nil {
			return p, err
		}
		p.Seen = ok && !row.Deleted
	}
	return p, nil
}

// maxAstray is how often a walk of now is begun again when the other side of a promotion is not projected yet.
const maxAstray = 4

// found walks until the other sides of promotions are there. Workspaces are projected side by side: for some milliseconds
// one may know what another does not show yet. Of an earlier moment it is not waited for.
func (r *Resolver) found(ctx context.Context, at *model.Moment, walk func() (astray bool, err error)) error {
	for try, pause := 1, 20*time.Millisecond; ; try, pause = try+1, 2*pause {
		astray, err := walk()
		if err != nil || !astray || at.Asked != nil || try == maxAstray {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// openBehind opens another workspace. Now is as of its newest event: what it received a moment ago is known here, and is to
// be found there.
func (r walls) openBehind(ctx context.Context, slug domain.Slug) (read.Moment, error) {
	if r.at.Asked != nil {
		return r.Moments.Open(ctx, slug, projections.AsOf{Time: r.at.Asked}, nil, readWait)
	}
	s, err := r.Moments.ProgressOf(ctx, slug)
	if err != nil {
		return read.Moment{}, err
	}
	head := int64(s.Head)
	m, err := r.Moments.Open(ctx, slug, projections.AsOf{}, &head, behindWait)
	var late *projections.TimeoutError
	if errors.As(err, &late) && ctx.Err() == nil {
		return r.Moments.Open(ctx, slug, projections.AsOf{}, nil, behindWait)
	}
	return m, err
}
