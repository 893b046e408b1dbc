package eventstore

import (
	"sync"
	"time"

	"github.com/annals-io/annals/domain"
)

// A call is one ExecuteAll on its way: where its commands leave their answers.
type call struct {
	mu        sync.Mutex
	answers   []Answer
	answered  []bool
	left      int
	abandoned bool
	done      chan struct{}
}

func newCall(n int) *call {
	return &call{answers: make([]Answer, n), answered: make([]bool, n), left: n, done: make(chan struct{})}
}

// abandon gives up waiting: what has no answer yet gets this error, and later answers are dropped.
func (c *call) abandon(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abandoned = true
	for i := range c.answers {
		if !c.answered[i] {
			c.answers[i].Err = err
		}
	}
}

func (c *call) isAbandoned() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.abandoned
}

// answer leaves the answer of one command and says whether it was the last one missing.
func (c *call) answer(i int, a Answer) (last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.abandoned {
		c.answers[i] = a
	}
	c.answered[i] = true
	c.left--
	if c.left > 0 {
		return false
	}
	close(c.done)
	return true
}

// An item is one command in an actor's hands.
type item struct {
	req       Request
	call      *call
	index     int    // in the call
	seq       uint64 // the order in which the actor took it
	id        string // what its events' ids are made of
	needs     []domain.Entity
	conflicts int // how often it lost against somebody else's append
}

// A denial is a command that appends nothing: refused, or already true.
type denial struct {
	item *item
	seen domain.Revision // where the stream was, or will be, when it was decided
	err  error
}

// A flight is a slice on its way to the store, and what depends on how it ends.
type flight struct {
	item    *item
	actor   *actor
	seq     uint64
	slice   Slice
	size    int // bytes of data, metadata and evidence
	first   domain.Revision
	last    domain.Revision
	at      time.Time // recorded_at of its last event
	touched []touch
	twins   []*item  // the same command sent again meanwhile
	denials []denial // decisions that rest on it

	result SliceResult
	err    error // of the whole append
	resent bool  // after an append of unknown outcome: a duplicate may be the first sending of itself

	calledBack bool // never tried: one before it did not land
	back       bool // settled
}

// A touch is the state of an entity after a flight's events, true once the flight has landed.
type touch struct {
	entity domain.Entity
	after  *domain.State
}

// landed says that the events lie in the stream where the actor put them.
func (f *flight) landed() bool {
	return !f.calledBack && f.err == nil && f.result.Err == nil && !f.result.Duplicate
}

// landedBefore says that they did so at an earlier sending, whose answer was lost. Strictly it may have been another
// server that carried out the same command at the same revision: the caller's answer is the same, but the actor
// trusts its states no longer.
func (f *flight) landedBefore() bool {
	return f.resent && f.err == nil && f.result.Duplicate && f.result.First == f.first && f.result.Last == f.last
}
