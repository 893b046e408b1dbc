package domain

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// A Digest is a SHA-256: of a request's canonical form, or of salt and bytes of evidence. In JSON it is hex.
type Digest [32]byte

// String is the digest in hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Compare orders digests by their bytes.
func (d Digest) Compare(e Digest) int { return bytes.Compare(d[:], e[:]) }

// MarshalText writes hex.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads 64 hex digits.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) != 2*len(d) {
		return fmt.Errorf("a digest has 64 hex digits, not %d", len(b))
	}
	_, err := hex.Decode(d[:], b)
	return err
}
