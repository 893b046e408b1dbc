package read

import (
	"encoding/binary"
	"math"
	"slices"
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
// Records are written one behind the other into chunks. Where the bytes are used up the oldest chunk goes: what was
// asked for since it was written is written again, once, and the rest is forgotten. So what nobody asks for goes first,
// without a list of who was asked when, and the garbage collector sees a few maps and slices without pointers instead
// of a hundred thousand small things.
type memory struct {
	mu       sync.Mutex
	bytes    int
	used     int
	shelves  map[shelf]*records
	chunks   []chunk           // oldest first
	first    uint32            // number of the oldest chunk
	models   map[string]uint16 // by schema: its number in shelves
	eras     map[uint16]era    // by model: when what is kept of it was read
	gullible bool              // takes everything for true at every moment: broken on purpose, by tests
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

// A shelf is where the records of one question about one workspace are.
type shelf struct {
	ws    int32
	model uint16
	asks  question
}

// records are those of a shelf, by node.
type records struct {
	of shelf
	at map[int64]record
}

// A record says where the bytes lie, and up to which revision they are known to be true.
type record struct {
	upTo  domain.Revision
	chunk uint32
	from  uint16
	size  uint16 // and wanted
}

// wanted marks a record that was asked for since it was written.
const wanted = 1 << 15

// A chunk holds records: the place of the shelf in its list, the node, the size, the data.
type chunk struct {
	data    []byte
	shelves []*records
}

// always is how long something is true that never changes.
const always = domain.Revision(math.MaxInt64)

const (
	chunkBytes = 64 << 10
	// keyBytes and shelfBytes are about what a node and a shelf take in their maps, headBytes what a record has before
	// its data at most.
	keyBytes, shelfBytes, headBytes = 36, 500, 16
	// chances is how many chunks are looked through for what is wanted, before one goes whatever it holds.
	chances = 4
)

func newMemory(bytes int) *memory {
	if bytes <= 0 {
		return nil
	}
	c := &memory{bytes: bytes, models: map[string]uint16{}, eras: map[uint16]era{}}
	c.clear()
	return c
}

func (c *memory) clear() { c.shelves, c.chunks, c.first, c.used = map[shelf]*records{}, nil, 0, 0 }

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
	var at map[int64]record
	if s := c.shelves[on]; s != nil {
		at = s.at
	}
	for i, n := range nodes {
		r, ok := at[n]
		if !ok {
			found(i, nil, 0, false)
			continue
		}
		if r.size&wanted == 0 {
			r.size |= wanted
			at[n] = r
		}
		found(i, c.data(r), r.upTo, true)
	}
}

func (c *memory) data(r record) []byte {
	return c.chunks[r.chunk-c.first].data[r.from:][:r.size&^wanted]
}

// A putter keeps records, unless there is one that is known to be true for longer.
type putter func(on shelf, node int64, data []byte, upTo domain.Revision)

// puts has records put that were read in an era of a model; those of another era are not kept.
func (c *memory) puts(e era, model uint16, records func(putter)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.eras[model] == e {
		records(c.keep)
	}
}

func (c *memory) keep(on shelf, node int64, data []byte, upTo domain.Revision) {
	size := min(chunkBytes, c.bytes/8)
	if len(data)+headBytes > size/4 {
		return
	}
	for tries := 0; len(c.chunks) > 1 && c.used+len(data)+headBytes+keyBytes+shelfBytes > c.bytes; tries++ {
		c.dropOldest(tries < chances)
	}
	s := c.shelves[on]
	if s == nil {
		s = &records{of: on, at: map[int64]record{}}
		c.shelves[on] = s
		c.used += shelfBytes
	}
	before, again := s.at[node]
	if again && before.upTo > upTo {
		return
	}
	if !again {
		c.used += keyBytes
	}
	s.at[node] = c.write(s, node, data, upTo)
}

// write writes a record into the newest chunk.
func (c *memory) write(s *records, node int64, data []byte, upTo domain.Revision) record {
	last := len(c.chunks) - 1
	if last < 0 || len(c.chunks[last].data)+headBytes+len(data) > cap(c.chunks[last].data) {
		c.chunks = append(c.chunks, chunk{data: make([]byte, 0, min(chunkBytes, c.bytes/8))})
		last++
	}
	k := &c.chunks[last]
	place := slices.Index(k.shelves, s)
	if place < 0 {
		place = len(k.shelves)
		k.shelves = append(k.shelves, s)
	}
	before := len(k.data)
	k.data = binary.AppendUvarint(k.data, uint64(place))
	k.data = binary.AppendVarint(k.data, node)
	k.data = binary.AppendUvarint(k.data, uint64(len(data)))
	r := record{upTo: upTo, chunk: c.first + uint32(last), from: uint16(len(k.data)), size: uint16(len(data))}
	k.data = append(k.data, data...)
	c.used += len(k.data) - before
	return r
}

// dropOldest drops the oldest chunk; what is wanted of it is written again, if it gets the chance.
func (c *memory) dropOldest(chance bool) {
	k, number := c.chunks[0], c.first
	c.chunks[0] = chunk{}
	c.chunks = c.chunks[1:]
	c.first++
	c.used -= len(k.data)
	from := decoder{data: k.data}
	for len(from.data) > 0 {
		s := k.shelves[from.number()]
		node := from.signed()
		data := from.text()
		at := len(k.data) - len(from.data) - len(data)
		r, ok := s.at[node]
		switch {
		case !ok || r.chunk != number || int(r.from) != at: // another one is in its place
		case chance && r.size&wanted != 0:
			s.at[node] = c.write(s, node, data, r.upTo)
		default:
			c.drop(s, node)
		}
	}
}

// drop forgets a record; its bytes go with their chunk.
func (c *memory) drop(s *records, node int64) {
	delete(s.at, node)
	c.used -= keyBytes
	if len(s.at) == 0 {
		delete(c.shelves, s.of)
		c.used -= shelfBytes
	}
}

// confirm notes that records which were true at a revision are so up to a later one.
func (c *memory) confirm(e era, on shelf, nodes []int64, from, upTo domain.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.shelves[on]
	if s == nil || c.eras[on.model] != e {
		return
	}
	for _, n := range nodes {
		if r, ok := s.at[n]; ok && r.upTo >= from && r.upTo < upTo {
			r.upTo = upTo
			s.at[n] = r
		}
	}
}

// forget drops records that are not known to be true at a revision.
func (c *memory) forget(on shelf, nodes []int64, at domain.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.shelves[on]
	if s == nil {
		return
	}
	for _, n := range nodes {
		if r, ok := s.at[n]; ok && r.upTo < at {
			c.drop(s, n)
		}
	}
}
