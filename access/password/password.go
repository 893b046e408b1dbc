// Package password keeps passwords as what cannot be turned back into them.
//
// A password is hashed by argon2id with a salt of its own, and stored with the parameters in the PHC form
// ($argon2id$v=19$m=...,t=...,p=...$SALT$HASH), so that they can be raised later: [Hasher.Check] says when a hash is
// weaker than what is made today. Hashing is slow and takes memory on purpose; a [Hasher] bounds how much of it goes on
// at once, so that a crowd at the door cannot take the server down.
//
// Whoever asks for a name that nobody has waits as long as for a wrong password: [Hasher.Waste] hashes for nothing.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"

	"github.com/annals-io/annals/domain"
)

// The parameters of new hashes: the first of those that OWASP recommends, 19 MiB and two passes.
const (
	memory  = 19 * 1024 // KiB
	passes  = 2
	lanes   = 1
	saltLen = 16
	hashLen = 32
)

// The bounds of what is read back: a row that asks for more is not ours.
const (
	maxMemory = 1 << 20 // KiB
	maxPasses = 64
)

// The length of a password, in characters and in bytes.
const (
	MinLength = 12
	MaxBytes  = 256
)

// ErrForm says that a stored hash is none.
var ErrForm = errors.New("a stored password is not in the form of argon2id")

// A Hasher hashes a few passwords at a time. It is safe for concurrent use.
type Hasher struct {
	slots  chan struct{}
	random io.Reader
	decoy  [saltLen]byte
}

// NewHasher hashes as many passwords at once as there are processors.
func NewHasher() *Hasher {
	return &Hasher{slots: make(chan struct{}, runtime.GOMAXPROCS(0)), random: rand.Reader}
}

// Normal is the one form of a password: what looks the same is the same, however a keyboard composes it. It refuses what
// is too short, too long or holds what cannot be typed.
func Normal(text string) (string, error) {
	normal, err := precis.OpaqueString.String(text)
	switch {
	case text == "":
		return "", &domain.Error{Code: domain.Required, Subject: "password", Message: "the password is missing"}
	case len(text) > MaxBytes || len(normal) > MaxBytes:
		return "", &domain.Error{Code: domain.TooLong, Subject: "password", Message: fmt.Sprintf("a password has at most %d bytes", MaxBytes)}
	case err != nil:
		return "", &domain.Error{Code: domain.Invalid, Subject: "password", Message: "a password holds only characters that can be typed"}
	case utf8.RuneCountInString(normal) < MinLength:
		return "", &domain.Error{Code: domain.Invalid, Subject: "password", Message: fmt.Sprintf("a password has at least %d characters: a few words do well", MinLength)}
	}
	return normal, nil
}

// Hash answers what to store for a password that [Normal] made.
func (h *Hasher) Hash(ctx context.Context, normal string) (string, error) {
	salt := make([]byte, saltLen)
	if _, err := io.ReadFull(h.random, salt); err != nil {
		return "", fmt.Errorf("salt a password: %w", err)
	}
	sum, err := h.sum(ctx, normal, salt, memory, passes, lanes, hashLen)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, b64.EncodeToString(salt), b64.EncodeToString(sum)), nil
}

// Check says whether a typed password is the stored one, and whether the stored hash is weaker than those made today.
func (h *Hasher) Check(ctx context.Context, typed, stored string) (ok, weak bool, err error) {
	p, err := parse(stored)
	if err != nil {
		return false, false, err
	}
	sum, err := h.sum(ctx, bounded(typed), p.salt, p.memory, p.passes, p.lanes, uint32(len(p.hash)))
	if err != nil {
		return false, false, err
	}
	weak = p.memory < memory || p.passes < passes || len(p.hash) < hashLen
	return subtle.ConstantTimeCompare(sum, p.hash) == 1, weak, nil
}

// Waste takes as long as Check.
func (h *Hasher) Waste(ctx context.Context, typed string) error {
	_, err := h.sum(ctx, bounded(typed), h.decoy[:], memory, passes, lanes, hashLen)
	return err
}

// bounded is the form in which a typed password is compared. What cannot be a password is some text that is none.
func bounded(typed string) string {
	if len(typed) > MaxBytes {
		return ""
	}
	normal, err := precis.OpaqueString.String(typed)
	if err != nil {
		return ""
	}
	return normal
}

// sum hashes when there is room.
func (h *Hasher) sum(ctx context.Context, text string, salt []byte, memory, passes uint32, lanes uint8, length uint32) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(text), salt, passes, memory, lanes, length), nil
}

type params struct {
	memory, passes uint32
	lanes          uint8
	salt, hash     []byte
}

func parse(stored string) (p params, err error) {
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, ErrForm
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.lanes); err != nil || n != 3 {
		return p, ErrForm
	}
	if p.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil {
		return p, ErrForm
	}
	if p.hash, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil {
		return p, ErrForm
	}
	if p.memory == 0 || p.memory > maxMemory || p.passes == 0 || p.passes > maxPasses || p.lanes == 0 || len(p.salt) < 8 || len(p.hash) < 16 || len(p.hash) > 64 {
		return p, ErrForm
	}
	return p, nil
}
