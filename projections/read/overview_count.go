package read

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// A Grouping is what workspaces are put together by.
type Grouping string

// The groupings. Of a label the values are told apart.
const (
	ByKind         Grouping = "kind"
	ByEnvironment  Grouping = "environment"
	BySensitivity  Grouping = "sensitivity"
	ByTeam         Grouping = "team"
	ByState        Grouping = "state"
	ByLabel        Grouping = "label"
	ByOrganization Grouping = "organization"
)

// groupedBy are the SQL of their values; that of a label is the value that it has.
var groupedBy = map[Grouping]string{
	ByKind: "kind", ByEnvironment: "environment", BySensitivity: "sensitivity", ByTeam: "team", ByOrganization: "organization",
	ByState: "CASE WHEN deleted THEN 'deleted' WHEN archived THEN 'archived' ELSE 'active' END", ByLabel: "labels ->> {label}::text",
}

// MaxGroups is how many groups are told apart, the largest first.
const MaxGroups = 500

var (
	countedTexts = map[bool]named{false: name(countedSQL(false)), true: name(countedSQL(true))}
	groupedTexts = func() map[Grouping]map[bool]named {
		all := map[Grouping]map[bool]named{}
		for by, value := range groupedBy {
			all[by] = map[bool]named{false: name(groupedSQL(false, value)), true: name(groupedSQL(true, value))}
		}
		return all
	}()
)

// CountOverviews counts the workspaces that fit, whatever the page; it stops at most + 1. Of an earlier moment it counts
// among those that were sighted.
func (d *DB) CountOverviews(ctx context.Context, schema string, q OverviewQuery, seen []Sighting, most int) (int, error) {
	n, err := counting(ctx, d, schema, q, seen, countedTexts[!q.Time.IsZero()], map[string]any{"limit": most + 1}, pgx.RowTo[int])
	if err != nil {
		return 0, fmt.Errorf("count workspaces: %w", err)
	}
	if len(n) == 0 {
		return 0, nil
	}
	return n[0], nil
}

// counting runs a statement that counts: now among all that somebody sees, of an earlier moment among the sighted.
func counting[T any](ctx context.Context, d *DB, schema string, q OverviewQuery, seen []Sighting, n named, more map[string]any, scan pgx.RowToFunc[T]) ([]T, error) {
	if q.Time.IsZero() {
		return asCrosser(ctx, d, schema, n, q, more, scan)
	}
	return asSurveyor(ctx, d, schema, seen, n, q, more, scan)
}

// A Group is how many workspaces have a value; nil: none.
type Group struct {
	Value *string
	Count int
}

// GroupOverviews counts the workspaces that fit by a value, the largest groups first; label names the label of ByLabel. Of
// an earlier moment it counts among those that were sighted.
func (d *DB) GroupOverviews(ctx context.Context, schema string, q OverviewQuery, seen []Sighting, by Grouping, label string) ([]Group, error) {
	groups, err := counting(ctx, d, schema, q, seen, groupedTexts[by][!q.Time.IsZero()], map[string]any{"label": label}, pgx.RowToStructByPos[Group])
	if err != nil {
		return nil, fmt.Errorf("group workspaces by %s: %w", by, err)
	}
	return groups, nil
}
