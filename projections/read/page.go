package read

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
)

// A Mark is the place of a row in a sorted list: the value it is sorted by, as text, and its key. Marks of one list
// mean nothing to a list in another order.
type Mark struct {
	Value string `json:"v,omitempty"`
	Null  bool   `json:"n,omitempty"` // it has no such value, and comes after all that have
	Key   int64  `json:"k"`
}

// String writes the mark for an address or a cursor: letters, digits, - and _.
func (m Mark) String() string {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // a string, a bool and a number
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseMark reads what String wrote.
func ParseMark(s string) (Mark, error) {
	var m Mark
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		return Mark{}, fmt.Errorf("this is no cursor: %w", err)
	}
	return m, nil
}

// A Page asks for a part of a list: the first Limit rows behind the row After, or, with Back, the last Limit rows
// before it. Without After the page begins (or ends) with the list.
type Page struct {
	Limit int // 0 means 50; at most [MaxPage]
	After *Mark
	Back  bool
}

// MaxPage is the most rows of one page; an impact table or a walk has its own bounds.
const MaxPage = 1000

func (p Page) limit() int {
	if p.Limit <= 0 {
		return 50
	}
	return min(p.Limit, MaxPage)
}

// A Sorted is a row of a page with its place in the list.
type Sorted[T any] struct {
	Row  T
	Mark Mark
}

// A List is a page of a list, in the list's order also when it was read backwards. More says whether rows follow in
// the direction it was read in.
type List[T any] struct {
	Rows []Sorted[T]
	More bool
}

// pageOf makes a page of the rows that were found, one more than its limit where there is more.
func pageOf[T any](p Page, rows []Sorted[T]) List[T] {
	l := List[T]{Rows: rows}
	if len(rows) > p.limit() {
		l.Rows, l.More = rows[:p.limit()], true
	}
	if p.Back {
		slices.Reverse(l.Rows)
	}
	return l
}

// keyPage bounds a list that is sorted by key alone: descending says how the list runs, and the answer is the
// condition on column key and the order to read in.
func keyPage(p Page, b *binds, column string, descending bool) (condition, order string) {
	order, beyond := column+" ASC", " > "
	if descending != p.Back {
		order, beyond = column+" DESC", " < "
	}
	if p.After == nil {
		return "true", order
	}
	return column + beyond + b.of(p.After.Key), order
}

// sortedByKey gives rows their marks in a list that is sorted by key alone.
func sortedByKey[T any](rows []T, key func(T) int64) []Sorted[T] {
	out := make([]Sorted[T], len(rows))
	for i, r := range rows {
		out[i] = Sorted[T]{Row: r, Mark: Mark{Key: key(r)}}
	}
	return out
}
