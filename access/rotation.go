package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// A key that is rotated gets a successor with the same rights, and goes on itself for a while, so that whoever uses it
// can change over without a gap. The keys that came of one key by rotation are a line; at most two of a line are live.

// The overlap of a key and its successor.
const (
	UsualOverlap = 24 * time.Hour
	MaxOverlap   = 30 * 24 * time.Hour
)

const (
	lockKeySQL = `SELECT ` + columns + ` FROM log.api_keys WHERE id = $1 AND NOT pending FOR UPDATE`

	// Others of the line that are live, or about to be. A row that is long pending is nobody's.
	liveInLineSQL = `
SELECT id FROM log.api_keys
WHERE (line = $1 OR id = $1) AND id <> $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3) AND (NOT pending OR created_at > $4)
ORDER BY created_at LIMIT 1`

	changeOverSQL = `
WITH old AS (UPDATE log.api_keys SET successor = $2, expires_at = least(coalesce(expires_at, $3), $3) WHERE id = $1)
UPDATE log.api_keys SET pending = false WHERE id = $2`
)

// Rotate makes a successor of a live key, which lives as long as that one was made for, and has the key end after the
// overlap. Whether the principal may, is for the caller to judge. Two at once: one rotates it, the other hears of that.
func (k *Keys) Rotate(ctx context.Context, p Principal, id string, overlap time.Duration) (text string, successor, old Record, err error) {
	if overlap < 0 || overlap > MaxOverlap {
		return "", Record{}, Record{}, &domain.Error{Code: domain.Invalid, Subject: "overlap", Message: "the overlap is of 0 to 30 days: write 24h"}
	}
	err = pgx.BeginFunc(ctx, k.db, func(tx pgx.Tx) error {
		if old, err = k.rotatable(ctx, tx, p, id); err != nil {
			return err
		}
		if text, successor, err = k.successorOf(old, p); err != nil {
			return err
		}
		return k.insert(ctx, tx, successor)
	})
	if err != nil {
		return "", Record{}, Record{}, err
	}
	// Not within the transaction: the log may ask for a connection of its own.
	ends := k.now().UTC().Truncate(time.Microsecond).Add(overlap)
	if old.ExpiresAt != nil && old.ExpiresAt.Before(ends) {
		ends = *old.ExpiresAt
	}
	err = k.tell(ctx, p, successor, "rotated", domain.RotateAPIKey{
		APIKeyRotated: domain.APIKeyRotated{Key: old.ID, Successor: successor.ID, EndsAt: ends}, Made: successor.made(),
	})
	if err != nil {
		return "", Record{}, Record{}, err
	}
	if _, err := k.db.Exec(ctx, changeOverSQL, old.ID, successor.ID, ends); err != nil {
		return "", Record{}, Record{}, fmt.Errorf("change over from key %s to %s: %w", old.ID, successor.ID, err)
	}
	k.cache.forget(old.ID)
	k.cache.forget(successor.ID)
	old.ExpiresAt, old.Successor = &ends, &successor.ID
	return text, successor, old, nil
}

// rotatable is the key, locked, where it can be rotated now.
func (k *Keys) rotatable(ctx context.Context, tx pgx.Tx, p Principal, id string) (Record, error) {
	rows, _ := tx.Query(ctx, lockKeySQL, id)
	old, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Record])
	if errors.Is(err, pgx.ErrNoRows) {
		return Record{}, ErrNoKey
	}
	if err != nil {
		return Record{}, fmt.Errorf("look at key %s to rotate it: %w", id, err)
	}
	now := k.now()
	if !old.Live(now) {
		return Record{}, conflict("the key has ended and cannot be rotated: make a new one by `annals key create`")
	}
	if old.Run != nil {
		return Record{}, conflict("the token of a run is not rotated: mint another one by `annals run token`")
	}
	w := Wish{Scopes: old.Scopes}
	if old.Workspace != nil {
		w.Workspace = domain.Slug(*old.Workspace)
	}
	if err := mayGrant(p, w); err != nil {
		return Record{}, err
	}
	rows, _ = tx.Query(ctx, liveInLineSQL, old.line(), old.ID, now, now.Add(-abandonedAfter))
	switch other, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[string]); {
	case err == nil:
		return Record{}, conflict(fmt.Sprintf("the key was rotated before, and both it and %s are live: a line has at most two live keys, so revoke one of them first, or wait for its end", other))
	case !errors.Is(err, pgx.ErrNoRows):
		return Record{}, fmt.Errorf("look for the keys in line with %s: %w", id, err)
	}
	return old, nil
}

// successorOf is a new key with the rights of an old one, and a life as long as that was made for.
func (k *Keys) successorOf(old Record, p Principal) (text string, r Record, err error) {
	text, key, err := Mint(old.Kind, k.random)
	if err != nil {
		return "", Record{}, err
	}
	r = old
	line := old.line()
	r.ID, r.Hash, r.Line, r.Successor, r.LastUsedAt = key.ID, key.Hash[:], &line, nil, nil
	r.CreatedAt, r.CreatedBy = k.now().UTC().Truncate(time.Microsecond), by(p)
	if old.ExpiresAt != nil {
		life := old.ExpiresAt.Sub(old.CreatedAt)
		if old.Successor != nil { // it was rotated before, and so cut short
			life = max(life, personalLife)
		}
		end := r.CreatedAt.Add(life)
		r.ExpiresAt = &end
	}
	return text, r, nil
}

// conflict is a refusal by the state that keys are in.
func conflict(message string) *Refusal {
	return &Refusal{Status: http.StatusConflict, Code: string(domain.Conflict), Message: message}
}
