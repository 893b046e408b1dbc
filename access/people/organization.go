package people

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A NewOrganization is a team organization to be created.
type NewOrganization struct {
	Ask
	Slug domain.Slug // empty: derived from the name
	Name string      // empty: the slug
}

// An Organization is one that was created, with the workspace that was made with it.
type Organization struct {
	Slug, Workspace domain.Slug
	eventstore.Result
}

// longestOrganization leaves room for the slug of the default workspace, in bytes.
const longestOrganization = domain.MaxNewSlug - len("-default")

// CreateOrganization creates a team organization and its default workspace, both owned by whoever asks: a person. Where
// the workspace could not be made at once, which is an error here, the organization is there, and [Desk.Complete] makes
// it; so does sending the request again under the same key.
func (d *Desk) CreateOrganization(ctx context.Context, p access.Principal, n NewOrganization) (Organization, error) {
	owner, err := d.founder(ctx, p)
	if err != nil {
		return Organization{}, err
	}
	slugs, err := candidates(n.Slug, n.Name, longestOrganization)
	if err != nil {
		return Organization{}, err
	}
	made, err := first(slugs, func(slug domain.Slug) (Organization, error) {
		r, err := d.request(p, n.Ask, domain.OrganizationStream(slug), "createOrganization", []any{n.Slug, n.Name})
		if err != nil {
			return Organization{}, err
		}
		return d.found(ctx, r, domain.CreateOrganization{Slug: slug, Name: cmp.Or(n.Name, string(slug)), Owner: owner})
	})
	if err == nil {
		d.owned(ctx, p, Place{Organization: made.Slug}, made.Slug, owner)
		d.owned(ctx, p, Place{Workspace: made.Workspace}, made.Slug, owner)
	}
	return made, err
}

// founder is who will own a team organization that a principal creates. It refuses whoever may not: service accounts,
// keys that may not, and, where the operator keeps that to themselves, everybody else.
func (d *Desk) founder(ctx context.Context, p access.Principal) (uuid.UUID, error) {
	switch {
	case p.Who().Kind != domain.AccountGrantee:
		return uuid.Nil, &domain.Error{Code: domain.Forbidden, Message: "an organization belongs to a person: a service account cannot create one"}
	case !p.IsAdmin():
		return uuid.Nil, &domain.Error{Code: domain.Forbidden, Message: "creating an organization takes a session, or a key with the scope admin that is bound to no workspace"}
	case !d.OperatorsOnly:
		return p.Account, nil
	}
	operates, err := d.Rights.Operator(ctx, p)
	if err == nil && !operates {
		err = &domain.Error{Code: domain.Forbidden, Message: "organizations are created by the operator of this server: ask them"}
	}
	return p.Account, err
}

// found creates an organization and then its default workspace.
func (d *Desk) found(ctx context.Context, r eventstore.Request, c domain.CreateOrganization) (Organization, error) {
	o := Organization{Slug: c.Slug, Workspace: d.DefaultOf(c.Slug)}
	if domain.FreeSlug(string(c.Slug)) == nil { // else the command says what is wrong with it
		if err := d.unspoilt(ctx, c.Slug); err != nil {
			return o, err
		}
	}
	result, err := d.do(ctx, r, c)
	if err != nil {
		return o, err
	}
	o.Result = result
	return o, d.complete(ctx, c.Slug)
}

// unspoilt refuses an organization whose default workspace cannot be made, since an older version let somebody else take
// its name. One that is there because the organization is, is no obstacle.
func (d *Desk) unspoilt(ctx context.Context, slug domain.Slug) error {
	if there, err := d.exists(ctx, domain.WorkspaceStream(d.DefaultOf(slug))); err != nil || !there {
		return err
	}
	created, _, err := d.opening(ctx, slug)
	if err == nil && created == nil {
		err = &domain.Error{Code: domain.AlreadyExists, Subject: "slug", Message: fmt.Sprintf("the slug %s is taken: there is a workspace %s, which its default workspace would be called", slug, d.DefaultOf(slug))}
	}
	return err
}

// exists says whether there is a stream.
func (d *Desk) exists(ctx context.Context, stream domain.Stream) (bool, error) {
	info, err := d.Log.Info(ctx, stream)
	var none *eventstore.NotFoundError
	if errors.As(err, &none) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", stream, err)
	}
	return info.Last != domain.NoRevision, nil
}

// DefaultOf is the slug of an organization's default workspace.
func (d *Desk) DefaultOf(organization domain.Slug) domain.Slug {
	if organization == d.First {
		return "default"
	}
	return domain.DefaultSlug(organization)
}

// opening is the fact that opened an organization's stream, and what is recorded with it; nil where there is none.
func (d *Desk) opening(ctx context.Context, slug domain.Slug) (*domain.OrganizationCreated, *domain.Recorded, error) {
	page, err := d.Log.ReadStream(ctx, domain.OrganizationStream(slug), 0, eventstore.Forward, 1)
	var none *eventstore.NotFoundError
	if errors.As(err, &none) || err == nil && len(page.Events) == 0 {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read how organization %s began: %w", slug, err)
	}
	created, ok := page.Events[0].Event.(domain.OrganizationCreated)
	if !ok {
		return nil, nil, fmt.Errorf("organization %s begins with %s", slug, page.Events[0].Type)
	}
	return &created, &page.Events[0], nil
}
