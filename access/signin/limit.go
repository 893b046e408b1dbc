package signin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/access"
)

// A rate is how many tries there are at first, and how long one takes to come back.
type rate struct {
	burst int
	every time.Duration
}

// The bounds. A person who mistypes never meets them; who guesses has some hundred tries a day for each name.
var (
	byName    = rate{10, time.Minute}     // passwords, for each name, on all servers together
	byCode    = rate{5, 2 * time.Minute}  // user codes of devices, for each person, on all servers together
	byAddress = rate{60, time.Second}     // anything that is guessed, for each address, on each server
	byDevice  = rate{30, 5 * time.Second} // grants that are begun, for each address, on each server
)

// limits count tries.
type limits struct {
	db  access.DB
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket // of addresses
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimits(db access.DB, now func() time.Time) *limits {
	return &limits{db: db, now: now, buckets: map[string]bucket{}}
}

// maxBuckets bounds what many addresses can make us remember. When it is reached, the full ones are forgotten first.
const maxBuckets = 100_000

// A tooMany says that somebody tries too often.
type tooMany struct{ wait time.Duration }

func (e tooMany) Error() string { return "too many tries" }

// Unwrap is the refusal that is told.
func (e tooMany) Unwrap() error { return errTooMany }

var errTooMany = &access.Refusal{Status: http.StatusTooManyRequests, Code: "too_many_tries", Message: "too many tries: wait a moment before the next one"}

// announce sets the header that says when to come again.
func announce(w http.ResponseWriter, err error) {
	var e tooMany
	if errors.As(err, &e) {
		w.Header().Set("Retry-After", strconv.Itoa(int(e.wait/time.Second)+1))
	}
}

// local takes a try from an address on this server.
func (l *limits) local(of string, r rate) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	of = network(of)
	now := l.now()
	b, ok := l.buckets[of]
	if !ok {
		if len(l.buckets) >= maxBuckets {
			l.forget(now)
		}
		b = bucket{float64(r.burst), now}
	}
	b.tokens = min(float64(r.burst), b.tokens+float64(max(0, now.Sub(b.at)))/float64(r.every))
	b.at = now
	if b.tokens < 1 {
		l.buckets[of] = b
		return tooMany{time.Duration((1 - b.tokens) * float64(r.every))}
	}
	b.tokens--
	l.buckets[of] = b
	return nil
}

// network is what counts as one address: whoever has an IPv6 address has 2^64 of them. Words before the address stay.
func network(of string) string {
	words, address := "", of
	if i := strings.LastIndexByte(of, ' '); i >= 0 {
		words, address = of[:i+1], of[i+1:]
	}
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return of
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return of
	}
	return words + p.String()
}

// forget drops the buckets that nobody took from for a while, or all of them where that is not enough.
func (l *limits) forget(now time.Time) {
	for of, b := range l.buckets {
		if now.Sub(b.at) > 10*time.Minute {
			delete(l.buckets, of)
		}
	}
	if len(l.buckets) >= maxBuckets {
		clear(l.buckets)
	}
}

// In one statement, so that two servers that count at once count both. Where there is no try left it answers no row.
const takeSQL = `
INSERT INTO log.sign_in_limits AS l (key, tokens, at) VALUES ($1, $2::real - 1, $3)
ON CONFLICT (key) DO UPDATE SET tokens = least($2::real, l.tokens + extract(epoch FROM greatest($3 - l.at, interval '0'))::real / $4::real) - 1, at = greatest(l.at, $3)
    WHERE least($2::real, l.tokens + extract(epoch FROM greatest($3 - l.at, interval '0'))::real / $4::real) >= 1
RETURNING tokens`

const leftSQL = `SELECT tokens + extract(epoch FROM greatest($2 - at, interval '0'))::real / $3::real FROM log.sign_in_limits WHERE key = $1`

// shared takes a try on all servers together. what keeps the tries of different things apart.
func (l *limits) shared(ctx context.Context, what, of string, r rate) error {
	key, now, every := limitKey(what, of), l.now(), r.every.Seconds()
	rows, _ := l.db.Query(ctx, takeSQL, key, r.burst, now, every)
	_, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[float32])
	if err == nil {
		return nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("count tries: %w", err)
	}
	rows, _ = l.db.Query(ctx, leftSQL, key, now, every)
	left, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[float32])
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("count tries: %w", err)
	}
	return tooMany{time.Duration(max(0, 1-float64(left)) * float64(r.every))}
}

func limitKey(what, of string) []byte {
	sum := sha256.Sum256([]byte(what + "\x00" + of))
	return sum[:]
}

const fullSQL = `DELETE FROM log.sign_in_limits WHERE key = $1`

// again gives all tries back: whoever knows the password did not guess.
func (l *limits) again(ctx context.Context, what, of string) error {
	if _, err := l.db.Exec(ctx, fullSQL, limitKey(what, of)); err != nil {
		return fmt.Errorf("count tries: %w", err)
	}
	return nil
}

const sweepLimitsSQL = `DELETE FROM log.sign_in_limits WHERE at < $1`

// sweep deletes buckets that must be full again.
func (l *limits) sweep(ctx context.Context) error {
	if _, err := l.db.Exec(ctx, sweepLimitsSQL, l.now().Add(-time.Hour)); err != nil {
		return fmt.Errorf("sweep counts of tries: %w", err)
	}
	return nil
}
