package leaf

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A Sealed is a leaf read back from its bytes: the event without its data and metadata, which are known by digest.
type Sealed struct {
	Event
	DataDigest, MetaDigest [sha256.Size]byte
}

var errLeaf = errors.New("these are not the bytes of a leaf")

// Parse reads the canonical bytes of a leaf. Bytes that [Event.Append] would not write are refused.
func Parse(b []byte) (s Sealed, err error) {
	r := reader{b: b}
	if version := r.text(); r.bad || version != Version {
		return s, fmt.Errorf("%w of the form %s", errLeaf, Version)
	}
	s.Stream, s.Revision = r.text(), r.number()
	copy(s.EventID[:], r.take(16))
	s.Type, s.Version = r.text(), int(r.number())
	s.RecordedAt, s.OccurredAt = r.number(), r.number()
	s.SubjectKind = r.text()
	copy(s.SubjectID[:], r.take(16))
	copy(s.DataDigest[:], r.take(sha256.Size))
	copy(s.MetaDigest[:], r.take(sha256.Size))
	if r.bad || len(r.b) > 0 {
		return s, errLeaf
	}
	return s, nil
}

// A reader takes fields off bytes; bad says that there were not enough.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || len(r.b) < n {
		r.bad = true
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) text() string {
	length := r.take(4)
	if r.bad {
		return ""
	}
	return string(r.take(int(binary.BigEndian.Uint32(length))))
}

func (r *reader) number() int64 {
	b := r.take(8)
	if r.bad {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
