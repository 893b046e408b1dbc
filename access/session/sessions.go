package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
)

// How long a session lives: since it was last used, and in all.
const (
	Idle = 12 * time.Hour
	Life = 7 * 24 * time.Hour
)

// The ways in which a session begins.
const (
	ByPassword = "password"
	ByLink     = "link"
	ByOIDC     = "oidc"
)

// ErrEnded says that a cookie opens nothing any more, or never did: the two are not told apart.
var ErrEnded = &access.Refusal{Status: http.StatusUnauthorized, Code: "session_ended", Message: "you are not signed in, or no longer: sign in at /login"}

// Sessions are those of signed-in people, in the table log.sessions. They are safe for concurrent use.
type Sessions struct {
	db     access.DB
	now    func() time.Time
	offers func(method, issuer string) bool
	cache  *memory[[32]byte, known]
	shut   *memory[uuid.UUID, bool]
	used   *touches
}

// New reads and writes sessions through db, as of the clock now (nil: the system's). offers says whether a way of signing
// in is still offered; sessions that began by another one are over. nil: all are.
func New(db access.DB, now func() time.Time, offers func(method, issuer string) bool) *Sessions {
	if now == nil {
		now = time.Now
	}
	if offers == nil {
		offers = func(string, string) bool { return true }
	}
	return &Sessions{db: db, now: func() time.Time { return now().UTC().Truncate(time.Microsecond) }, offers: offers, cache: newMemory[[32]byte, known](), shut: newMemory[uuid.UUID, bool](), used: newTouches()}
}

// A Session is one, as its holder sees it.
type Session struct {
	ID        string     `json:"id"`
	Account   uuid.UUID  `json:"account"`
	Method    string     `json:"method"` // password, link or oidc
	Issuer    string     `json:"issuer,omitempty"`
	Address   string     `json:"address"`
	Agent     string     `json:"agent"`
	CreatedAt time.Time  `json:"createdAt"`
	UsedAt    time.Time  `json:"usedAt"` // within a minute
	EndedAt   *time.Time `json:"-"`
}

// over says whether a session has ended by itself at a moment.
func (s Session) over(now time.Time) bool {
	return s.EndedAt != nil || !now.Before(s.UsedAt.Add(Idle)) || !now.Before(s.CreatedAt.Add(Life))
}

// maxAgent bounds what is kept of a browser's name.
const maxAgent = 300

const beginSQL = `INSERT INTO log.sessions (hash, id, account, method, issuer, address, agent, created_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`

// Begin starts a session and answers its token, which is for the cookie alone. Each has a new token and id, whatever the
// browser brought along. ID, CreatedAt and UsedAt of what is given are made here.
func (s *Sessions) Begin(ctx context.Context, new Session) (token string, _ Session, err error) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // it never fails
	token = base64.RawURLEncoding.EncodeToString(secret[:])
	now := s.now()
	new.ID, new.CreatedAt, new.UsedAt, new.Agent = rand.Text()[:12], now, now, clip(new.Agent)
	hash := sha256.Sum256([]byte(token))
	if _, err := s.db.Exec(ctx, beginSQL, hash[:], new.ID, new.Account, new.Method, new.Issuer, new.Address, new.Agent, now); err != nil {
		return "", Session{}, fmt.Errorf("begin a session: %w", err)
	}
	return token, new, nil
}

func clip(agent string) string {
	agent = strings.ToValidUTF8(strings.ReplaceAll(agent, "\x00", ""), "?")
	if len(agent) > maxAgent {
		agent = strings.ToValidUTF8(agent[:maxAgent], "")
	}
	return agent
}

const columns = `s.id, s.account, s.method, s.issuer, s.address, s.agent, s.created_at, s.used_at, s.ended_at`

const findSQL = `SELECT ` + columns + `, a.name, a.organization, a.default_workspace, a.disabled_at IS NOT NULL
FROM log.sessions s JOIN log.accounts a ON a.account = s.account WHERE s.hash = $1`

// A known session is what is remembered of one for a moment.
type known struct {
	Session
	found, disabled                 bool
	name, organization, defaultSlug string
}

func (s *Sessions) find(ctx context.Context, hash [32]byte) (k known, err error) {
	rows, _ := s.db.Query(ctx, findSQL, hash[:])
	k, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (k known, err error) {
		k.found = true
		return k, row.Scan(&k.ID, &k.Account, &k.Method, &k.Issuer, &k.Address, &k.Agent, &k.CreatedAt, &k.UsedAt, &k.EndedAt, &k.name, &k.organization, &k.defaultSlug, &k.disabled)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return known{}, nil
	}
	if err != nil {
		return known{}, fmt.Errorf("look up a session: %w", err)
	}
	return k, nil
}

// Check says who holds a token: a [*access.Refusal] where nobody does, an [*access.UnavailableError] where it cannot be
// looked up.
func (s *Sessions) Check(ctx context.Context, token string) (access.Principal, Session, error) {
	if len(token) != base64.RawURLEncoding.EncodedLen(32) {
		return access.Principal{}, Session{}, ErrEnded
	}
	hash := sha256.Sum256([]byte(token))
	k, err := s.cache.get(ctx, hash, s.find)
	if err != nil {
		return access.Principal{}, Session{}, &access.UnavailableError{Cause: err}
	}
	now := s.now()
	if at, ok := s.used.at(k.ID); ok && at.After(k.UsedAt) {
		k.UsedAt = at
	}
	if !k.found || k.disabled || k.over(now) || !s.offers(k.Method, k.Issuer) {
		return access.Principal{}, Session{}, ErrEnded
	}
	s.used.touch(k.ID, now)
	return access.Principal{
		SessionID: k.ID, Name: k.name, Scopes: []access.Scope{access.Admin}, Account: k.Account, Holder: domain.AccountGrantee,
		Organization: domain.Slug(k.organization), DefaultWorkspace: domain.Slug(k.defaultSlug),
	}, k.Session, nil
}

const listSQL = `SELECT ` + columns + ` FROM log.sessions s WHERE s.account = $1 AND s.ended_at IS NULL AND s.used_at > $2 AND s.created_at > $3 ORDER BY s.created_at DESC, s.id`

// List are the sessions of an account that are open, the newest first.
func (s *Sessions) List(ctx context.Context, account uuid.UUID) ([]Session, error) {
	now := s.now()
	rows, _ := s.db.Query(ctx, listSQL, account, now.Add(-Idle), now.Add(-Life))
	all, err := pgx.CollectRows(rows, pgx.RowToStructByNameLax[Session])
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return all, nil
}

const endSQL = `UPDATE log.sessions SET ended_at = $3 WHERE account = $1 AND id = $2 AND ended_at IS NULL`

// End ends a session of an account; ok is false where it has none of that id that is open.
func (s *Sessions) End(ctx context.Context, account uuid.UUID, id string) (ok bool, err error) {
	if strings.ContainsRune(id, 0) || !utf8.ValidString(id) {
		return false, nil
	}
	tag, err := s.db.Exec(ctx, endSQL, account, id, s.now())
	if err != nil {
		return false, fmt.Errorf("end a session: %w", err)
	}
	s.cache.clear()
	return tag.RowsAffected() > 0, nil
}

const endOthersSQL = `UPDATE log.sessions SET ended_at = $3 WHERE account = $1 AND id <> $2 AND ended_at IS NULL`

// EndOthers ends every session of an account but one (empty: all of them), and says how many.
func (s *Sessions) EndOthers(ctx context.Context, account uuid.UUID, but string) (int64, error) {
	tag, err := s.db.Exec(ctx, endOthersSQL, account, but, s.now())
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	s.cache.clear()
	return tag.RowsAffected(), nil
}

// Forget has everything be looked up again: after something was changed that ends sessions.
func (s *Sessions) Forget() {
	s.cache.clear()
	s.shut.clear()
}

const disabledSQL = `SELECT EXISTS (SELECT FROM log.accounts WHERE account = $1 AND disabled_at IS NOT NULL)`

// Disabled says whether a person is shut out: then their keys open nothing either.
func (s *Sessions) Disabled(ctx context.Context, account uuid.UUID) (bool, error) {
	return s.shut.get(ctx, account, func(ctx context.Context, id uuid.UUID) (bool, error) {
		rows, _ := s.db.Query(ctx, disabledSQL, id)
		disabled, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[bool])
		if err != nil {
			return false, fmt.Errorf("look up whether an account is disabled: %w", err)
		}
		return disabled, nil
	})
}
