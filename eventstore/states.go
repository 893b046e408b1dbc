package eventstore

import (
	"sync"

	"github.com/annals-io/annals/domain"
)

// A stateCache keeps the decision states used last, over all streams, up to a number. What lies in it is confirmed
// by the store, as of the revision its stream's actor knows, and is never changed: a newer state replaces it.
type stateCache struct {
	mu      sync.Mutex
	max, n  int
	streams map[domain.Stream]map[domain.Entity]*stateNode
	ring    stateNode // ring.next is the one used last, ring.prev the first to go
}

type stateNode struct {
	stream     domain.Stream
	entity     domain.Entity
	state      *domain.State
	prev, next *stateNode
}

func newStateCache(most int) *stateCache {
	c := &stateCache{max: most, streams: map[domain.Stream]map[domain.Entity]*stateNode{}}
	c.ring.prev, c.ring.next = &c.ring, &c.ring
	return c
}

// get is the state of an entity, nil when it is not there.
func (c *stateCache) get(stream domain.Stream, entity domain.Entity) *domain.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.streams[stream][entity]
	if n == nil {
		return nil
	}
	c.unlink(n)
	c.link(n)
	return n.state
}

func (c *stateCache) put(stream domain.Stream, entity domain.Entity, state *domain.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.streams[stream][entity]; n != nil {
		n.state = state
		return
	}
	if c.n >= c.max {
		c.remove(c.ring.prev)
	}
	entities := c.streams[stream]
	if entities == nil {
		entities = map[domain.Entity]*stateNode{}
		c.streams[stream] = entities
	}
	n := &stateNode{stream: stream, entity: entity, state: state}
	entities[entity] = n
	c.link(n)
	c.n++
}

// drop forgets a stream: nobody keeps its states up to date any more.
func (c *stateCache) drop(stream domain.Stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.streams[stream] {
		c.remove(n)
	}
}

func (c *stateCache) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *stateCache) remove(n *stateNode) {
	c.unlink(n)
	c.n--
	entities := c.streams[n.stream]
	delete(entities, n.entity)
	if len(entities) == 0 {
		delete(c.streams, n.stream)
	}
}

func (c *stateCache) link(n *stateNode) {
	n.prev, n.next = &c.ring, c.ring.next
	n.prev.next, n.next.prev = n, n
}

func (c *stateCache) unlink(n *stateNode) { n.prev.next, n.next.prev = n.next, n.prev }

// recentCommands remembers the commands that appended last, over all streams, oldest out first. It only spares
// look-ups: what it forgot, the store knows.
type recentCommands struct {
	mu    sync.Mutex
	known map[CommandKey]KnownCommand
	order []CommandKey // a ring
	next  int
}

func newRecentCommands(most int) *recentCommands {
	return &recentCommands{known: map[CommandKey]KnownCommand{}, order: make([]CommandKey, 0, min(most, 1024)), next: -most}
}

func (c *recentCommands) get(stream domain.Stream, id string) (KnownCommand, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.known[CommandKey{stream, id}]
	return k, ok
}

func (c *recentCommands) put(stream domain.Stream, k KnownCommand) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := CommandKey{stream, k.ID}
	if _, ok := c.known[key]; ok {
		return
	}
	c.known[key] = k
	if c.next < 0 { // the ring still grows
		c.order = append(c.order, key)
		c.next++
		return
	}
	delete(c.known, c.order[c.next])
	c.order[c.next] = key
	c.next = (c.next + 1) % len(c.order)
}
