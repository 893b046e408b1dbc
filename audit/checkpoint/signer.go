package checkpoint

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Signer signs what an instance says. It lies in a file, outside the database: who can write the database cannot sign.
type Signer struct {
	key     Key
	private ed25519.PrivateKey
	former  []Key // by which the instance signed before
}

// Key is what auditors check its signatures by.
func (s *Signer) Key() Key { return s.key }

// Keys are the present key and all former ones: what the instance signed before stays signed.
func (s *Signer) Keys() []Key { return append([]Key{s.key}, s.former...) }

// Sign signs that a tree of the instance has so many leaves and that root.
func (s *Signer) Sign(tree string, size int64, root tlog.Hash) (Checkpoint, error) {
	c := Checkpoint{Origin: s.key.Origin(tree), Size: size, Root: root}
	var err error
	c.Note, err = note.Sign(&note.Note{Text: text(c.Origin, size, root)}, signer{verifier{s.key.Of(tree)}, s.private})
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
	return &Signer{key: Key{name, public}, private: private}, nil
}

// privatePrefix begins the line of a private key, as x/mod's notes write it.
const privatePrefix = "PRIVATE+KEY+"

// File is the signer as it is kept: the private key (PRIVATE+KEY+NAME+HASH+KEY), then former verifier keys, a line each.
func (s *Signer) File() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s+%08x+%s\n", privatePrefix, s.key.Name, s.key.hash(), base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, s.private.Seed()...)))
	for _, k := range s.former {
		b.WriteString(k.String() + "\n")
	}
	return []byte(b.String())
}

// ParseSigner reads what [Signer.File] wrote. Its errors tell nothing of the key.
func ParseSigner(file []byte) (*Signer, error) {
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")
	parts := strings.Split(strings.TrimPrefix(lines[0], privatePrefix), "+")
	if !strings.HasPrefix(lines[0], privatePrefix) || len(parts) < 3 {
		return nil, errors.New("its first line is no private key")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(parts[2:], "+"))
	if err != nil || len(raw) != 1+ed25519.SeedSize || raw[0] != algEd25519 || !isName(parts[0]) {
		return nil, errors.New("its first line is no private key")
	}
	s := &Signer{private: ed25519.NewKeyFromSeed(raw[1:])}
	s.key = Key{parts[0], s.private.Public().(ed25519.PublicKey)}
	if fmt.Sprintf("%08x", s.key.hash()) != parts[1] {
		return nil, errors.New("its first line is damaged")
	}
	for _, line := range lines[1:] {
		k, err := ParseKey(line)
		if err != nil || k.Name != s.key.Name {
			return nil, errors.New("below the private key stand former verifier keys of the same name, a line each")
		}
		s.former = append(s.former, k)
	}
	return s, nil
}

// Rotated is a new key under the same name, which knows the former ones.
func (s *Signer) Rotated() (*Signer, error) {
	next, err := Generate(s.key.Name)
	if err != nil {
		return nil, err
	}
	next.former = s.Keys()
	return next, nil
}

// Load reads the signer of an instance from its file. A file that others than its owner can read is refused.
func Load(path string) (*Signer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the audit key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("read the audit key: %s has mode %#o and others can read it; make it 0600 if nobody did, or replace it", path, info.Mode().Perm())
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the audit key: %w", err)
	}
	s, err := ParseSigner(file)
	if err != nil {
		return nil, fmt.Errorf("read the audit key %s: %w", path, err)
	}
	return s, nil
}

// Ensure reads the signer of an instance from its file, and makes one of that name where there is none. Of two processes
// that make it at once, both use the one that came first.
func Ensure(path, name string) (s *Signer, made bool, err error) {
	s, err = Load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, false, err
	}
	if s, err = Generate(name); err != nil {
		return nil, false, err
	}
	if err := create(path, s.File()); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, false, fmt.Errorf("keep the audit key: %w", err)
	}
	s, err = Load(path)
	return s, err == nil, err
}

// create writes a new file whole and durably, for its owner alone, and fails where there is one.
func create(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
