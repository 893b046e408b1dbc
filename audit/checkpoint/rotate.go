package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Rotated is a new key under the same name, which knows the former ones.
func (s *Signer) Rotated() (*Signer, error) {
	before := s.now.Load()
	next, err := Generate(before.key.Name)
	if err != nil {
		return nil, err
	}
	p := *next.now.Load()
	p.former = append([]Key{before.key}, before.former...)
	return signerOf(p), nil
}

// follows says whether a signer is what another one became by rotating: it knows all of its keys.
func (s *Signer) follows(earlier *Signer) bool {
	keys, had := s.Keys(), earlier.Keys()
	return len(keys) >= len(had) && slices.EqualFunc(keys[len(keys)-len(had):], had, Key.same)
}

// same says whether two keys are one.
func (k Key) same(other Key) bool { return k.Name == other.Name && bytes.Equal(k.public, other.public) }

// Rotate puts a new key into a signer's file, for good, and answers it: the private key that was there is gone, and its
// verifier key stands among the former ones. Killed at any moment it leaves the one or the other, whole. Two at once come
// one after the other.
func Rotate(path string) (*Signer, error) {
	unlock, err := lockDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("rotate the audit key: %w", err)
	}
	defer unlock()
	now, err := Load(path)
	if err != nil {
		return nil, err
	}
	next, err := now.Rotated()
	if err != nil {
		return nil, err
	}
	if err := replace(path, next.File()); err != nil {
		return nil, fmt.Errorf("rotate the audit key: %w", err)
	}
	return next, nil
}

// lockDir keeps others from rotating keys in a directory.
func lockDir(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		if err = syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return func() { d.Close() }, nil
}

// replace writes a file anew, whole and durably, for whom it belonged to.
func replace(path string, content []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	tmp, err := write(path, content)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if was, ok := info.Sys().(*syscall.Stat_t); ok && int(was.Uid) != os.Geteuid() { // an operator rotates, and a server reads
		if err := os.Chown(tmp, int(was.Uid), int(was.Gid)); err != nil {
			return err
		}
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// ErrOtherKey says that a file holds the key of something else.
var ErrOtherKey = errors.New("it is no key that the one in use was rotated to")

// Renew takes up the key in a signer's file, if it is one that this one was rotated to, and says whether it is another one
// now. A file that holds anything else changes nothing ([ErrOtherKey]).
func (s *Signer) Renew(path string) (bool, error) {
	there, err := Load(path)
	if err != nil {
		return false, err
	}
	if there.Key().same(s.Key()) {
		return false, nil
	}
	if !there.follows(s) {
		return false, fmt.Errorf("take up the audit key in %s: %w", path, ErrOtherKey)
	}
	s.now.Store(there.now.Load())
	return true, nil
}
