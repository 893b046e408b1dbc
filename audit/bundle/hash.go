package bundle

import (
	"encoding/hex"
	"fmt"
)

// A Hash is a SHA-256: of a file, or a node of a tree. In JSON it is hex.
type Hash [32]byte

// String is the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes hex.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads 64 hex digits.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != 2*len(h) {
		return fmt.Errorf("a SHA-256 has 64 hex digits, not %d", len(b))
	}
	_, err := hex.Decode(h[:], b)
	return err
}
