package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// Every way in ends with one statement, in the transaction of what ends it.
const (
	endSessionsSQL = `UPDATE log.sessions SET ended_at = $2 WHERE account = $1 AND ended_at IS NULL`
	endLinksSQL    = `DELETE FROM log.sign_in_links WHERE account = $1`
	endGrantsSQL   = `DELETE FROM log.device_grants WHERE account = $1`
)

// shut ends the sessions of an account, and what could open new ones.
func (a *Accounts) shut(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, endSessionsSQL, id, a.now()); err != nil {
		return err
	}
	for _, sql := range []string{endLinksSQL, endGrantsSQL} {
		if _, err := tx.Exec(ctx, sql, id); err != nil {
			return err
		}
	}
	return nil
}

const passwordSQL = `UPDATE log.accounts SET password = $2, password_at = $3, login = coalesce($4, login) WHERE account = $1`

// SetPassword changes the password, and the login name where one is given, and ends every session, link and open
// sign-in of a device. hash is in PHC form.
func (a *Accounts) SetPassword(ctx context.Context, id uuid.UUID, hash, login string) error {
	err := pgx.BeginFunc(ctx, a.cfg.DB, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, passwordSQL, id, hash, a.now(), optional(login))
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errNone
		}
		return a.shut(ctx, tx, id)
	})
	return takenOr(err)
}

const strengthenSQL = `UPDATE log.accounts SET password = $3 WHERE account = $1 AND password = $2`

// Strengthen replaces the stored form of the same password by a stronger one.
func (a *Accounts) Strengthen(ctx context.Context, id uuid.UUID, was, hash string) error {
	if _, err := a.cfg.DB.Exec(ctx, strengthenSQL, id, was, hash); err != nil {
		return fmt.Errorf("strengthen the password of account %s: %w", id, err)
	}
	return nil
}

const renameSQL = `UPDATE log.accounts SET name = $2 WHERE account = $1 AND name <> $2`

// Rename changes what a person is called; it does nothing where that is the name.
func (a *Accounts) Rename(ctx context.Context, id uuid.UUID, name string, by domain.Actor) error {
	name, err := title(name)
	if err != nil {
		return err
	}
	was, ok, err := a.Find(ctx, id)
	switch {
	case err != nil:
		return err
	case !ok:
		return errNone
	case was.Name == name:
		return nil
	}
	sealed, err := a.cfg.Sealer.Seal(id.String(), name)
	if err != nil {
		return fmt.Errorf("seal the name of account %s: %w", id, err)
	}
	if err := a.do(ctx, id, by, "", domain.RenameAccount{Account: id, Name: &sealed}); err != nil {
		return fmt.Errorf("rename account %s: %w", id, err)
	}
	if _, err := a.cfg.DB.Exec(ctx, renameSQL, id, name); err != nil {
		return fmt.Errorf("rename account %s: %w", id, err)
	}
	return nil
}
