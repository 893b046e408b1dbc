package graphql

import (
	"context"
	"errors"

	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections/read"
)

// maxCount is how far totalCount counts at most.
const maxCount = 10_000

// pageArgs are the four arguments of every connection.
type pageArgs struct {
	first  *int
	after  *string
	last   *int
	before *string
}

// page reads the arguments: forward from a cursor, or backward from one, not both. Shape is the list's; a cursor of
// another list is refused.
func (r *Resolver) page(a pageArgs, shape string) (read.Page, error) {
	p := read.Page{Limit: min(defaultPage, r.limits.Page)}
	name, from, size, cursor := "first", "after", a.first, a.after
	switch {
	case a.first != nil && a.last != nil:
		return p, invalid("last", rulePaging, "first and last: give one of them")
	case a.last != nil || a.before != nil && a.first == nil:
		if a.after != nil {
			return p, invalid("after", rulePaging, "after goes with first, before goes with last")
		}
		p.Back, name, from, size, cursor = true, "last", "before", a.last, a.before
	case a.before != nil:
		return p, invalid("before", rulePaging, "after goes with first, before goes with last")
	}
	if size != nil {
		p.Limit = *size
	}
	if p.Limit < 1 || p.Limit > r.limits.Page {
		return p, outside(name, p.Limit, 1, r.limits.Page)
	}
	if cursor == nil {
		return p, nil
	}
	c, err := relay.ParseCursor(*cursor, shape)
	if errors.Is(err, relay.ErrForked) {
		return p, &Fault{codeForked, err.Error(), map[string]any{"argument": from, "rule": ruleFork}}
	}
	if errors.Is(err, relay.ErrNotCursor) || errors.Is(err, relay.ErrOtherCursor) {
		return p, invalid(from, ruleCursor, "%s", err)
	}
	if err != nil {
		return p, err
	}
	mark, err := read.ParseMark(c.Place)
	if err != nil {
		return p, invalid(from, ruleCursor, "%s", relay.ErrNotCursor)
	}
	p.After = &mark
	return p, nil
}

// listed makes a list of a page of rows.
func listed[R, T any](at *model.Moment, shape string, p read.Page, found read.List[R], things func(*model.Moment, []R) []*T, count func(ctx context.Context, most int) (int, error)) model.List[T] {
	rows, marks := make([]R, len(found.Rows)), make([]read.Mark, len(found.Rows))
	for i, s := range found.Rows {
		rows[i], marks[i] = s.Row, s.Mark
	}
	l := model.List[T]{Nodes: things(at, rows), Marks: marks, Shape: shape, As: at, Count: bounded(count)}
	l.Next, l.Prev = found.More, p.After != nil
	if p.Back {
		l.Next, l.Prev = p.After != nil, found.More
	}
	return l
}

// bounded keeps counting within its limit.
func bounded(count func(ctx context.Context, most int) (int, error)) func(ctx context.Context, most int) (int, error) {
	return func(ctx context.Context, most int) (int, error) {
		if most < 1 || most > maxCount {
			return 0, outside("max", most, 1, maxCount)
		}
		n, err := count(ctx, most)
		return n, refusedRead(err)
	}
}
