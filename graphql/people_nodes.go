package graphql

import (
	"context"
	"slices"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections"
)

// placeStanding is the moment of the place of an id, a workspace or an organization; nil where it is not there then, may
// not be seen, or was deleted.
func (r *Resolver) placeStanding(ctx context.Context, scope string, asOf *model.AsOf, atLeast *int64, timeoutMs int) (*model.Moment, error) {
	org, ok := projections.OrganizationOf(domain.Slug(scope))
	if !ok {
		return r.standing(ctx, scope, asOf, atLeast, timeoutMs)
	}
	at, err := r.openOrganization(ctx, string(org), asOf, atLeast, timeoutMs)
	return absent(at, err)
}

// wordNode is the thing of an id that goes by a word; nil where it is not there or may not be seen.
func (r *Resolver) wordNode(ctx context.Context, at *model.Moment, id relay.ID) (model.Node, error) {
	inOrganization := levelOf(at) == domain.OrganizationLevel
	switch {
	case id.Kind == relay.Organization && inOrganization && id.Word == "":
		return some(absent(r.organizationAt(ctx, at)))
	case id.Kind == relay.Team && inOrganization:
		return some(r.teamNamed(ctx, at, id.Word))
	case id.Kind == relay.ServiceAccount && inOrganization:
		return some(r.serviceAccountNamed(ctx, at, id.Word))
	case id.Kind == relay.Role:
		return r.roleNode(ctx, at, id.Word)
	case id.Kind == relay.Invitation:
		if err := r.mayInvite(ctx, at); err != nil {
			var fault *Fault
			if asFault(err, &fault) && fault.Code == codeForbidden {
				return nil, nil
			}
			return nil, err
		}
		return some(r.invitationNamed(ctx, at, id.Word))
	}
	return nil, nil
}

// roleNode is a role that is defined in the place, or a built-in one of its level.
func (r *Resolver) roleNode(ctx context.Context, at *model.Moment, word string) (model.Node, error) {
	own, err := r.customRoles(ctx, at)
	if err != nil {
		return nil, err
	}
	all := append(builtinRoles(at, levelOf(at)), own...)
	if i := slices.IndexFunc(all, func(x *model.Role) bool { return x.Ref.String() == word }); i >= 0 {
		return all[i], nil
	}
	return nil, nil
}

// some is a thing as a node: one that is not there is no node, not even a typed one.
func some[T any, P interface {
	*T
	model.Node
}](thing P, err error) (model.Node, error) {
	if thing == nil || err != nil {
		return nil, err
	}
	return thing, nil
}
