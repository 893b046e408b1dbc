package graphql

import (
	"context"
	"errors"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/read"
)

// foreseen is how many workspaces the rights are asked about at once.
const foreseen = 200

// allowed leaves out what the caller does not see by the log.
func (r *Resolver) allowed(ctx context.Context, seen []read.Sighting) ([]read.Sighting, error) {
	many, can := caller(ctx).Principal.(foresight)
	for at := 0; can && at < len(seen); at += foreseen {
		var slugs []domain.Slug
		for _, s := range seen[at:min(at+foreseen, len(seen))] {
			slugs = append(slugs, s.Slug)
		}
		if err := many.Foresee(ctx, slugs); err != nil {
			return nil, storeFault(err)
		}
	}
	var out []read.Sighting
	for _, s := range seen {
		switch err := mayRead(ctx, string(s.Slug)); {
		case err == nil:
			out = append(out, s)
		case !errors.Is(err, errNoWorkspace): // else the right was taken away, and the read model has not heard
			return nil, err
		}
	}
	return out, nil
}

// sighted is what counting needs: all that the caller sees, for an earlier moment. Now the statement finds it itself.
func (r *Resolver) sighted(ctx context.Context, q read.OverviewQuery) (schema string, seen []read.Sighting, err error) {
	if schema, err = r.Moments.Live(ctx); err != nil || q.Time.IsZero() {
		return schema, nil, err
	}
	found, err := r.Read.AllSightings(ctx, schema, q)
	if err != nil {
		return schema, nil, err
	}
	seen, err = r.allowed(ctx, found)
	return schema, seen, err
}

// pageNow reads the page of workspaces as they are. more says that the list goes on. A page of which the caller sees nothing
// any more is passed over: an empty one would look like the end of the list.
func (r *Resolver) pageNow(ctx context.Context, schema string, q read.OverviewQuery) (rows []read.Overview, more bool, err error) {
	for {
		seen, next, err := r.nextSeen(ctx, schema, q)
		if err != nil || len(seen) == 0 && next == nil {
			return nil, false, err
		}
		if len(seen) > 0 {
			rows, err = r.Read.Overviews(ctx, schema, q, seen)
			return rows, next != nil, err
		}
		q.Page.After = next
	}
}

// pageThen reads the page of workspaces as they were. Which of those that may be in it fitted then their own rows say, so
// that it looks at some of them at a time, in the order of the list, and at more the fewer of them fit.
func (r *Resolver) pageThen(ctx context.Context, schema string, q read.OverviewQuery) (rows []read.Overview, more bool, err error) {
	some := q
	for some.Page.Limit = q.Page.Limit + 1; ; some.Page.Limit = min(4*some.Page.Limit, read.MaxPage) {
		seen, next, err := r.nextSeen(ctx, schema, some)
		if err != nil {
			return nil, false, err
		}
		found, err := r.Read.Overviews(ctx, schema, q, seen)
		if err != nil {
			return nil, false, err
		}
		if q.Page.Back {
			rows = append(found, rows...)
		} else {
			rows = append(rows, found...)
		}
		if len(rows) > q.Page.Limit {
			return whole(rows, q.Page), true, nil
		}
		if next == nil {
			return rows, false, nil
		}
		some.Page.After = next
	}
}

// nextSeen are the workspaces of a page of sightings that the caller sees by the log, too; next is where to go on, nil at
// the end.
func (r *Resolver) nextSeen(ctx context.Context, schema string, q read.OverviewQuery) (seen []read.Sighting, next *read.Mark, err error) {
	found, err := r.Read.Sightings(ctx, schema, q)
	if err != nil {
		return nil, nil, err
	}
	if len(found) > q.Page.Limit {
		found = whole(found, q.Page)
		next = &read.Mark{Value: string(found[len(found)-1].Slug)}
		if q.Page.Back {
			next.Value = string(found[0].Slug)
		}
	}
	seen, err = r.allowed(ctx, found)
	return seen, next, err
}

// whole is a page without the row more that says that there is more.
func whole[T any](rows []T, p read.Page) []T {
	if p.Back {
		return rows[len(rows)-p.Limit:]
	}
	return rows[:p.Limit]
}
