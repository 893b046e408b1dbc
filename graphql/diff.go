package graphql

import (
	"context"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// diffWait is how long a moment of a diff is waited for that is not there yet, in milliseconds: as long as one of a
// workspace where nobody says.
const diffWait = 2000

// diff opens the two moments of a diff. The later one is that of the answer, where nobody says another.
func (r *Resolver) diff(ctx context.Context, w *model.Workspace, from model.AsOf, to *model.AsOf) (*model.Diff, error) {
	d := &model.Diff{To: w.At}
	open := func(name string, at *model.AsOf) (*model.Moment, error) {
		m, err := r.openScope(ctx, w.At.At.Slug, at, nil, diffWait)
		var fault *Fault
		if asFault(err, &fault) && fault.More["argument"] == "asOf" {
			fault.More["argument"] = name
		}
		return m, err
	}
	var err error
	if to != nil {
		if d.To, err = open("to", to); err != nil {
			return nil, err
		}
	}
	if d.From, err = open("from", &from); err != nil {
		return nil, err
	}
	if d.From.Revision() > d.To.Revision() {
		return nil, invalid("from", "A diff goes from an earlier moment to a later one.", "from is revision %d and to is revision %d: from is the earlier one", d.From.Revision(), d.To.Revision())
	}
	d.From.At.Schema, d.From.At.Number = d.To.At.Schema, d.To.At.Number // a new model may have become live in between
	return d, nil
}

// diffQuery asks for what differs. Invitations name people who are not there yet: only who manages members sees what became
// of them.
func (r *Resolver) diffQuery(ctx context.Context, d *model.Diff, kinds []model.EntityKind, changes []model.DiffChange) (read.DiffQuery, error) {
	q := read.DiffQuery{From: d.From.At.Revision, Texts: r.said}
	var err error
	if q.Invitations, err = caller(ctx).may(ctx, d.To.At.Slug, domain.ManageMembers); err != nil {
		return q, err
	}
	for _, k := range kinds {
		q.Kinds = append(q.Kinds, domain.Kind(strings.ToLower(string(k))))
	}
	for _, c := range changes {
		q.Changes = append(q.Changes, read.Change(strings.ToLower(string(c))))
	}
	return q, nil
}

// identical says whether nothing differs.
func (r *Resolver) identical(ctx context.Context, d *model.Diff) (bool, error) {
	q, err := r.diffQuery(ctx, d, nil, nil)
	if err != nil {
		return false, err
	}
	q.Page.Limit = 1
	found, err := r.Read.Diff(ctx, d.To.At, q)
	return len(found.Rows) == 0, err
}

// diffCounts counts what differs by kind.
func (r *Resolver) diffCounts(ctx context.Context, d *model.Diff, most int) (*model.DiffCounts, error) {
	if most < 1 || most > maxCount {
		return nil, outside("max", most, 1, maxCount)
	}
	q, err := r.diffQuery(ctx, d, nil, nil)
	if err != nil {
		return nil, err
	}
	found, complete, err := r.Read.CountDiff(ctx, d.To.At, q, most)
	out := &model.DiffCounts{Kinds: make([]*model.DiffCount, len(found)), Complete: complete}
	for i, n := range found {
		out.Kinds[i] = &model.DiffCount{Kind: model.KindOf(n.Kind), Created: n.Created, Changed: n.Changed, Removed: n.Removed}
		out.Created, out.Changed, out.Removed = out.Created+n.Created, out.Changed+n.Changed, out.Removed+n.Removed
	}
	return out, err
}

// diffChanges answers a page of what differs.
func (r *Resolver) diffChanges(ctx context.Context, d *model.Diff, kinds []model.EntityKind, changes []model.DiffChange, a pageArgs) (*model.EntityChangeConnection, error) {
	q, err := r.diffQuery(ctx, d, kinds, changes)
	if err != nil {
		return nil, err
	}
	hash := r.shape("diff", d.To.Slug(), d.From.Revision(), d.To.Revision(), kinds, changes)
	if q.Page, err = r.page(a, hash); err != nil {
		return nil, err
	}
	found, err := r.Read.Diff(ctx, d.To.At, q)
	if err != nil {
		return nil, refusedRead(err)
	}
	things := func(at *model.Moment, rows []read.Difference) []*model.EntityChange {
		return together(at, rows, func(p *model.Peers[model.EntityChange], row read.Difference) *model.EntityChange {
			return &model.EntityChange{Peers: p, Was: d.From, Row: row}
		})
	}
	count := func(ctx context.Context, most int) (int, error) {
		counts, complete, err := r.Read.CountDiff(ctx, d.To.At, q, most)
		if !complete {
			return most + 1, err
		}
		n := 0
		for _, c := range counts {
			n += c.Created + c.Changed + c.Removed
		}
		return n, err
	}
	return &model.EntityChangeConnection{List: listed(d.To, hash, q.Page, found, things, count)}, nil
}

// sideOf answers the things of changes at one of their moments, where they are there.
func (r *Resolver) sideOf(ctx context.Context, objs []*model.EntityChange, word string, absent read.Change, moment func(*model.EntityChange) *model.Moment) ([]model.Node, error) {
	return each(objs, word, func(_ *model.Moment, all []*model.EntityChange) (func(*model.EntityChange) model.Node, error) {
		ref := func(c *model.EntityChange) model.Ref {
			return model.Ref{At: moment(c), Kind: c.Kind(), Key: c.Row.Key}
		}
		var refs []model.Ref
		for _, c := range all {
			if c.Row.Change != absent {
				refs = append(refs, ref(c))
			}
		}
		if len(refs) == 0 {
			return func(*model.EntityChange) model.Node { return nil }, nil
		}
		found, err := r.nodes(ctx, refs[0].At, refs)
		return func(c *model.EntityChange) model.Node {
			if c.Row.Change == absent {
				return nil
			}
			return found[ref(c)]
		}, err
	})
}

// changedFields answers in what things differ; texts are read for all of them at once.
func (r *Resolver) changedFields(ctx context.Context, objs []*model.EntityChange) ([][]*model.FieldDifference, error) {
	return each(objs, "fields", func(at *model.Moment, all []*model.EntityChange) (func(*model.EntityChange) []*model.FieldDifference, error) {
		var fields []read.FieldDifference
		for _, c := range all {
			fields = append(fields, c.Row.Fields...)
		}
		texts, err := r.differingTexts(ctx, at, fields)
		return func(c *model.EntityChange) []*model.FieldDifference { return fieldDifferences(c.Row.Fields, texts) }, err
	})
}
