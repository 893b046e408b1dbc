package read

import (
	"math"
	"sync"

	"github.com/annals-io/annals/domain"
)

// DefaultMemory is how many bytes a new DB may remember of what walks read.
const DefaultMemory = 32 << 20

// Remember bounds, in bytes, what the DB keeps in memory of what walks read; 0 keeps nothing. What was kept is
// forgotten. It changes how long walks take and never what they answer. Not to be called while questions are asked.
func (d *DB) Remember(bytes int) { d.memory = newMemory(bytes) }

// A memory keeps what walks read of nodes: a short record for each node and kind of question, and the last revision
// that the record is known to be true at.
//
// Records lie in two generations. What is new, or was used while it was old, goes to the young one; when that has half
// of the bytes it becomes the old one, and the old one goes as a whole. So what nobody asked for goes first, without a
// list of who was asked when, and the garbage collector has two maps and a few large slices without pointers to look at
// instead of a hundred thousand small things.
type memory struct {
	mu         sync.Mutex
	half       int // bytes of a generation
	young, old generation
	models     map[string]uint16 // by schema: its number in keys
	eras       map[uint16]era    // by model: when what is kept of it was read
	gullible   bool              // takes everything for true at every moment: broken on purpose, by tests
}

// A question is what a record answers of a node.
type question uint8

// The questions: neighbours from a side, one way; facts by side, of the row that is true now, or of one that is closed;
// names, which never change.
const (
	asksHops   question = 0 // + 2 * side + way
	asksFacts  question = 6 // + side
	asksClosed question = 9
	asksName   question = 10
	questions  question = 11
)

type memoryKey struct {
	node  int64
	ws    int32
	model uint16
	asks  question
}

type generation struct {
	at     map[memoryKey]record
	chunks [][]byte
	used   int
}

// A record says where the bytes lie, and up to which revision they are known to be true.
type record struct {
	chunk, from, size uint32
	upTo              domain.Revision
}

// always is how long something is true that never changes.
const always = domain.Revision(math.MaxInt64)

const (
	chunkBytes = 64 << 10
	maxRecord  = 16 << 10
	// keyBytes is about what a key and its place in the map take.
	keyBytes = 64
)

func newMemory(bytes int) *memory {
	if bytes <= 0 {
		return nil
	}
	c := &memory{half: bytes / 2, models: map[string]uint16{}, eras: map[uint16]era{}}
	c.clear()
	return c
}

func (c *memory) clear() {
	c.young, c.old = generation{at: map[memoryKey]record{}}, generation{}
}

// model is the number of a schema. There are as many as rebuilds while the process runs.
func (c *memory) model(schema string) uint16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.models[schema]
	if !ok {
		n = uint16(len(c.models))
		c.models[schema] = n
	}
	return n
}

// each looks nodes up, in their order. found must neither keep the data nor come back here; ok is false where there is
// no record.
func (c *memory) each(k memoryKey, nodes []int64, found func(i int, data []byte, upTo domain.Revision, ok bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, n := range nodes {
		k.node = n
		g := &c.young
		r, ok := g.at[k]
		if !ok {
			g = &c.old
			if r, ok = g.at[k]; !ok {
				found(i, nil, 0, false)
				continue
			}
		}
		data := g.chunks[r.chunk][r.from : r.from+r.size]
		found(i, data, r.upTo, true)
		if g == &c.old {
			c.keep(k, data, r.upTo)
		}
	}
}

// put keeps a record that was read in an era, unless there is one that is known to be true for longer.
func (c *memory) put(e era, k memoryKey, data []byte, upTo domain.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.eras[k.model] != e {
		return
	}
	if r, ok := c.find(k); ok && r.upTo > upTo {
		return
	}
	c.keep(k, data, upTo)
}

func (c *memory) keep(k memoryKey, data []byte, upTo domain.Revision) {
	if len(data) > maxRecord || len(data)+keyBytes > c.half {
		return
	}
	if c.young.used+len(data)+keyBytes > c.half {
		c.old, c.young = c.young, generation{at: make(map[memoryKey]record, len(c.young.at)/2)}
	}
	g := &c.young
	last := len(g.chunks) - 1
	if last < 0 || len(g.chunks[last])+len(data) > cap(g.chunks[last]) {
		g.chunks = append(g.chunks, make([]byte, 0, chunkBytes))
		last++
	}
	r := record{chunk: uint32(last), from: uint32(len(g.chunks[last])), size: uint32(len(data)), upTo: upTo}
	g.chunks[last] = append(g.chunks[last], data...)
	if _, again := g.at[k]; !again {
		g.used += keyBytes
	}
	g.used += len(data)
	g.at[k] = r
}

func (c *memory) find(k memoryKey) (record, bool) {
	if r, ok := c.young.at[k]; ok {
		return r, true
	}
	r, ok := c.old.at[k]
	return r, ok
}

// confirm notes that records which were true at a revision are so up to a later one.
func (c *memory) confirm(e era, k memoryKey, nodes []int64, from, upTo domain.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.eras[k.model] != e {
		return
	}
	for _, k.node = range nodes {
		for _, g := range []*generation{&c.young, &c.old} {
			if r, ok := g.at[k]; ok && r.upTo >= from && r.upTo < upTo {
				r.upTo = upTo
				g.at[k] = r
			}
		}
	}
}

// forget drops records that are not known to be true at a revision.
func (c *memory) forget(k memoryKey, nodes []int64, at domain.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k.node = range nodes {
		for _, g := range []*generation{&c.young, &c.old} {
			if r, ok := g.at[k]; ok && r.upTo < at {
				delete(g.at, k)
			}
		}
	}
}
