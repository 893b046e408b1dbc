package foreign

import (
	"crypto/sha256"
	"sync"
)

// AppendCanonical appends the canonical form: keys sorted by the bytes of their UTF-8, no white space, strings with
// the fewest escapes, number literals as they were written. Two bodies have the same form exactly when they say the
// same with the same digits: 1.0 and 1.00 differ, since what they mean is not ours to say.
func (d *Doc) AppendCanonical(dst []byte) []byte { return d.appendCanonical(dst, 0) }

func (d *Doc) appendCanonical(dst []byte, i uint32) []byte {
	n := &d.nodes[i]
	switch n.kind {
	case Object:
		dst = append(dst, '{')
		for k, key := range d.order[n.order : n.order+n.size] {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = d.appendText(dst, key)
			dst = append(dst, ':')
			dst = d.appendCanonical(dst, key+1)
		}
		return append(dst, '}')
	case Array:
		dst = append(dst, '[')
		for k, child := uint32(0), i+1; k < n.size; k, child = k+1, d.nodes[child].next {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = d.appendCanonical(dst, child)
		}
		return append(dst, ']')
	case String:
		return d.appendText(dst, i)
	}
	return append(dst, d.src[n.start:n.end]...)
}

// appendText appends a string literal. One without a backslash has nothing that needs one.
func (d *Doc) appendText(dst []byte, i uint32) []byte {
	n := &d.nodes[i]
	if !n.escaped {
		return append(dst, d.src[n.start:n.end]...)
	}
	return AppendQuoted(dst, d.decoded(i))
}

// Digest is the SHA-256 of the canonical form.
func (d *Doc) Digest() [sha256.Size]byte {
	room := canonicals.Get().(*[]byte)
	*room = d.AppendCanonical((*room)[:0])
	sum := sha256.Sum256(*room)
	if cap(*room) <= keptRoom {
		canonicals.Put(room)
	}
	return sum
}

// canonicals are canonical forms that are hashed and forgotten.
var canonicals = sync.Pool{New: func() any { return new([]byte) }}

// keptRoom is the most bytes of room that is kept for the next body: the few that are larger make their own.
const keptRoom = 1 << 20
