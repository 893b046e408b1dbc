package vault

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/annals-io/annals/domain"
)

// services are services with keys, which can be away.
type services struct {
	keys map[string]tink.AEAD
	away bool
}

func newServices(t *testing.T, names ...string) *services {
	t.Helper()
	s := &services{keys: map[string]tink.AEAD{}}
	for _, name := range names {
		h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
		if err != nil {
			t.Fatal(err)
		}
		if s.keys[name], err = aead.New(h); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

type service struct {
	s   *services
	key tink.AEAD
}

var errAway = errors.New("connection refused")

func (s *services) open(kek string) (tink.AEAD, error) { return service{s, s.keys[kek]}, nil }

func (s service) Encrypt(p, ad []byte) ([]byte, error) {
	if s.s.away {
		return nil, errAway
	}
	return s.key.Encrypt(p, ad)
}

func (s service) Decrypt(c, ad []byte) ([]byte, error) {
	if s.s.away {
		return nil, errAway
	}
	return s.key.Decrypt(c, ad)
}

func (s *services) at(t *testing.T, dir, kek string) *Keys {
	t.Helper()
	k, err := OpenWith(Config{Dir: dir, KEK: kek, Service: s.open})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sealed(t *testing.T, k *Keys, subjects ...string) (all []domain.Personal) {
	t.Helper()
	for _, s := range subjects {
		p, err := k.Seal(s, "name of "+s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func reads(t *testing.T, what string, k *Keys, all []domain.Personal) {
	t.Helper()
	for _, p := range all {
		if got, err := k.Reveal(p); got != "name of "+p.Subject || err != nil {
			t.Errorf("%s: %s reads as %q, %v", what, p.Subject, got, err)
		}
	}
}

// Given keys that lie in a file, when a service is to wrap them, then all of them are wrapped anew by a new master key,
// servers that run go on reading and sealing, and nothing on the disk opens without the service.
func TestRotationToAService(t *testing.T) {
	t.Parallel()
	dir, s := t.TempDir(), newServices(t, "kms://one", "kms://two")
	local := s.at(t, dir, "")
	names := sealed(t, local, "a", "b", "c")
	running := s.at(t, dir, "")
	reads(t, "before", running, names)
	before, err := os.ReadFile(filepath.Join(dir, "master.json"))
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	r, err := s.at(t, dir, "").Rotate(t.Context(), "kms://one", func(done, total int) { told = done*100 + total })
	if err != nil || r.KEK != "kms://one" || r.Wrapped != 3 || r.Left != 0 || told != 303 {
		t.Fatalf("rotated %+v, %v, told %d", r, err, told)
	}
	reads(t, "a server that runs", running, names)
	names = append(names, sealed(t, running, "d")...)
	reads(t, "one that starts", s.at(t, dir, "kms://one"), names)
	if r, err = s.at(t, dir, "").Rotate(t.Context(), "kms://two", nil); err != nil || r.Wrapped != 4 {
		t.Fatalf("to another service: %+v, %v", r, err)
	}
	reads(t, "by the other service", s.at(t, dir, ""), names)
	if _, err := OpenWith(Config{Dir: dir, KEK: "kms://one", Service: s.open}); err == nil || !strings.Contains(err.Error(), "annals vault rotate") {
		t.Errorf("with the service of before: %v", err)
	}
	if _, err := OpenWith(Config{Dir: dir}); err == nil {
		t.Error("keys were opened without the service")
	}
	// The old master key opens nothing: it was replaced, not only wrapped.
	if err := os.WriteFile(filepath.Join(dir, "master.json"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, dir).Reveal(names[0]); err == nil {
		t.Errorf("the master key of before still opens %q", got)
	}
	if r, err = s.at(t, dir, "").Rotate(t.Context(), "", nil); err == nil {
		t.Errorf("keys that cannot be read were wrapped anew: %+v", r)
	}
}

// A rotation that is interrupted leaves everything readable, and is carried on by the next.
func TestAnInterruptedRotation(t *testing.T) {
	t.Parallel()
	dir, s := t.TempDir(), newServices(t, "kms://one")
	k := s.at(t, dir, "")
	names := sealed(t, k, "a", "b", "c", "d")
	interrupted := 0
	for stop := range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := s.at(t, dir, "").Rotate(ctx, "kms://one", func(done, _ int) {
			if done > stop {
				cancel()
			}
		})
		if errors.Is(err, context.Canceled) {
			interrupted++
		} else if err != nil {
			t.Errorf("stopped after %d: %v", stop+1, err)
		}
		cancel()
		reads(t, "interrupted, a server that runs", k, names)
		reads(t, "interrupted, one that starts", s.at(t, dir, ""), names)
		names = append(names, sealed(t, k, strings.Repeat("x", stop+1))...)
	}
	if interrupted < 2 {
		t.Fatalf("%d rotations were interrupted", interrupted)
	}
	if err := k.Destroy("b"); err != nil {
		t.Fatal(err)
	}
	if r, err := s.at(t, dir, "").Rotate(t.Context(), "", nil); err != nil || r.Left != 0 {
		t.Fatalf("carried on: %+v, %v", r, err)
	}
	last := s.at(t, dir, "kms://one")
	if n := last.master.handle.Len(); n != 1 {
		t.Errorf("%d master keys are left", n)
	}
	reads(t, "in the end", last, append(names[:1:1], names[2:]...))
	if _, err := last.Reveal(names[1]); !errors.Is(err, ErrErased) {
		t.Errorf("what was destroyed during a rotation: %v", err)
	}
}

// While the service is away nothing sealed is read or made, and a destroyed key is destroyed all the same; then it goes on.
func TestSealedUntilTheServiceAnswers(t *testing.T) {
	t.Parallel()
	dir, s := t.TempDir(), newServices(t, "kms://one")
	names := sealed(t, s.at(t, dir, "kms://one"), "a", "b")
	s.away = true
	k := s.at(t, dir, "")
	if _, err := k.Reveal(names[0]); !errors.Is(err, ErrSealed) || errors.Is(err, ErrErased) {
		t.Errorf("read: %v", err)
	}
	if _, err := k.Seal("c", "x"); !errors.Is(err, ErrSealed) {
		t.Errorf("sealed: %v", err)
	}
	if err := k.Ready(); !errors.Is(err, ErrSealed) {
		t.Errorf("ready: %v", err)
	}
	if err := k.Destroy("b"); err != nil {
		t.Errorf("destroyed: %v", err)
	}
	s.away, k.failedAt = false, k.failedAt.Add(-2*retryAfter)
	reads(t, "back again", k, names[:1])
	if _, err := k.Reveal(names[1]); !errors.Is(err, ErrErased) {
		t.Errorf("what was destroyed meanwhile: %v", err)
	}
	if err := k.Ready(); err != nil {
		t.Errorf("ready: %v", err)
	}
}

// Keys of the early form, which do not say whose they are, stay readable; the old master key is kept for them.
func TestTheEarlyForm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := open(t, dir)
	names := sealed(t, k, "a", "b")
	stored, _, err := readSubject(k.path("a"))
	if err == nil {
		err = os.WriteFile(k.path("a"), stored.Keyset, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	reads(t, "before", open(t, dir), names)
	if r, err := open(t, dir).Rotate(t.Context(), "", nil); err != nil || r.Wrapped != 1 || r.Left != 1 {
		t.Errorf("rotated %+v, %v", r, err)
	}
	reads(t, "after", open(t, dir), names)
}
