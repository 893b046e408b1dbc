package graphql

import (
	"context"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// A foresight is a principal that can be asked about many workspaces at once.
type foresight interface {
	Foresee(ctx context.Context, ws []domain.Slug) error
}

// workspaceList answers a page of the workspaces that the caller may see, by slug, each at its own moment. Who may see
// what is first asked of the read model, in the statement that finds the page; then each row is held against the log, so
// that a right that was taken away just now shows nothing, however far the read model is.
func (r *Resolver) workspaceList(ctx context.Context, f *model.WorkspaceFilter, asOf *model.AsOf, atLeast []*model.WorkspaceRevision, timeoutMs int, a pageArgs) (*model.WorkspaceConnection, error) {
	if asOf != nil && asOf.Revision != nil {
		return nil, needsTime()
	}
	hash := r.shape("workspaces", f)
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	if err := r.reached(ctx, atLeast, timeoutMs); err != nil {
		return nil, err
	}
	q, err := r.overviewQuery(ctx, f, asOf)
	if err != nil {
		return nil, err
	}
	q.Page = p
	found, err := r.overviews(ctx, q)
	if err != nil {
		return nil, err
	}
	count := func(ctx context.Context, most int) (int, error) {
		if c := caller(ctx); c.Principal == nil || !c.Allows(domain.ReadWorkspace) {
			return 0, nil
		}
		schema, seen, err := r.sighted(ctx, q)
		if err != nil {
			return 0, err
		}
		return r.Read.CountOverviews(ctx, schema, q, seen, most)
	}
	l := listed(nil, hash, p, found, func(_ *model.Moment, rows []*model.Workspace) []*model.Workspace { return rows }, count)
	return &model.WorkspaceConnection{List: l, Group: func(ctx context.Context, by model.WorkspaceGrouping, label string) ([]*model.WorkspaceGroup, error) {
		return r.workspaceGroups(ctx, q, by, label)
	}}, nil
}

// overviews reads a page, and leaves out what the caller may not see any more.
func (r *Resolver) overviews(ctx context.Context, q read.OverviewQuery) (found read.List[*model.Workspace], err error) {
	if c := caller(ctx); c.Principal == nil || !c.Allows(domain.ReadWorkspace) {
		return found, nil
	}
	asked := r.now()
	schema, err := r.Moments.Live(ctx)
	if err != nil {
		return found, err
	}
	of := r.pageNow
	if !q.Time.IsZero() {
		of = r.pageThen
	}
	rows, more, err := of(ctx, schema, q)
	if err != nil {
		return found, err
	}
	found.More = more
	peers := &model.Peers[model.Workspace]{}
	moments, applied := make([]*read.Moment, len(rows)), make([]domain.Revision, len(rows))
	for i := range rows {
		w := &model.Workspace{At: &model.Moment{At: rows[i].At}, Row: rows[i].Workspace, Seen: &rows[i], Peers: peers}
		if !q.Time.IsZero() {
			then := q.Time
			w.At.Asked = &then
		}
		moments[i], applied[i] = &w.At.At, rows[i].Applied
		peers.All = append(peers.All, w)
		found.Rows = append(found.Rows, read.Sorted[*model.Workspace]{Row: w, Mark: read.Mark{Value: w.Slug()}})
	}
	if q.Time.IsZero() {
		return found, nil
	}
	return found, r.Moments.Settle(ctx, asked, q.Time, moments, applied)
}
