package graphql

import (
	"context"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// runList answers a page of runs. Within narrows the query to where the list hangs (a pipeline, a parent run) and
// names that for the cursors.
func (r *Resolver) runList(ctx context.Context, at *model.Moment, f *model.RunFilter, o *model.RunOrder, a pageArgs, within string, narrow func(*read.RunQuery)) (*model.RunConnection, error) {
	q, err := r.runQuery(ctx, at, f, o)
	if err != nil {
		return nil, err
	}
	if narrow != nil {
		narrow(&q)
	}
	hash := r.shape("runs", at.Slug(), within, f, o)
	if q.Page, err = r.page(a, hash); err != nil {
		return nil, err
	}
	found, err := r.Read.Runs(ctx, at.At, q)
	if err != nil {
		return nil, refusedRead(err)
	}
	count := func(ctx context.Context, most int) (int, error) { return r.Read.CountRuns(ctx, at.At, q, most) }
	return &model.RunConnection{
		List:   listed(at, hash, q.Page, found, runsOf, count),
		Spread: func(ctx context.Context) ([]*model.Facet, error) { return r.runFacets(ctx, at, q) },
	}, nil
}

func (r *Resolver) runFacets(ctx context.Context, at *model.Moment, q read.RunQuery) ([]*model.Facet, error) {
	found, _, err := r.Read.RunFacets(ctx, at.At, q)
	if err != nil {
		return nil, refusedRead(err)
	}
	out := make([]*model.Facet, len(found))
	for i, f := range found {
		out[i] = &model.Facet{Field: f.Field, Values: make([]*model.FacetValue, len(f.Counts)), Bounded: f.Bounded}
		for j, c := range f.Counts {
			v := &model.FacetValue{Value: c.Value, Label: c.Label, Count: c.Count}
			switch {
			case f.Field == "status":
				v.Value = strings.ToUpper(c.Value)
			case c.Key != 0:
				v.Value = at.ID(model.Prefix(model.EntityKindPipeline), c.Key)
			}
			out[i].Values[j] = v
		}
	}
	return out, nil
}

// runQuery turns a filter and an order into a query.
func (r *Resolver) runQuery(ctx context.Context, at *model.Moment, f *model.RunFilter, o *model.RunOrder) (read.RunQuery, error) {
	q := read.RunQuery{Order: orderOf(o)}
	if q.Order.By >= read.ByParameter && q.Order.Name == "" {
		return q, invalid("orderBy", "An order by PARAMETER, METADATA or METRIC names which.", "orderBy.name is missing: name the parameter, metadata entry or metric")
	}
	if f == nil {
		return q, nil
	}
	q.Statuses, q.ExcludeStatuses = statusesOf(f.Statuses), statusesOf(f.ExcludeStatuses)
	q.Text, q.RunID, q.Nested, q.Contradictory = value(f.Text), value(f.RunID), f.Nested, f.Contradictory
	q.StartedAfter, q.StartedBefore = instant(f.StartedAfter), instant(f.StartedBefore)
	q.EndedAfter, q.EndedBefore = instant(f.EndedAfter), instant(f.EndedBefore)
	q.CreatedAfter, q.CreatedBefore = instant(f.CreatedAfter), instant(f.CreatedBefore)
	if err := r.runPlaces(ctx, at, f, &q); err != nil {
		return q, err
	}
	q.Conditions, q.Without = tagConditions(f.Tags), tagConditions(f.ExcludeTags)
	for _, part := range []struct {
		name  string
		space read.Space
		in    []*model.ValueFilter
	}{{"parameters", read.Parameters, f.Parameters}, {"metadata", read.Metadata, f.Metadata}} {
		if len(part.in) > maxConditions {
			return q, outside(part.name, len(part.in), 0, maxConditions)
		}
		for _, c := range part.in {
			q.Conditions = append(q.Conditions, conditionOf(part.space, c))
		}
	}
	if len(f.Metrics) > maxConditions {
		return q, outside("metrics", len(f.Metrics), 0, maxConditions)
	}
	for _, c := range f.Metrics {
		m, err := metricCondition(c)
		if err != nil {
			return q, err
		}
		q.Conditions = append(q.Conditions, m)
	}
	return q, r.runWhere(ctx, at, f.Where, &q)
}

// maxConditions bounds the conditions on parameters, on metadata and on metrics.
const maxConditions = 10

// nothing is a key that no thing has: a filter on something that is not there finds nothing.
const nothing = -1

// runPlaces looks up the pipelines and the parent that a filter names.
func (r *Resolver) runPlaces(ctx context.Context, at *model.Moment, f *model.RunFilter, q *read.RunQuery) error {
	var err error
	if q.Pipelines, err = r.pipelineKeys(ctx, at, f.Pipelines); err != nil {
		return err
	}
	if f.Parent == nil {
		return nil
	}
	parent, err := shown(r.findRun(ctx, at, *f.Parent))
	if err != nil {
		return err
	}
	q.Parent = nothing
	if parent != nil {
		q.Parent = parent.Row.Key
	}
	return nil
}

func (r *Resolver) pipelineKeys(ctx context.Context, at *model.Moment, words []string) ([]int64, error) {
	if len(words) > 100 {
		return nil, outside("pipelines", len(words), 0, 100)
	}
	var keys []int64
	for _, w := range words {
		p, err := shown(r.findPipeline(ctx, at, w))
		if err != nil {
			return nil, err
		}
		key := int64(nothing)
		if p != nil {
			key = p.Row.Key
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func orderOf(o *model.RunOrder) read.RunOrder {
	if o == nil {
		return read.RunOrder{}
	}
	by := map[model.RunOrderField]read.OrderBy{
		model.RunOrderFieldCreated: read.ByCreated, model.RunOrderFieldStarted: read.ByStarted, model.RunOrderFieldEnded: read.ByEnded, model.RunOrderFieldDuration: read.ByDuration,
		model.RunOrderFieldParameter: read.ByParameter, model.RunOrderFieldMetadata: read.ByMetadata, model.RunOrderFieldMetric: read.ByMetric,
	}
	return read.RunOrder{By: by[o.By], Name: value(o.Name), Of: aggregateOf(o.Of), Ascending: o.Direction == model.SortDirectionAsc}
}

func aggregateOf(a model.MetricAggregate) read.Aggregate {
	return read.Aggregate(strings.ToLower(string(a)))
}

func statusesOf[S ~string](in []S) []domain.Status {
	var out []domain.Status
	for _, s := range in {
		out = append(out, domain.Status(strings.ToLower(string(s))))
	}
	return out
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// tagConditions are conditions on tags, each written key or key=value.
func tagConditions(words []string) []read.Condition {
	var out []read.Condition
	for _, w := range words {
		key, val, both := strings.Cut(w, "=")
		c := read.Condition{Space: read.Tags, Name: key, Op: read.EXISTS}
		if both {
			c.Op, c.Values = read.EQ, []domain.Value{domain.StringValue(val)}
		}
		out = append(out, c)
	}
	return out
}

func conditionOf(space read.Space, c *model.ValueFilter) read.Condition {
	out := read.Condition{Space: space, Name: c.Name, Op: read.Op(c.Op)}
	if len(c.Value) > 0 {
		out.Values = append(out.Values, domain.Value(c.Value))
	}
	for _, v := range c.Values {
		out.Values = append(out.Values, domain.Value(v))
	}
	return out
}

func metricCondition(c *model.MetricFilter) (read.Condition, error) {
	out := read.Condition{Space: read.Metrics, Name: c.Name, Of: aggregateOf(c.Of), Op: read.Op(c.Op)}
	if c.Op == model.FilterOperatorContains {
		return out, invalid("filter", ruleFiltering, "the metric %s can be compared with numbers only: CONTAINS is for texts", clip(c.Name))
	}
	if c.Op == model.FilterOperatorExists {
		if c.Exists != nil {
			out.Values = []domain.Value{domain.BoolValue(*c.Exists)}
		}
		return out, nil
	}
	if c.Value != nil {
		out.Values = append(out.Values, domain.FloatValue(*c.Value))
	}
	for _, v := range c.Values {
		out.Values = append(out.Values, domain.FloatValue(v))
	}
	return out, nil
}

// stepList answers a page of the steps of a run.
func (r *Resolver) stepList(ctx context.Context, run *model.Run, f *model.StepFilter, a pageArgs) (*model.StepConnection, error) {
	q := read.StepQuery{Run: run.Row.Key}
	if f != nil {
		q.Statuses, q.Text = statusesOf(f.Statuses), value(f.Text)
	}
	hash := r.shape("steps", run.ID(), f)
	var err error
	if q.Page, err = r.page(a, hash); err != nil {
		return nil, err
	}
	found, err := r.Read.Steps(ctx, run.At.At, q)
	if err != nil {
		return nil, refusedRead(err)
	}
	count := func(ctx context.Context, most int) (int, error) { return r.Read.CountSteps(ctx, run.At.At, q, most) }
	return &model.StepConnection{List: listed(run.At, hash, q.Page, found, stepsOf, count)}, nil
}

// versionsOfRun answers a page of the versions that a run, its steps and its nested runs read or wrote.
func (r *Resolver) versionsOfRun(ctx context.Context, run *model.Run, a pageArgs) (*model.ArtifactVersionConnection, error) {
	hash := r.shape("versionsOfRun", run.ID())
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	found, err := r.Read.VersionsOfRun(ctx, run.At.At, run.Row.Key, p)
	if err != nil {
		return nil, err
	}
	count := func(ctx context.Context, most int) (int, error) {
		return r.Read.CountVersionsOfRun(ctx, run.At.At, run.Row.Key, most)
	}
	return &model.ArtifactVersionConnection{List: listed(run.At, hash, p, found, versionsOf, count)}, nil
}
