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
	hash := shape("workspaces", f)
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
	count := func(ctx context.Context, most int) (n int, err error) {
		err = r.inLive(ctx, func(schema string) error {
			n, err = r.Read.CountOverviews(ctx, schema, q, most)
			return err
		})
		return n, err
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

// inLive asks something of the live model, once more where another one has become it meanwhile.
func (r *Resolver) inLive(ctx context.Context, ask func(schema string) error) error {
	schema, err := r.Moments.Live(ctx, "")
	if err != nil {
		return err
	}
	if err = ask(schema); err == nil {
		return nil
	}
	next, other := r.Moments.Live(ctx, schema)
	if other != nil || next == schema {
		return err
	}
	return ask(next)
}

// overviews reads a page, and leaves out what the caller may not see any more.
func (r *Resolver) overviews(ctx context.Context, q read.OverviewQuery) (found read.List[*model.Workspace], err error) {
	c := caller(ctx)
	if c.Principal == nil || !c.Allows(domain.ReadWorkspace) {
		return found, nil
	}
	asked := r.now()
	var page read.List[read.Overview]
	err = r.inLive(ctx, func(schema string) error {
		page, err = r.Read.Overviews(ctx, schema, q)
		return err
	})
	if err != nil {
		return found, err
	}
	slugs := make([]domain.Slug, len(page.Rows))
	for i := range page.Rows {
		slugs[i] = page.Rows[i].Row.Slug
	}
	if many, ok := c.Principal.(foresight); ok && len(slugs) > 1 {
		if err := many.Foresee(ctx, slugs); err != nil {
			return found, storeFault(err)
		}
	}
	found.More = page.More
	var moments []*read.Moment
	for i := range page.Rows {
		row := &page.Rows[i].Row
		if err := mayRead(ctx, string(row.Slug)); errors.Is(err, errNoWorkspace) {
			continue // the right was taken away, and the read model has not heard
		} else if err != nil {
			return found, err
		}
		w := &model.Workspace{At: &model.Moment{At: row.At}, Row: row.Workspace, Seen: row}
		if !q.Time.IsZero() {
			then := q.Time
			w.At.Asked = &then
		}
		moments = append(moments, &w.At.At)
		found.Rows = append(found.Rows, read.Sorted[*model.Workspace]{Row: w, Mark: page.Rows[i].Mark})
	}
	if q.Time.IsZero() {
		return found, nil
	}
	return found, r.Moments.Settle(ctx, asked, q.Time, moments)
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
	var found []read.Group
	err := r.inLive(ctx, func(schema string) (err error) {
		found, err = r.Read.GroupOverviews(ctx, schema, q, groupings[by], label)
		return err
	})
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
	var page read.List[read.Overview]
	err := r.inLive(ctx, func(schema string) (err error) {
		page, err = r.Read.Overviews(ctx, schema, q)
		return err
	})
	if err != nil || len(page.Rows) == 0 {
		return nil, err
	}
	w.Seen = &page.Rows[0].Row
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
