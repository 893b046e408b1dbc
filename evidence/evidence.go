package evidence

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// SaltSize is the length of a salt in bytes: enough that nobody tries them all for a guessed text.
const SaltSize = 16

// New makes evidence of a body, under a fresh salt. It keeps the bytes, it does not copy them.
func New(body []byte) eventstore.Evidence {
	e, err := NewFrom(rand.Reader, body)
	if err != nil {
		panic(err) // crypto/rand does not fail: it ends the process itself
	}
	return e
}

// NewFrom is [New] with the salt taken from a reader, for tests that need the same digest twice.
func NewFrom(random io.Reader, body []byte) (eventstore.Evidence, error) {
	salt := make([]byte, SaltSize)
	if _, err := io.ReadFull(random, salt); err != nil {
		return eventstore.Evidence{}, fmt.Errorf("draw a salt: %w", err)
	}
	return eventstore.Evidence{Digest: Digest(salt, body), Salt: salt, Bytes: body}, nil
}

// Digest is what an event carries of its evidence: SHA-256 of the salt, then the bytes.
func Digest(salt, body []byte) (d domain.Digest) {
	h := sha256.New()
	h.Write(salt)
	h.Write(body)
	h.Sum(d[:0])
	return d
}

// Intact says whether the evidence is what its digest says.
func Intact(e eventstore.Evidence) bool { return Digest(e.Salt, e.Bytes) == e.Digest }
