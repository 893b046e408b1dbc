package fold

import "math/bits"

// A column is one column of a table. Those of the key come first.
type column struct {
	name     string
	typ      typ
	nullable bool                // the zero value is NULL
	live     bool                // only of the current row: NULL in x_was
	canon    func([]byte) string // of JSON: the text as this package writes it
}

// A place is a row's key in its workspace.
type place[K comparable] struct {
	ws  int32
	key K
}

// A table holds the rows of one table that the page touches: as they are after the last event, and as the event at
// hand leaves them.
//
// A temporal table has a column since and a second table x_was. When an event is done, settle compares: a row that
// differs closes, and its successor is true since the event's revision. A difference that same does not see
// (counts, the order of the last fact) is written in place. A plain table has neither: its rows are overwritten.
type table[K comparable, R comparable] struct {
	name    string
	plain   bool // neither since nor x_was
	noWas   bool // has since, and its rows are never closed
	columns []column
	keys    int // how many of the columns are the key
	bind    func(k *K, r *R, to []any) []any
	same    func(a, b R) bool      // nil: ==
	counted func(r *R) bool        // whether totals count the row; nil: they count none
	of      func(k *K, r *R) int64 // the thing that shows the row; nil: none does, or another row of it changes too
	delta   int32                  // how many more are counted after the event at hand

	at      *clock
	age     newness
	rows    map[place[K]]*row[K, R]
	touched []*row[K, R]
	changed []*row[K, R]
	was     []closed[K, R]
	buf     [40]any // of bind

	// Of a Filler: where rows go, those that are true now and the closed ones, and all rows in the order they came.
	fresh, past *sheet
	order       []*row[K, R]
}

// A row is one row's state. The zero row is not there.
type row[K comparable, R comparable] struct {
	place    place[K]
	now      R // after the last event
	next     R // as the event at hand leaves it
	since    int64
	is, will bool // there, after the last event and after this one
	stored   bool // in the database
	touched  bool
	changed  bool
}

type closed[K comparable, R comparable] struct {
	place        place[K]
	row          R
	since, until int64
}

// A clock is the event at hand.
type clock struct {
	ws       int32
	revision int64
	changes  *changeRows // what it changed
}

func (t *table[K, R]) init(at *clock, age newness) {
	t.at, t.age, t.rows = at, age, map[place[K]]*row[K, R]{}
}

func (t *table[K, R]) row(k K) *row[K, R] {
	p := place[K]{t.at.ws, k}
	r := t.rows[p]
	if r == nil {
		r = &row[K, R]{place: p}
		t.rows[p] = r
		if t.fresh != nil {
			t.order = append(t.order, r)
		}
	}
	return r
}

// get is the row as the event at hand has left it so far, nil where there is none. It must not be changed.
func (t *table[K, R]) get(k K) *R {
	if r := t.rows[place[K]{t.at.ws, k}]; r != nil && r.will {
		return &r.next
	}
	return nil
}

// edit is the row to change, made where there is none.
func (t *table[K, R]) edit(k K) *R {
	r := t.row(k)
	r.will = true
	t.touch(r)
	return &r.next
}

// drop ends the row.
func (t *table[K, R]) drop(k K) {
	if r := t.rows[place[K]{t.at.ws, k}]; r != nil && r.will {
		var zero R
		r.will, r.next = false, zero
		t.touch(r)
	}
}

func (t *table[K, R]) touch(r *row[K, R]) {
	if !r.touched {
		r.touched = true
		t.touched = append(t.touched, r)
	}
}

// settle ends the event at hand: what differs is a new row since its revision.
func (t *table[K, R]) settle() {
	for _, r := range t.touched {
		r.touched = false
		if r.is == r.will && r.now == r.next {
			continue
		}
		if !r.changed && t.fresh == nil {
			r.changed = true
			t.changed = append(t.changed, r)
		}
		visible := r.is != r.will || t.same == nil || !t.same(r.now, r.next)
		if visible && t.of != nil {
			shown := &r.next
			if !r.will {
				shown = &r.now
			}
			t.at.changes.add(t.at.ws, t.at.revision, t.of(&r.place.key, shown))
		}
		switch {
		case !visible || !r.is || t.plain || t.noWas:
		case t.past != nil:
			t.writeClosed(t.past, &r.place, &r.now, r.since, t.at.revision)
		default:
			t.was = append(t.was, closed[K, R]{r.place, r.now, r.since, t.at.revision})
		}
		if visible {
			r.since = t.at.revision
		}
		t.delta += t.counts(r.will, &r.next) - t.counts(r.is, &r.now)
		r.is, r.now = r.will, r.next
	}
	t.touched = t.touched[:0]
}

// counts is 1 for a row that totals count.
func (t *table[K, R]) counts(there bool, r *R) int32 {
	if there && t.counted != nil && t.counted(r) {
		return 1
	}
	return 0
}

// took is how many more rows are counted since it was asked last.
func (t *table[K, R]) took() int32 {
	n := t.delta
	t.delta = 0
	return n
}

// level is the length class of a closed row.
func level(since, until int64) int16 { return int16(bits.Len64(uint64(until-since)) - 1) }
