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

// A shelf is where the records of one question about one workspace are, by node.
type shelf struct {
	ws    int32
	model uint16
	asks  question
}

type generation struct {
	shelves map[shelf]map[int64]record
	chunks  [][]byte
	used    int
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
	// keyBytes and shelfBytes are about what a node and a shelf take in their maps.
	keyBytes, shelfBytes = 48, 500
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
	c.young, c.old = generation{shelves: map[shelf]map[int64]record{}}, generation{}
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
func (c *memory) each(on shelf, nodes []int64, found func(i int, data []byte, upTo domain.Revision, ok bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	young, old, oldChunks := c.young.shelves[on], c.old.shelves[on], c.old.chunks
	for i, n := range nodes {
		if r, ok := young[n]; ok {
			found(i, c.young.data(r), r.upTo, true)
			continue
		}
		r, ok := old[n]
		if !ok {
			found(i, nil, 0, false)
			continue
		}
		data := oldChunks[r.chunk][r.from : r.from+r.size]
		found(i, data, r.upTo, true)
		c.keep(on, n, data, r.upTo)
		young = c.young.shelves[on] // it may be another generation by now
	}
}

func (g *generation) data(r record) []byte { return g.chunks[r.chunk][r.from : r.from+r.size] }

// A putter keeps records, unless there is one that is known to be true for longer.
type putter func(on shelf, node int64, data []byte, upTo domain.Revision)

// puts has records put that were read in an era of a model; those of another era are not kept.
func (c *memory) puts(e era, model uint16, records func(putter)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.eras[model] != e {
		return
	}
	records(func(on shelf, node int64, data []byte, upTo domain.Revision) {
		if r, ok := c.old.shelves[on][node]; !ok || r.upTo <= upTo {
			c.keep(on, node, data, upTo)
		}
	})
}

// keep puts a record into the young generation.
func (c *memory) keep(on shelf, node int64, data []byte, upTo domain.Revision) {
	if len(data) > maxRecord || len(data)+keyBytes+shelfBytes > c.half {
		return
	}
	if c.young.used+len(data)+keyBytes+shelfBytes > c.half {
		c.old, c.young = c.young, generation{shelves: map[shelf]map[int64]record{}}
	}
	g := &c.young
	records := g.shelves[on]
	if records == nil {
		records = map[int64]record{}
		g.shelves[on] = records
		g.used += shelfBytes
	}
	before, again := records[node]
	if again && before.upTo > upTo {
		return
	}
	if !again {
		g.used += keyBytes
	}
	last := len(g.chunks) - 1
	if last < 0 || len(g.chunks[last])+len(data) > cap(g.chunks[last]) {
		g.chunks = append(g.chunks, make([]byte, 0, chunkBytes))
		last++
	}
	records[node] = record{chunk: uint32(last), from: uint32(len(g.chunks[last])), size: uint32(len(data)), upTo: upTo}
	g.chunks[last] = append(g.chunks[last], data...)
	g.used += len(data)
}

// confirm notes that records which were true at a revision are so up to a later one.
func (c *memory) confirm(e era, on shelf, nodes []int64, from, upTo domain.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.eras[on.model] != e {
		return
	}
	young, old := c.young.shelves[on], c.old.shelves[on]
	for _, n := range nodes {
		records := young
		r, ok := young[n]
		if !ok {
			records = old
			r, ok = old[n]
		}
		if ok && r.upTo >= from && r.upTo < upTo {
			r.upTo = upTo
			records[n] = r
		}
	}
}

// forget drops records that are not known to be true at a revision.
func (c *memory) forget(on shelf, nodes []int64, at domain.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, records := range []map[int64]record{c.young.shelves[on], c.old.shelves[on]} {
		for _, n := range nodes {
			if r, ok := records[n]; ok && r.upTo < at {
				delete(records, n)
			}
		}
	}
}
