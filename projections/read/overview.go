package read

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/annals-io/annals/domain"
)

// An OverviewQuery asks for the workspaces that somebody may see, by slug. Zero fields ask nothing.
type OverviewQuery struct {
	Who  domain.Grantee // directly, through teams, and by roles in organizations
	Only domain.Slug    // this one alone
	Time time.Time      // as they were at a recorded time; zero: now. Who may see them is asked of the present
	// Filters: one of each list.
	States        []string // active, archived, deleted; none: all but deleted ones
	Text          string   // in the slug or name, whatever its case
	Labels        map[string]string
	Kinds         []domain.WorkspaceKind
	Environments  []domain.Environment
	Sensitivities []domain.Sensitivity
	Teams         []string
	Organizations []domain.Slug
	Page          Page
}

// An Overview is what a list shows of a workspace.
type Overview struct {
	Workspace
	At        Moment          // the last event by then is when something was last done in it
	ChangedAt time.Time       // of the last event that changed the workspace itself
	Members   int             // who hold a role in it directly
	Totals    Counts          // of now, whatever the moment
	Through   []domain.Source // by which roles it is seen, as of the moment
}

// ErrOtherModel says that the schema asked is no longer that of the live model.
var ErrOtherModel = errors.New("another read model is the live one")

// Overviews reads a page of workspaces in one statement, in the schema of the live model; a schema that is not, or not any
// more, is ErrOtherModel.
func (d *DB) Overviews(ctx context.Context, schema string, q OverviewQuery) (List[Overview], error) {
	past := !q.Time.IsZero()
	after := ""
	if q.Page.After != nil {
		after = q.Page.After.Value
	}
	args, err := q.args(after, q.Page.limit()+1)
	if err != nil {
		return List[Overview]{}, err
	}
	rows, err := d.pool.Query(ctx, d.text(Moment{Schema: schema}, overviewTexts[overviewWay{past, q.Page.Back}]), args...)
	if err != nil {
		return List[Overview]{}, fmt.Errorf("list workspaces: %w", err)
	}
	other := false
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Overview, error) {
		o, live, err := scanOverview(row, q.Who)
		other = other || live != schema
		o.At.Schema = schema
		return o, err
	})
	switch {
	case err != nil:
		return List[Overview]{}, fmt.Errorf("list workspaces: %w", err)
	case other:
		return List[Overview]{}, ErrOtherModel
	}
	sorted := make([]Sorted[Overview], 0, len(found))
	for _, o := range found {
		if o.At.Number != 0 { // a row of the model alone says that there is none
			sorted = append(sorted, Sorted[Overview]{Row: o, Mark: Mark{Value: string(o.Slug)}})
		}
	}
	return pageOf(q.Page, sorted), nil
}

// args are the parameters of every statement about workspaces, and more behind them.
func (q *OverviewQuery) args(more ...any) ([]any, error) {
	states := q.States
	if states == nil {
		states = []string{"active", "archived"}
	}
	labels, err := json.Marshal(q.Labels)
	if err != nil {
		return nil, fmt.Errorf("read the labels of a filter: %w", err)
	}
	if q.Labels == nil {
		labels = []byte("{}")
	}
	text := lower(q.Text)
	args := []any{q.Who.String(), string(q.Only), states, text.text, text.upper, text.down, string(labels), texts(q.Kinds), texts(q.Environments), texts(q.Sensitivities), q.Teams, texts(q.Organizations)}
	args = append(args, more...)
	if !q.Time.IsZero() {
		args = append(args, q.Time)
	}
	return args, nil
}

// texts are words as Postgres takes them; nil stays nil, which asks nothing.
func texts[T ~string](words []T) []string {
	if words == nil {
		return nil
	}
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}

// A rosterRow is a row of members: of whoever asks, or one of their teams.
type rosterRow struct {
	In        domain.Level
	Member    string
	Roles     []string
	Suspended bool
}

// A customRow is a custom role that one of them holds.
type customRow struct {
	In          domain.Level
	Name        string
	Permissions []domain.Permission
}

func scanOverview(row pgx.CollectableRow, who domain.Grantee) (o Overview, live string, err error) {
	var schema *string
	var text textRef
	var slug, name, organization, environment, sensitivity, team, kind *string
	var owner *[16]byte
	var archived, deleted, hides *bool
	var pipelines, runs, steps, artifacts, versions, members *int
	var teams []string
	var rosters, customs json.RawMessage
	err = row.Scan(&schema, (*zeronull.Int4)(&o.At.Number), (*zeronull.Int8)(&o.At.Revision), (*zeronull.Timestamptz)(&o.At.Time),
		&slug, (*zeronull.Int8)(&o.Since), &name, &organization, &owner, &text.digest, &o.Labels, &archived, &deleted, (*zeronull.Timestamptz)(&o.CreatedAt),
		&kind, &environment, &sensitivity, &team, &hides, &members, &pipelines, &runs, &steps, &artifacts, &versions, &teams, &rosters, &customs, (*zeronull.Timestamptz)(&o.ChangedAt))
	if err != nil || slug == nil {
		return o, orEmpty(schema), err
	}
	o.Slug, o.Name, o.Organization, o.Description = domain.Slug(*slug), orEmpty(name), domain.Slug(orEmpty(organization)), text.text()
	o.Kind, o.Environment, o.Sensitivity, o.Team = domain.WorkspaceKind(orEmpty(kind)), domain.Environment(orEmpty(environment)), domain.Sensitivity(orEmpty(sensitivity)), orEmpty(team)
	if owner != nil {
		o.Owner = *owner
	}
	o.Archived, o.Deleted, o.HidesCounts, o.At.Slug = *archived, *deleted, *hides, o.Slug
	o.Members, o.Totals = orZero(members), Counts{orZero(pipelines), orZero(runs), orZero(steps), orZero(artifacts), orZero(versions)}
	o.Through, err = through(who, teams, rosters, customs)
	return o, orEmpty(schema), err
}

// through puts the rows of rosters together as far as they concern somebody, and says what they hold by them.
func through(who domain.Grantee, teams []string, rosters, customs json.RawMessage) ([]domain.Source, error) {
	var held []rosterRow
	var roles []customRow
	if err := errors.Join(json.Unmarshal(rosters, &held), json.Unmarshal(customs, &roles)); err != nil {
		return nil, fmt.Errorf("read the rosters of a workspace: %w", err)
	}
	empty := func() *domain.Roster {
		return &domain.Roster{Members: map[string][]domain.RoleRef{}, Suspended: map[string]bool{}, Roles: map[string]domain.CustomRole{}}
	}
	of := map[domain.Level]*domain.Roster{domain.WorkspaceLevel: empty(), domain.OrganizationLevel: empty()}
	for _, h := range held {
		var refs []domain.RoleRef
		for _, word := range h.Roles {
			ref, err := domain.ParseRoleRef(word)
			if err != nil {
				return nil, fmt.Errorf("read the roles of %s: %w", h.Member, err)
			}
			refs = append(refs, ref)
		}
		of[h.In].Members[h.Member], of[h.In].Suspended[h.Member] = refs, h.Suspended
	}
	for _, r := range roles {
		of[r.In].Roles[r.Name] = domain.CustomRole{Permissions: r.Permissions}
	}
	all := domain.Rosters{Workspace: of[domain.WorkspaceLevel], Organization: of[domain.OrganizationLevel], Teams: map[string]bool{}}
	for _, t := range teams {
		all.Teams[strings.TrimPrefix(t, string(domain.TeamGrantee)+":")] = true
	}
	sources, _ := all.Effective(who)
	return sources, nil
}

// orZero is the number, 0 for NULL.
func orZero(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// overviewWay is whether a statement looks at the past, and which way it pages.
type overviewWay struct{ past, back bool }

var overviewTexts = map[overviewWay]string{
	{false, false}: overviewSQL(false, false), {false, true}: overviewSQL(false, true),
	{true, false}: overviewSQL(true, false), {true, true}: overviewSQL(true, true),
}
