package limit

import "sync"

// A Counter bounds what is open at once, of each owner.
type Counter struct {
	most int
	mu   sync.Mutex
	open map[string]int
}

// NewCounter counts up to most of each owner.
func NewCounter(most int) *Counter {
	return &Counter{most: most, open: map[string]int{}}
}

// Take counts one more of an owner, and says how to count it out again, which may be said twice. It is not ok where
// the owner has the most there may be.
func (c *Counter) Take(owner string) (release func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[owner] >= c.most {
		return func() {}, false
	}
	c.open[owner]++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.open[owner]--; c.open[owner] == 0 {
			delete(c.open, owner) // owners come and go
		}
	}), true
}
