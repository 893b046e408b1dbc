package projections

import (
	"context"
	"sync"
	"time"

	"github.com/annals-io/annals/domain"
)

// A buffer joins what was read of the log while the page before was being applied into one page: the same rule as
// that of the group committer, no timer, and pages grow with the load. It is bounded by events, not by pages.
type buffer struct {
	limit  int
	enough int // events that are not waited for to become more

	mu    sync.Mutex
	next  *batch        // what is waiting
	err   error         // why nothing more will come
	ended bool          //
	seen  int           // events of other lanes in next
	come  chan struct{} // something is waiting
	gone  chan struct{} // there is room
}

func newBuffer(limit int) *buffer {
	return &buffer{limit: limit, enough: max(1, limit/2), come: make(chan struct{}, 1), gone: make(chan struct{}, 1)}
}

// put adds a page; it waits while there is no room, and is false where ctx ended.
func (b *buffer) put(ctx context.Context, p *batch, read int) bool {
	for {
		b.mu.Lock()
		if b.next == nil || b.next.events == 0 || b.next.events+p.events <= b.limit {
			b.join(p)
			b.seen += read - p.events
			b.mu.Unlock()
			signal(b.come)
			return true
		}
		b.mu.Unlock()
		select {
		case <-b.gone:
		case <-ctx.Done():
			return false
		}
	}
}

// join is called with the lock held.
func (b *buffer) join(p *batch) {
	if b.next == nil {
		b.next = p
		return
	}
	n := b.next
	n.to, n.events = p.to, n.events+p.events
	if !p.recorded.IsZero() {
		n.recorded = p.recorded
	}
	at := make(map[int32]int, len(n.parts))
	for i := range n.parts {
		at[n.parts[i].number] = i
	}
	for _, more := range p.parts {
		i, ok := at[more.number]
		if !ok {
			n.parts = append(n.parts, more)
			continue
		}
		have := &n.parts[i]
		have.events = append(have.events, more.events...) // no other lane has this list: split made it
	}
}

// take takes all that is waiting, once there are events of the lane, or enough of others to move it. It lingers from
// the first event on, until the page is half full.
func (b *buffer) take(ctx context.Context, linger time.Duration) (*batch, error) {
	lingered := linger == 0
	for {
		b.mu.Lock()
		full := b.next != nil && (b.next.events >= b.enough || b.seen >= skips)
		some := b.next != nil && b.next.events > 0
		if full || some && lingered {
			p := b.next
			b.next, b.seen = nil, 0
			b.mu.Unlock()
			signal(b.gone)
			return p, nil
		}
		ended, err := b.ended, b.err
		b.mu.Unlock()
		if ended {
			return nil, err
		}
		if some {
			lingered = true
			if err := b.lingers(ctx, linger); err != nil {
				return nil, err
			}
			continue
		}
		select {
		case <-b.come:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// lingers waits until there is enough or the time is over.
func (b *buffer) lingers(ctx context.Context, linger time.Duration) error {
	t := time.NewTimer(linger)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return nil
		case <-b.come:
			b.mu.Lock()
			full := b.ended || b.next != nil && b.next.events >= b.enough
			b.mu.Unlock()
			if full {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// close says that nothing more comes, and why.
func (b *buffer) close(err error) {
	b.mu.Lock()
	b.ended, b.err = true, err
	b.mu.Unlock()
	signal(b.come)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// split sorts the events of a page of the log by stream, for those streams that keep answers true for.
func split(events []domain.Recorded, keep func(domain.Stream) (number int32, name string, ok bool)) (parts []part, count int) {
	at, many := map[domain.Stream]int{}, map[domain.Stream]int{}
	for i := range events {
		many[events[i].Stream]++
	}
	for i := range events {
		s := events[i].Stream
		j, known := at[s]
		if !known {
			number, name, ok := keep(s)
			if !ok {
				at[s] = -1
				continue
			}
			j = len(parts)
			at[s] = j
			parts = append(parts, part{number: number, name: name, stream: s, events: make([]domain.Recorded, 0, many[s])})
		} else if j < 0 {
			continue
		}
		parts[j].events = append(parts[j].events, events[i])
		count++
	}
	return parts, count
}
