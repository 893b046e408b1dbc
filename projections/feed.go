package projections

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A feed is the event store as a Watermill subscriber: one message per page of events of a lane, never one per event,
// since a message costs as much as folding an event. The page travels in the message's context; metadata say from
// where to where and how many. The router starts a goroutine per message, so order is kept here: the next message
// is sent when the one before was acknowledged, and one that was not is sent again.
type feed struct {
	store  eventstore.Follower
	after  eventstore.Position
	limit  int           // most events in a page, unless the store's own page has more
	linger time.Duration // how long a page waits for more
	rest   time.Duration // a page waits for more as long as the one before took, and at most so long
	// route picks a lane's parts of a page of the log.
	route func(ctx context.Context, events []domain.Recorded) ([]part, int, error)
	fail  func(error) // told why the feed ended by itself
}

var _ message.Subscriber = (*feed)(nil)

// A batch is a page on its way to the handler.
type batch struct {
	parts    []part
	events   int
	from, to eventstore.Position
	recorded time.Time // of the newest event
}

type batchKey struct{}

// batchOf is the page that a message carries.
func batchOf(m *message.Message) *batch {
	b, _ := m.Context().Value(batchKey{}).(*batch)
	return b
}

// skips is after how many events of other lanes a page without events moves the lane, so that a restart does not
// read them again.
const skips = 20_000

// Backoff of a page that was not acknowledged.
const (
	firstBackoff = 50 * time.Millisecond
	longBackoff  = 5 * time.Second
)

// Subscribe follows the log until ctx ends or the store fails. The topic only names the messages.
func (f *feed) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	out := make(chan *message.Message)
	pending := newBuffer(f.limit)
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	reading.Go(func() { pending.close(f.read(ctx, pending)) })
	go func() {
		defer close(out)
		defer reading.Wait()
		defer cancel()
		if err := f.send(ctx, topic, pending, out); err != nil && ctx.Err() == nil {
			f.fail(err)
		}
	}()
	return out, nil
}

// Close does nothing: a subscription ends with its context.
func (f *feed) Close() error { return nil }

// read fills the buffer with what the store yields.
func (f *feed) read(ctx context.Context, pending *buffer) error {
	after := f.after
	for page, err := range f.store.Follow(ctx, after, f.limit) {
		if err != nil {
			return fmt.Errorf("follow the log after %s: %w", after, err)
		}
		parts, events, err := f.route(ctx, page.Events)
		if err != nil {
			return fmt.Errorf("route the page after %s: %w", after, err)
		}
		b := &batch{parts: parts, events: events, from: after, to: page.Next}
		if len(page.Events) > 0 {
			b.recorded = page.Events[len(page.Events)-1].RecordedAt
		}
		if !pending.put(ctx, b, len(page.Events)) {
			return ctx.Err()
		}
		after = page.Next
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.New("the store stopped following the log")
}

// send sends what is in the buffer, one message at a time.
func (f *feed) send(ctx context.Context, topic string, pending *buffer, out chan<- *message.Message) error {
	for linger := f.linger; ; {
		b, err := pending.take(ctx, linger)
		if err != nil {
			return err
		}
		began := time.Now()
		for backoff := firstBackoff; ; backoff = min(2*backoff, longBackoff) {
			m := f.message(ctx, topic, b)
			select {
			case out <- m:
			case <-ctx.Done():
				return ctx.Err()
			}
			acked, err := answer(ctx, m)
			if err != nil {
				return err
			}
			if acked {
				break
			}
			if err := pauseFor(ctx, backoff); err != nil {
				return err
			}
		}
		linger = max(f.linger, min(f.rest, time.Since(began)))
	}
}

func (f *feed) message(ctx context.Context, topic string, b *batch) *message.Message {
	m := message.NewMessage(topic+"/"+b.from.String()+"-"+b.to.String(), nil)
	m.Metadata.Set("from", b.from.String())
	m.Metadata.Set("to", b.to.String())
	m.Metadata.Set("count", strconv.Itoa(b.events))
	m.SetContext(context.WithValue(ctx, batchKey{}, b))
	return m
}

func answer(ctx context.Context, m *message.Message) (acked bool, err error) {
	select {
	case <-m.Acked():
		return true, nil
	case <-m.Nacked():
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// pauseFor waits, or ends with ctx.
func pauseFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
