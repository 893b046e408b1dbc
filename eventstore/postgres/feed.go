package postgres

import (
	"sync"

	"github.com/annals-io/annals/domain"
)

// What the feed keeps at most for followers that are a little behind.
const (
	feedEvents = 16_384
	feedBytes  = 16 << 20
)

// A feed hands the events of commits to the followers of this process. It keeps the last ones in one place for all
// of them, so that slow followers cost no memory: whoever falls out of it reads the table.
type feed struct {
	mu        sync.Mutex
	moved     chan struct{} // closed and replaced when head moves or the feed closes
	closed    bool
	head      uint64 // the highest position known to be committed
	followers int
	pages     []livePage // without gaps, oldest first
	events    int
	bytes     int
}

// A livePage is the events of one commit; first is the position of its first event.
type livePage struct {
	first  uint64
	events []domain.Recorded
	bytes  int
}

func (p *livePage) next() uint64 { return p.first + uint64(len(p.events)) }

func newFeed() *feed { return &feed{moved: make(chan struct{})} }

// publish takes a commit of n events, the last of them at a position. The events are only asked for where somebody
// follows.
func (f *feed) publish(last uint64, n int, recorded func() []domain.Recorded) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers > 0 {
		f.keep(livePage{first: last - uint64(n) + 1, events: recorded()})
	}
	f.advance(last)
}

// keep adds a page at either end of what there is. Where one of another process, or one that is published late, lies
// in between, what is older goes: it can be read.
func (f *feed) keep(p livePage) {
	for i := range p.events {
		p.bytes += len(p.events[i].Data)
	}
	switch n := len(f.pages); {
	case n == 0 || p.first > f.pages[n-1].next():
		f.pages, f.events, f.bytes = []livePage{p}, 0, 0
	case p.first == f.pages[n-1].next():
		f.pages = append(f.pages, p)
	case p.next() == f.pages[0].first:
		f.pages = append([]livePage{p}, f.pages...)
	default:
		return
	}
	f.events += len(p.events)
	f.bytes += p.bytes
	for len(f.pages) > 1 && (f.events > feedEvents || f.bytes > feedBytes) {
		f.events -= len(f.pages[0].events)
		f.bytes -= f.pages[0].bytes
		f.pages[0] = livePage{}
		f.pages = f.pages[1:]
	}
}

// saw is told a position that somebody read or was notified of.
func (f *feed) saw(head uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.advance(head)
}

func (f *feed) advance(head uint64) {
	if head > f.head {
		f.head = head
		f.wake()
	}
}

func (f *feed) wake() {
	close(f.moved)
	f.moved = make(chan struct{})
}

// take is at most limit events after a position, from memory; none where it has to be read. behind says that there
// is something after the position, and moved closes when there may be.
func (f *feed) take(after uint64, limit int) (events []domain.Recorded, behind bool, moved <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.pages {
		p := &f.pages[i]
		if len(events) == limit || p.next() <= after+1 {
			continue
		}
		if p.first > after+1 && len(events) == 0 {
			break
		}
		from := 0
		if p.first <= after {
			from = int(after + 1 - p.first)
		}
		to := min(len(p.events), from+limit-len(events))
		if events == nil && to-from == len(p.events) && i == len(f.pages)-1 {
			events = p.events[from:to:to] // the common case: one whole commit, shared by all followers
			break
		}
		events = append(events, p.events[from:to]...)
		after += uint64(to - from)
	}
	return events, f.head > after, f.moved
}

// join and leave count the followers: without any, nothing is kept.
func (f *feed) join() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.followers++
}

func (f *feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers--; f.followers == 0 {
		f.pages, f.events, f.bytes = nil, 0, 0
	}
}

func (f *feed) followed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.followers > 0
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.wake()
}

func (f *feed) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}
