package eventstore

import (
	"context"
	"errors"
	"math/rand/v2"
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
}

func newCommitter(ctx context.Context, store Appender, cfg Config) *committer {
	c := &committer{store: store, cfg: cfg, ctx: ctx, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	go c.run()
	return c
}

// submit queues flights of one actor, in the order in which they must land.
func (c *committer) submit(q *queue, fs []*flight) {
	c.mu.Lock()
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
	slices := make([]Slice, len(group))
	for i, f := range group {
		slices[i] = f.slice
	}
	results, resent, err := c.append(slices)
	for i := 0; i < len(group); {
		a, from := group[i].actor, i
		for ; i < len(group) && group[i].actor == a; i++ {
			group[i].resent, group[i].err = resent, err
			if err == nil {
				group[i].result = results[i]
			}
		}
		a.settle(group[from:i])
	}
}

// append tries until the outcome is known, or too often. The slices are sent again as they are: command ids and
// event ids tell the store what it has already.
func (c *committer) append(slices []Slice) (results []SliceResult, resent bool, err error) {
	for try := 0; ; try++ {
		began := time.Now()
		ctx, cancel := context.WithTimeout(c.ctx, appendTimeout)
		results, err = c.store.Append(ctx, slices)
		cancel()
		c.observe(time.Since(began), slices, err)
		if err == nil {
			return results, resent, nil
		}
		var unknown *OutcomeUnknownError
		var away *UnavailableError
		if !errors.As(err, &unknown) && !errors.As(err, &away) {
			return nil, resent, c.unless(resent, err)
		}
		resent = resent || unknown != nil
		c.cfg.Logger.Warn("append failed", "try", try+1, "slices", len(slices), "error", err)
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

// pause waits longer each time, 20 ms to half a second, and is false when the executor closes.
func (c *committer) pause(try int) bool {
	most := min(500*time.Millisecond, 20*time.Millisecond<<min(try, 10))
	select {
	case <-time.After(most/2 + rand.N(most/2)):
		return true
	case <-c.ctx.Done():
		return false
	}
}

func (c *committer) observe(took time.Duration, slices []Slice, err error) {
	if c.cfg.Observe.Append == nil {
		return
	}
	events := 0
	for i := range slices {
		events += len(slices[i].Events)
	}
	c.cfg.Observe.Append(took, len(slices), events, err)
}
