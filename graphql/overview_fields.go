package graphql

import (
	"context"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// seen is what a list shows of a workspace, also where it was read alone; nil where the read model does not know yet that
// the caller may see it.
func (r *Resolver) seen(ctx context.Context, w *model.Workspace) (*read.Overview, error) {
	if w.Seen != nil {
		return w.Seen, nil
	}
	q := read.OverviewQuery{Who: caller(ctx).Who, Only: w.At.At.Slug, States: []string{"active", "archived", "deleted"}, Page: read.Page{Limit: 1}}
	if w.At.Asked != nil {
		q.Time = *w.At.Asked
	}
	found, err := r.overviews(ctx, q)
	if err != nil || len(found.Rows) == 0 {
		return nil, err
	}
	w.Seen = found.Rows[0].Row.Seen
	return w.Seen, nil
}

// memberCount is how many hold a role in the workspace directly.
func (r *Resolver) memberCount(ctx context.Context, w *model.Workspace) (int, error) {
	if w.Seen != nil {
		return w.Seen.Members, nil
	}
	members, err := r.Read.Members(ctx, w.At.At)
	return len(members), err
}

// myRole is the strongest of the roles by which the caller sees a workspace: the one that permits most, and of equal ones
// that held nearest.
func (r *Resolver) myRole(ctx context.Context, w *model.Workspace) (*model.ViewerRole, error) {
	o, err := r.seen(ctx, w)
	if err != nil || o == nil {
		return nil, err
	}
	s, ok := domain.Strongest(o.Through)
	if !ok {
		return nil, nil
	}
	role := &model.ViewerRole{Role: s.Role.String(), Through: s.How(), Permissions: []string{}}
	for _, p := range s.Permissions {
		role.Permissions = append(role.Permissions, string(p))
	}
	return role, nil
}
