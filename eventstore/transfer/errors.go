package transfer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A BusyError says that somebody else is at work on the source or the target.
type BusyError struct {
	Side string // "source" or "target"
	What string // "a server is running on it", ...
}

func (e *BusyError) Error() string { return fmt.Sprintf("the %s is in use: %s", e.Side, e.What) }

// A ForeignError says that the target holds what the source does not: an event, or where Stream is empty What.
type ForeignError struct {
	Stream   domain.Stream
	Revision domain.Revision
	What     string
}

func (e *ForeignError) Error() string {
	if e.Stream == "" {
		return "the target belongs to another instance: " + e.What
	}
	return fmt.Sprintf("the target belongs to another instance: its stream %s has an event at revision %d that the source does not have", e.Stream, e.Revision)
}

// A DifferentError says that the copy is not what the source is.
type DifferentError struct{ What string }

func (e *DifferentError) Error() string { return "the copy differs from the source: " + e.What }

// A MovedError says that the source was written to while it was copied.
type MovedError struct{ Copied, Found int64 }

func (e *MovedError) Error() string {
	return fmt.Sprintf("the source was written to while it was copied: it has %d events, and %d were copied", e.Found, e.Copied)
}

// patiently tries again what fails because a store is away or said nothing, as long as Options.Patience.
func (c *copying) patiently(ctx context.Context, do func() error) error {
	var failing time.Time
	for try := 0; ; try++ {
		err := do()
		var unknown *eventstore.OutcomeUnknownError
		var away *eventstore.UnavailableError
		if err == nil || ctx.Err() != nil || !errors.As(err, &unknown) && !errors.As(err, &away) {
			return err
		}
		if failing.IsZero() {
			failing = time.Now()
		}
		if time.Since(failing) > c.opts.Patience {
			return err
		}
		most := min(time.Second, 20*time.Millisecond<<min(try, 6))
		select {
		case <-time.After(most/2 + rand.N(most/2)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
