package access

import (
	"context"

	"github.com/annals-io/annals/domain"
)

// A Wall is what the second wall, which stands in the database, asks the rights. It is told what they were found to be, and
// so stands by itself: where whoever answers at the door forgets to ask, or is made to let everybody in as a build of tests
// is, this is told the truth all the same.
type Wall struct{ rights *Rights }

// Wall is how the second wall asks.
func (r *Rights) Wall() Wall { return Wall{r} }

// Holds is what a principal may do in a workspace, as [Rights.Holds] says it.
func (w Wall) Holds(ctx context.Context, p Principal, ws domain.Slug) (domain.PermissionSet, error) {
	if !p.In(ws) {
		return nil, nil
	}
	return p.among(w.rights.workspace(ctx, p.Who(), ws))
}

// HoldsIn is what a principal may do in an organization, as [Rights.HoldsIn] says it.
func (w Wall) HoldsIn(ctx context.Context, p Principal, org domain.Slug) (domain.PermissionSet, error) {
	if p.Workspace != "" {
		return nil, nil
	}
	return p.among(w.rights.organization(ctx, p.Who(), org))
}

// among is what of somebody's rights in a place their credential lets them use; nothing in a place that is not there.
func (p Principal) among(a domain.Access, err error) (domain.PermissionSet, error) {
	if err != nil || !a.Exists {
		return nil, err
	}
	return p.Scoped(a.Holds), nil
}
