package read

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// An Organization is an organization at a moment.
type Organization struct {
	Slug        domain.Slug
	Since       domain.Revision // of its last change
	Name        string
	Personal    bool
	Owner       uuid.UUID // who founded it; zero: nobody was named
	Description *domain.Text
	CreatedAt   time.Time
}

const organizationColumns = `slug, since, name, personal, owner, description, created_at`

func scanOrganization(row pgx.CollectableRow) (Organization, error) {
	var o Organization
	var owner *uuid.UUID
	var t textRef
	err := row.Scan(&o.Slug, &o.Since, &o.Name, &o.Personal, &owner, &t.digest, &o.CreatedAt)
	if owner != nil {
		o.Owner = *owner
	}
	o.Description = t.text()
	return o, err
}

var organizationSQL = rowAt("organizations", organizationColumns, "true")

// Organization reads the organization itself; ok is false before its first event.
func (d *DB) Organization(ctx context.Context, m Moment) (o Organization, ok bool, err error) {
	found, err := list(ctx, d, m, "read the organization", organizationSQL, scanOrganization)
	if err != nil || len(found) == 0 {
		return o, false, err
	}
	return found[0], true, nil
}

// organizationsSQL is that of several organizations, each at a revision of its own.
var organizationsSQL = `SELECT g.ws, ` + columns("r", organizationColumns) + ` FROM unnest($1::int[], $2::bigint[]) g (ws, revision)
CROSS JOIN LATERAL (` + strings.NewReplacer("$1", "g.ws", "$2", "g.revision").Replace(organizationSQL) + `) r`

// Organizations reads several organizations, each at its own moment, by number. Those without events yet are left out.
func (d *DB) Organizations(ctx context.Context, moments []Moment) (map[int32]Organization, error) {
	models := map[string][]Moment{} // two, while they are swapped
	for _, m := range moments {
		models[m.Schema] = append(models[m.Schema], m)
	}
	out := make(map[int32]Organization, len(moments))
	for _, some := range models {
		_, err := survey(ctx, d, some, "read organizations", organizationsSQL, func(row pgx.CollectableRow) (struct{}, error) {
			var number int32
			o, err := scanOrganization(skipped{row, &number})
			out[number] = o
			return struct{}{}, err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// allAt is a fixed statement for every row of a temporal table that is true at the moment and fits a condition on the
// columns of the table, sorted by its first column. It is for tables of which one place has a few thousand rows at most.
func allAt(table, cols, condition string) string {
	return `SELECT ` + cols + ` FROM read.` + table + ` WHERE ws = $1 AND since <= $2 AND ` + condition + `
UNION ALL
SELECT ` + cols + ` FROM read.` + table + `_was WHERE ws = $1 AND since <= $2 AND until > $2 AND ` + condition + `
ORDER BY 1`
}
