package read

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/annals-io/annals/domain"
)

// An Invitation is an invitation to a workspace or organization at a moment. Its link is nowhere.
type Invitation struct {
	ID        uuid.UUID
	Roles     []string // that it offers, as a [Member] has them
	State     string   // open, accepted, revoked
	ExpiresAt time.Time
	Invited   *domain.Personal // who was meant, sealed; nil: nobody was named
	InvitedBy string           // KIND:ID of the actor
	Account   uuid.UUID        // that accepted it; zero: none did
	Since     domain.Revision
}

var invitationsSQL = allAt("invitations", "id::text, roles, state, expires_at, subject, invited, invited_by, account, since", "true")

// Invitations are the invitations that were sent by the moment, by id, with what had become of them.
func (d *DB) Invitations(ctx context.Context, m Moment) ([]Invitation, error) {
	return list(ctx, d, m, "list the invitations", invitationsSQL, func(row pgx.CollectableRow) (Invitation, error) {
		var x Invitation
		var id, subject string
		var sealed []byte
		var account *uuid.UUID
		err := row.Scan(&id, &x.Roles, &x.State, &x.ExpiresAt, (*zeronull.Text)(&subject), &sealed, &x.InvitedBy, &account, &x.Since)
		if err == nil {
			x.ID, err = uuid.Parse(id)
		}
		if account != nil {
			x.Account = *account
		}
		x.Invited = personal(subject, sealed)
		return x, err
	})
}

// personal is a name as the log holds it, nil where none was given.
func personal(subject string, sealed []byte) *domain.Personal {
	if subject == "" {
		return nil
	}
	return &domain.Personal{Subject: subject, Sealed: sealed}
}
