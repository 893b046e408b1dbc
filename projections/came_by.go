package projections

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// An AcceptedInvitation is an invitation that somebody came to a place by.
type AcceptedInvitation struct {
	Place      domain.Slug // as read models know it; see [StreamOf]
	Invitation uuid.UUID
}

const acceptedInvitationsSQL = `
SELECT p.slug, i.id FROM read.invitations i JOIN read.progress p ON p.ws = i.ws WHERE i.account = $1 ORDER BY p.slug, i.id`

// AcceptedBy lists the invitations that a person accepted, in whatever place, as far as they are projected.
func (e *Engine) AcceptedBy(ctx context.Context, account uuid.UUID) ([]AcceptedInvitation, error) {
	m, err := e.liveModel(ctx)
	if err != nil {
		return nil, err
	}
	rows, _ := e.Pool.Query(ctx, inSchema(acceptedInvitationsSQL, m.Schema), account)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[AcceptedInvitation])
	if err != nil {
		return nil, fmt.Errorf("list the invitations that %s accepted: %w", account, err)
	}
	return all, nil
}
