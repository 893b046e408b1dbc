package graphql

import (
	"context"
	"log/slog"
	"time"

	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/limit"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
	"github.com/annals-io/annals/promotion"
)

// maxLineageNodes and maxLineageDepth bound a walk, whatever is asked for.
const (
	maxLineageNodes = read.MaxWalkNodes
	maxLineageDepth = read.MaxDepth
)

// A Resolver answers every field of the schema that is not a column of a row. All fields but Desk, Eraser, Names, Activity, Version and Now are
// needed.
type Resolver struct {
	Moments  Moments
	Read     *read.DB
	Log      Log
	Whole    promotion.Log // the log as the server reads it, for who writes to two workspaces at once: nothing of it is an answer
	Commands eventstore.Commander
	Native   NativeReader
	Desk     *people.Desk     // nil: organizations and people are not changed here
	Eraser   Eraser           // nil: nothing is erased here
	Names    Revealer         // nil: names are not shown
	Activity Activity         // nil: nobody was ever seen
	Fork     func() string    // the short form of the course of events; nil: there is only one
	Version  string           // of the binary
	Now      func() time.Time // default time.Now

	limits     limit.Limits
	slugRate   *limit.Rate
	schemaHash string
	log        *slog.Logger
}

// Moments opens workspaces at a moment and tells when there is more: projections.Engine.
type Moments interface {
	// Open fixes the moment of an answer about one workspace; see projections.Engine.Open for its errors.
	Open(ctx context.Context, slug domain.Slug, asOf projections.AsOf, atLeast *int64, timeout time.Duration) (read.Moment, error)
	// ProgressOf says how far a workspace's read models are.
	ProgressOf(ctx context.Context, slug domain.Slug) (projections.Standing, error)
	// Progress says it of all workspaces, by slug.
	Progress(ctx context.Context) ([]projections.Standing, error)
	// Changes yields the newest applied revision each time it moved past the one yielded before, beginning after a
	// revision; it is closed when ctx ends.
	Changes(ctx context.Context, slug domain.Slug, after domain.Revision) <-chan domain.Revision
	// Live is the schema of the live model.
	Live(ctx context.Context) (string, error)
	// ProgressOfAll says it of some workspaces, those that were projected, by slug.
	ProgressOfAll(ctx context.Context, slugs []domain.Slug) ([]projections.Standing, error)
	// Settle says of moments of an earlier time, read when the workspaces were projected so far, whether the same question
	// will have the same answer for ever.
	Settle(ctx context.Context, asked, at time.Time, moments []*read.Moment, applied []domain.Revision) error
	// Misfit is not nil for an error of reading rows that comes of the model's having been made by other code than this.
	Misfit(err error) error
}

// A NativeReader reads one native run event, as NDJSON has it. It is the ingest room's, so that the mutation and the
// HTTP door take the same events by the same rules.
type NativeReader func(body []byte, now time.Time) (NativeEvent, error)

// A NativeEvent is one that was read: Request makes the command that records it.
type NativeEvent struct {
	ID       string
	Warnings []string
	Request  func(stream domain.Stream, meta domain.Meta) eventstore.Request
}

// A NativeRefusal is the error of a NativeReader for an event that breaks a rule. Path is a JSON pointer into it.
type NativeRefusal struct{ Code, Path, Rule, Message string }

func (r *NativeRefusal) Error() string { return r.Message }

func (r *Resolver) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}
