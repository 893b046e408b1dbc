package eventstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// appendTimeout bounds one attempt to append. A database that takes longer than this hangs.
const appendTimeout = 30 * time.Second

// A committer gathers the ready slices of all actors into one append: at once when it is idle, else whatever queued
// while the last append was under way. It waits for no timer. Streams take turns, so that a busy one does not keep
// the others waiting.
type committer struct {
	store Appender
	cfg   Config
	ctx   context.Context
	done  chan struct{}
	wake  chan struct{}

	mu    sync.Mutex
	ready []*queue // with flights, in the order of their turns
}

// A queue is one actor's flights that wait to be appended.
type queue struct {
	actor   *actor
	flights []*flight
	listed  bool
	broken  bool // a flight did not land: those behind it must not be tried
}

func newCommitter(ctx context.Context, store Appender, cfg Config) *committer {
	c := &committer{store: store, cfg: cfg, ctx: ctx, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	go c.run()
	return c
}

// submit queues flights of one actor, in the order in which they must land.
func (c *committer) submit(q *queue, fs []*flight) {
	c.mu.Lock()
	if q.broken {
		c.mu.Unlock()
		q.actor.settle(called(fs))
		return
	}
	q.flights = append(q.flights, fs...)
	if !q.listed {
		q.listed = true
		c.ready = append(c.ready, q)
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// mend lets a queue be used again, when all its flights have come back and the actor has learned the truth.
func (c *committer) mend(q *queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q.broken = false
}

// breakOff calls back what is queued behind a flight that did not land. It would not do to leave that to the expected
// revisions: somebody else may have written just as many events as the flight would have.
func (c *committer) breakOff(q *queue) []*flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	q.broken = true
	fs := q.flights
	q.flights = nil // still listed: its turn finds it empty
	return called(fs)
}

// called marks flights that were called back before they were tried.
func called(fs []*flight) []*flight {
	for _, f := range fs {
		f.calledBack = true
	}
	return fs
}

// wait returns when the committer has ended, which it does with the executor's context.
func (c *committer) wait() { <-c.done }

func (c *committer) run() {
	defer close(c.done)
	for {
		group := c.take()
		if len(group) > 0 {
			c.commit(group)
			continue
		}
		select {
		case <-c.wake:
		case <-c.ctx.Done():
			if group = c.take(); len(group) > 0 {
				c.commit(group) // fails at once, but everybody gets an answer
				continue
			}
			return
		}
	}
}

// take is the next group: each stream in its turn gives its share, until the group is full.
func (c *committer) take() []*flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ready) == 0 {
		return nil
	}
	share := max(16, c.cfg.GroupEvents/len(c.ready))
	var group []*flight
	events, bytes, turns := 0, 0, len(c.ready)
	for range turns {
		q := c.ready[0]
		c.ready = c.ready[1:]
		n, given := 0, 0
		for n < len(q.flights) && given < share && events < c.cfg.GroupEvents && bytes < c.cfg.GroupBytes {
			f := q.flights[n]
			group = append(group, f)
			given += len(f.slice.Events)
			events += len(f.slice.Events)
			bytes += f.size
			n++
		}
		clear(q.flights[:n])
		if q.flights = q.flights[n:]; len(q.flights) > 0 {
			c.ready = append(c.ready, q)
		} else {
			q.flights, q.listed = nil, false
		}
		if events >= c.cfg.GroupEvents || bytes >= c.cfg.GroupBytes {
			break
		}
	}
	return group
}

// commit appends a group and sends every flight home.
func (c *committer) commit(group []*flight) {
	sl := make([]Slice, len(group))
	for i, f := range group {
		sl[i] = f.slice
	}
	results, resent, err := c.append(sl)
	for i := 0; i < len(group); {
		a, from, whole := group[i].actor, i, true
		for ; i < len(group) && group[i].actor == a; i++ {
			group[i].resent, group[i].err = resent, err
			if err == nil {
				group[i].result = results[i]
			}
			whole = whole && group[i].landed()
		}
		back := group[from:i]
		if !whole {
			back = append(slices.Clone(back), c.breakOff(&a.queue)...)
		}
		a.settle(back)
	}
}

// append tries until the outcome is known, or too often. The slices are sent again as they are: command ids and
// event ids tell the store what it has already.
func (c *committer) append(sl []Slice) (results []SliceResult, resent bool, err error) {
	for try := 0; ; try++ {
		began := time.Now()
		ctx, cancel := context.WithTimeout(c.ctx, appendTimeout)
		results, err = c.store.Append(ctx, sl)
		cancel()
		c.observe(time.Since(began), sl, err)
		if err == nil {
			return results, resent, nil
		}
		var unknown *OutcomeUnknownError
		var away *UnavailableError
		if !errors.As(err, &unknown) && !errors.As(err, &away) {
			return nil, resent, c.unless(resent, err)
		}
		resent = resent || unknown != nil
		c.cfg.Logger.Warn("append failed", "try", try+1, "slices", len(sl), "error", err)
		if try >= c.cfg.Retries || !c.pause(try) {
			return nil, resent, c.unless(resent, err)
		}
	}
}

// unless keeps the doubt: once an attempt may have been written, no later refusal proves that nothing was.
func (c *committer) unless(resent bool, err error) error {
	var unknown *OutcomeUnknownError
	if !resent || errors.As(err, &unknown) {
		return err
	}
	return &OutcomeUnknownError{Cause: err}
}

// pause waits longer each time, 5 ms to half a second, and is false when the executor closes.
func (c *committer) pause(try int) bool {
	most := min(500*time.Millisecond, 5*time.Millisecond<<min(try, 10))
	select {
	case <-time.After(most/2 + rand.N(most/2)):
		return true
	case <-c.ctx.Done():
		return false
	}
}

func (c *committer) observe(took time.Duration, sl []Slice, err error) {
	if c.cfg.Observe.Append == nil {
		return
	}
	events := 0
	for i := range sl {
		events += len(sl[i].Events)
	}
	c.cfg.Observe.Append(took, len(sl), events, err)
}
