package access

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"sync"
)

// Authenticator says who sent a request. It is the one thing that everything behind the door knows of access.
type Authenticator interface {
	// Authenticate answers a *Refusal for a request without a valid key, or an *UnavailableError.
	Authenticate(ctx context.Context, r *http.Request) (Principal, error)
}

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
	known, err := k.cache.get(ctx, key.ID)
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
	case known.no != nil:
		return Principal{}, known.no
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
	return strings.TrimLeft(text, " "), nil // any number of blanks may come before a key, and nothing else around it
}

// look is what the cache asks: the keys of these ids, and what the log has against those that are live.
func (k *Keys) look(ctx context.Context, ids []string) (map[string]entry, error) {
	records, err := k.find(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[string]entry, len(records))
	fates := make([]fate, len(records))
	failed := make([]error, len(records))
	var asked sync.WaitGroup
	for i, r := range records {
		if k.Standing != nil && r.Live(k.now()) {
			asked.Go(func() { fates[i], failed[i] = k.Standing.of(ctx, r) }) // together: they share their reads
		}
	}
	asked.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	for i, r := range records {
		e := entry{found: true, revoked: r.RevokedAt != nil, kind: r.Kind, principal: r.principal(), no: fates[i].no}
		copy(e.hash[:], r.Hash)
		if over := fates[i]; !over.over.IsZero() {
			if end := over.ends(k.now()); end.Before(e.principal.Expires) {
				e.principal.Expires = end
			}
		}
		if r.Run != nil && r.ExpiresAt != nil {
			if err := k.settle(ctx, r, fates[i]); err != nil {
				return nil, err
			}
		}
		found[r.ID] = e
	}
	return found, nil
}
