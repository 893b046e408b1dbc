package access

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"io"
	"math/big"
	"strings"
)

// A Kind says what a key was made for. It is part of the key's text, so that scanners and people see it.
type Kind string

// The kinds of keys.
const (
	Personal Kind = "pat" // a person's, on a laptop
	Service  Kind = "sa"  // a service's: CI, a dashboard
	Run      Kind = "run" // one run's, short-lived
	Ingest   Kind = "ing" // a producer's: it may send events in and nothing else
)

// Kinds are all there are.
var Kinds = []Kind{Personal, Service, Run, Ingest}

// The shape of a key: annals_KIND_ID_SECRETCHECK. Underscores let a double click take the whole of it.
const (
	prefix    = "annals_"
	idLength  = 12
	secretLen = 43 // base62 digits that hold 256 bits
	checkLen  = 6  // base62 digits that hold a CRC-32
	digits    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// A Key is the text of a key taken apart. Hash is the SHA-256 of the whole text, which is what is stored: 256 random
// bits need no slow hash.
type Key struct {
	Kind Kind
	ID   string
	Hash [sha256.Size]byte
}

// Mint makes a new key from 44 bytes of random. The text is for its holder alone and is not kept.
func Mint(kind Kind, random io.Reader) (text string, key Key, err error) {
	var secret [32]byte
	var id [idLength]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return "", Key{}, fmt.Errorf("draw a key: %w", err)
	}
	for i := range id {
		// rand.Int rejects what would favour some digits.
		n, err := rand.Int(random, big.NewInt(int64(len(digits))))
		if err != nil {
			return "", Key{}, fmt.Errorf("draw the id of a key: %w", err)
		}
		id[i] = digits[n.Int64()]
	}
	body := prefix + string(kind) + "_" + string(id[:]) + "_" + base62(new(big.Int).SetBytes(secret[:]), secretLen)
	text = body + checksum(body)
	key, err = Parse(text)
	return text, key, err
}

// Parse takes a key apart. It refuses, without asking anybody, what was cut, mistyped or never was a key:
// [ErrMalformed].
func Parse(text string) (Key, error) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return Key{}, ErrMalformed
	}
	kind, rest, ok := strings.Cut(rest, "_")
	if !ok || !known(Kind(kind)) || len(rest) != idLength+1+secretLen+checkLen || rest[idLength] != '_' {
		return Key{}, ErrMalformed
	}
	id, secret := rest[:idLength], rest[idLength+1:]
	if !alphanumeric(id) || !alphanumeric(secret) {
		return Key{}, ErrMalformed
	}
	body, check := text[:len(text)-checkLen], text[len(text)-checkLen:]
	if checksum(body) != check {
		return Key{}, ErrMalformed
	}
	return Key{Kind: Kind(kind), ID: id, Hash: sha256.Sum256([]byte(text))}, nil
}

func known(kind Kind) bool {
	for _, k := range Kinds {
		if k == kind {
			return true
		}
	}
	return false
}

func alphanumeric(s string) bool {
	for i := range len(s) {
		if strings.IndexByte(digits, s[i]) < 0 {
			return false
		}
	}
	return true
}

// checksum tells typing errors and cut copies from keys without a look-up.
func checksum(body string) string {
	return base62(big.NewInt(int64(crc32.ChecksumIEEE([]byte(body)))), checkLen)
}

// base62 writes n in that many digits.
func base62(n *big.Int, width int) string {
	out := []byte(strings.Repeat("0", width))
	base, digit := big.NewInt(int64(len(digits))), new(big.Int)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = digits[digit.Int64()]
	}
	return string(out)
}
