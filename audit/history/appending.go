package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// How much is appended at once: short transactions, between which others get their turn.
const (
	eventsAtOnce = 500
	bytesAtOnce  = 512 << 10
	patience     = 30 * time.Second // while a store is away
)

// An appending appends events to a stream as they were recorded, some at a time.
type appending struct {
	log     eventstore.Appender
	stream  domain.Stream
	last    domain.Revision // of the events that are appended or wait
	at      time.Time       // when that was recorded
	most    int             // events at once; 0: eventsAtOnce
	written int64

	waiting []eventstore.NewEvent
	ids     map[uuid.UUID]bool
	size    int
}

// add takes the next event. Its bytes are what is stored.
func (w *appending) add(ctx context.Context, e eventstore.NewEvent) error {
	if e.Revision != w.last+1 {
		return fmt.Errorf("append to %s: revision %d came, %d is due", w.stream, e.Revision, w.last+1)
	}
	most := w.most
	if most == 0 {
		most = eventsAtOnce
	}
	size := len(e.Data) + len(e.MetaData) + 1<<10
	if len(w.waiting) >= most || w.size+size > bytesAtOnce || w.ids[e.EventID] { // an event that was carried out twice is two commands
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	if w.ids == nil {
		w.ids = map[uuid.UUID]bool{}
	}
	if e.MetaData != nil { // what metadata says once more, for other tools
		var m domain.Meta
		if json.Unmarshal(e.MetaData, &m) == nil {
			e.Meta = m
		}
	}
	if e.Event == nil {
		if known, err := domain.Decode(e.Type, e.Version, e.Data); err == nil {
			e.Event = known // for who follows in this process
		}
	}
	e.Stream = w.stream
	w.waiting, w.ids[e.EventID], w.size = append(w.waiting, e), true, w.size+size
	w.last, w.at = e.Revision, e.RecordedAt
	return nil
}

// flush appends what waits. The same events sent again are known by their ids.
func (w *appending) flush(ctx context.Context) error {
	if len(w.waiting) == 0 {
		return nil
	}
	slice := eventstore.Slice{Stream: w.stream, Expected: eventstore.Expected(w.waiting[0].Revision - 1), Events: w.waiting}
	results, err := w.patiently(ctx, []eventstore.Slice{slice})
	if err != nil {
		return fmt.Errorf("append to %s: %w", w.stream, err)
	}
	if r := results[0]; r.Err != nil {
		return fmt.Errorf("append to %s: %w", w.stream, r.Err)
	} else if r.First != w.waiting[0].Revision {
		return fmt.Errorf("append to %s: what is revision %d was written as %d", w.stream, w.waiting[0].Revision, r.First)
	}
	w.written += int64(len(w.waiting))
	w.waiting, w.size = nil, 0
	clear(w.ids)
	return nil
}

// patiently tries again what fails because a store is away or said nothing.
func (w *appending) patiently(ctx context.Context, slices []eventstore.Slice) (results []eventstore.SliceResult, err error) {
	for until, try := time.Now().Add(patience), 0; ; try++ {
		results, err = w.log.Append(ctx, slices)
		var unknown *eventstore.OutcomeUnknownError
		var away *eventstore.UnavailableError
		if err == nil || ctx.Err() != nil || time.Now().After(until) || !errors.As(err, &unknown) && !errors.As(err, &away) {
			return results, err
		}
		most := min(time.Second, 20*time.Millisecond<<min(try, 6))
		select {
		case <-time.After(most/2 + rand.N(most/2)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
