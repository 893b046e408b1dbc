package graphql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// holdsIn is what the caller may do in an organization; nobody may do nothing.
func (c Caller) holdsIn(ctx context.Context, org domain.Slug) (domain.PermissionSet, error) {
	if c.Principal == nil {
		return nil, nil
	}
	holds, err := c.HoldsIn(ctx, org)
	if err != nil {
		return nil, storeFault(err)
	}
	return holds, nil
}

// operates says whether the caller operates the server.
func (c Caller) operates(ctx context.Context) (bool, error) {
	if c.Principal == nil {
		return false, nil
	}
	ok, err := c.Operator(ctx)
	if err != nil {
		return false, storeFault(err)
	}
	return ok, nil
}

// permissionsIn are what the caller may do in an organization now.
func (r *Resolver) permissionsIn(ctx context.Context, o *model.Organization) ([]string, error) {
	holds, err := caller(ctx).holdsIn(ctx, o.Row.Slug)
	return model.PermissionsOf(holds.List()), err
}

// organizationText is the description of an organization.
func (r *Resolver) organizationText(ctx context.Context, o *model.Organization) (*string, error) {
	found, err := r.evidenceOf(ctx, o.At, []*domain.Text{o.Row.Description})
	if err != nil || o.Row.Description == nil {
		return nil, err
	}
	return model.Word(found[*o.Row.Description]), nil
}

// soughtOrganization is sought for organizations: the name under which read models know it, or one that there is none of.
func soughtOrganization(ctx context.Context, slug string) (domain.Slug, error) {
	switch err := mayReadIn(ctx, slug); {
	case errors.Is(err, errNoWorkspace):
		return projections.OrganizationScope(nowhere), nil
	case err != nil:
		return "", err
	}
	return projections.OrganizationScope(domain.Slug(slug)), nil
}

// mayReadIn refuses an organization that the caller may not see, in the words of one that does not exist.
func mayReadIn(ctx context.Context, slug string) error {
	holds, err := caller(ctx).holdsIn(ctx, domain.Slug(slug))
	if err == nil && !holds.Has(domain.ReadOrganization) {
		return errNoWorkspace
	}
	return err
}

// openOrganization fixes the moment of an answer about one organization. One that is not there, or that the caller may not
// see, is errNoWorkspace, as a workspace is.
func (r *Resolver) openOrganization(ctx context.Context, slug string, asOf *model.AsOf, atLeast *int64, timeoutMs int) (*model.Moment, error) {
	scope, err := soughtOrganization(ctx, slug)
	if err != nil {
		return nil, err
	}
	return r.openScope(ctx, scope, asOf, atLeast, timeoutMs)
}

// organizationAt reads the organization of a moment.
func (r *Resolver) organizationAt(ctx context.Context, at *model.Moment) (*model.Organization, error) {
	row, ok, err := r.Read.Organization(ctx, at.At)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errNoWorkspace
	}
	return &model.Organization{At: at, Row: row}, nil
}

// organizationOf is one organization by its slug; nil where it is not there or may not be seen.
func (r *Resolver) organizationOf(ctx context.Context, slug string, asOf *model.AsOf, atLeast *int64, timeoutMs int) (*model.Organization, error) {
	at, err := r.openOrganization(ctx, slug, asOf, atLeast, timeoutMs)
	if err != nil {
		return absent[model.Organization](nil, err)
	}
	return absent(r.organizationAt(ctx, at))
}

// beside is the time to look at another stream at, for an answer about a moment: the time that was asked about; nil is now.
func beside(at *model.Moment) *model.AsOf {
	if at.Asked == nil {
		return nil
	}
	return &model.AsOf{Time: at.Asked}
}

// organizationOfWorkspace is the organization of a workspace at the time of the moment; nil where it may not be seen.
func (r *Resolver) organizationOfWorkspace(ctx context.Context, w *model.Workspace) (*model.Organization, error) {
	o, err := r.organizationOf(ctx, w.OrganizationSlug(), beside(w.At), nil, 0)
	if notYet(err) {
		return nil, nil
	}
	return o, err
}

// notYet says that something was not there yet at the time asked about.
func notYet(err error) bool {
	var fault *Fault
	return errors.As(err, &fault) && fault.Code == codeBeforeFirst
}

// maxMemberships bounds the places that are looked through for somebody.
const maxMemberships = 1000

// visibleOrganizations are those that the caller may see, by slug, each at its own moment.
func (r *Resolver) visibleOrganizations(ctx context.Context, asOf *model.AsOf) ([]*model.Organization, error) {
	found, err := r.memberships(ctx)
	if err != nil {
		return nil, err
	}
	var slugs []string
	for _, m := range found {
		if slug, ok := projections.OrganizationOf(m.Place); ok {
			slugs = append(slugs, string(slug))
		}
	}
	slices.Sort(slugs)
	var moments []read.Moment
	var at []*model.Moment
	for _, slug := range slices.Compact(slugs) {
		m, err := r.openOrganization(ctx, slug, asOf, nil, 0)
		switch {
		case errors.Is(err, errNoWorkspace), notYet(err):
			continue
		case err != nil:
			return nil, err
		}
		moments, at = append(moments, m.At), append(at, m)
	}
	rows, err := r.Read.Organizations(ctx, moments)
	if err != nil {
		return nil, err
	}
	out := make([]*model.Organization, 0, len(rows))
	for _, m := range at {
		if row, ok := rows[m.At.Number]; ok {
			out = append(out, &model.Organization{At: m, Row: row})
		}
	}
	return out, nil
}

// memberships are the places where the caller holds a role now.
func (r *Resolver) memberships(ctx context.Context) ([]read.Membership, error) {
	c := caller(ctx)
	if c.Principal == nil || c.Who.ID == "" {
		return nil, nil
	}
	schema, err := r.Moments.Live(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the read model: %w", err)
	}
	own := read.Moment{Schema: schema, Slug: projections.AccountScope(c.Who.ID)}
	return r.Read.Memberships(ctx, own, c.Who, string(projections.OrganizationScope("")), maxMemberships)
}

// viewerMemberships are the places where the caller holds a role, as far as the credential they came with sees them.
func (r *Resolver) viewerMemberships(ctx context.Context) ([]*model.Membership, error) {
	found, err := r.memberships(ctx)
	if err != nil {
		return nil, err
	}
	c, out := caller(ctx), []*model.Membership{}
	for _, m := range found {
		x := &model.Membership{Level: model.RoleLevelWorkspace, Slug: string(m.Place), Roles: m.Roles, Team: model.Word(m.Team)}
		var holds domain.PermissionSet
		if slug, ok := projections.OrganizationOf(m.Place); ok {
			x.Level, x.Slug = model.RoleLevelOrganization, string(slug)
			holds, err = c.holdsIn(ctx, slug)
		} else {
			holds, err = c.holds(ctx, m.Place)
		}
		if err != nil {
			return nil, err
		}
		if len(holds) > 0 {
			out = append(out, x)
		}
	}
	return out, nil
}

// organizationList answers a page of the organizations that the caller may see.
func (r *Resolver) organizationList(ctx context.Context, asOf *model.AsOf, atLeast []*model.OrganizationRevision, timeoutMs int, a pageArgs) (*model.OrganizationConnection, error) {
	if asOf != nil && asOf.Revision != nil {
		return nil, needsTime()
	}
	hash := r.shape("organizations", nil)
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	if err := r.reachedIn(ctx, atLeast, timeoutMs); err != nil {
		return nil, err
	}
	all, err := r.visibleOrganizations(ctx, asOf)
	if err != nil {
		return nil, err
	}
	return &model.OrganizationConnection{List: short(nil, hash, p, all, (*model.Organization).Slug, func(_ *model.Moment, rows []*model.Organization) []*model.Organization { return rows })}, nil
}

// reachedIn is reached for organizations.
func (r *Resolver) reachedIn(ctx context.Context, atLeast []*model.OrganizationRevision, timeoutMs int) error {
	return awaited("organization", atLeast, timeoutMs, func(least *model.OrganizationRevision, left int) (string, int64, error) {
		_, err := r.openOrganization(ctx, least.Organization, nil, &least.Revision, left)
		return least.Organization, least.Revision, err
	})
}

// workspacesIn answers a page of the workspaces of an organization that the caller may see, at the time of the moment.
func (r *Resolver) workspacesIn(ctx context.Context, o *model.Organization, f *model.WorkspaceFilter, a pageArgs) (*model.WorkspaceConnection, error) {
	of := model.WorkspaceFilter{}
	if f != nil {
		of = *f
	}
	if of.Organizations != nil && !slices.Contains(of.Organizations, o.Slug()) {
		of.Statuses = []model.WorkspaceStatus{} // none is in both
	}
	of.Organizations = []string{o.Slug()}
	return r.workspaceList(ctx, &of, beside(o.At), nil, 0, a)
}

// recordedAt is when the event of a revision was recorded.
func (r *Resolver) recordedAt(ctx context.Context, at *model.Moment, n domain.Revision) (*time.Time, error) {
	times, err := r.Read.RecordedAt(ctx, at.At, []domain.Revision{n})
	t, ok := times[n]
	if err != nil || !ok {
		return nil, err
	}
	return &t, nil
}

// short is a page of a list that was read whole and is sorted by a word of each row.
func short[R, T any](at *model.Moment, hash string, p read.Page, rows []*R, word func(*R) string, things func(*model.Moment, []*R) []*T) model.List[T] {
	count := len(rows)
	return listed(at, hash, p, cut(rows, p, word), things, func(_ context.Context, most int) (int, error) { return min(count, most+1), nil })
}

// pointers are pointers to the elements.
func pointers[T any](rows []T) []*T {
	out := make([]*T, len(rows))
	for i := range rows {
		out[i] = &rows[i]
	}
	return out
}
