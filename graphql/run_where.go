package graphql

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// runWhere adds to a query the conditions that somebody typed. What the filter's other fields say holds too; the same
// thing said by both is refused, since only one of them could be heard.
func (r *Resolver) runWhere(ctx context.Context, at *model.Moment, text *string, q *read.RunQuery) error {
	if text == nil {
		return nil
	}
	w, err := read.ParseWhere(*text)
	var wrong *read.WhereError
	if errors.As(err, &wrong) {
		return invalid("filter.where", ruleFiltering, "filter.where, column %d: %s", wrong.Column, wrong.Message)
	}
	if err != nil {
		return err
	}
	said := w.Query
	if said.Pipelines, err = r.pipelineKeys(ctx, at, w.Pipelines); err != nil {
		return err
	}
	if said.ExcludePipelines, err = r.pipelineKeys(ctx, at, w.NotPipelines); err != nil {
		return err
	}
	for _, one := range []struct {
		name string
		both bool
	}{
		{"status", oneOf(&q.Statuses, said.Statuses)}, {"status", oneOf(&q.ExcludeStatuses, said.ExcludeStatuses)},
		{"pipeline", oneOf(&q.Pipelines, said.Pipelines)}, {"pipeline", oneOf(&q.ExcludePipelines, said.ExcludePipelines)},
		{"text", either(&q.Text, said.Text)}, {"id", either(&q.RunID, said.RunID)}, {"contradictory", either(&q.Contradictory, said.Contradictory)},
		{"started", instantOf(&q.StartedAfter, said.StartedAfter)}, {"started", instantOf(&q.StartedBefore, said.StartedBefore)},
		{"ended", instantOf(&q.EndedAfter, said.EndedAfter)}, {"ended", instantOf(&q.EndedBefore, said.EndedBefore)},
		{"created", instantOf(&q.CreatedAfter, said.CreatedAfter)}, {"created", instantOf(&q.CreatedBefore, said.CreatedBefore)},
	} {
		if one.both {
			return invalid("filter.where", "A plain condition is said once.", "filter.where says %s, and another field of the filter does too: say it once", one.name)
		}
	}
	q.Nested = q.Nested || said.Nested
	q.Conditions = slices.Concat(q.Conditions, said.Conditions)
	q.Without = slices.Concat(q.Without, said.Without)
	return nil
}

// oneOf takes the list that is there. It answers whether both are.
func oneOf[T any](list *[]T, more []T) (both bool) {
	if len(*list) == 0 {
		*list = more
		return false
	}
	return len(more) > 0
}

// either takes the value that is not zero. It answers whether both are not.
func either[T comparable](v *T, other T) (both bool) {
	var zero T
	if *v == zero {
		*v = other
		return false
	}
	return other != zero
}

// instantOf takes the time that is there. It answers whether both are.
func instantOf(t *time.Time, other time.Time) (both bool) {
	if t.IsZero() {
		*t = other
		return false
	}
	return !other.IsZero()
}
