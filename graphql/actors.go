package graphql

import (
	"context"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections"
)

// Who may read the history of a place is told who acted there, by name as far as it can be read: whoever changes something
// for others is answerable to them, also after they left. Nothing else is told of a person by that.

// actorAt is one who did something.
func actorAt(at *model.Moment, a domain.Actor) *model.Actor {
	return model.Actors(at, []domain.Actor{a})[0]
}

// actorNames answers what those who acted are called, for all deeds that were read together.
func (r *Resolver) actorNames(ctx context.Context, objs []*model.Actor) ([]*string, error) {
	return each(objs, "names", func(at *model.Moment, all []*model.Actor) (func(*model.Actor) *string, error) {
		in := &place{at: at}
		seen := map[domain.Grantee]bool{}
		var asked []domain.Grantee
		robots := false
		for _, a := range all {
			if who, ok := a.Who(); ok && !seen[who] {
				seen[who] = true
				asked = append(asked, who)
				robots = robots || who.Kind == domain.ServiceGrantee
			}
		}
		var err error
		switch {
		case !robots:
		case projections.IsWorkspace(at.At.Slug):
			in.org, err = r.organizationBeside(ctx, at)
		default:
			in.org = at
		}
		if err != nil {
			return nil, err
		}
		found, err := r.names(ctx, in, asked)
		return func(a *model.Actor) *string {
			who, ok := a.Who()
			if !ok {
				return nil
			}
			return found[who].name
		}, err
	})
}
