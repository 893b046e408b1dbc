package foreign

import (
	"bytes"
	"iter"
	"math"
	"sort"
	"strconv"
	"strings"
)

// A Value is one value of a [Doc]. The zero Value is absent: it has no members, and reads as nothing of every kind,
// so that a chain of look-ups needs one check at its end.
type Value struct {
	doc *Doc
	i   uint32
}

// Root is the whole body.
func (d *Doc) Root() Value { return Value{d, 0} }

// Source is the body as it was scanned. It must not be changed.
func (d *Doc) Source() []byte { return d.src }

// Kind is the kind of the value.
func (v Value) Kind() Kind {
	if v.doc == nil {
		return Absent
	}
	return v.doc.nodes[v.i].kind
}

// Present says that there is a value and that it is not null.
func (v Value) Present() bool { return v.Kind() > Null }

// Len is the number of members or elements, 0 for other kinds.
func (v Value) Len() int {
	if v.doc == nil {
		return 0
	}
	return int(v.doc.nodes[v.i].size)
}

// Raw is the value as it was written. It aliases the body.
func (v Value) Raw() []byte {
	if v.doc == nil {
		return nil
	}
	n := &v.doc.nodes[v.i]
	return v.doc.src[n.start:n.end:n.end]
}

// Get is the member of that name, absent if there is none or v is no object.
func (v Value) Get(name string) Value {
	if v.Kind() != Object {
		return Value{}
	}
	n := &v.doc.nodes[v.i]
	keys := v.doc.order[n.order : n.order+n.size]
	if len(keys) <= 8 { // a look at each is cheaper than a search
		for _, key := range keys {
			if raw := v.doc.rawKey(key); len(raw) == len(name) && string(raw) == name {
				return Value{v.doc, key + 1}
			}
		}
		return Value{}
	}
	at := sort.Search(len(keys), func(k int) bool { return string(v.doc.rawKey(keys[k])) >= name })
	if at < len(keys) && string(v.doc.rawKey(keys[at])) == name {
		return Value{v.doc, keys[at] + 1}
	}
	return Value{}
}

// Members yields the members of an object in the order of the body. Names are decoded as by [Value.Text].
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Object {
			return
		}
		n := &v.doc.nodes[v.i]
		for k, key := uint32(0), v.i+1; k < n.size; k, key = k+1, v.doc.nodes[key+1].next {
			if !yield(v.doc.key(key), Value{v.doc, key + 1}) {
				return
			}
		}
	}
}

// Elements yields the elements of an array.
func (v Value) Elements() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		if v.Kind() != Array {
			return
		}
		n := &v.doc.nodes[v.i]
		for k, child := 0, v.i+1; k < int(n.size); k, child = k+1, v.doc.nodes[child].next {
			if !yield(k, Value{v.doc, child}) {
				return
			}
		}
	}
}

// Text is what a string says, and "" for other kinds. What no text column can hold, NUL and half of a surrogate pair,
// is replaced by U+FFFD: such a text is for reading. Identities are read by [Value.Exact].
func (v Value) Text() string {
	if v.Kind() != String {
		return ""
	}
	return v.doc.readable(v.i)
}

// Exact is what a string says, byte for byte. A fault says why it cannot be an identity: "" if it can.
func (v Value) Exact() (text string, fault Fault) {
	if v.Kind() != String {
		return "", ""
	}
	if !v.doc.nodes[v.i].escaped {
		return string(v.doc.rawKey(v.i)), ""
	}
	decoded := v.doc.decoded(v.i)
	switch {
	case bytes.IndexByte(decoded, 0) >= 0:
		return string(decoded), HasNUL
	case hasHalfPair(decoded):
		return string(decoded), HasHalfPair
	}
	return string(decoded), ""
}

// A Fault is why a string cannot be an identity.
type Fault string

// The faults of strings.
const (
	HasNUL      Fault = "it contains a NUL"
	HasHalfPair Fault = "it contains half of a surrogate pair"
)

// Bool is the value of a boolean; ok is false for other kinds.
func (v Value) Bool() (b, ok bool) {
	return v.Kind() == Bool && v.Raw()[0] == 't', v.Kind() == Bool
}

// Int is a number that is whole and fits; 10.0 and 1e3 are whole.
func (v Value) Int() (n int64, ok bool) {
	if v.Kind() != Number {
		return 0, false
	}
	n, err := strconv.ParseInt(string(v.Raw()), 10, 64)
	if err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(v.Raw()), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// Float is a number as a float64; ok is false for other kinds and for numbers beyond its range.
func (v Value) Float() (f float64, ok bool) {
	if v.Kind() != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v.Raw()), 64)
	return f, err == nil
}

// Pointer is the JSON pointer (RFC 6901) to the value.
func (v Value) Pointer() string {
	if v.doc == nil || v.i == 0 {
		return ""
	}
	n := &v.doc.nodes[v.i]
	parent := Value{v.doc, n.parent}
	if parent.Kind() == Object {
		return parent.Pointer() + "/" + escapePointer(v.doc.key(v.i-1))
	}
	return parent.Pointer() + "/" + strconv.Itoa(int(n.ordinal))
}

// At is the value that a JSON pointer leads to, absent where it leads nowhere.
func (d *Doc) At(pointer string) Value {
	v := d.Root()
	for pointer != "" {
		if pointer[0] != '/' {
			return Value{}
		}
		token, rest, more := strings.Cut(pointer[1:], "/")
		if pointer = ""; more {
			pointer = "/" + rest
		}
		v = v.step(unescapePointer(token))
	}
	return v
}

func (v Value) step(token string) Value {
	if v.Kind() == Object {
		for name, member := range v.Members() {
			if name == token {
				return member
			}
		}
		return Value{}
	}
	want, err := strconv.Atoi(token)
	if err != nil || strconv.Itoa(want) != token || want < 0 || want >= v.Len() {
		return Value{}
	}
	for k, element := range v.Elements() {
		if k == want {
			return element
		}
	}
	return Value{}
}

var (
	pointerEscapes   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescapes = strings.NewReplacer("~1", "/", "~0", "~")
)

func escapePointer(token string) string {
	if !strings.ContainsAny(token, "~/") {
		return token
	}
	return pointerEscapes.Replace(token)
}

func unescapePointer(token string) string { return pointerUnescapes.Replace(token) }

// decoded is what string node i stands for, in bytes of its own.
func (d *Doc) decoded(i uint32) []byte {
	n := &d.nodes[i]
	return appendDecoded(make([]byte, 0, n.end-n.start), d.src[n.start+1:n.end-1])
}

// rawKey is what a string node stands for; it aliases the body where it can.
func (d *Doc) rawKey(i uint32) []byte {
	n := &d.nodes[i]
	if n.escaped {
		return d.decoded(i)
	}
	return d.src[n.start+1 : n.end-1]
}

// key is the name of a member as people may read it.
func (d *Doc) key(i uint32) string { return d.readable(i) }

func (d *Doc) readable(i uint32) string {
	if !d.nodes[i].escaped {
		return string(d.rawKey(i))
	}
	return Readable(d.decoded(i))
}

// Readable replaces what no text column can hold, NUL and half of a surrogate pair, by U+FFFD.
func Readable(decoded []byte) string {
	s := string(decoded)
	if hasHalfPair(decoded) {
		var b strings.Builder
		for i := 0; i < len(decoded); i++ {
			if _, half := halfPair(decoded[i:]); half {
				b.WriteString("\uFFFD")
				i += 2
				continue
			}
			b.WriteByte(decoded[i])
		}
		s = b.String()
	}
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

func hasHalfPair(decoded []byte) bool {
	for at := 0; ; at++ {
		next := bytes.IndexByte(decoded[at:], 0xED)
		if next < 0 {
			return false
		}
		at += next
		if _, ok := halfPair(decoded[at:]); ok {
			return true
		}
	}
}
