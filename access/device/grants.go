package device

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
)

// How long a grant can be decided on, and how often it may be asked for.
const (
	Life  = 10 * time.Minute
	Pause = 5 * time.Second
)

// DB is what grants need of a pool of connections.
type DB interface {
	access.DB
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Grants are those that programs wait for, in the table log.device_grants.
type Grants struct {
	db  DB
	now func() time.Time
}

// New reads and writes grants through db, as of the clock now (nil: the system's).
func New(db DB, now func() time.Time) *Grants {
	if now == nil {
		now = time.Now
	}
	return &Grants{db: db, now: func() time.Time { return now().UTC().Truncate(time.Microsecond) }}
}

// A Grant is what a program asks for.
type Grant struct {
	Client    string         // what the program calls itself
	Device    string         // what the machine calls itself; may be empty
	Address   string         // where it asks from
	Scopes    []access.Scope // of the key
	Workspace domain.Slug    // the only one that the key is to be good for; empty: all
	CreatedAt time.Time
	ExpiresAt time.Time
}

// The reasons for which a program gets no key (yet), in the words of RFC 8628 and RFC 6749.
var (
	ErrPending = errors.New("authorization_pending")
	ErrSlower  = errors.New("slow_down")
	ErrExpired = errors.New("expired_token")
	ErrDenied  = errors.New("access_denied")
	ErrInvalid = errors.New("invalid_grant")
)

// letters are those of user codes: consonants, so that no word comes about, and none that is taken for another.
const letters = "BCDFGHJKLMNPQRSTVWXZ"

// newUserCode is a code as it is stored: eight letters.
func newUserCode() (string, error) {
	var code [8]byte
	for i := range code {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			return "", fmt.Errorf("draw a code: %w", err)
		}
		code[i] = letters[n.Int64()]
	}
	return string(code[:]), nil
}

// Shown writes a user code as people read it: in two halves.
func Shown(code string) string {
	if len(code) != 8 {
		return code
	}
	return code[:4] + "-" + code[4:]
}

// Typed reads a code however it was typed; empty where it cannot be one.
func Typed(text string) string {
	code := strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == ' ':
			return -1
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, strings.TrimSpace(text))
	if len(code) != 8 || strings.Trim(code, letters) != "" {
		return ""
	}
	return code
}

const startSQL = `
INSERT INTO log.device_grants (hash, user_code, client, device, address, scopes, workspace, state, pause, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, $10)`

// Start begins a grant and answers the code that the program keeps and the one that its user types.
func (g *Grants) Start(ctx context.Context, want Grant) (deviceCode, userCode string, err error) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // it never fails
	deviceCode = base64.RawURLEncoding.EncodeToString(secret[:])
	hash, now := sha256.Sum256([]byte(deviceCode)), g.now()
	for range 5 { // of 25 billion codes, two at once are seldom the same
		if userCode, err = newUserCode(); err != nil {
			return "", "", err
		}
		_, err = g.db.Exec(ctx, startSQL, hash[:], userCode, want.Client, want.Device, want.Address, want.Scopes, want.Workspace, int(Pause/time.Second), now, now.Add(Life))
		var taken *pgconn.PgError
		if errors.As(err, &taken) && taken.ConstraintName == "device_grants_user_code" {
			continue
		}
		break
	}
	if err != nil {
		return "", "", fmt.Errorf("begin to sign a device in: %w", err)
	}
	return deviceCode, userCode, nil
}

const lookSQL = `SELECT client, device, address, scopes, workspace, created_at, expires_at FROM log.device_grants
WHERE user_code = $1 AND state = 'pending' AND expires_at > $2`

// Look is the grant that waits under a user code as [Typed] reads it; ok is false where none does.
func (g *Grants) Look(ctx context.Context, userCode string) (found Grant, ok bool, err error) {
	rows, _ := g.db.Query(ctx, lookSQL, userCode, g.now())
	found, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Grant])
	if errors.Is(err, pgx.ErrNoRows) {
		return Grant{}, false, nil
	}
	if err != nil {
		return Grant{}, false, fmt.Errorf("look up a device: %w", err)
	}
	return found, true, nil
}

const decideSQL = `UPDATE log.device_grants SET state = CASE WHEN $3 THEN 'approved' ELSE 'denied' END, account = $2
WHERE user_code = $1 AND state = 'pending' AND expires_at > $4`

// Decide says yes or no to a grant, once; ok is false where none waits under that code.
func (g *Grants) Decide(ctx context.Context, userCode string, account uuid.UUID, yes bool) (ok bool, err error) {
	tag, err := g.db.Exec(ctx, decideSQL, userCode, account, yes, g.now())
	if err != nil {
		return false, fmt.Errorf("decide on a device: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}
