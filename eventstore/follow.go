package eventstore

import (
	"context"
	"iter"
	"time"
)

// A Tail is a log that can be read in pages and says when there may be more of it.
type Tail struct {
	// Read reads a page, as [Reader] does.
	Read func(ctx context.Context, after Position, limit int) (Page, error)
	// Moved answers a channel that closes when there may be more to read than at the moment of asking.
	Moved func() <-chan struct{}
	// PollEvery is how often to look although nobody said anything; 0: never.
	PollEvery time.Duration
}

// Follow yields the log page by page, for ever. See [Follower]. Nothing is yielded but what was read: a word that
// there is more may come twice, late, or with PollEvery not at all, and nothing is lost or doubled by it.
func (t Tail) Follow(ctx context.Context, after Position, limit int) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		var poll <-chan time.Time
		if t.PollEvery > 0 {
			tick := time.NewTicker(t.PollEvery)
			defer tick.Stop()
			poll = tick.C
		}
		for first := true; ; first = false {
			moved := t.Moved() // before reading: what comes meanwhile closes it
			p, err := t.Read(ctx, after, limit)
			if err != nil {
				yield(Page{Next: after}, err)
				return
			}
			if (first || len(p.Events) > 0) && !yield(p, nil) {
				return
			}
			after = p.Next
			if !p.CaughtUp {
				continue
			}
			select {
			case <-moved:
			case <-poll:
			case <-ctx.Done(): // the next Read says so
			}
		}
	}
}
