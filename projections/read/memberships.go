package read

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// A Membership is the roles that somebody holds in a workspace or organization, directly or by a team.
type Membership struct {
	Place domain.Slug // a workspace's slug, or the name by which the read models know an organization
	Team  string      // of the organization; empty: directly
	Roles []string
	Since domain.Revision
}

// A team is a team of one organization: of others, or of their workspaces, a team of the same name is another one.
const membershipsSQL = `
WITH own AS MATERIALIZED (
	SELECT m.ws, '' AS team, m.roles, m.since FROM read.members m WHERE m.member = $3 AND $1::int IS NOT NULL AND $2::bigint IS NOT NULL
), teams AS MATERIALIZED (
	SELECT t.ws AS org_ws, o.slug AS org, t.team FROM read.team_members t JOIN read.organizations o ON o.ws = t.ws WHERE t.member = $3
), by_team AS (
	SELECT m.ws, t.team, m.roles, m.since FROM teams t JOIN read.members m ON m.member = 'team:' || t.team
	LEFT JOIN read.workspaces w ON w.ws = m.ws
	WHERE m.ws = t.org_ws OR w.organization = t.org
)
SELECT coalesce(w.slug, $4 || o.slug) COLLATE "C" AS place, x.team, x.roles, x.since
FROM (SELECT * FROM own UNION ALL SELECT * FROM by_team) x
LEFT JOIN read.workspaces w ON w.ws = x.ws AND NOT w.deleted
LEFT JOIN read.organizations o ON o.ws = x.ws
WHERE w.slug IS NOT NULL OR o.slug IS NOT NULL
ORDER BY place, x.team LIMIT $5`

// Memberships are the places where somebody holds a role now, by place. Of the moment it takes only the model that is
// looked into; organization is the prefix by which read models know organizations. At most limit are answered.
func (d *DB) Memberships(ctx context.Context, m Moment, who domain.Grantee, organization string, limit int) ([]Membership, error) {
	return across(ctx, d, m, "list where "+who.String()+" is a member", membershipsSQL, func(row pgx.CollectableRow) (Membership, error) {
		var x Membership
		err := row.Scan(&x.Place, &x.Team, &x.Roles, &x.Since)
		return x, err
	}, who.String(), organization, limit)
}
