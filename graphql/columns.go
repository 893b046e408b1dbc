package graphql

import (
	"context"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// maxColumns bounds what the fields of one artifact came from.
const maxColumns = 2000

// promotedColumns is the type of a field that came along with a promotion.
const promotedColumns = "PROMOTED"

// columnLineage answers what the fields of an artifact were made from: here, and in the workspaces that its versions were
// promoted from.
func (r *Resolver) columnLineage(ctx context.Context, a *model.Artifact, field *string) ([]*model.ColumnDependency, error) {
	edges, err := r.Read.ColumnSources(ctx, a.At.At, a.Row.Canonical, field, maxColumns)
	if err != nil {
		return nil, err
	}
	rows := make([]model.ColumnDependency, 0, len(edges))
	for _, c := range edges {
		rows = append(rows, model.ColumnDependency{
			Field: model.Word(c.TargetField), Source: c.Source, FromField: model.Word(c.SourceField), Type: model.Word(c.Kind), Subtype: model.Word(c.Subtype), Masking: c.Masking,
		})
	}
	promoted, err := r.columnsPromoted(ctx, a, field)
	if err != nil {
		return nil, err
	}
	rows = append(rows, promoted...)
	return together(a.At, rows[:min(len(rows), maxColumns)], func(p *model.Peers[model.ColumnDependency], row model.ColumnDependency) *model.ColumnDependency {
		row.Peers = p
		return &row
	}), nil
}

// columnsPromoted are the fields that versions of an artifact brought along from other workspaces: of each artifact there,
// those of the version that came last. What lies where the caller may not see is one row, whatever there is of it.
func (r *Resolver) columnsPromoted(ctx context.Context, a *model.Artifact, field *string) (rows []model.ColumnDependency, err error) {
	received, err := r.Read.PromotionsInto(ctx, a.At.At, a.Row.Canonical)
	if err != nil || len(received) == 0 {
		return nil, err
	}
	sides, err := r.otherSides(ctx, promotionsOf(a.At, received))
	if err != nil {
		return nil, err
	}
	type origin struct {
		workspace domain.Slug
		artifact  int64
	}
	seen := map[origin]bool{}
	hidden, lost := false, false
	for i, side := range sides {
		if side.at == nil {
			hidden, lost = hidden || side.hidden, lost || !side.hidden
			continue
		}
		from, err := r.artifactOf(ctx, side)
		if err != nil {
			return nil, err
		}
		if from == nil || seen[origin{side.slug, from.Row.Canonical}] {
			continue
		}
		seen[origin{side.slug, from.Row.Canonical}] = true
		fields, err := r.fieldsPromoted(ctx, a.At.At, received[i].Version, field)
		if err != nil {
			return nil, err
		}
		for _, f := range fields {
			rows = append(rows, model.ColumnDependency{Field: f, Elsewhere: from, FromField: f, Type: model.Word(promotedColumns)})
		}
	}
	if hidden {
		rows = append(rows, model.ColumnDependency{Type: model.Word(promotedColumns), Hidden: true})
	}
	if lost && len(rows) == 0 { // something came from somewhere, and nobody knows from where any more
		rows = append(rows, model.ColumnDependency{Type: model.Word(promotedColumns)})
	}
	return rows, nil
}

// artifactOf is the artifact whose version was sent; nil where it is not there.
func (r *Resolver) artifactOf(ctx context.Context, side otherSide) (*model.Artifact, error) {
	versions, err := r.Read.VersionsByKey(ctx, side.at.At, []int64{side.key})
	if err != nil || len(versions) == 0 {
		return nil, err
	}
	found, err := r.artifacts(ctx, side.at, []int64{versions[0].Artifact})
	return found[versions[0].Artifact], err
}

// fieldsPromoted are the fields of a version that was received, or only the one that is asked for; one that is nil stands
// for the whole artifact, where fields are not known.
func (r *Resolver) fieldsPromoted(ctx context.Context, m read.Moment, version int64, only *string) ([]*string, error) {
	details, err := r.Read.VersionDetails(ctx, m, []int64{version})
	if err != nil {
		return nil, err
	}
	schema := model.Fields(details[version].Schema)
	if len(schema) == 0 {
		return []*string{nil}, nil
	}
	var out []*string
	for _, f := range schema {
		if only == nil || *only == f.Name {
			out = append(out, &f.Name)
		}
	}
	return out, nil
}

// columnSources answers the artifacts that fields came from.
func (r *Resolver) columnSources(ctx context.Context, objs []*model.ColumnDependency) ([]*model.Artifact, error) {
	out, err := follow(ctx, objs, "from", func(t *model.ColumnDependency) int64 { return t.Source }, r.artifacts)
	if err != nil {
		return nil, err
	}
	for i, o := range objs {
		if o.Elsewhere != nil {
			out[i] = o.Elsewhere
		}
	}
	return out, nil
}
