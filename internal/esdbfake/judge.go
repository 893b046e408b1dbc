package esdbfake

import "github.com/google/uuid"

// expectation is an expected revision: a number, or one of those below.
type expectation int64

const (
	noStream     expectation = -1
	anyRevision  expectation = -2
	streamExists expectation = -4
)

// A decision is what the server makes of a write before it writes.
type decision int

const (
	fits    decision = iota // to be written
	known                   // the very same events lie there already: success, and nothing is written
	wrong                   // another revision
	deleted                 // under a tombstone, or softly deleted where it had to exist
)

// A verdict is a decision and what it was found by.
type verdict struct {
	decision decision
	current  int64   // last revision of the stream, -1: it has none
	soft     bool    // the stream is softly deleted: writing brings it back
	at       *record // known: the last of the events that lie there
}

// lookback is how many of the latest events of a stream are known by their ids where no revision is expected. The
// server keeps a cache of some MiB for all streams: a weak promise, and so is this.
const lookback = 1000

// judge follows the order in which the server asks: is it deleted, must it exist, was this written before, does the
// revision fit. It is called with the lock held.
func (l *log) judge(name string, expected expectation, ids []uuid.UUID) verdict {
	st := l.streams[name]
	v := verdict{current: -1, soft: l.softDeleted(name)}
	if st != nil && st.tombstoned {
		v.decision = deleted
		return v
	}
	if st != nil && st.next > 0 {
		v.current = int64(st.next) - 1
	}
	switch {
	case l.lie == LieExpectedRevision:
	case expected == streamExists && v.soft:
		v.decision = deleted
	case expected == streamExists && v.current < 0 && l.streams["$$"+name] == nil:
		v.decision = wrong
	case expected == anyRevision || expected == streamExists:
		v.decision, v.at = l.seen(st, ids)
	case int64(expected) < v.current:
		v.decision, v.at = l.behind(st, expected, ids)
		if v.decision == wrong && expected == noStream && v.soft && (len(ids) == 0 || !l.has(st, 0, ids[0])) {
			v.decision = fits
		}
	case int64(expected) > v.current:
		v.decision = wrong
	}
	return v
}

// seen looks for the events among the latest of the stream: all of them are a repetition, none or not the first a
// new write, and the first without all others a mistake.
func (l *log) seen(st *stream, ids []uuid.UUID) (decision, *record) {
	var last *record
	for i, id := range ids {
		r := l.recent(st, id)
		switch {
		case r == nil && i == 0:
			return fits, nil
		case r == nil:
			return wrong, nil
		}
		last = r
	}
	if last == nil {
		return fits, nil
	}
	return known, last
}

func (l *log) recent(st *stream, id uuid.UUID) *record {
	if st == nil || l.lie == LieIdempotence {
		return nil
	}
	for i := len(st.records) - 1; i >= max(0, len(st.records)-lookback); i-- {
		if st.records[i].id == id {
			return st.records[i]
		}
	}
	return nil
}

// behind says whether exactly these events lie behind the expected revision.
func (l *log) behind(st *stream, expected expectation, ids []uuid.UUID) (decision, *record) {
	if len(ids) == 0 {
		return wrong, nil
	}
	first := uint64(expected + 1)
	for i, id := range ids {
		if !l.has(st, first+uint64(i), id) {
			return wrong, nil
		}
	}
	return known, st.at(first + uint64(len(ids)) - 1)
}

func (l *log) has(st *stream, revision uint64, id uuid.UUID) bool {
	r := st.at(revision)
	return r != nil && r.id == id && l.lie != LieIdempotence
}
