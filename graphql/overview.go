package graphql

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// A foresight is a principal that can be asked about many workspaces at once.
type foresight interface {
	Foresee(ctx context.Context, ws []domain.Slug) error
}

// workspaceList answers a page of the workspaces that the caller may see, by slug, each at its own moment. Who may see
// what is first asked of the read model, in the statement that finds the page; then each row is held against the log, so
// that a right that was taken away just now shows nothing, however far the read model is.
func (r *Resolver) workspaceList(ctx context.Context, f *model.WorkspaceFilter, asOf *model.AsOf, atLeast []*model.WorkspaceRevision, timeoutMs int, a pageArgs) (*model.WorkspaceConnection, error) {
	if asOf != nil && asOf.Revision != nil {
		return nil, needsTime()
	}
	hash := r.shape("workspaces", f)
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	if err := r.reached(ctx, atLeast, timeoutMs); err != nil {
		return nil, err
	}
	q, err := r.overviewQuery(ctx, f, asOf)
	if err != nil {
		return nil, err
	}
	q.Page = p
	found, err := r.overviews(ctx, q)
	if err != nil {
		return nil, err
	}
	count := func(ctx context.Context, most int) (int, error) {
		if c := caller(ctx); c.Principal == nil || !c.Allows(domain.ReadWorkspace) {
			return 0, nil
		}
		schema, seen, err := r.sighted(ctx, q)
		if err != nil {
			return 0, err
		}
		return r.Read.CountOverviews(ctx, schema, q, seen, most)
	}
	l := listed(nil, hash, p, found, func(_ *model.Moment, rows []*model.Workspace) []*model.Workspace { return rows }, count)
	return &model.WorkspaceConnection{List: l, Group: func(ctx context.Context, by model.WorkspaceGrouping, label string) ([]*model.WorkspaceGroup, error) {
		return r.workspaceGroups(ctx, q, by, label)
	}}, nil
}

// overviewQuery turns a filter into a query, for the caller.
func (r *Resolver) overviewQuery(ctx context.Context, f *model.WorkspaceFilter, asOf *model.AsOf) (read.OverviewQuery, error) {
	c := caller(ctx)
	q := read.OverviewQuery{Who: c.Who, Only: c.Workspace}
	if asOf != nil && asOf.Time != nil {
		if q.Time = *asOf.Time; q.Time.Sub(r.now()) > time.Minute {
			return q, unopened(&projections.FutureError{Time: q.Time, Now: r.now()}, false)
		}
	}
	if f == nil {
		return q, nil
	}
	q.Text, q.Teams = value(f.Text), f.Teams
	q.States = words[string](f.Statuses)
	q.Kinds, q.Environments, q.Sensitivities = words[domain.WorkspaceKind](f.Kinds), words[domain.Environment](f.Environments), words[domain.Sensitivity](f.Sensitivities)
	for _, o := range f.Organizations {
		q.Organizations = append(q.Organizations, domain.Slug(o))
	}
	for _, l := range f.Labels {
		if was, twice := q.Labels[l.Key]; twice && was != l.Value {
			q.States = []string{} // no workspace has both
		}
		if q.Labels == nil {
			q.Labels = map[string]string{}
		}
		q.Labels[l.Key] = l.Value
	}
	return q, nil
}

// words are those of an enum as the domain writes them; nil stays nil.
func words[D, M ~string](list []M) []D {
	if list == nil {
		return nil
	}
	out := make([]D, len(list))
	for i, w := range list {
		out[i] = D(strings.ToLower(string(w)))
	}
	return out
}

// foreseen is how many workspaces the rights are asked about at once.
const foreseen = 200

// allowed leaves out what the caller does not see by the log.
func (r *Resolver) allowed(ctx context.Context, seen []read.Sighting) ([]read.Sighting, error) {
	many, can := caller(ctx).Principal.(foresight)
	for at := 0; can && at < len(seen); at += foreseen {
		var slugs []domain.Slug
		for _, s := range seen[at:min(at+foreseen, len(seen))] {
			slugs = append(slugs, s.Slug)
		}
		if err := many.Foresee(ctx, slugs); err != nil {
			return nil, storeFault(err)
		}
	}
	var out []read.Sighting
	for _, s := range seen {
		switch err := mayRead(ctx, string(s.Slug)); {
		case err == nil:
			out = append(out, s)
		case !errors.Is(err, errNoWorkspace): // else the right was taken away, and the read model has not heard
			return nil, err
		}
	}
	return out, nil
}

// sighted is what counting needs: all that the caller sees, for an earlier moment. Now the statement finds it itself.
func (r *Resolver) sighted(ctx context.Context, q read.OverviewQuery) (schema string, seen []read.Sighting, err error) {
	if schema, err = r.Moments.Live(ctx); err != nil || q.Time.IsZero() {
		return schema, nil, err
	}
	found, err := r.Read.AllSightings(ctx, schema, q)
	if err != nil {
		return schema, nil, err
	}
	seen, err = r.allowed(ctx, found)
	return schema, seen, err
}

// pageNow reads the page of workspaces as they are. more says that the list goes on. A page of which the caller sees nothing
// any more is passed over: an empty one would look like the end of the list.
func (r *Resolver) pageNow(ctx context.Context, schema string, q read.OverviewQuery) (rows []read.Overview, more bool, err error) {
	for {
		seen, next, err := r.nextSeen(ctx, schema, q)
		if err != nil || len(seen) == 0 && next == nil {
			return nil, false, err
		}
		if len(seen) > 0 {
			rows, err = r.Read.Overviews(ctx, schema, q, seen)
			return rows, next != nil, err
		}
		q.Page.After = next
	}
}

// pageThen reads the page of workspaces as they were. Which of those that may be in it fitted then their own rows say, so
// that it looks at some of them at a time, in the order of the list, and at more the fewer of them fit.
func (r *Resolver) pageThen(ctx context.Context, schema string, q read.OverviewQuery) (rows []read.Overview, more bool, err error) {
	some := q
	for some.Page.Limit = q.Page.Limit + 1; ; some.Page.Limit = min(4*some.Page.Limit, read.MaxPage) {
		seen, next, err := r.nextSeen(ctx, schema, some)
		if err != nil {
			return nil, false, err
		}
		found, err := r.Read.Overviews(ctx, schema, q, seen)
		if err != nil {
			return nil, false, err
		}
		if q.Page.Back {
			rows = append(found, rows...)
		} else {
			rows = append(rows, found...)
		}
		if len(rows) > q.Page.Limit {
			return whole(rows, q.Page), true, nil
		}
		if next == nil {
			return rows, false, nil
		}
		some.Page.After = next
	}
}

// nextSeen are the workspaces of a page of sightings that the caller sees by the log, too; next is where to go on, nil at
// the end.
func (r *Resolver) nextSeen(ctx context.Context, schema string, q read.OverviewQuery) (seen []read.Sighting, next *read.Mark, err error) {
	found, err := r.Read.Sightings(ctx, schema, q)
	if err != nil {
		return nil, nil, err
	}
	if len(found) > q.Page.Limit {
		found = whole(found, q.Page)
		next = &read.Mark{Value: string(found[len(found)-1].Slug)}
		if q.Page.Back {
			next.Value = string(found[0].Slug)
		}
	}
	seen, err = r.allowed(ctx, found)
	return seen, next, err
}

// whole is a page without the row more that says that there is more.
func whole[T any](rows []T, p read.Page) []T {
	if p.Back {
		return rows[len(rows)-p.Limit:]
	}
	return rows[:p.Limit]
}

// overviews reads a page, and leaves out what the caller may not see any more.
func (r *Resolver) overviews(ctx context.Context, q read.OverviewQuery) (found read.List[*model.Workspace], err error) {
	if c := caller(ctx); c.Principal == nil || !c.Allows(domain.ReadWorkspace) {
		return found, nil
	}
	asked := r.now()
	schema, err := r.Moments.Live(ctx)
	if err != nil {
		return found, err
	}
	of := r.pageNow
	if !q.Time.IsZero() {
		of = r.pageThen
	}
	rows, more, err := of(ctx, schema, q)
	if err != nil {
		return found, err
	}
	found.More = more
	peers := &model.Peers[model.Workspace]{}
	moments, applied := make([]*read.Moment, len(rows)), make([]domain.Revision, len(rows))
	for i := range rows {
		w := &model.Workspace{At: &model.Moment{At: rows[i].At}, Row: rows[i].Workspace, Seen: &rows[i], Peers: peers}
		if !q.Time.IsZero() {
			then := q.Time
			w.At.Asked = &then
		}
		moments[i], applied[i] = &w.At.At, rows[i].Applied
		peers.All = append(peers.All, w)
		found.Rows = append(found.Rows, read.Sorted[*model.Workspace]{Row: w, Mark: read.Mark{Value: w.Slug()}})
	}
	if q.Time.IsZero() {
		return found, nil
	}
	return found, r.Moments.Settle(ctx, asked, q.Time, moments, applied)
}

// groupings are the words of the schema for what workspaces are put together by.
var groupings = map[model.WorkspaceGrouping]read.Grouping{
	model.WorkspaceGroupingKind: read.ByKind, model.WorkspaceGroupingEnvironment: read.ByEnvironment, model.WorkspaceGroupingSensitivity: read.BySensitivity,
	model.WorkspaceGroupingTeam: read.ByTeam, model.WorkspaceGroupingStatus: read.ByState, model.WorkspaceGroupingLabel: read.ByLabel, model.WorkspaceGroupingOrganization: read.ByOrganization,
}

// workspaceGroups counts the workspaces of a list by a value.
func (r *Resolver) workspaceGroups(ctx context.Context, q read.OverviewQuery, by model.WorkspaceGrouping, label string) ([]*model.WorkspaceGroup, error) {
	if (by == model.WorkspaceGroupingLabel) != (label != "") {
		return nil, invalid("label", "LABEL goes with the key of a label, and the other groupings go without.", "label: give it with LABEL, and with nothing else")
	}
	c := caller(ctx)
	if c.Principal == nil || !c.Allows(domain.ReadWorkspace) {
		return []*model.WorkspaceGroup{}, nil
	}
	schema, seen, err := r.sighted(ctx, q)
	if err != nil {
		return nil, err
	}
	found, err := r.Read.GroupOverviews(ctx, schema, q, seen, groupings[by], label)
	if err != nil {
		return nil, err
	}
	out := make([]*model.WorkspaceGroup, len(found))
	for i, g := range found {
		out[i] = &model.WorkspaceGroup{Value: g.Value, Count: g.Count}
		if g.Value != nil && by != model.WorkspaceGroupingTeam && by != model.WorkspaceGroupingLabel && by != model.WorkspaceGroupingOrganization {
			out[i].Value = model.Word(strings.ToUpper(*g.Value))
		}
	}
	return out, nil
}

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
