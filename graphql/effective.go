package graphql

import (
	"context"
	"slices"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// A placeArgs says which place a question is about, and when.
type placeArgs struct {
	workspace, organization *string
	asOf                    *model.AsOf
	atLeast                 *int64
	timeoutMs               int
}

func (a placeArgs) check() error {
	if (a.workspace == nil) == (a.organization == nil) {
		return invalid("workspace", "A question about rights names a workspace or an organization.", "workspace and organization: give one of them")
	}
	return nil
}

// open fixes the moment of the place for somebody who may read it. A workspace that was deleted by then is refused as it
// is everywhere.
func (a placeArgs) open(ctx context.Context, r *Resolver) (*model.Moment, error) {
	if a.organization != nil {
		return r.openOrganization(ctx, *a.organization, a.asOf, a.atLeast, a.timeoutMs)
	}
	at, err := r.open(ctx, *a.workspace, a.asOf, a.atLeast, a.timeoutMs)
	if err == nil {
		_, err = r.workspaceAt(ctx, at)
	}
	return at, err
}

// openOwn is open for a question about oneself: whoever holds anything there may ask, also who may not read the place.
func (a placeArgs) openOwn(ctx context.Context, r *Resolver) (*model.Moment, error) {
	scope, holds, err := a.scope(ctx)
	if err != nil {
		return nil, err
	}
	if len(holds) == 0 {
		return a.open(ctx, r) // which finds nothing, on the way that finds nothing
	}
	at, err := r.openScope(ctx, scope, a.asOf, a.atLeast, a.timeoutMs)
	if err == nil && !holds.Has(domain.ReadWorkspace) && !holds.Has(domain.ReadOrganization) {
		// Their own rights are read for their own sake: the place is not theirs to read.
		at.At = at.At.For(read.Moment{Slug: projections.AccountScope(caller(ctx).Who.ID)})
	}
	if err == nil && a.workspace != nil {
		_, err = r.workspaceAt(ctx, at)
	}
	return at, err
}

// scope is the name by which read models know the place, and what the caller holds there.
func (a placeArgs) scope(ctx context.Context) (domain.Slug, domain.PermissionSet, error) {
	c := caller(ctx)
	if a.organization != nil {
		org := domain.Slug(*a.organization)
		holds, err := c.holdsIn(ctx, org)
		return projections.OrganizationScope(org), holds, err
	}
	ws := domain.Slug(*a.workspace)
	holds, err := c.holds(ctx, ws)
	return ws, holds, err
}

// effectiveAccess is what somebody may do in a place; nil where the caller may not know that there is such a place.
func (r *Resolver) effectiveAccess(ctx context.Context, member *string, a placeArgs) (*model.EffectiveAccess, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	who, open := caller(ctx).Who, a.openOwn
	if member != nil {
		named, err := domain.ParseGrantee(*member)
		if err != nil {
			return nil, invalid("member", "A member is account:ID, service_account:ID or team:NAME.", "%s", err)
		}
		if named != who {
			who, open = named, a.open
		}
	}
	at, err := open(ctx, r)
	if err != nil {
		return absent[model.EffectiveAccess](nil, err)
	}
	in, err := r.placeAt(ctx, at)
	if err != nil {
		return nil, err
	}
	x := &model.EffectiveAccess{Who: who}
	x.Held, x.Suspended = in.of(who)
	if in.org != at {
		x.Beside = in.org
	}
	return together(at, []*model.EffectiveAccess{x}, func(p *model.Peers[model.EffectiveAccess], x *model.EffectiveAccess) *model.EffectiveAccess {
		x.Peers = p
		return x
	})[0], nil
}

// whoCan are those who may do something in a place; nil where the caller may not see it.
func (r *Resolver) whoCan(ctx context.Context, permission string, kinds []model.MemberKind, a placeArgs, pa pageArgs) (*model.MemberConnection, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	level := domain.WorkspaceLevel
	if a.organization != nil {
		level = domain.OrganizationLevel
	}
	if !slices.Contains(domain.Permissions(level), domain.Permission(permission)) {
		return nil, invalid("permission", "A permission is one of the closed list: ask for permissions.", "there is no permission %q of a %s", clip(permission), level)
	}
	if kinds == nil {
		kinds = []model.MemberKind{model.MemberKindAccount, model.MemberKindServiceAccount}
	}
	at, err := a.open(ctx, r)
	if err != nil {
		return absent[model.MemberConnection](nil, err)
	}
	hash := r.shape("who can", at.Slug(), permission, kinds)
	p, err := r.page(pa, hash)
	if err != nil {
		return nil, err
	}
	in, err := r.placeAt(ctx, at)
	if err != nil {
		return nil, err
	}
	var all []*model.Member
	for _, key := range in.everybody() {
		m, err := in.member(key)
		if err != nil {
			return nil, err
		}
		if m == nil || !slices.Contains(kinds, m.Kind()) {
			continue
		}
		if m.Sources = model.SourcesFor(m.Sources, domain.Permission(permission)); len(m.Sources) > 0 {
			all = append(all, m)
		}
	}
	return &model.MemberConnection{List: short(at, hash, p, all, (*model.Member).Member, membersOf)}, nil
}
