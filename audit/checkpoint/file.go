package checkpoint

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// privatePrefix begins the line of a private key, as x/mod's notes write it.
const privatePrefix = "PRIVATE+KEY+"

// File is the signer as it is kept: the private key (PRIVATE+KEY+NAME+HASH+KEY), then former verifier keys, a line each, the
// newest first.
func (s *Signer) File() []byte {
	p := s.now.Load()
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s+%08x+%s\n", privatePrefix, p.key.Name, p.key.hash(), base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, p.private.Seed()...)))
	for _, k := range p.former {
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
	p := pair{private: ed25519.NewKeyFromSeed(raw[1:])}
	p.key = Key{parts[0], p.private.Public().(ed25519.PublicKey)}
	if fmt.Sprintf("%08x", p.key.hash()) != parts[1] {
		return nil, errors.New("its first line is damaged")
	}
	for _, line := range lines[1:] {
		k, err := ParseKey(line)
		if err != nil || k.Name != p.key.Name {
			return nil, errors.New("below the private key stand former verifier keys of the same name, a line each")
		}
		p.former = append(p.former, k)
	}
	return signerOf(p), nil
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
	tmp, err := write(path, content)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if err := os.Link(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// write writes a file durably beside its place, for its owner alone, and answers where it lies.
func write(path string, content []byte) (string, error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = tmp.Write(content)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		os.Remove(tmp.Name())
		return "", err
	}
	return tmp.Name(), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
