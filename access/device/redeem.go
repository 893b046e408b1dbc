package device

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const askedSQL = `
SELECT client, device, address, scopes, workspace, created_at, expires_at, account, state, pause, asked_at
FROM log.device_grants WHERE hash = $1 FOR UPDATE`

const waitsSQL = `UPDATE log.device_grants SET asked_at = $2, pause = $3 WHERE hash = $1`

const overSQL = `DELETE FROM log.device_grants WHERE hash = $1`

// maxPause bounds how slow a hasty program is made: it should see an answer before its code ends.
const maxPause = 60 // seconds

// asked is a grant whose program asks for it.
type asked struct {
	Grant
	Account *uuid.UUID
	State   string
	Pause   int
	AskedAt *time.Time
}

// Redeem is asked by the program: who said yes, to what. A code works once. Errors are ErrPending and its siblings, or
// that of the database.
func (g *Grants) Redeem(ctx context.Context, client, deviceCode string) (granted Grant, account uuid.UUID, err error) {
	hash := sha256.Sum256([]byte(deviceCode))
	var no error
	err = pgx.BeginFunc(ctx, g.db, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, askedSQL, hash[:])
		a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[asked])
		if errors.Is(err, pgx.ErrNoRows) {
			no = ErrInvalid
			return nil
		}
		if err != nil {
			return err
		}
		now := g.now()
		if a.Client != client { // the code is not this program's, and stays whoever's it is
			no = ErrInvalid
			return nil
		}
		if !now.Before(a.ExpiresAt) { // swept later, so that it can be told
			no = ErrExpired
			return nil
		}
		switch a.State {
		case "approved":
			granted, account = a.Grant, *a.Account
		case "denied":
			no = ErrDenied
		default:
			pause := a.Pause
			no = ErrPending
			// A second is forgiven: clocks and networks are not that exact.
			if a.AskedAt != nil && now.Sub(*a.AskedAt) < time.Duration(pause-1)*time.Second {
				no, pause = ErrSlower, min(pause+int(Pause/time.Second), maxPause)
			}
			_, err := tx.Exec(ctx, waitsSQL, hash[:], now, pause)
			return err
		}
		_, err = tx.Exec(ctx, overSQL, hash[:])
		return err
	})
	if err != nil {
		return Grant{}, uuid.Nil, fmt.Errorf("ask for a device's key: %w", err)
	}
	if no != nil {
		return Grant{}, uuid.Nil, no
	}
	return granted, account, nil
}

const sweepSQL = `DELETE FROM log.device_grants WHERE expires_at < $1`

// Sweep deletes grants that ended an hour ago.
func (g *Grants) Sweep(ctx context.Context) error {
	if _, err := g.db.Exec(ctx, sweepSQL, g.now().Add(-time.Hour)); err != nil {
		return fmt.Errorf("sweep devices: %w", err)
	}
	return nil
}
