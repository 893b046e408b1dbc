package access

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/domain"
)

// DB is what keys need of a pool of connections.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// How long keys live, and how near their end they say so.
const (
	personalLife = 90 * 24 * time.Hour
	runLife      = 24 * time.Hour
	maxLife      = 366 * 24 * time.Hour
	// Notice is how long before its end a key announces it: in a header, a metric and `annals doctor`.
	Notice = 14 * 24 * time.Hour
)

// Keys are the API keys, in the table log.api_keys.
type Keys struct {
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
	return &Keys{db: db, now: now, random: rand.Reader, cache: newCache(), used: newLastUsed()}
}

// Record is a key as it is kept: everything but its text.
type Record struct {
	ID               string             `json:"id"`
	Kind             Kind               `json:"kind"`
	Name             string             `json:"name"`
	Scopes           []Scope            `json:"scopes"`
	Workspace        *string            `json:"workspace"`
	Account          uuid.UUID          `json:"account"`
	Holder           domain.GranteeKind `json:"holder"`
	Organization     string             `json:"organization"`
	DefaultWorkspace string             `json:"defaultWorkspace"`
	CreatedAt        time.Time          `json:"createdAt"`
	CreatedBy        string             `json:"createdBy"`
	ExpiresAt        *time.Time         `json:"expiresAt"`
	LastUsedAt       *time.Time         `json:"lastUsedAt"`
	RevokedAt        *time.Time         `json:"revokedAt"`
	Line             *string            `json:"-"`
	Successor        *string            `json:"successor"`
	Run              *domain.RunRef     `json:"run"`
	Hash             []byte             `json:"-"`
}

// Live says whether the key opens anything at a moment.
func (r Record) Live(now time.Time) bool {
	return r.RevokedAt == nil && (r.ExpiresAt == nil || now.Before(*r.ExpiresAt))
}

// principal is what the key may do.
func (r Record) principal() Principal {
	p := Principal{
		KeyID: r.ID, Kind: r.Kind, Name: r.Name, Scopes: r.Scopes, Account: r.Account, Holder: r.Holder, Run: r.Run,
		Organization: domain.Slug(r.Organization), DefaultWorkspace: domain.Slug(r.DefaultWorkspace),
	}
	if r.Workspace != nil {
		p.Workspace = domain.Slug(*r.Workspace)
	}
	if r.ExpiresAt != nil {
		p.Expires = *r.ExpiresAt
	}
	return p
}

// A Wish says what a new key is to be.
type Wish struct {
	Kind      Kind          // Service where empty, Ingest where the only scope is ingest
	Name      string        // for people
	Scopes    []Scope       // at least one
	Workspace domain.Slug   // empty: every workspace
	Life      time.Duration // 0: as the kind has it: 90 days for a person's, a day for a run's, for ever for the others
}

// complete checks a wish and fills in what it leaves out.
func (w Wish) complete() (Wish, error) {
	if len(w.Scopes) == 0 {
		return w, &domain.Error{Code: domain.Required, Subject: "scopes", Message: "a key needs at least one of admin, write, ingest, read"}
	}
	for _, s := range w.Scopes {
		if _, err := ParseScope(string(s)); err != nil {
			return w, err
		}
	}
	if w.Kind == "" {
		w.Kind = Service
		if slices.Equal(w.Scopes, []Scope{IngestOnly}) {
			w.Kind = Ingest
		}
	}
	if !known(w.Kind) {
		return w, &domain.Error{Code: domain.Invalid, Subject: "kind", Message: "no such kind of key: choose of pat, sa, run, ing"}
	}
	if w.Kind == Ingest && !slices.Equal(w.Scopes, []Scope{IngestOnly}) {
		return w, &domain.Error{Code: domain.Invalid, Subject: "scopes", Message: "a key of kind ing has the scope ingest and no other"}
	}
	if len(w.Name) > 200 {
		return w, &domain.Error{Code: domain.TooLong, Subject: "name", Message: "the name of a key has at most 200 bytes"}
	}
	if strings.ContainsRune(w.Name, 0) {
		return w, &domain.Error{Code: domain.Invalid, Subject: "name", Message: "the name of a key holds no NUL"}
	}
	if w.Workspace != "" {
		if _, err := domain.ParseSlug(string(w.Workspace)); err != nil {
			return w, err
		}
	}
	return w.bounded()
}

func (w Wish) bounded() (Wish, error) {
	if w.Life < 0 || w.Life > maxLife {
		return w, &domain.Error{Code: domain.Invalid, Subject: "life", Message: "a key lives at least a second and at most 366 days, or for ever"}
	}
	switch {
	case w.Life > 0:
	case w.Kind == Personal:
		w.Life = personalLife
	case w.Kind == Run:
		w.Life = runLife
	}
	return w, nil
}

const insertKeySQL = `
INSERT INTO log.api_keys (id, kind, hash, name, scopes, workspace, account, organization, default_workspace, created_at, created_by, expires_at, holder)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`

// Create makes a key for the owner, whose account and organization it takes over. The text is returned once and kept
// nowhere. A key never gets more than its maker has.
func (k *Keys) Create(ctx context.Context, owner Principal, w Wish) (text string, r Record, err error) {
	if w, err = w.complete(); err != nil {
		return "", Record{}, err
	}
	if err := mayGrant(owner, w); err != nil {
		return "", Record{}, err
	}
	text, key, err := Mint(w.Kind, k.random)
	if err != nil {
		return "", Record{}, err
	}
	r = k.record(owner, w, key)
	return text, r, k.insert(ctx, r)
}

// Adopt stores a key that was minted before there was a table to store it in: the first one.
func (k *Keys) Adopt(ctx context.Context, owner Principal, w Wish, text string) (Record, error) {
	w, err := w.complete()
	if err != nil {
		return Record{}, err
	}
	key, err := Parse(text)
	if err != nil {
		return Record{}, err
	}
	r := k.record(owner, w, key)
	return r, k.insert(ctx, r)
}

func (k *Keys) record(owner Principal, w Wish, key Key) Record {
	r := Record{
		ID: key.ID, Kind: key.Kind, Name: w.Name, Scopes: w.Scopes, Account: owner.Account, Holder: owner.Who().Kind,
		Organization: string(owner.Organization), DefaultWorkspace: string(owner.DefaultWorkspace),
		CreatedAt: k.now().UTC().Truncate(time.Microsecond), CreatedBy: owner.KeyID, Hash: key.Hash[:],
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

func (k *Keys) insert(ctx context.Context, r Record) error {
	_, err := k.db.Exec(ctx, insertKeySQL, r.ID, r.Kind, r.Hash, r.Name, r.Scopes, r.Workspace, r.Account, r.Organization,
		r.DefaultWorkspace, r.CreatedAt, r.CreatedBy, r.ExpiresAt, r.Holder)
	if err != nil {
		return fmt.Errorf("store key %s: %w", r.ID, err)
	}
	k.cache.forget(r.ID)
	return nil
}

// mayGrant refuses what the owner does not have itself.
func mayGrant(owner Principal, w Wish) error {
	for _, s := range w.Scopes {
		if !owner.Has(s) {
			return &Refusal{Status: 403, Code: "scope_missing", Message: fmt.Sprintf("this key has no scope %s and can give none", s)}
		}
	}
	if owner.Workspace != "" && w.Workspace != owner.Workspace {
		return &Refusal{Status: 403, Code: "scope_missing", Message: fmt.Sprintf("this key is bound to workspace %s and makes keys for it alone", owner.Workspace)}
	}
	return nil
}

const columns = `id, kind, name, scopes, workspace, account, holder, organization, default_workspace, created_at, created_by, expires_at,
	last_used_at, revoked_at, line, successor, run, hash`

const listKeysSQL = `SELECT ` + columns + ` FROM log.api_keys
WHERE ($1 = '' OR workspace = $1) AND ($2 OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)))
ORDER BY created_at DESC, id`

// List is every key that the principal may handle, the newest first; with ended, also those that open nothing more.
func (k *Keys) List(ctx context.Context, p Principal, ended bool) ([]Record, error) {
	rows, _ := k.db.Query(ctx, listKeysSQL, string(p.Workspace), ended, k.now())
	out, err := pgx.CollectRows(rows, pgx.RowToStructByName[Record])
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return out, nil
}

const revokeKeySQL = `UPDATE log.api_keys SET revoked_at = coalesce(revoked_at, $2), revoked_by = coalesce(revoked_by, $3)
WHERE id = $1 AND ($4 = '' OR workspace = $4)
RETURNING ` + columns

// Revoke ends a key for good: here at once, on other servers within a second. Doing it again changes nothing.
func (k *Keys) Revoke(ctx context.Context, p Principal, id string) (Record, error) {
	rows, _ := k.db.Query(ctx, revokeKeySQL, id, k.now(), p.KeyID, string(p.Workspace))
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Record])
	if errors.Is(err, pgx.ErrNoRows) {
		return Record{}, ErrNoKey
	}
	if err != nil {
		return Record{}, fmt.Errorf("revoke key %s: %w", id, err)
	}
	k.cache.forget(id)
	return r, nil
}

const findKeySQL = `SELECT ` + columns + ` FROM log.api_keys WHERE id = $1`

// find is the key of that id; ok is false where there is none.
func (k *Keys) find(ctx context.Context, id string) (r Record, ok bool, err error) {
	rows, _ := k.db.Query(ctx, findKeySQL, id)
	r, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Record])
	if errors.Is(err, pgx.ErrNoRows) {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, fmt.Errorf("look up key %s: %w", id, err)
	}
	return r, true, nil
}

const endingKeysSQL = `SELECT ` + columns + ` FROM log.api_keys
WHERE revoked_at IS NULL AND expires_at IS NOT NULL AND expires_at > $1 AND expires_at <= $2
ORDER BY expires_at`

// Ending are the live keys whose end is near, the nearest first.
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
WHERE 'admin' = ANY (scopes) AND workspace IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1))`

// HasAdmin says whether any key is left that can make others.
func (k *Keys) HasAdmin(ctx context.Context) (bool, error) {
	rows, _ := k.db.Query(ctx, anyAdminSQL, k.now())
	has, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[bool])
	if err != nil {
		return false, fmt.Errorf("look for an admin's key: %w", err)
	}
	return has, nil
}
