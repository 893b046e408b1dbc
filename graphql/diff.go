package graphql

import (
	"context"
	"encoding/json"
	"slices"
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

// diffQuery asks for what differs.
func diffQuery(d *model.Diff, kinds []model.EntityKind, changes []model.DiffChange) read.DiffQuery {
	q := read.DiffQuery{From: d.From.At.Revision}
	for _, k := range kinds {
		q.Kinds = append(q.Kinds, domain.Kind(strings.ToLower(string(k))))
	}
	for _, c := range changes {
		q.Changes = append(q.Changes, read.Change(strings.ToLower(string(c))))
	}
	return q
}

// identical says whether nothing differs.
func (r *Resolver) identical(ctx context.Context, d *model.Diff) (bool, error) {
	q := diffQuery(d, nil, nil)
	q.Page.Limit = 1
	found, err := r.Read.Diff(ctx, d.To.At, q)
	return len(found.Rows) == 0, err
}

// diffCounts counts what differs by kind.
func (r *Resolver) diffCounts(ctx context.Context, d *model.Diff, most int) (*model.DiffCounts, error) {
	if most < 1 || most > maxCount {
		return nil, outside("max", most, 1, maxCount)
	}
	found, complete, err := r.Read.CountDiff(ctx, d.To.At, diffQuery(d, nil, nil), most)
	out := &model.DiffCounts{Kinds: make([]*model.DiffCount, len(found)), Complete: complete}
	for i, n := range found {
		out.Kinds[i] = &model.DiffCount{Kind: model.KindOf(n.Kind), Created: n.Created, Changed: n.Changed, Removed: n.Removed}
		out.Created, out.Changed, out.Removed = out.Created+n.Created, out.Changed+n.Changed, out.Removed+n.Removed
	}
	return out, err
}

// diffChanges answers a page of what differs.
func (r *Resolver) diffChanges(ctx context.Context, d *model.Diff, kinds []model.EntityKind, changes []model.DiffChange, a pageArgs) (*model.EntityChangeConnection, error) {
	q := diffQuery(d, kinds, changes)
	hash := r.shape("diff", d.To.Slug(), d.From.Revision(), d.To.Revision(), kinds, changes)
	var err error
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

func (r *Resolver) differingTexts(ctx context.Context, at *model.Moment, fields []read.FieldDifference) (map[domain.Text]string, error) {
	var refs []*domain.Text
	for _, f := range fields {
		for _, v := range []*read.FieldValue{f.Before, f.After} {
			if v != nil && v.Text != nil {
				refs = append(refs, v.Text)
			}
		}
	}
	return r.evidenceOf(ctx, at, refs)
}

// erasedText stands for a text of which nothing is left.
var erasedText = json.RawMessage(`{"erased":true}`)

func fieldDifferences(fields []read.FieldDifference, texts map[domain.Text]string) []*model.FieldDifference {
	value := func(v *read.FieldValue) json.RawMessage {
		switch {
		case v == nil:
			return nil
		case v.Text == nil:
			return v.JSON
		}
		s, ok := texts[*v.Text]
		if !ok {
			return erasedText
		}
		b, _ := json.Marshal(s) // a text
		return b
	}
	out := make([]*model.FieldDifference, len(fields))
	for i, f := range fields {
		out[i] = &model.FieldDifference{Group: model.Word(f.Key.Group), Name: f.Name, Before: value(f.Before), After: value(f.After)}
	}
	return out
}

// compareRuns answers how two runs differ; nil where one of them is not there.
func (r *Resolver) compareRuns(ctx context.Context, at *model.Moment, first, second string) (*model.RunComparison, error) {
	a, err := shown(r.findRun(ctx, at, first))
	if err != nil || a == nil {
		return nil, err
	}
	b, err := shown(r.findRun(ctx, at, second))
	if err != nil || b == nil {
		return nil, err
	}
	c, ok, err := r.Read.CompareRuns(ctx, at.At, a.Row.Key, b.Row.Key)
	if err != nil || !ok {
		return nil, err
	}
	fields := slices.Clone(c.Fields)
	var keys []int64
	for _, s := range c.Steps {
		fields, keys = append(fields, s.Fields...), append(keys, s.A, s.B)
	}
	texts, err := r.differingTexts(ctx, at, fields)
	if err != nil {
		return nil, err
	}
	steps, err := r.steps(ctx, at, keys)
	if err != nil {
		return nil, err
	}
	out := &model.RunComparison{A: a, B: b, Differences: fieldDifferences(c.Fields, texts), Steps: make([]*model.StepComparison, len(c.Steps)), EqualSteps: c.Equal, Complete: c.Complete}
	out.Identical = len(c.Fields)+len(c.Steps) == 0
	for i, s := range c.Steps {
		out.Steps[i] = &model.StepComparison{Name: s.Name, A: steps[s.A], B: steps[s.B], Differences: fieldDifferences(s.Fields, texts)}
	}
	return out, nil
}

// compareVersions answers how two versions of artifacts differ; nil where one of them is not there.
func (r *Resolver) compareVersions(ctx context.Context, at *model.Moment, first, second string) (*model.ArtifactVersionComparison, error) {
	a, err := shown(r.findVersion(ctx, at, first))
	if err != nil || a == nil {
		return nil, err
	}
	b, err := shown(r.findVersion(ctx, at, second))
	if err != nil || b == nil {
		return nil, err
	}
	fields, ok, err := r.Read.CompareVersions(ctx, at.At, a.Row.Key, b.Row.Key)
	if err != nil || !ok {
		return nil, err
	}
	texts, err := r.differingTexts(ctx, at, fields)
	return &model.ArtifactVersionComparison{A: a, B: b, Identical: len(fields) == 0, Differences: fieldDifferences(fields, texts)}, err
}
