package account

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// An Identity is who an issuer says somebody is.
type Identity struct {
	Issuer   string    `json:"issuer"`
	Subject  string    `json:"subject"`
	LinkedAt time.Time `json:"linkedAt" db:"linked_at"`
}

// Digest stands for the identity in the log. The length before the issuer keeps two identities from having one text.
func (i Identity) Digest() domain.Digest {
	text := binary.BigEndian.AppendUint32(nil, uint32(len(i.Issuer)))
	text = append(append(text, i.Issuer...), i.Subject...)
	return sha256.Sum256(text)
}

const identitiesSQL = `SELECT issuer, subject, linked_at FROM log.identities WHERE account = $1 ORDER BY linked_at, issuer, subject`

// Identities are those of an account, the oldest first.
func (a *Accounts) Identities(ctx context.Context, id uuid.UUID) ([]Identity, error) {
	rows, _ := a.cfg.DB.Query(ctx, identitiesSQL, id)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[Identity])
	if err != nil {
		return nil, fmt.Errorf("list the identities of account %s: %w", id, err)
	}
	return all, nil
}

const linkSQL = `INSERT INTO log.identities (issuer, subject, account, linked_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (issuer, subject) DO UPDATE SET linked_at = identities.linked_at WHERE identities.account = $3`

// Link says that an identity is this account's. One of another account is refused.
func (a *Accounts) Link(ctx context.Context, id uuid.UUID, issuer, subject string) error {
	tag, err := a.cfg.DB.Exec(ctx, linkSQL, issuer, subject, id, a.now())
	if err != nil {
		return fmt.Errorf("link account %s: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return &domain.Error{Code: domain.AlreadyExists, Subject: "identity", Message: "that identity belongs to another account"}
	}
	digest := Identity{Issuer: issuer, Subject: subject}.Digest()
	if err := a.do(ctx, id, Self(id), "", domain.LinkIdentity{Account: id, Issuer: issuer, Identity: digest}); err != nil {
		return fmt.Errorf("link account %s: %w", id, err)
	}
	return nil
}

const unlinkSQL = `DELETE FROM log.identities WHERE account = $1 AND issuer = $2 AND subject = $3`

// Unlink takes an identity away, and ends the sessions that it opened.
func (a *Accounts) Unlink(ctx context.Context, id uuid.UUID, issuer, subject string) error {
	err := pgx.BeginFunc(ctx, a.cfg.DB, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, unlinkSQL, id, issuer, subject)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = tx.Exec(ctx, endSessionsOfSQL, id, issuer, a.now())
		return err
	})
	if err != nil {
		return fmt.Errorf("unlink account %s: %w", id, err)
	}
	digest := Identity{Issuer: issuer, Subject: subject}.Digest()
	if err := a.do(ctx, id, Self(id), "", domain.UnlinkIdentity{Account: id, Issuer: issuer, Identity: digest}); err != nil {
		return fmt.Errorf("unlink account %s: %w", id, err)
	}
	return nil
}

const endSessionsOfSQL = `UPDATE log.sessions SET ended_at = $3 WHERE account = $1 AND issuer = $2 AND ended_at IS NULL`
