package graphql

import (
	"context"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// overviewQuery turns a filter into a query, for the caller.
func (r *Resolver) overviewQuery(ctx context.Context, f *model.WorkspaceFilter, asOf *model.AsOf) (read.OverviewQuery, error) {
	c := caller(ctx)
	q := read.OverviewQuery{Who: c.Who, Only: c.Workspace}
	if asOf != nil && asOf.Time != nil {
		if q.Time = *asOf.Time; q.Time.Sub(r.now()) > time.Minute {
			return q, unopened(&projections.FutureError{Time: q.Time, Now: r.now()}, false)
		}
	}
	if f == nil {
		return q, nil
	}
	q.Text, q.Teams = value(f.Text), f.Teams
	q.States = words[string](f.Statuses)
	q.Kinds, q.Environments, q.Sensitivities = words[domain.WorkspaceKind](f.Kinds), words[domain.Environment](f.Environments), words[domain.Sensitivity](f.Sensitivities)
	for _, o := range f.Organizations {
		q.Organizations = append(q.Organizations, domain.Slug(o))
	}
	for _, l := range f.Labels {
		if was, twice := q.Labels[l.Key]; twice && was != l.Value {
			q.States = []string{} // no workspace has both
		}
		if q.Labels == nil {
			q.Labels = map[string]string{}
		}
		q.Labels[l.Key] = l.Value
	}
	return q, nil
}

// words are those of an enum as the domain writes them; nil stays nil.
func words[D, M ~string](list []M) []D {
	if list == nil {
		return nil
	}
	out := make([]D, len(list))
	for i, w := range list {
		out[i] = D(strings.ToLower(string(w)))
	}
	return out
}
