package fold

import (
	"context"
	"fmt"

	"github.com/annals-io/annals/domain"
)

// A Page is a run of events of one workspace, in order and without a hole.
type Page struct {
	Number int32 // of the workspace, in the rows
	Slug   domain.Slug
	Events []domain.Recorded
}

// Evidence reads bodies beside the log: column lineage too bulky for an event. What was erased is absent.
type Evidence interface {
	Evidence(ctx context.Context, stream domain.Stream, digests []domain.Digest) (map[domain.Digest][]byte, error)
}

// An EventError names the event that cannot be folded. Nothing of its page may be kept.
type EventError struct {
	Workspace int32
	Revision  domain.Revision
	Cause     error
}

func (e *EventError) Error() string {
	return fmt.Sprintf("event %d of workspace %d: %v", e.Revision, e.Workspace, e.Cause)
}

// Unwrap is the cause.
func (e *EventError) Unwrap() error { return e.Cause }
