package access

import (
	"context"
	"sync"
	"time"
)

// freshFor is how long what was read about a key is taken for true. With as much again for what is known of its holder,
// and for looking again at open subscriptions, a key that was revoked on another server opens nothing here after a tenth
// of a second. A key in use is looked up again when half of it is over, so that nobody waits for that.
const freshFor = 30 * time.Millisecond

// entry is what is remembered about an id for a moment.
type entry struct {
	found     bool
	revoked   bool
	kind      Kind
	hash      [32]byte
	principal Principal
	no        *Refusal  // what the log has against it
	until     time.Time // by the monotonic clock
}

// The bounds of the cache: of what callers with invented ids can make us remember, and of one look-up.
const (
	maxCached  = 10_000
	maxLookUp  = 500
	maxLooking = 2
)

// cache spares a look-up for each request. Waiters for one id share one; ids that are asked for while others are looked
// up share the next.
type cache struct {
	look func(ctx context.Context, ids []string) (map[string]entry, error)

	mu      sync.Mutex
	entries map[string]entry
	asking  map[string]*asking
	waiting []*asking // questions that no look-up has taken yet
	busy    int       // look-ups under way
}

// asking is a question under way.
type asking struct {
	id    string
	done  chan struct{}
	entry entry
	err   error
}

func newCache(look func(ctx context.Context, ids []string) (map[string]entry, error)) *cache {
	return &cache{look: look, entries: map[string]entry{}, asking: map[string]*asking{}}
}

func (c *cache) get(ctx context.Context, id string) (entry, error) {
	c.mu.Lock()
	e, known := c.entries[id]
	left := time.Until(e.until)
	fresh := known && left > 0
	a := c.asking[id]
	if a == nil && (!fresh || left < freshFor/2) {
		a = &asking{id: id, done: make(chan struct{})}
		c.asking[id] = a
		c.waiting = append(c.waiting, a)
		if c.busy < maxLooking {
			c.busy++
			// Not the caller's context: others wait for the same answer, and he may go away.
			go c.run(context.WithoutCancel(ctx))
		}
	}
	c.mu.Unlock()
	if fresh {
		return e, nil
	}
	select {
	case <-a.done:
		return a.entry, a.err
	case <-ctx.Done():
		return entry{}, ctx.Err()
	}
}

// run looks up until nothing waits.
func (c *cache) run(ctx context.Context) {
	for {
		questions := c.take()
		if len(questions) == 0 {
			return
		}
		c.ask(ctx, questions)
	}
}

// take is the next questions; without any, the caller is not busy any more.
func (c *cache) take() []*asking {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.waiting), maxLookUp)
	questions := c.waiting[:n:n]
	if c.waiting = c.waiting[n:]; n == 0 {
		c.waiting = nil
		c.busy--
	}
	return questions
}

// lookupTimeout bounds a look-up: a request that cannot be judged soon is better told to come again.
const lookupTimeout = 5 * time.Second

func (c *cache) ask(ctx context.Context, questions []*asking) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	// Fresh from before the question: what is revoked while the answer is on its way is not held for longer.
	until := time.Now().Add(freshFor)
	ids := make([]string, len(questions))
	for i, a := range questions {
		ids[i] = a.id
	}
	found, err := c.look(ctx, ids)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range questions {
		a.entry, a.err = found[a.id], err
		a.entry.until = until
		if c.asking[a.id] == a { // else it was forgotten meanwhile, and the answer may be from before
			delete(c.asking, a.id)
			if len(c.entries) >= maxCached {
				clear(c.entries)
			}
			if err == nil {
				c.entries[a.id] = a.entry
			}
		}
		close(a.done)
	}
}

// forget makes the next request look the key up again.
func (c *cache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, id)
	delete(c.asking, id)
}

// forgetAll makes every next request look its key up again.
func (c *cache) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
	clear(c.asking)
}
