package checkpoint

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"sync/atomic"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Signer signs what an instance says. It lies in a file, outside the database: who can write the database cannot sign.
// It is safe for concurrent use, and takes up another key of the same instance while it is used ([Signer.Renew]).
type Signer struct{ now atomic.Pointer[pair] }

// A pair is a key with what signs by it, and the keys by which the instance signed before, the newest first.
type pair struct {
	key     Key
	private ed25519.PrivateKey
	former  []Key
}

func signerOf(p pair) *Signer {
	s := &Signer{}
	s.now.Store(&p)
	return s
}

// Key is what auditors check its signatures by.
func (s *Signer) Key() Key { return s.now.Load().key }

// Keys are the present key and all former ones, the newest first: what the instance signed before stays signed.
func (s *Signer) Keys() []Key {
	p := s.now.Load()
	return append([]Key{p.key}, p.former...)
}

// Sign signs that a tree of the instance has so many leaves and that root.
func (s *Signer) Sign(tree string, size int64, root tlog.Hash) (Checkpoint, error) {
	p := s.now.Load()
	c := Checkpoint{Origin: p.key.Origin(tree), Size: size, Root: root}
	var err error
	c.Note, err = note.Sign(&note.Note{Text: text(c.Origin, size, root)}, signer{verifier{p.key.Of(tree)}, p.private})
	if err != nil {
		return c, fmt.Errorf("sign the checkpoint of %s: %w", c.Origin, err)
	}
	return c, nil
}

// signer is a key of one tree as notes take it.
type signer struct {
	verifier
	private ed25519.PrivateKey
}

func (s signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.private, msg), nil }

// Generate makes a new key of an instance of that name.
func Generate(name string) (*Signer, error) {
	if !isName(name) {
		return nil, fmt.Errorf("%q is no name of an instance: it has neither spaces nor +", name)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make an audit key: %w", err)
	}
	return signerOf(pair{key: Key{name, public}, private: private}), nil
}
