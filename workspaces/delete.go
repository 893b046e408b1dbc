package workspaces

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// A Desk deletes workspaces. All fields are needed.
type Desk struct {
	Moments  Moments
	Read     *read.DB
	Commands eventstore.Commander
}

// Moments opens workspaces at a moment: projections.Engine.
type Moments interface {
	// Open fixes the moment of an answer about one workspace; see projections.Engine.Open for its errors.
	Open(ctx context.Context, slug domain.Slug, asOf projections.AsOf, atLeast *int64, timeout time.Duration) (read.Moment, error)
	// ProgressOf says how far a workspace's stream and its read models are.
	ProgressOf(ctx context.Context, slug domain.Slug) (projections.Standing, error)
}

const (
	// tries is how often a workspace is looked at anew because it changed meanwhile.
	tries = 20
	// patience is how long one look waits for the read model.
	patience = 5 * time.Second
)

// A BusyError says that a workspace was written to each time it had been looked at. Nothing was changed.
type BusyError struct{ Slug domain.Slug }

func (e *BusyError) Error() string {
	return fmt.Sprintf("workspace %s keeps being written to while it is to be deleted: archive it, then delete it", e.Slug)
}

// Delete carries out a request for [domain.DeleteWorkspace] where nothing stands in the way at the very revision that the
// stream ends with. allowed is asked before each look, with the state of the log there: who lost the right meanwhile
// deletes nothing. A request that was carried out before is answered as then.
//
// Errors: *BlockedError; *BusyError; those of allowed; *projections.PausedError and *projections.TimeoutError where it
// cannot be told what runs; those of [eventstore.Commander].
func (d *Desk) Delete(ctx context.Context, slug domain.Slug, r eventstore.Request, allowed func(context.Context) error) (eventstore.Result, error) {
	for range tries {
		at, decided, err := d.look(ctx, slug)
		if err != nil {
			return eventstore.Result{}, err
		}
		if err := allowed(ctx); err != nil {
			return eventstore.Result{}, err
		}
		if !decided {
			blockers, n, err := d.blockers(ctx, at)
			if err != nil {
				return eventstore.Result{}, err
			}
			if n > 0 {
				return eventstore.Result{Revision: at.Revision}, &BlockedError{slug, blockers, n}
			}
			r.IfStreamAt = &at.Revision
		}
		result, err := d.Commands.Execute(ctx, r)
		var moved *eventstore.MovedError
		if !errors.As(err, &moved) {
			return result, err
		}
	}
	return eventstore.Result{}, &BusyError{slug}
}

// look opens the workspace at the revision that its stream ends with. decided says that the command itself will tell,
// whatever runs: there is no such workspace, it is deleted, or it is one that stays.
func (d *Desk) look(ctx context.Context, slug domain.Slug) (at read.Moment, decided bool, err error) {
	standing, err := d.Moments.ProgressOf(ctx, slug)
	var none *projections.NotFoundError
	if errors.As(err, &none) {
		return at, true, nil
	}
	if err != nil {
		return at, false, fmt.Errorf("see how far workspace %s goes: %w", slug, err)
	}
	head := int64(standing.Head)
	if at, err = d.Moments.Open(ctx, slug, projections.AsOf{}, &head, patience); err != nil {
		return at, false, fmt.Errorf("see what runs in workspace %s: %w", slug, err)
	}
	w, there, err := d.Read.Workspace(ctx, at)
	return at, there && (w.Deleted || w.Kind == domain.DefaultWorkspace), err
}
