package graphql

import (
	"context"
	"errors"
	"time"

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

// How often one caller may ask whether a slug is free: as fast as somebody types, and not as fast as a list is tried.
const (
	slugBurst = 60
	slugEvery = 200 * time.Millisecond
)

// codeRate is the fault of a caller who asks too often.
const codeRate = "RATE_LIMITED"

// slugAvailability says whether a slug can be had, for a workspace or an organization. Slugs are unique on the server and
// never used again, so that saying so cannot be kept from whoever is signed in; how often they may ask is limited.
func (r *Resolver) slugAvailability(ctx context.Context, slug, name *string) (*model.SlugAvailability, error) {
	c := caller(ctx)
	if c.Principal == nil {
		return nil, noScope("this caller may not ask about slugs", map[string]any{"rule": "slugAvailability is for those who are signed in."})
	}
	if wait, ok := r.slugRate.Take(c.Who.String(), r.now()); !ok {
		return nil, &Fault{codeRate, "too many slugs were asked about: try again", map[string]any{"retryAfterMs": wait.Milliseconds(), "rule": "So many slugs a minute are asked about."}}
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
	var none *projections.NotFoundError
	for _, scope := range []domain.Slug{domain.Slug(found.Slug), projections.OrganizationScope(domain.Slug(found.Slug))} {
		_, err := r.Moments.ProgressOf(ctx, scope)
		if err != nil && !errors.As(err, &none) {
			return nil, err
		}
		found.Available = err != nil
		if !found.Available {
			break
		}
	}
	if found.Available {
		return found, nil
	}
	found.Reason = model.Word("the slug is taken: a slug is never used again, not even after its workspace was deleted")
	return found, nil
}
