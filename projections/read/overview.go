package read

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
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
	Applied   domain.Revision // how far the workspace was projected when it was read
	Totals    Counts          // as of Applied, whatever the moment
	Through   []domain.Source // by which roles it is seen, as of the moment
}

// A Sighting is a workspace that somebody sees by the read model: whether the log agrees is to be asked before it is read.
type Sighting struct {
	Number       int32
	Slug         domain.Slug
	Organization int32 // number of its organization, whose roster counts too; 0: none is known
}

// Sightings finds the page of workspaces that somebody sees now and that fit, one more than its limit where there is more.
// For a question about an earlier moment they are those, seen now, that can be in a page of then, since they fit now or did
// before: [DB.Overviews] says which of them do.
func (d *DB) Sightings(ctx context.Context, schema string, q OverviewQuery) ([]Sighting, error) {
	return d.sightings(ctx, schema, q, nil)
}

// AllSightings are those of [DB.Sightings] whatever the page: what counting at an earlier moment goes through.
func (d *DB) AllSightings(ctx context.Context, schema string, q OverviewQuery) ([]Sighting, error) {
	return d.sightings(ctx, schema, q, map[string]any{"after": "", "limit": math.MaxInt32})
}

func (d *DB) sightings(ctx context.Context, schema string, q OverviewQuery, more map[string]any) ([]Sighting, error) {
	way := overviewWay{!q.Time.IsZero(), q.Page.Back}
	var found []Sighting
	var err error
	if more == nil && d.list > 0 {
		found, err = asCrosser(ctx, d, schema, nextTexts[way], q, map[string]any{"walk": 2*q.Page.limit() + d.list}, scanSighting)
	}
	if err == nil && len(found) <= q.Page.limit() { // whoever asks sees few of those, or there are no more
		found, err = asCrosser(ctx, d, schema, seenTexts[way], q, more, scanSighting)
	}
	if err != nil {
		return nil, fmt.Errorf("find the workspaces of %s: %w", q.Who, err)
	}
	if q.Page.Back {
		slices.Reverse(found)
	}
	return found, nil
}

func scanSighting(row pgx.CollectableRow) (s Sighting, err error) {
	err = row.Scan(&s.Number, &s.Slug, (*zeronull.Int4)(&s.Organization))
	return s, err
}

// Overviews reads what a list shows of workspaces that were sighted, by slug. Of an earlier moment it is a page of them:
// one more than its limit where there is more.
func (d *DB) Overviews(ctx context.Context, schema string, q OverviewQuery, seen []Sighting) ([]Overview, error) {
	way := overviewWay{!q.Time.IsZero(), !q.Time.IsZero() && q.Page.Back}
	found, err := asSurveyor(ctx, d, schema, seen, overviewTexts[way], q, nil, func(row pgx.CollectableRow) (Overview, error) {
		o, err := scanOverview(row, q.Who)
		o.At.Schema = schema
		return o, err
	})
	if err != nil {
		return nil, fmt.Errorf("list workspaces: %w", err)
	}
	if way.back {
		slices.Reverse(found)
	}
	return found, nil
}

// asCrosser runs a statement about what somebody sees, as [Crosser].
func asCrosser[T any](ctx context.Context, d *DB, schema string, n named, q OverviewQuery, more map[string]any, scan pgx.RowToFunc[T]) (out []T, err error) {
	of, err := q.values(more)
	if err != nil {
		return nil, err
	}
	b := &pgx.Batch{}
	if d.guard != nil {
		b.Queue(crossListSQL, "")
	}
	b.Queue(d.text(Moment{Schema: schema}, n.text), n.values(of)...).Query(func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, scan)
		return err
	})
	return out, d.pool.SendBatch(ctx, b).Close()
}

// asSurveyor runs a statement about workspaces that were sighted, as [Surveyor]. Behind the wall are those alone that may
// be read, and the rosters of their organizations.
func asSurveyor[T any](ctx context.Context, d *DB, schema string, seen []Sighting, n named, q OverviewQuery, more map[string]any, scan pgx.RowToFunc[T]) (out []T, err error) {
	var numbers, open []int32
	for _, s := range seen {
		ok, err := d.sees(ctx, Moment{Slug: s.Slug})
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		numbers, open = append(numbers, s.Number), append(open, s.Number)
		if s.Organization != 0 && !slices.Contains(open[max(0, len(open)-4):], s.Organization) {
			open = append(open, s.Organization)
		}
	}
	if len(numbers) == 0 {
		return nil, nil
	}
	of, err := q.values(more)
	if err != nil {
		return nil, err
	}
	of["numbers"] = numbers
	b := &pgx.Batch{}
	if d.guard != nil {
		var list strings.Builder
		for i, number := range open {
			if i > 0 {
				list.WriteByte(',')
			}
			list.WriteString(strconv.Itoa(int(number)))
		}
		b.Queue(surveyListSQL, "{"+list.String()+"}")
	}
	b.Queue(d.text(Moment{Schema: schema}, n.text), n.values(of)...).Query(func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, scan)
		return err
	})
	return out, d.pool.SendBatch(ctx, b).Close()
}

// values are the parameters that statements about workspaces may have.
func (q *OverviewQuery) values(more map[string]any) (map[string]any, error) {
	states := q.States
	if states == nil {
		states = []string{"active", "archived"}
	}
	labels := []byte("{}")
	if q.Labels != nil {
		var err error
		if labels, err = json.Marshal(q.Labels); err != nil {
			return nil, fmt.Errorf("read the labels of a filter: %w", err)
		}
	}
	after := ""
	if q.Page.After != nil {
		after = q.Page.After.Value
	}
	text := lower(q.Text)
	of := map[string]any{
		"who": q.Who.String(), "only": string(q.Only), "states": states, "text": text.text, "upper": text.upper, "down": text.down, "labels": string(labels),
		"kinds": texts(q.Kinds), "environments": texts(q.Environments), "sensitivities": texts(q.Sensitivities), "teams": q.Teams, "organizations": texts(q.Organizations),
		"after": after, "limit": q.Page.limit() + 1, "time": q.Time,
	}
	maps.Copy(of, more)
	return of, nil
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

func scanOverview(row pgx.CollectableRow, who domain.Grantee) (o Overview, err error) {
	var teams []string
	var rosters, customs json.RawMessage
	o.Workspace, err = scanWorkspace(within{row, []any{&o.At.Number, &o.At.Revision, &o.At.Time, &o.Applied}, []any{
		&o.Members, &o.Totals.Pipelines, &o.Totals.Runs, &o.Totals.Steps, &o.Totals.Artifacts, &o.Totals.Versions, &teams, &rosters, &customs, (*zeronull.Timestamptz)(&o.ChangedAt)}})
	if err != nil {
		return o, err
	}
	o.At.Slug = o.Slug
	o.Through, err = through(who, teams, rosters, customs)
	return o, err
}

// within is a row in which the columns of a workspace stand between others.
type within struct {
	pgx.CollectableRow
	before, after []any
}

// Scan reads the columns of the workspace into to, and the others where they go.
func (w within) Scan(to ...any) error {
	return w.CollectableRow.Scan(slices.Concat(w.before, to, w.after)...)
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

// overviewWay is whether a statement looks at the past, and which way it pages.
type overviewWay struct{ past, back bool }

// everyWay is a statement in each way.
func everyWay(text func(overviewWay) string) map[overviewWay]named {
	all := map[overviewWay]named{}
	for _, past := range []bool{false, true} {
		for _, back := range []bool{false, true} {
			w := overviewWay{past, back}
			all[w] = name(text(w))
		}
	}
	return all
}

var (
	seenTexts     = everyWay(seenSQL)
	nextTexts     = everyWay(nextSQL)
	overviewTexts = map[overviewWay]named{{false, false}: name(overviewSQL(false, false)), {true, false}: name(overviewSQL(true, false)), {true, true}: name(overviewSQL(true, true))}
)
