package graphql

import (
	"context"
	"errors"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections"
)

// newSlug is the slug of a workspace to be created: the one asked for, else the one its name gives.
func newSlug(slug, name *string) string {
	if slug != nil || name == nil {
		return value(slug)
	}
	return string(domain.DeriveSlug(*name))
}

// slugAvailability says whether a slug can be had. Slugs are unique on the server and never used again, so that saying
// so cannot be kept from those who may create workspaces; nobody else is told.
func (r *Resolver) slugAvailability(ctx context.Context, slug, name *string) (*model.SlugAvailability, error) {
	if c := caller(ctx); c.Principal == nil || !c.Allows(domain.CreateWorkspaces) {
		return nil, noScope("this key may not create workspaces", map[string]any{"scope": needCreate.scope, "rule": "slugAvailability is for keys that may create workspaces."})
	}
	if (slug == nil) == (name == nil) {
		return nil, invalid("slug", "Give the slug that is wanted, or the name it is to be made of.", "slug and name: give one of them")
	}
	found := &model.SlugAvailability{Slug: newSlug(slug, name)}
	if err := domain.FreeSlug(found.Slug); err != nil {
		var no *domain.Error
		if !errors.As(err, &no) {
			return nil, err
		}
		found.Reason = &no.Message
		if name != nil && found.Slug == "" {
			found.Reason = model.Word("no slug can be made of that name: choose one")
		}
		return found, nil
	}
	_, err := r.Moments.ProgressOf(ctx, domain.Slug(found.Slug))
	var none *projections.NotFoundError
	switch {
	case errors.As(err, &none):
		found.Available = true
		return found, nil
	case err != nil:
		return nil, err
	}
	found.Reason = model.Word("the slug is taken: a slug is never used again, not even after its workspace was deleted")
	return found, nil
}
