package foreign

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"sync"
	"unicode/utf8"
)

// Limits bound what is read. Zero fields have defaults.
type Limits struct {
	Bytes  int // most bytes of one body; default 8 MiB
	Depth  int // most objects and arrays inside one another, the outermost counted; default 64
	Values int // most keys and values of one body, which bounds the memory of reading it; default 1,048,576
}

// The defaults of [Limits].
const (
	MaxBytes  = 8 << 20
	MaxDepth  = 64
	MaxValues = 1 << 20
)

func (l Limits) complete() Limits {
	if l.Bytes <= 0 || l.Bytes > math.MaxInt32 {
		l.Bytes = MaxBytes
	}
	if l.Depth <= 0 {
		l.Depth = MaxDepth
	}
	if l.Values <= 0 {
		l.Values = MaxValues
	}
	return l
}

// Kind is the kind of a JSON value. The zero Kind is that of a value that is not there.
type Kind uint8

// The kinds of values.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"nothing", "null", "a boolean", "a number", "a string", "an array", "an object"}

// String is the kind with its article, for messages.
func (k Kind) String() string { return kindNames[k] }

// A node is one value or key of the body. Nodes lie in the order of the body: the children of a container follow it,
// a key is followed by its value, and next skips a value with all that is in it.
type node struct {
	start, end uint32 // the literal in src, quotes and brackets included
	next       uint32 // the node after this value
	parent     uint32 // the container; the root is its own
	ordinal    uint32 // number inside the array, or of the member inside the object
	size       uint32 // members or elements
	order      uint32 // objects: where in Doc.order its keys lie sorted
	kind       Kind
	escaped    bool // strings: there is a backslash in it
}

// A Doc is one scanned body. It aliases the bytes it was scanned from, which must not change while it is in use.
// It is read-only after Scan and can be shared.
type Doc struct {
	src   []byte
	nodes []node
	order []uint32 // the key nodes of each object, sorted by bytes
	room  *room
}

// A room is what the lists of a Doc lie in, for the next one when this one is released.
type room struct {
	nodes []node
	order []uint32
}

// nodeSize is that of a node in bytes, near enough.
const nodeSize = 32

var rooms = sync.Pool{New: func() any { return new(room) }}

// Release gives back the memory of the lists: the Doc and its values must not be used any more, while what was read
// from them stays. Who does not call it leaves them to the garbage collector.
func (d *Doc) Release() {
	r := d.room
	if r == nil {
		return
	}
	r.nodes, r.order = d.nodes, d.order
	*d = Doc{}
	if cap(r.nodes)*nodeSize <= keptRoom {
		rooms.Put(r)
	}
}

// scanner is the one pass over a body.
type scanner struct {
	Doc
	limits Limits
	keys   []uint32 // the keys of the objects that are open
}

const (
	ruleJSON   = "A body is one JSON value (RFC 8259)."
	ruleDepth  = "Objects and arrays lie at most %d deep."
	ruleBytes  = "A body has at most %d bytes."
	ruleValues = "A body has at most %d keys and values."
	ruleUTF8   = "A body is UTF-8."
	ruleOnce   = "An object names each key once."
)

// Scan reads one body. It fails with a [*Refusal] whose code is [NotJSON], [TooLarge], [TooDeep], [BadUTF8] or
// [DuplicateKey]. A byte order mark at the beginning is passed over.
func Scan(src []byte, limits Limits) (*Doc, error) {
	limits = limits.complete()
	if len(src) > limits.Bytes {
		return nil, &Refusal{Code: TooLarge, Offset: -1, Rule: fmt.Sprintf(ruleBytes, limits.Bytes),
			Message: fmt.Sprintf("the body has %d bytes, at most %d are taken", len(src), limits.Bytes)}
	}
	if !utf8.Valid(src) {
		return nil, badUTF8(src)
	}
	// About one node per 12 bytes in real events; a guess that is a little high saves the copying.
	r := rooms.Get().(*room)
	s := scanner{Doc: Doc{src: src, nodes: slices.Grow(r.nodes[:0], len(src)/12+8), order: slices.Grow(r.order[:0], len(src)/24+4), room: r}, limits: limits}
	at := 0
	if bytes.HasPrefix(src, byteOrderMark) {
		at = len(byteOrderMark)
	}
	at, refusal := s.value(s.blank(at), 0, 0, 1)
	if refusal != nil {
		return nil, refusal
	}
	if at = s.blank(at); at < len(src) {
		return nil, s.no(at, "there is more after the end of the value")
	}
	return &s.Doc, nil
}

var byteOrderMark = []byte("\ufeff")

func badUTF8(src []byte) *Refusal {
	at := 0
	for at < len(src) {
		r, size := utf8.DecodeRune(src[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return &Refusal{Code: BadUTF8, Offset: at, Rule: ruleUTF8, Message: "the body is not valid UTF-8"}
}

func (s *scanner) no(at int, message string) *Refusal {
	return &Refusal{Code: NotJSON, Offset: at, Rule: ruleJSON, Message: message}
}

// blank is the first byte at or after at that is not white space.
func (s *scanner) blank(at int) int {
	for at < len(s.src) {
		switch s.src[at] {
		case ' ', '\t', '\n', '\r':
			at++
		default:
			return at
		}
	}
	return at
}

// add appends a node that begins at at and returns its number.
func (s *scanner) add(kind Kind, at int, parent, ordinal uint32) uint32 {
	n := uint32(len(s.nodes))
	s.nodes = append(s.nodes, node{kind: kind, start: uint32(at), parent: parent, ordinal: ordinal})
	return n
}

// closeNode ends node n before byte at.
func (s *scanner) closeNode(n uint32, at int) int {
	s.nodes[n].end, s.nodes[n].next = uint32(at), uint32(len(s.nodes))
	return at
}

// value reads the value that begins at at and returns the byte after it.
func (s *scanner) value(at int, parent, ordinal uint32, depth int) (int, *Refusal) {
	if at >= len(s.src) {
		return at, s.no(at, "the body ends where a value should be")
	}
	if len(s.nodes) >= s.limits.Values {
		return at, &Refusal{Code: TooLarge, Offset: at, Rule: fmt.Sprintf(ruleValues, s.limits.Values),
			Message: fmt.Sprintf("there are more than %d keys and values", s.limits.Values)}
	}
	switch c := s.src[at]; c {
	case '"':
		return s.text(at, parent, ordinal)
	case '{', '[':
		if depth > s.limits.Depth {
			return at, &Refusal{Code: TooDeep, Offset: at, Rule: fmt.Sprintf(ruleDepth, s.limits.Depth),
				Message: fmt.Sprintf("more than %d objects and arrays lie inside one another", s.limits.Depth)}
		}
		if c == '{' {
			return s.object(at, parent, ordinal, depth)
		}
		return s.array(at, parent, ordinal, depth)
	case 't':
		return s.word("true", Bool, at, parent, ordinal)
	case 'f':
		return s.word("false", Bool, at, parent, ordinal)
	case 'n':
		return s.word("null", Null, at, parent, ordinal)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number(at, parent, ordinal)
	case 'N', 'I':
		return at, s.no(at, "NaN and Infinity are no JSON numbers")
	}
	return at, s.no(at, "no value begins with this byte")
}

func (s *scanner) word(word string, kind Kind, at int, parent, ordinal uint32) (int, *Refusal) {
	end := at + len(word)
	if end > len(s.src) || string(s.src[at:end]) != word {
		return at, s.no(at, "only true, false and null are written without quotes")
	}
	return s.closeNode(s.add(kind, at, parent, ordinal), end), nil
}

func (s *scanner) object(at int, parent, ordinal uint32, depth int) (int, *Refusal) {
	self := s.add(Object, at, parent, ordinal)
	first := len(s.keys)
	size := uint32(0)
	at = s.blank(at + 1)
	if at < len(s.src) && s.src[at] == '}' {
		s.nodes[self].order = uint32(len(s.order))
		return s.closeNode(self, at+1), nil
	}
	for {
		if at >= len(s.src) || s.src[at] != '"' {
			return at, s.no(at, "a key in quotes should be here")
		}
		key := uint32(len(s.nodes))
		var no *Refusal
		if at, no = s.text(at, self, size); no != nil {
			return at, no
		}
		s.keys = append(s.keys, key)
		if at = s.blank(at); at >= len(s.src) || s.src[at] != ':' {
			return at, s.no(at, "a colon should follow the key")
		}
		if at, no = s.value(s.blank(at+1), self, size, depth+1); no != nil {
			no.Path = "/" + escapePointer(s.Doc.key(key)) + no.Path
			return at, no
		}
		size++
		if at = s.blank(at); at >= len(s.src) {
			return at, s.no(at, "the body ends inside an object")
		}
		switch s.src[at] {
		case ',':
			at = s.blank(at + 1)
			continue
		case '}':
			if no := s.sortKeys(self, s.keys[first:]); no != nil {
				return at, no
			}
			s.keys = s.keys[:first]
			s.nodes[self].size = size
			return s.closeNode(self, at+1), nil
		}
		return at, s.no(at, "a comma or the end of the object should be here")
	}
}

// sortKeys keeps the keys of an object sorted by bytes and refuses one that is there twice.
func (s *scanner) sortKeys(object uint32, keys []uint32) *Refusal {
	s.nodes[object].order = uint32(len(s.order))
	s.order = append(s.order, keys...)
	sorted := s.order[len(s.order)-len(keys):]
	if len(sorted) <= 12 { // nearly all objects
		for i := 1; i < len(sorted); i++ {
			for j := i; j > 0 && bytes.Compare(s.Doc.rawKey(sorted[j-1]), s.Doc.rawKey(sorted[j])) > 0; j-- {
				sorted[j-1], sorted[j] = sorted[j], sorted[j-1]
			}
		}
	} else {
		slices.SortStableFunc(sorted, func(a, b uint32) int { return bytes.Compare(s.Doc.rawKey(a), s.Doc.rawKey(b)) })
	}
	for i := 1; i < len(sorted); i++ {
		if bytes.Equal(s.Doc.rawKey(sorted[i-1]), s.Doc.rawKey(sorted[i])) {
			return &Refusal{Code: DuplicateKey, Path: "/" + escapePointer(s.Doc.key(sorted[i])), Offset: int(s.nodes[sorted[i]].start),
				Rule: ruleOnce, Message: "the key is there twice: it is not clear which value is meant"}
		}
	}
	return nil
}

func (s *scanner) array(at int, parent, ordinal uint32, depth int) (int, *Refusal) {
	self := s.add(Array, at, parent, ordinal)
	size := uint32(0)
	at = s.blank(at + 1)
	if at < len(s.src) && s.src[at] == ']' {
		return s.closeNode(self, at+1), nil
	}
	for {
		var no *Refusal
		if at, no = s.value(at, self, size, depth+1); no != nil {
			no.Path = fmt.Sprintf("/%d%s", size, no.Path)
			return at, no
		}
		size++
		if at = s.blank(at); at >= len(s.src) {
			return at, s.no(at, "the body ends inside an array")
		}
		switch s.src[at] {
		case ',':
			at = s.blank(at + 1)
			continue
		case ']':
			s.nodes[self].size = size
			return s.closeNode(self, at+1), nil
		}
		return at, s.no(at, "a comma or the end of the array should be here")
	}
}

// number checks the grammar of a number and keeps the literal as it is.
func (s *scanner) number(at int, parent, ordinal uint32) (int, *Refusal) {
	n := s.add(Number, at, parent, ordinal)
	src := s.src
	if src[at] == '-' {
		at++
	}
	switch {
	case at < len(src) && src[at] == '0':
		at++
	case at < len(src) && isDigit(src[at]):
		at = digits(src, at)
	default:
		return at, s.no(at, "a digit should follow the minus sign")
	}
	if at < len(src) && src[at] == '.' {
		from := at + 1
		if at = digits(src, from); at == from {
			return at, s.no(at, "a digit should follow the decimal point")
		}
	}
	if at < len(src) && (src[at] == 'e' || src[at] == 'E') {
		at++
		if at < len(src) && (src[at] == '+' || src[at] == '-') {
			at++
		}
		from := at
		if at = digits(src, from); at == from {
			return at, s.no(at, "a digit should be in the exponent")
		}
	}
	if at < len(src) && isDigit(src[at]) {
		return at, s.no(at, "a number does not begin with 0 unless it is 0")
	}
	return s.closeNode(n, at), nil
}

func digits(src []byte, at int) int {
	for at < len(src) && isDigit(src[at]) {
		at++
	}
	return at
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
