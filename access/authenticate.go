package access

import (
	"context"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Authenticator says who sent a request. It is the one thing that everything behind the door knows of access.
type Authenticator interface {
	// Authenticate answers a *Refusal for a request without a valid key, or an *UnavailableError.
	Authenticate(ctx context.Context, r *http.Request) (Principal, error)
}

// freshFor is how long what was read about a key is taken for true: half of the second within which a revocation made
// on another server must work.
const freshFor = 500 * time.Millisecond

// Authenticate reads the key of the request and looks it up.
func (k *Keys) Authenticate(ctx context.Context, r *http.Request) (Principal, error) {
	text, err := bearer(r)
	if err != nil {
		return Principal{}, err
	}
	return k.Check(ctx, text)
}

// Check says what the key of that text may do.
func (k *Keys) Check(ctx context.Context, text string) (Principal, error) {
	key, err := Parse(text)
	if err != nil {
		return Principal{}, err
	}
	known, err := k.cache.get(ctx, key.ID, k.find)
	if err != nil {
		return Principal{}, &UnavailableError{Cause: err}
	}
	// The comparison takes as long for a wrong secret as for a right one, and an unknown id is compared with zeros.
	if subtle.ConstantTimeCompare(known.hash[:], key.Hash[:]) != 1 || !known.found || known.kind != key.Kind {
		return Principal{}, ErrUnknown
	}
	now := k.now()
	switch {
	case known.revoked:
		return Principal{}, ErrRevoked
	case !known.principal.Expires.IsZero() && !now.Before(known.principal.Expires):
		return Principal{}, ErrExpired
	}
	k.used.touch(key.ID, now)
	return known.principal, nil
}

// bearer is the key that a request carries.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", ErrMissing
	}
	scheme, text, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || len(values) > 1 {
		return "", ErrMalformed
	}
	return strings.TrimSpace(text), nil
}

// entry is what is remembered about an id for a moment.
type entry struct {
	found     bool
	revoked   bool
	kind      Kind
	hash      [32]byte
	principal Principal
	until     time.Time // by the monotonic clock
}

// maxCached bounds what callers with invented ids can make us remember.
const maxCached = 10_000

// cache spares a look-up for each request. Waiters for one id share one look-up.
type cache struct {
	mu      sync.Mutex
	entries map[string]entry
	asking  map[string]*asking
}

// asking is a look-up under way.
type asking struct {
	done  chan struct{}
	entry entry
	err   error
}

func newCache() *cache {
	return &cache{entries: map[string]entry{}, asking: map[string]*asking{}}
}

type lookup func(ctx context.Context, id string) (Record, bool, error)

func (c *cache) get(ctx context.Context, id string, find lookup) (entry, error) {
	c.mu.Lock()
	if e, ok := c.entries[id]; ok && time.Now().Before(e.until) {
		c.mu.Unlock()
		return e, nil
	}
	a, ok := c.asking[id]
	if !ok {
		a = &asking{done: make(chan struct{})}
		c.asking[id] = a
		// Not the caller's context: others wait for the same answer, and he may go away.
		go c.ask(context.WithoutCancel(ctx), id, a, find)
	}
	c.mu.Unlock()
	select {
	case <-a.done:
		return a.entry, a.err
	case <-ctx.Done():
		return entry{}, ctx.Err()
	}
}

// lookupTimeout bounds a look-up: a request that cannot be judged soon is better told to come again.
const lookupTimeout = 5 * time.Second

func (c *cache) ask(ctx context.Context, id string, a *asking, find lookup) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	// Fresh from before the question: what is revoked while the answer is on its way is not held for longer.
	until := time.Now().Add(freshFor)
	r, found, err := find(ctx, id)
	a.entry, a.err = entry{found: found, until: until}, err
	if found {
		a.entry.revoked, a.entry.kind, a.entry.principal = r.RevokedAt != nil, r.Kind, r.principal()
		copy(a.entry.hash[:], r.Hash)
	}
	c.mu.Lock()
	if c.asking[id] == a { // else it was forgotten meanwhile, and the answer may be from before
		delete(c.asking, id)
		if len(c.entries) >= maxCached {
			clear(c.entries)
		}
		if err == nil {
			c.entries[id] = a.entry
		}
	}
	c.mu.Unlock()
	close(a.done)
}

// forget makes the next request look the key up again.
func (c *cache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, id)
	delete(c.asking, id)
}
