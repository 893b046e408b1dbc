package access

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// A KeyFilter chooses keys. The zero filter chooses all live ones.
type KeyFilter struct {
	Holder    *domain.Grantee // whose they are; nil: anybody's
	Workspace domain.Slug     // that they are bound to; empty: to any, or to none
	Kind      Kind            // empty: any
	Ended     bool            // those that have expired or were revoked as well
	First     int             // most keys in the answer
	After     *KeyPlace       // only those behind this place; nil: from the newest on
}

// A KeyPlace is where a key stands in a list, which begins with the newest.
type KeyPlace struct {
	CreatedAt time.Time
	ID        string
}

const (
	chosenKeys = `NOT pending
AND ($1::uuid IS NULL OR (account = $1 AND holder = $2)) AND ($3 = '' OR workspace = $3) AND ($4 = '' OR kind = $4)
AND ($5 OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $6)))`
	listKeysSQL = `SELECT ` + columns + ` FROM log.api_keys
WHERE ` + chosenKeys + ` AND ($7::timestamptz IS NULL OR (created_at, id) < ($7, $8))
ORDER BY created_at DESC, id DESC LIMIT $9`
	countKeysSQL = `SELECT count(*) FROM log.api_keys WHERE ` + chosenKeys
)

// List is a page of the chosen keys, the newest first, and how many there are in all. Whether the asker may see them, is
// for the caller to judge.
func (k *Keys) List(ctx context.Context, f KeyFilter) (page []Record, total int, err error) {
	var account *uuid.UUID
	holder := domain.AccountGrantee
	if f.Holder != nil {
		id, err := uuid.Parse(f.Holder.ID)
		if err != nil {
			return nil, 0, fmt.Errorf("list the keys of %s: %w", f.Holder, err)
		}
		account, holder = &id, f.Holder.Kind
	}
	var after *time.Time
	var behind string
	if f.After != nil {
		after, behind = &f.After.CreatedAt, f.After.ID
	}
	chosen := []any{account, holder, string(f.Workspace), string(f.Kind), f.Ended, k.now()}
	rows, _ := k.db.Query(ctx, listKeysSQL, append(chosen[:len(chosen):len(chosen)], after, behind, f.First)...)
	if page, err = pgx.CollectRows(rows, pgx.RowToStructByName[Record]); err != nil {
		return nil, 0, fmt.Errorf("list keys: %w", err)
	}
	rows, _ = k.db.Query(ctx, countKeysSQL, chosen...)
	if total, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int]); err != nil {
		return nil, 0, fmt.Errorf("count keys: %w", err)
	}
	return page, total, nil
}
