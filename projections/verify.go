package projections

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
)

// Verifying folds the events again, into a model of its own beside the live one, and compares every row: a digest of each
// table of each workspace, then the rows of the tables that differ. Nothing waits for it and nothing is locked: a workspace
// is compared in one snapshot in which both models have applied the same revision; one that is written to meanwhile is
// caught up with first, as a rebuild does ([build.chase]). Workspaces are done in batches, so that a verification of a large
// log takes the space of one batch, and can go on where it was when it is interrupted.

// VerifyOptions says what is verified and how. A field left zero has its default.
type VerifyOptions struct {
	// Workspace is the only one to verify; empty: all of them, with organizations and accounts, and what belongs to none.
	Workspace domain.Slug
	PageSize  int   // most events in one transaction; default 8,000
	Parallel  int   // workspaces at a time; default 2
	Memory    int64 // as of a rebuild
	Batch     int64 // about how many events are folded before what was folded is compared and dropped; default 500,000
	Gentle    bool  // as of a rebuild
	// From is what an earlier verification kept: it goes on behind that. Of another live model it is of no use, and left.
	From *Verification
	// Keep is told after each batch what was found so far; an error ends the verification. Nil is not called.
	Keep func(ctx context.Context, so Verification) error
}

// A Verification is what was found.
type Verification struct {
	Model       string            `json:"model"` // schema of the live model
	After       int32             `json:"after"` // the number of the last workspace that was compared; they are done in this order
	Workspaces  int               `json:"workspaces"`
	Events      int64             `json:"events"` // folded
	Tables      int               `json:"tables"` // how many differ, over all workspaces
	Differences []TableDifference `json:"differences"`
	Paused      []domain.Slug     `json:"paused"` // they were compared as far as they are
	Took        time.Duration     `json:"took"`   // in all tries
}

// Equal says that nothing differs.
func (v *Verification) Equal() bool { return v.Tables == 0 }

// An OutdatedError says that the live model was made by another version of the folding code: a rebuild is what compares
// with it.
type OutdatedError struct{ Schema, MadeBy, Code string }

func (e *OutdatedError) Error() string {
	return fmt.Sprintf("read model %s was made by another version of this program: what differs from this one's is shown by a rebuild", e.Schema)
}

// Verify compares the live model with the events. Progress is told of events, each of which counts when it is folded and
// when it is compared; nil is not called. What was found is answered with an error, too, as far as it came.
//
// Errors: *NotFoundError; *OutdatedError; ErrNoModel.
func (e *Engine) Verify(ctx context.Context, o VerifyOptions, progress func(done, total int64)) (Verification, error) {
	o.PageSize, o.Parallel, o.Memory, o.Batch = cmp.Or(o.PageSize, 8_000), cmp.Or(o.Parallel, 2), cmp.Or(o.Memory, 192<<20), cmp.Or(o.Batch, 500_000)
	live, err := e.liveModel(ctx)
	if err != nil {
		return Verification{}, err
	}
	if live.Version != e.version {
		return Verification{}, &OutdatedError{live.Schema, live.Version, e.version}
	}
	v := &verifier{e: e, o: o, from: live, began: time.Now(), found: Verification{Model: live.Schema, Differences: []TableDifference{}, Paused: []domain.Slug{}}}
	if o.From != nil && o.From.Model == live.Schema {
		v.found = *o.From
	}
	v.took = v.found.Took
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if o.Gentle {
		v.pace = &pace{e: e}
	}
	err = v.run(ctx, progress)
	v.found.Took = v.took + time.Since(v.began)
	return v.found, err
}
