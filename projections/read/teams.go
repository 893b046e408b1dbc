package read

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// A Team is a team of an organization at a moment.
type Team struct {
	Name        string
	Title       string // for people; empty: none was given
	Description *domain.Text
	Since       domain.Revision
}

var teamsSQL = allAt("teams", "name, title, description, since", "true")

// Teams are the teams that there are at the moment, by name.
func (d *DB) Teams(ctx context.Context, m Moment) ([]Team, error) {
	return list(ctx, d, m, "list the teams", teamsSQL, func(row pgx.CollectableRow) (Team, error) {
		var x Team
		var t textRef
		err := row.Scan(&x.Name, &x.Title, &t.digest, &x.Since)
		x.Description = t.text()
		return x, err
	})
}

// A TeamMember is somebody's place in a team.
type TeamMember struct {
	Team    string
	Grantee string          // KIND:ID
	Since   domain.Revision // of the event that put them there
}

var teamMembersSQL = allAt("team_members", "team, member, since", "team = ANY($3)") + ", 2"

// TeamMembers are all who are in those teams at the moment, by team and KIND:ID.
func (d *DB) TeamMembers(ctx context.Context, m Moment, teams []string) ([]TeamMember, error) {
	return list(ctx, d, m, "list who is in teams", teamMembersSQL, func(row pgx.CollectableRow) (TeamMember, error) {
		var x TeamMember
		err := row.Scan(&x.Team, &x.Grantee, &x.Since)
		return x, err
	}, teams)
}
