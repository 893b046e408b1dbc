package projections

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// pages is a follower that yields what it is told to, then fails.
type pages struct{ list chan eventstore.Page }

func (p pages) Follow(ctx context.Context, after eventstore.Position, limit int) iter.Seq2[eventstore.Page, error] {
	return func(yield func(eventstore.Page, error) bool) {
		for {
			select {
			case page, ok := <-p.list:
				if !ok {
					yield(eventstore.Page{}, errors.New("the log is gone"))
					return
				}
				if !yield(page, nil) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// numbered is a page of a stream's events from one revision to another, at positions one higher.
func numbered(from, to int) eventstore.Page {
	var p eventstore.Page
	for n := from; n <= to; n++ {
		p.Events = append(p.Events, domain.Recorded{Envelope: domain.Envelope{Stream: "workspace-one", Revision: domain.Revision(n)}})
	}
	p.Next.Commit = uint64(to + 1)
	return p
}

func newTestFeed(t *testing.T, limit int) (store pages, out <-chan *message.Message, failed chan error) {
	store, failed = pages{make(chan eventstore.Page)}, make(chan error, 1)
	f := &feed{store: store, limit: limit, fail: func(err error) { failed <- err }, route: func(_ context.Context, events []domain.Recorded) ([]part, int, error) {
		parts, n := split(events, func(s domain.Stream) (int32, string, bool) { return 1, "one", s == "workspace-one" })
		return parts, n, nil
	}}
	out, err := f.Subscribe(t.Context(), "read_1/0")
	if err != nil {
		t.Fatal(err)
	}
	return store, out, failed
}

func next(t *testing.T, out <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case m := <-out:
		return m
	case <-time.After(patience):
		t.Fatal("no message")
		return nil
	}
}

func TestAFeedSendsOnePageAtATime(t *testing.T) {
	t.Parallel()
	store, out, failed := newTestFeed(t, 10)
	store.list <- numbered(0, 3)
	first := next(t, out)
	if got := fmt.Sprint(first.UUID, first.Metadata); got != "read_1/0/0/0-4/0map[count:4 from:0/0 to:4/0]" {
		t.Errorf("message %s", got)
	}
	// what comes meanwhile is joined, up to the limit, and nothing is sent before the answer
	store.list <- numbered(4, 8)
	store.list <- numbered(9, 12)
	store.list <- numbered(13, 15) // more than a page: it waits
	select {
	case m := <-out:
		t.Fatalf("%s was sent before %s was answered", m.UUID, first.UUID)
	default:
	}
	first.Nack()
	again := next(t, out)
	if again.UUID != first.UUID || batchOf(again) != batchOf(first) {
		t.Errorf("after a nack came %s, want %s again", again.UUID, first.UUID)
	}
	again.Ack()
	second := next(t, out)
	b := batchOf(second)
	if b.events != 9 || len(b.parts) != 1 || b.parts[0].first() != 4 || b.parts[0].last() != 12 || b.from.Commit != 4 || b.to.Commit != 13 {
		t.Errorf("second page %+v", b)
	}
	second.Ack()
	third := next(t, out)
	if b := batchOf(third); b.parts[0].first() != 13 || b.to.Commit != 16 {
		t.Errorf("third page %+v", b)
	}
	// when the log ends, so does the feed, and says why
	close(store.list)
	third.Ack()
	if err := <-failed; err == nil || batchOf(third).to.Commit != 16 {
		t.Errorf("failed with %v", err)
	}
	if _, open := <-out; open {
		t.Error("a message came after the end")
	}
}

// A lane that has no events for long still moves on, so that a restart does not read the log of all others again.
func TestAFeedMovesALaneThatHasNoEvents(t *testing.T) {
	t.Parallel()
	store, out, _ := newTestFeed(t, 10)
	for n := range skips / 1000 {
		page := numbered(n*1000, n*1000+999)
		for i := range page.Events {
			page.Events[i].Stream = "workspace-other"
		}
		store.list <- page
	}
	m := next(t, out)
	if b := batchOf(m); b.events != 0 || len(b.parts) != 0 || b.to.Commit != skips {
		t.Errorf("page %+v", b)
	}
	m.Ack()
}
