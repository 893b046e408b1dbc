package read

import (
	"context"
	"fmt"
	"slices"

	"github.com/annals-io/annals/domain"
)

// What changed between two moments is found in read.changes, which has a row for each thing and each revision at which
// anything that belongs to the thing changed. The things are listed by the first of their changes, so that a page is a
// range of that index and costs what it shows; a thing that changed before in the range is passed over. Then each is read
// at both moments, and compared: what was changed and changed back is no difference.

// A Change is what became of a thing from one moment to another.
type Change string

// The changes.
const (
	Created Change = "created" // it was not there before
	Changed Change = "changed"
	Removed Change = "removed" // it is not there any more
)

// A DiffQuery asks what changed after a revision, up to the moment of the question. Empty fields ask nothing.
type DiffQuery struct {
	From    domain.Revision
	Kinds   []domain.Kind
	Changes []Change
	Page    Page

	Texts       Texts // says what texts say; nil: they are the same where they are one text of one body
	Invitations bool  // compare the invitations to the workspace, too: not everybody may see them
}

// wants says whether the question is about things of which that became.
func (q DiffQuery) wants(c Change) bool {
	return c != "" && (len(q.Changes) == 0 || slices.Contains(q.Changes, c))
}

// A Difference is a thing that is not at the later moment what it was at the earlier one.
type Difference struct {
	Node
	Name   string
	Change Change
	First  domain.Revision // of its changes after the earlier moment
	Last   domain.Revision // of its changes up to the later moment
	Fields []FieldDifference
}

// A FieldDifference is a field of two things, or of one at two moments. A nil side has none.
type FieldDifference struct {
	Key           FieldKey
	Name          string // group and name, in words that can be given back
	Before, After *FieldValue
}

// Diff reads a page of what differs between a revision and the moment, by the first change of each thing.
func (d *DB) Diff(ctx context.Context, m Moment, q DiffQuery) (List[Difference], error) {
	limit := q.Page.limit()
	var rows []Sorted[Difference]
	for after, batch := q.Page.After, limit+1; len(rows) <= limit; batch = min(2*batch, MaxPage) {
		found, err := d.candidates(ctx, m, q, after, batch)
		if err != nil {
			return List[Difference]{}, err
		}
		differ, err := d.differences(ctx, m, q, found, limit+1-len(rows))
		if err != nil {
			return List[Difference]{}, err
		}
		rows = append(rows, differ...)
		if len(found) < batch {
			break
		}
		mark := found[len(found)-1].mark()
		after = &mark
	}
	named := make([]*Difference, len(rows))
	for i := range rows {
		named[i] = &rows[i].Row
	}
	return pageOf(q.Page, rows), d.nameDifferences(ctx, m, named)
}

// differences are the candidates that differ, most at most, their fields yet without names.
func (d *DB) differences(ctx context.Context, m Moment, q DiffQuery, found []candidate, most int) ([]Sorted[Difference], error) {
	var out []Sorted[Difference]
	for len(found) > 0 && len(out) < most {
		some := found[:min(len(found), most)]
		found = found[len(some):]
		rows, err := d.compared(ctx, m, q, some)
		if err != nil {
			return nil, err
		}
		out = append(out, rows[:min(len(rows), most-len(out))]...)
	}
	return out, nil
}

// compared are those of some candidates that differ.
func (d *DB) compared(ctx context.Context, m Moment, q DiffQuery, some []candidate) ([]Sorted[Difference], error) {
	some = slices.DeleteFunc(slices.Clone(some), func(c candidate) bool { return !q.wants(c.change()) })
	before, after, err := d.bothSides(ctx, m, q, some)
	if err != nil {
		return nil, err
	}
	rows := make([]Sorted[Difference], len(some))
	fields := make([]*[]FieldDifference, len(some))
	for i, c := range some {
		x := Difference{Node: Node{Kind: c.kind, Key: c.key}, First: c.first, Last: c.last, Change: c.change()}
		x.Fields = compareFields(fieldsOf(before[c.key]), fieldsOf(after[c.key]))
		rows[i] = Sorted[Difference]{Row: x, Mark: c.mark()}
		fields[i] = &rows[i].Row.Fields
	}
	if err := q.Texts.settle(ctx, m, fields...); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(rows, func(x Sorted[Difference]) bool { return x.Row.Change == Changed && len(x.Row.Fields) == 0 }), nil
}

// bothSides reads candidates where they are there.
func (d *DB) bothSides(ctx context.Context, m Moment, q DiffQuery, some []candidate) (before, after map[int64]*Entity, err error) {
	var was, is []Node
	for _, c := range some {
		if n := (Node{Kind: c.kind, Key: c.key}); c.kind != "" {
			if c.was {
				was = append(was, n)
			}
			if c.is {
				is = append(is, n)
			}
		}
	}
	earlier := m
	earlier.Revision = q.From
	if before, err = d.entities(ctx, earlier, was, q.Invitations); err != nil {
		return nil, nil, fmt.Errorf("read what was: %w", err)
	}
	if after, err = d.entities(ctx, m, is, q.Invitations); err != nil {
		return nil, nil, fmt.Errorf("read what is: %w", err)
	}
	return before, after, nil
}
