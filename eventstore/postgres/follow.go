package postgres

import (
	"context"
	"errors"
	"iter"

	"github.com/annals-io/annals/eventstore"
)

var errClosed = errors.New("the store is closed")

// Follow yields the log page by page, for ever: from memory while it keeps up with this process, else from the
// table. See [eventstore.Follower]. Pages from memory are shared with other followers: nobody changes them.
func (s *Store) Follow(ctx context.Context, after eventstore.Position, limit int) iter.Seq2[eventstore.Page, error] {
	return func(yield func(eventstore.Page, error) bool) {
		s.watch.Do(func() { s.tasks.Go(s.watchLoop) })
		s.feed.join()
		defer s.feed.leave()
		at := after.Commit
		for first := true; ; first = false {
			events, behind, moved := s.feed.take(at, limit)
			switch {
			case ctx.Err() != nil:
				yield(eventstore.Page{Next: position(at)}, &eventstore.UnavailableError{Cause: ctx.Err()})
				return
			case s.feed.isClosed():
				yield(eventstore.Page{Next: position(at)}, &eventstore.UnavailableError{Cause: errClosed})
				return
			case len(events) > 0:
				at += uint64(len(events))
				if !yield(eventstore.Page{Events: events, Next: position(at), CaughtUp: !s.beyond(at)}, nil) {
					return
				}
			case behind || first:
				page, err := s.ReadAll(ctx, position(at), limit)
				if err != nil {
					yield(eventstore.Page{Next: position(at)}, err)
					return
				}
				if (first || len(page.Events) > 0) && !yield(page, nil) {
					return
				}
				at = page.Next.Commit
			default:
				select {
				case <-moved:
				case <-ctx.Done():
				}
			}
		}
	}
}

// beyond says whether something is known to lie after a position.
func (s *Store) beyond(at uint64) bool {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return s.feed.head > at
}

func position(n uint64) eventstore.Position { return eventstore.Position{Commit: n, Prepare: n} }
