package projections

import (
	"errors"
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
)

// A NotFoundError says that there is no such workspace.
type NotFoundError struct{ Slug domain.Slug }

func (e *NotFoundError) Error() string { return fmt.Sprintf("there is no %s", Place(e.Slug)) }

// A PausedError says that a workspace's read model stopped before an event that cannot be folded, and what was asked
// lies behind it. What was applied until then can still be read.
type PausedError struct {
	Slug    domain.Slug
	Applied domain.Revision // the last revision that can be read
	Reason  string
}

func (e *PausedError) Error() string {
	return fmt.Sprintf("the read model of %s is paused after revision %d: %s", Place(e.Slug), e.Applied, e.Reason)
}

// A TimeoutError says that a revision was not applied in time. Where Head is below Want, it does not exist yet.
type TimeoutError struct {
	Slug             domain.Slug
	Have, Want, Head domain.Revision
}

func (e *TimeoutError) Error() string {
	if e.Head < e.Want {
		return fmt.Sprintf("%s has no revision %d yet; its last one is %d", Place(e.Slug), e.Want, e.Head)
	}
	return fmt.Sprintf("%s has applied revision %d, not yet %d", Place(e.Slug), e.Have, e.Want)
}

// A BeforeFirstError says that the moment asked for lies before the first event of the workspace.
type BeforeFirstError struct {
	Slug  domain.Slug
	First time.Time // when revision 0 was recorded
}

func (e *BeforeFirstError) Error() string {
	return fmt.Sprintf("%s has no event at that moment: its first was recorded at %s (times are when Annals recorded an event, not when it happened)",
		Place(e.Slug), e.First.UTC().Format(time.RFC3339Nano))
}

// A FutureError says that a time lies too far ahead.
type FutureError struct{ Time, Now time.Time }

func (e *FutureError) Error() string {
	return fmt.Sprintf("%s lies ahead of the server's time %s by more than a minute", e.Time.UTC().Format(time.RFC3339), e.Now.UTC().Format(time.RFC3339))
}

// A DifferentError says that a rebuilt model is not equal to the live one, and was not swapped in.
type DifferentError struct {
	Schema   string // of the rebuilt model
	SameCode bool   // folded by the same code: it should have been equal, and is never swapped in
	Tables   int    // how many tables differ, over all workspaces
}

func (e *DifferentError) Error() string {
	if e.SameCode {
		return fmt.Sprintf("%s was built by the same code and differs from the live model in %d tables: it is not swapped in", e.Schema, e.Tables)
	}
	return fmt.Sprintf("%s differs from the live model in %d tables: look at what differs, then swap it in or discard it", e.Schema, e.Tables)
}

// A NotLevelError says that a model lacks revisions that the live one has applied.
type NotLevelError struct {
	Schema     string
	Workspaces int // how many lack some
}

func (e *NotLevelError) Error() string {
	return fmt.Sprintf("%s is behind the live model in %d workspaces", e.Schema, e.Workspaces)
}

// An OtherCodeError says that the live model was folded by other code than this build's: this build answers from it,
// but does not project into it until it is rebuilt.
type OtherCodeError struct{ Schema, Have, Want string }

func (e *OtherCodeError) Error() string {
	return fmt.Sprintf("read model %s was made by version %s of the folding code, this is %s: rebuild it", e.Schema, e.Have, e.Want)
}

// ErrNoModel says that there is no model of the kind that was asked for.
var ErrNoModel = errors.New("there is no such read model")

// ErrRebuilding says that another rebuild is under way.
var ErrRebuilding = errors.New("another rebuild is under way")

// ErrIncomplete says that a model cannot be made live, since the rebuild that began it was cut off.
var ErrIncomplete = errors.New("the rebuild was cut off before the model was complete: build it again")
