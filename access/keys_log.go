package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// tell records what becomes of a key in the stream of its holder. What is done once for a key is one command, however
// often it is sent.
func (k *Keys) tell(ctx context.Context, who Principal, r Record, what string, c domain.Command) error {
	return k.tellAs(ctx, who.Actor(), r, what, c)
}

func (k *Keys) tellAs(ctx context.Context, actor domain.Actor, r Record, what string, c domain.Command) error {
	if k.Commands == nil {
		return nil
	}
	if actor.ID == "" {
		actor = domain.Actor{Kind: "system", ID: "serve"}
	}
	id := "key:" + r.ID + ":" + what
	_, err := k.Commands.Execute(ctx, eventstore.Request{
		Stream: r.stream(), CommandID: id, Forever: true, Digest: domain.Digest(sha256.Sum256([]byte(id))),
		Meta: domain.Meta{Actor: actor}, Command: c,
	})
	if err != nil {
		return fmt.Errorf("record key %s as %s: %w", r.ID, what, err)
	}
	return nil
}

// tellRevoked records that a key was revoked, and notes that it is recorded.
func (k *Keys) tellRevoked(ctx context.Context, actor domain.Actor, r Record) error {
	if err := k.tellAs(ctx, actor, r, "revoked", domain.RevokeAPIKey{APIKeyRevoked: domain.APIKeyRevoked{Key: r.ID}}); err != nil {
		return err
	}
	if _, err := k.db.Exec(ctx, `UPDATE log.api_keys SET untold = false WHERE id = $1 AND untold`, r.ID); err != nil {
		return fmt.Errorf("note that the log knows of the end of key %s: %w", r.ID, err)
	}
	return nil
}

const untoldSQL = `SELECT ` + columns + `, revoked_by FROM log.api_keys WHERE untold ORDER BY id LIMIT 500`

// ended is a key with whoever revoked it.
type ended struct {
	Record
	RevokedBy string
}

// makeUp records revocations that the log was not told of: it was away, or the process ended in between.
func (k *Keys) makeUp(ctx context.Context) error {
	if k.Commands == nil {
		return nil
	}
	rows, _ := k.db.Query(ctx, untoldSQL)
	left, err := pgx.CollectRows(rows, pgx.RowToStructByName[ended])
	if err != nil {
		return fmt.Errorf("look for revocations that are not recorded: %w", err)
	}
	var failed []error
	for _, r := range left {
		actor := domain.Actor{Kind: "key", ID: r.RevokedBy}
		if kind, id, ok := strings.Cut(r.RevokedBy, ":"); ok {
			actor = domain.Actor{Kind: kind, ID: id}
		}
		failed = append(failed, k.tellRevoked(ctx, actor, r.Record))
	}
	return errors.Join(failed...)
}

// abandonedAfter is how long a key may take from its row to its fact. One that takes longer was never given to anybody:
// whoever made it was not answered.
const abandonedAfter = time.Minute

const abandonSQL = `UPDATE log.api_keys SET revoked_at = $1, revoked_by = 'system' WHERE pending AND revoked_at IS NULL AND created_at < $2`

// abandon ends keys whose making was interrupted.
func (k *Keys) abandon(ctx context.Context) error {
	now := k.now()
	if _, err := k.db.Exec(ctx, abandonSQL, now, now.Add(-abandonedAfter)); err != nil {
		return fmt.Errorf("end keys whose making was interrupted: %w", err)
	}
	return nil
}
