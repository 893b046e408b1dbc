package read

import (
	"context"
	"fmt"
	"math"
	"slices"
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
	all := false
	var err error
	if more == nil && d.list > 0 {
		found, all, err = d.next(ctx, schema, q, way)
	}
	if err == nil && !all && len(found) <= q.Page.limit() { // whoever asks sees few of those that were looked at
		found, err = asCrosser(ctx, d, schema, seenTexts[way], q, more, func(row pgx.CollectableRow) (s Sighting, err error) {
			err = row.Scan(&s.Number, &s.Slug, (*zeronull.Int4)(&s.Organization))
			return s, err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("find the workspaces of %s: %w", q.Who, err)
	}
	if q.Page.Back {
		slices.Reverse(found)
	}
	return found, nil
}

// next looks for the page among the first of all workspaces in the order of the list; all says that there are no more.
func (d *DB) next(ctx context.Context, schema string, q OverviewQuery, way overviewWay) (found []Sighting, all bool, err error) {
	rows, err := asCrosser(ctx, d, schema, nextTexts[way], q, map[string]any{"walk": 10 * d.list, "look": 2*q.Page.limit() + d.list}, func(row pgx.CollectableRow) (s Sighting, err error) {
		err = row.Scan((*zeronull.Int4)(&s.Number), (*zeronull.Text)(&s.Slug), (*zeronull.Int4)(&s.Organization), &all)
		return s, err
	})
	if len(rows) == 1 && rows[0].Slug == "" {
		rows = nil
	}
	return rows, all, err
}

// Overviews reads what a list shows of workspaces that were sighted, by slug. Of an earlier moment it is a page of them:
// one more than its limit where there is more.
func (d *DB) Overviews(ctx context.Context, schema string, q OverviewQuery, seen []Sighting) ([]Overview, error) {
	way := overviewWay{!q.Time.IsZero(), !q.Time.IsZero() && q.Page.Back}
	known := map[string][]domain.Source{}
	found, err := asSurveyor(ctx, d, schema, seen, overviewTexts[way], q, nil, func(row pgx.CollectableRow) (Overview, error) {
		o, err := scanOverview(row, q.Who, known)
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
