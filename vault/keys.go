package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/annals-io/annals/domain"
)

// ErrErased says that a subject's key was destroyed, or never was: what was sealed for it cannot be read again.
var ErrErased = errors.New("the key of this subject is gone")

// Keys seals and opens values with the keys of one directory. It is safe for concurrent use, also by several
// processes on one machine.
type Keys struct {
	dir    string
	master tink.AEAD

	mu       sync.Mutex
	subjects map[string]unwrapped // a cache, emptied when it is full
}

// unwrapped is a subject's key and the file it came from: a file that changed is another key.
type unwrapped struct {
	file []byte
	key  tink.AEAD
}

// maxCached bounds the cache of subjects' keys.
const maxCached = 10_000

// Open reads the keys of a directory, and makes the directory and its master key when there are none yet. Files that
// others than their owner can read are refused: they may have been.
func Open(dir string) (*Keys, error) {
	if err := os.MkdirAll(filepath.Join(dir, "subjects"), 0o700); err != nil {
		return nil, fmt.Errorf("make the key directory: %w", err)
	}
	path := filepath.Join(dir, "master.json")
	handle, err := readMaster(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeMaster(path); err == nil {
			handle, err = readMaster(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the master key %s: %w", path, err)
	}
	master, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("open the master key %s: %w", path, err)
	}
	return &Keys{dir: dir, master: master, subjects: map[string]unwrapped{}}, nil
}

// Seal makes a value readable only with the subject's key, which it makes at the first use. The same value sealed
// twice gives different bytes.
func (k *Keys) Seal(subject, value string) (domain.Personal, error) {
	key, err := k.subject(subject, true)
	if err != nil {
		return domain.Personal{}, fmt.Errorf("seal for a subject: %w", err)
	}
	sealed, err := key.Encrypt([]byte(value), []byte(subject))
	if err != nil {
		return domain.Personal{}, fmt.Errorf("seal for a subject: %w", err)
	}
	return domain.Personal{Subject: subject, Sealed: sealed}, nil
}

// Reveal opens what was sealed. A destroyed key is [ErrErased].
func (k *Keys) Reveal(p domain.Personal) (string, error) {
	key, err := k.subject(p.Subject, false)
	if err != nil {
		return "", fmt.Errorf("open a sealed value: %w", err)
	}
	value, err := key.Decrypt(p.Sealed, []byte(p.Subject))
	if err != nil {
		return "", fmt.Errorf("open a sealed value: %w", err)
	}
	return string(value), nil
}

// Has says whether a subject has a key.
func (k *Keys) Has(subject string) bool {
	_, err := os.Stat(k.path(subject))
	return err == nil
}

// Destroy removes a subject's key for good. It is no error when there is none.
func (k *Keys) Destroy(subject string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.subjects, subject)
	path := k.path(subject)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("destroy a subject's key: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// subject is the key of a subject. What another process destroyed is gone here at once: the file is looked at each
// time, only its unwrapping is spared.
func (k *Keys) subject(name string, create bool) (tink.AEAD, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	path := k.path(name)
	wrapped, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, ErrErased
		}
		if err = k.makeSubject(path, name); err == nil {
			wrapped, err = os.ReadFile(path)
		}
	}
	if err != nil {
		return nil, err
	}
	if known := k.subjects[name]; known.key != nil && bytes.Equal(known.file, wrapped) {
		return known.key, nil
	}
	handle, err := keyset.ReadWithAssociatedData(keyset.NewJSONReader(bytes.NewReader(wrapped)), k.master, []byte(name))
	if err != nil {
		return nil, fmt.Errorf("unwrap %s: %w", path, err)
	}
	key, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("unwrap %s: %w", path, err)
	}
	if len(k.subjects) >= maxCached {
		clear(k.subjects)
	}
	k.subjects[name] = unwrapped{wrapped, key}
	return key, nil
}

func (k *Keys) makeSubject(path, name string) error {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := handle.WriteWithAssociatedData(keyset.NewJSONWriter(&b), k.master, []byte(name)); err != nil {
		return err
	}
	return create(path, b.Bytes())
}

func (k *Keys) path(subject string) string {
	digest := sha256.Sum256([]byte(subject))
	return filepath.Join(k.dir, "subjects", hex.EncodeToString(digest[:])+".json")
}

func makeMaster(path string) error {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&b)); err != nil {
		return err
	}
	return create(path, b.Bytes())
}

func readMaster(path string) (*keyset.Handle, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("mode %#o lets others read it; make it 0600 if nobody did, or replace it", info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(b)))
}
