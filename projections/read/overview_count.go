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

// groupedBy are the SQL of their values; that of a label is the value of the label that $13 names.
var groupedBy = map[Grouping]string{
	ByKind: "kind", ByEnvironment: "environment", BySensitivity: "sensitivity", ByTeam: "team", ByOrganization: "organization",
	ByState: "CASE WHEN deleted THEN 'deleted' WHEN archived THEN 'archived' ELSE 'active' END", ByLabel: "labels ->> $13",
}

// MaxGroups is how many groups are told apart, the largest first.
const MaxGroups = 500

var (
	countedTexts = map[bool]string{false: countedSQL(false), true: countedSQL(true)}
	groupedTexts = func() map[Grouping]map[bool]string {
		all := map[Grouping]map[bool]string{}
		for by, value := range groupedBy {
			all[by] = map[bool]string{false: groupedSQL(false, value), true: groupedSQL(true, value)}
		}
		return all
	}()
)

// CountOverviews counts the workspaces that fit, whatever the page; it stops at most + 1.
func (d *DB) CountOverviews(ctx context.Context, schema string, q OverviewQuery, most int) (n int, err error) {
	args, err := q.args(most + 1)
	if err != nil {
		return 0, err
	}
	err = d.pool.QueryRow(ctx, d.text(Moment{Schema: schema}, countedTexts[!q.Time.IsZero()]), args...).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count workspaces: %w", err)
	}
	return n, nil
}

// A Group is how many workspaces have a value; nil: none.
type Group struct {
	Value *string
	Count int
}

// GroupOverviews counts the workspaces that fit by a value, the largest groups first; label names the label of ByLabel.
func (d *DB) GroupOverviews(ctx context.Context, schema string, q OverviewQuery, by Grouping, label string) ([]Group, error) {
	args, err := q.args(label)
	if err != nil {
		return nil, err
	}
	rows, err := d.pool.Query(ctx, d.text(Moment{Schema: schema}, groupedTexts[by][!q.Time.IsZero()]), args...)
	if err != nil {
		return nil, fmt.Errorf("group workspaces by %s: %w", by, err)
	}
	groups, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Group])
	if err != nil {
		return nil, fmt.Errorf("group workspaces by %s: %w", by, err)
	}
	return groups, nil
}
