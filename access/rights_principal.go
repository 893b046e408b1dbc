package access

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/annals-io/annals/domain"
)

// Holds is what a principal may do in a workspace: what whoever holds the credential may, as far as its scopes and its
// workspace let it through. It is empty for a workspace that is not there. It must not be changed.
func (r *Rights) Holds(ctx context.Context, p Principal, ws domain.Slug) (domain.PermissionSet, error) {
	if !p.In(ws) {
		return nil, nil
	}
	return p.among(r.Workspace(ctx, p.Who(), ws))
}

// HoldsIn is what a principal may do in an organization. A key that is bound to a workspace may do nothing there.
func (r *Rights) HoldsIn(ctx context.Context, p Principal, org domain.Slug) (domain.PermissionSet, error) {
	if p.Workspace != "" {
		return nil, nil
	}
	return p.among(r.Organization(ctx, p.Who(), org))
}

// May says whether a principal holds a permission in a workspace.
func (r *Rights) May(ctx context.Context, p Principal, ws domain.Slug, may domain.Permission) (bool, error) {
	holds, err := r.Holds(ctx, p, ws)
	return holds.Has(may), err
}

// MayIn says whether a principal holds a permission in an organization.
func (r *Rights) MayIn(ctx context.Context, p Principal, org domain.Slug, may domain.Permission) (bool, error) {
	holds, err := r.HoldsIn(ctx, p, org)
	return holds.Has(may), err
}

// Permit refuses a principal who may not do something in a workspace: 403 and the permission's name to whoever may see that
// the workspace is there, and absent, which says that there is none, to everybody else.
func (r *Rights) Permit(ctx context.Context, p Principal, ws domain.Slug, may domain.Permission, absent error) error {
	holds, err := r.Holds(ctx, p, ws)
	switch {
	case err != nil:
		return err
	case holds.Has(may):
		return nil
	case holds.Has(domain.ReadWorkspace) || holds.Has(domain.IngestEvents):
		return Lacking(may, "workspace "+string(ws))
	}
	return absent
}

// Lacking refuses whoever may see a place and not do something there.
func Lacking(may domain.Permission, place string) *Refusal {
	return &Refusal{Status: http.StatusForbidden, Code: "permission_missing", Message: fmt.Sprintf("it takes the permission %s in %s, which this credential does not have there: ask an admin for a role that has it, or use a key with more scopes", may, place)}
}

// Operates says whether a principal comes from an operator of the server, somebody who is an owner or admin of its first
// organization, by a credential that is bound to no workspace. What concerns the whole server, and not one workspace or
// organization, is theirs, as far as their credential's scopes let them.
func (r *Rights) Operates(ctx context.Context, p Principal) (bool, error) {
	if p.Workspace != "" {
		return false, nil
	}
	a, err := r.Organization(ctx, p.Who(), r.first)
	return slices.ContainsFunc(a.Through, func(s domain.Source) bool { return s.Role == domain.Owner || s.Role == domain.Admin }), err
}

// Operator says whether a principal may do everything that operators may.
func (r *Rights) Operator(ctx context.Context, p Principal) (bool, error) {
	if !p.IsAdmin() {
		return false, nil
	}
	return r.Operates(ctx, p)
}

// Asker is who asks for a change of the roster of a workspace, or, where the place names one, of an organization.
func (r *Rights) Asker(ctx context.Context, p Principal, place domain.Place, ws domain.Slug) (domain.Asker, error) {
	var holds domain.PermissionSet
	var err error
	if place.Organization != "" {
		holds, err = r.HoldsIn(ctx, p, place.Organization)
	} else {
		holds, err = r.Holds(ctx, p, ws)
	}
	return domain.Asker{Who: p.Who(), Holds: holds}, err
}
