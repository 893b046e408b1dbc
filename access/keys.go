package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// DB is what keys need of a pool of connections.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Keys are the API keys, in the table log.api_keys. It is what they are checked by; that they were made, rotated and
// revoked is in the log as well.
type Keys struct {
	// Commands records in the log what becomes of keys; nil: nobody does. It is set before the first use, as Standing is.
	Commands eventstore.Commander
	// Standing says what the log has against a key: a holder who was shut out, a run that is over; nil: nothing.
	Standing *Standing

	db     DB
	now    func() time.Time
	random io.Reader
	cache  *cache
	used   *lastUsed
}

// NewKeys reads and writes keys through db, as of the clock now (nil: the system's).
func NewKeys(db DB, now func() time.Time) *Keys {
	if now == nil {
		now = time.Now
	}
	k := &Keys{db: db, now: now, random: rand.Reader, used: newLastUsed()}
	k.cache = newCache(k.look)
	return k
}

const insertKeySQL = `
INSERT INTO log.api_keys (id, kind, hash, name, scopes, workspace, account, holder, organization, default_workspace, created_at, created_by, expires_at, line, run, pending)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`

// Create makes a key for its maker, or for the service account that the wish names. The text is returned once and kept
// nowhere. A key never gets more scopes than its maker's has; whether he may make one for whom he does, is for the
// caller to judge.
func (k *Keys) Create(ctx context.Context, maker Principal, w Wish) (text string, r Record, err error) {
	holder := maker.Who().Kind
	if w.For != nil {
		holder = domain.ServiceGrantee
	}
	if w, err = w.complete(holder); err != nil {
		return "", Record{}, err
	}
	if err := mayGrant(maker, w); err != nil {
		return "", Record{}, err
	}
	text, key, err := Mint(w.Kind, k.random)
	if err != nil {
		return "", Record{}, err
	}
	r = k.record(maker, w, key)
	return text, r, k.store(ctx, maker, r)
}

// Adopt stores a key that was minted before there was a table to store it in: the first one. Its text says the kind.
func (k *Keys) Adopt(ctx context.Context, owner Principal, w Wish, text string) (Record, error) {
	key, err := Parse(text)
	if err != nil {
		return Record{}, err
	}
	if w, err = w.complete(owner.Who().Kind); err != nil {
		return Record{}, err
	}
	r := k.record(owner, w, key)
	return r, k.store(ctx, owner, r)
}

func (k *Keys) record(maker Principal, w Wish, key Key) Record {
	r := Record{
		ID: key.ID, Kind: key.Kind, Name: w.Name, Scopes: w.Scopes, Account: maker.Account, Holder: maker.Who().Kind,
		Organization: string(maker.Organization), DefaultWorkspace: string(maker.DefaultWorkspace), Run: w.run,
		CreatedAt: k.now().UTC().Truncate(time.Microsecond), CreatedBy: by(maker), Hash: key.Hash[:],
	}
	if w.For != nil {
		r.Account, r.Holder, r.Organization, r.DefaultWorkspace = w.For.ID, domain.ServiceGrantee, string(w.For.Organization), string(w.For.DefaultWorkspace)
	}
	if w.Workspace != "" {
		ws := string(w.Workspace)
		r.Workspace = &ws
	}
	if w.Life > 0 {
		end := r.CreatedAt.Add(w.Life)
		r.ExpiresAt = &end
	}
	return r
}

// by is how a principal stands in the table.
func by(p Principal) string {
	if p.SessionID != "" {
		return p.Who().String()
	}
	return cmp.Or(p.KeyID, "system")
}

// store keeps a key that opens nothing yet, records it, and lets it open. Whatever ends in between leaves a key that the
// log has and nobody can use, never one that can be used and is not in the log.
func (k *Keys) store(ctx context.Context, maker Principal, r Record) error {
	if err := k.insert(ctx, k.db, r); err != nil {
		return err
	}
	if err := k.tell(ctx, maker, r, "created", domain.CreateAPIKey{APIKeyCreated: r.made()}); err != nil {
		return err
	}
	if _, err := k.db.Exec(ctx, `UPDATE log.api_keys SET pending = false WHERE id = $1`, r.ID); err != nil {
		return fmt.Errorf("let key %s open what it is for: %w", r.ID, err)
	}
	k.cache.forget(r.ID)
	return nil
}

type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func (k *Keys) insert(ctx context.Context, db execer, r Record) error {
	_, err := db.Exec(ctx, insertKeySQL, r.ID, r.Kind, r.Hash, r.Name, r.Scopes, r.Workspace, r.Account, r.Holder, r.Organization,
		r.DefaultWorkspace, r.CreatedAt, r.CreatedBy, r.ExpiresAt, r.Line, r.Run, true)
	if err != nil {
		return fmt.Errorf("store key %s: %w", r.ID, err)
	}
	return nil
}

const revokeKeySQL = `UPDATE log.api_keys SET revoked_at = coalesce(revoked_at, $2), revoked_by = coalesce(revoked_by, $3), untold = untold OR revoked_at IS NULL
WHERE id = $1 AND ($4 = '' OR workspace = $4) AND NOT pending
RETURNING ` + columns

// Revoke ends a key for good: here at once, on other servers within a tenth of a second. Doing it again changes nothing.
// A principal that is bound to a workspace ends keys of it alone; whether he may, is for the caller to judge. The key is
// ended first and the log told then: what comes in between is made up for by [Keys.Run].
func (k *Keys) Revoke(ctx context.Context, p Principal, id string) (Record, error) {
	rows, _ := k.db.Query(ctx, revokeKeySQL, id, k.now(), by(p), string(p.Workspace))
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Record])
	if errors.Is(err, pgx.ErrNoRows) {
		return Record{}, ErrNoKey
	}
	if err != nil {
		return Record{}, fmt.Errorf("revoke key %s: %w", id, err)
	}
	k.cache.forget(id)
	_ = k.tellRevoked(ctx, p.Actor(), r) // it is ended, whether the log can be reached or not
	return r, nil
}

const findKeysSQL = `SELECT ` + columns + ` FROM log.api_keys WHERE id = ANY ($1) AND NOT pending`

// Find is the key of that id, whether it is live or not; ErrNoKey where there is none.
func (k *Keys) Find(ctx context.Context, id string) (Record, error) {
	if len(id) != idLength || !alphanumeric(id) {
		return Record{}, ErrNoKey
	}
	found, err := k.find(ctx, []string{id})
	if err != nil {
		return Record{}, err
	}
	if len(found) == 0 {
		return Record{}, ErrNoKey
	}
	return found[0], nil
}

func (k *Keys) find(ctx context.Context, ids []string) ([]Record, error) {
	rows, _ := k.db.Query(ctx, findKeysSQL, ids)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Record])
	if err != nil {
		return nil, fmt.Errorf("look up %d keys: %w", len(ids), err)
	}
	return found, nil
}

const endingKeysSQL = `SELECT ` + columns + ` FROM log.api_keys
WHERE revoked_at IS NULL AND expires_at > $1 AND expires_at <= $2 AND kind <> 'run' AND successor IS NULL AND NOT pending
ORDER BY expires_at`

// Ending are the live keys whose end is near, the nearest first: not the tokens of runs, nor keys that have a successor.
func (k *Keys) Ending(ctx context.Context) ([]Record, error) {
	now := k.now()
	rows, _ := k.db.Query(ctx, endingKeysSQL, now, now.Add(Notice))
	out, err := pgx.CollectRows(rows, pgx.RowToStructByName[Record])
	if err != nil {
		return nil, fmt.Errorf("look for keys near their end: %w", err)
	}
	return out, nil
}

const anyAdminSQL = `SELECT exists (SELECT FROM log.api_keys
WHERE account = $2 AND 'admin' = ANY (scopes) AND workspace IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1) AND NOT pending)`

// HasAdmin says whether an account has a key left by which it can make others.
func (k *Keys) HasAdmin(ctx context.Context, account uuid.UUID) (bool, error) {
	rows, _ := k.db.Query(ctx, anyAdminSQL, k.now(), account)
	has, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[bool])
	if err != nil {
		return false, fmt.Errorf("look for an admin's key: %w", err)
	}
	return has, nil
}
