package erasure

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// rowsSQL counts what is beside the log of a person and not erased.
const rowsSQL = `SELECT
    (SELECT count(*) FROM log.accounts WHERE account = $1 AND (login IS NOT NULL OR email IS NOT NULL OR password IS NOT NULL OR slug <> '' OR name <> 'erased'))
  + (SELECT count(*) FROM log.identities WHERE account = $1) + (SELECT count(*) FROM log.sessions WHERE account = $1)
  + (SELECT count(*) FROM log.sign_in_links WHERE account = $1) + (SELECT count(*) FROM log.device_grants WHERE account = $1)
  + (SELECT count(*) FROM log.oidc_attempts WHERE account = $1)
  + (SELECT count(*) FROM log.api_keys WHERE account = $1 AND holder = 'account' AND (name <> 'erased' OR revoked_at IS NULL)),
    EXISTS (SELECT FROM log.accounts WHERE account = $1)`

// emptyPersonSQL takes from the tables beside the log what names a person and what they could come in by. Their keys are
// revoked, which the log is told by whoever tells it of revocations.
var emptyPersonSQL = []string{
	`UPDATE log.accounts SET login = NULL, name = 'erased', email = NULL, password = NULL, password_at = NULL, slug = '', disabled_at = coalesce(disabled_at, now()) WHERE account = $1`,
	`DELETE FROM log.identities WHERE account = $1`,
	`DELETE FROM log.sessions WHERE account = $1`,
	`DELETE FROM log.sign_in_links WHERE account = $1`,
	`DELETE FROM log.device_grants WHERE account = $1`,
	`DELETE FROM log.oidc_attempts WHERE account = $1`,
	`UPDATE log.api_keys SET name = 'erased', untold = untold OR revoked_at IS NULL, revoked_by = coalesce(revoked_by, 'system'), revoked_at = coalesce(revoked_at, now())
WHERE account = $1 AND holder = 'account'`,
}

// personTables are those that emptyPersonSQL writes to.
var personTables = []string{"log.accounts", "log.identities", "log.sessions", "log.sign_in_links", "log.device_grants", "log.oidc_attempts", "log.api_keys"}

func emptyPerson(ctx context.Context, tx pgx.Tx, account uuid.UUID) error {
	for _, sql := range emptyPersonSQL {
		if _, err := tx.Exec(ctx, sql, account); err != nil {
			return err
		}
	}
	return nil
}

// planPerson finds what there is to erase of a person: the key of their name, those of the invitations that they came by,
// and what lies of them beside the log.
func (d *Desk) planPerson(ctx context.Context, account uuid.UUID) (*Plan, error) {
	p := &Plan{Person: &account}
	own := Part{Stream: domain.AccountStream(account), Kind: domain.KindAccount, ID: account}
	var there bool
	if err := d.DB.QueryRow(ctx, rowsSQL, account).Scan(&p.Counts.Rows, &there); err != nil {
		return nil, fmt.Errorf("see what there is of account %s: %w", account, err)
	}
	err := d.walk(ctx, own.Stream, 0, func(e *domain.Recorded) bool {
		if x, ok := e.Event.(domain.SubjectErased); ok && x.ID == account {
			p.since = &Erased{e.Revision, e.RecordedAt}
		}
		return true
	})
	var none *eventstore.NotFoundError
	switch {
	case errors.As(err, &none) && !there:
		return nil, notThere("there is no person %s", account)
	case errors.As(err, &none):
		own.Silent = true // somebody who began to sign up and did not come to the end of it
	case err != nil:
		return nil, err
	}
	if subject := account.String(); d.Keys.Has(subject) {
		own.Keys = []string{subject}
	}
	p.Parts = []Part{own}
	came, err := d.Accepted(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("look for the invitations of account %s: %w", account, err)
	}
	for _, c := range came {
		if subject := "invitation:" + c.Invitation.String(); d.Keys.Has(subject) {
			p.Parts = append(p.Parts, Part{Stream: c.Stream, Kind: domain.KindInvitation, ID: c.Invitation, Keys: []string{subject}})
		}
	}
	for _, part := range p.Parts {
		p.Counts.Keys += len(part.Keys)
	}
	p.Counts.Others = map[string]int{}
	return p, nil
}
