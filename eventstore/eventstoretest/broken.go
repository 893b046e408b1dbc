package eventstoretest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Lossy is a store whose answer gets lost every other time: what was asked was done, and the caller is not told.
type Lossy struct {
	eventstore.Store

	mu    sync.Mutex
	calls int
}

var errLost = errors.New("the answer was lost")

// Append appends and tells it every second time.
func (l *Lossy) Append(ctx context.Context, slices []eventstore.Slice) ([]eventstore.SliceResult, error) {
	results, err := l.Store.Append(ctx, slices)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls++; err == nil && l.calls%2 == 1 {
		return nil, &eventstore.OutcomeUnknownError{Cause: errLost}
	}
	return results, err
}

// Forgetful is broken on purpose: it recognises neither commands nor events that it has already.
type Forgetful struct{ eventstore.Store }

// Append writes everything as if it were new.
func (f *Forgetful) Append(ctx context.Context, sl []eventstore.Slice) ([]eventstore.SliceResult, error) {
	sl = slices.Clone(sl)
	for i := range sl {
		sl[i].CommandID, sl[i].Expected = "", eventstore.Any
		sl[i].Events = slices.Clone(sl[i].Events)
		for j := range sl[i].Events {
			sl[i].Events[j].EventID = uuid.New()
		}
	}
	return f.Store.Append(ctx, sl)
}

// BrokenReader is broken on purpose, in the way of a log whose positions are given out before the commits: an event
// of a stream is now and then not there yet when a later one is, and the reader goes on behind it.
type BrokenReader struct {
	eventstore.Store

	mu     sync.Mutex
	hidden map[uuid.UUID]bool
}

// ReadAll leaves out one event of each stream, once.
func (b *BrokenReader) ReadAll(ctx context.Context, after eventstore.Position, limit int) (eventstore.Page, error) {
	p, err := b.Store.ReadAll(ctx, after, limit)
	if err == nil {
		p.Events = b.hide(p.Events)
	}
	return p, err
}

// Follow leaves it out as well.
func (b *BrokenReader) Follow(ctx context.Context, after eventstore.Position, limit int) iter.Seq2[eventstore.Page, error] {
	return func(yield func(eventstore.Page, error) bool) {
		for p, err := range b.Store.Follow(ctx, after, limit) {
			p.Events = b.hide(p.Events)
			if !yield(p, err) {
				return
			}
		}
	}
}

func (b *BrokenReader) hide(events []domain.Recorded) []domain.Recorded {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hidden == nil {
		b.hidden = map[uuid.UUID]bool{}
	}
	seen := make([]domain.Recorded, 0, len(events))
	for _, e := range events {
		if e.Revision == 3 && !b.hidden[e.EventID] {
			b.hidden[e.EventID] = true
			continue
		}
		seen = append(seen, e)
	}
	return seen
}
