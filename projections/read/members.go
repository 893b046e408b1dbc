package read

import (
	"context"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// A Member is somebody who holds a role in a workspace or organization, directly.
type Member struct {
	Grantee   string // KIND:ID
	Roles     []string
	Suspended bool
	Since     domain.Revision
}

// Who is a member is asked of one workspace or organization at a time, which has a few thousand at most.
var membersSQL = allAt("members", "member, roles, suspended, since", "true")

// Members are all who hold a role at the moment, by KIND:ID.
func (d *DB) Members(ctx context.Context, m Moment) ([]Member, error) {
	return list(ctx, d, m, "list the members", membersSQL, scanMember)
}

func scanMember(row pgx.CollectableRow) (Member, error) {
	var x Member
	err := row.Scan(&x.Grantee, &x.Roles, &x.Suspended, &x.Since)
	return x, err
}

// orEmpty is the text, empty for NULL.
func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
