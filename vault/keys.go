package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/annals-io/annals/domain"
)

// ErrErased says that a subject's key was destroyed, or never was: what was sealed for it cannot be read again.
var ErrErased = errors.New("the key of this subject is gone")

// Keys seals and opens values with the keys of one directory. It is safe for concurrent use, also by several
// processes on one machine.
type Keys struct {
	dir     string
	service func(kek string) (tink.AEAD, error)

	mu       sync.Mutex // before the lock of the directory, where both are held
	master   master
	failed   error // of the last try to ask the service, at failedAt
	failedAt time.Time
	subjects map[string]unwrapped // a cache, emptied when it is full
}

// unwrapped is a subject's key and the file it came from: a file that changed is another key.
type unwrapped struct {
	file []byte
	key  tink.AEAD
}

// maxCached bounds the cache of subjects' keys.
const maxCached = 10_000

// Config says where keys lie, and what wraps them.
type Config struct {
	Dir string
	// KEK is the address of the key that wraps the master keyset, or [LocalKEK]; empty: whatever wraps it now, and where there
	// is none yet, nothing does but the file's mode.
	KEK string
	// Service is the key at an address, in a service; nil: only local keys are opened.
	Service func(kek string) (tink.AEAD, error)
}

// Open reads the keys of a directory that no service wraps; see [OpenWith].
func Open(dir string) (*Keys, error) { return OpenWith(Config{Dir: dir}) }

// OpenWith reads the keys of a directory, and makes the directory and its master keyset when there are none yet. Files that
// others than their owner can read are refused: they may have been. A service that does not answer is no error where there
// are keys already: they are sealed until it does ([Keys.Ready]).
func OpenWith(c Config) (*Keys, error) {
	if err := os.MkdirAll(filepath.Join(c.Dir, "subjects"), 0o700); err != nil {
		return nil, fmt.Errorf("make the key directory: %w", err)
	}
	k := &Keys{dir: c.Dir, service: c.Service, subjects: map[string]unwrapped{}}
	if !exists(k.masterPath()) {
		kek := c.KEK
		if kek == "" {
			kek = LocalKEK
		}
		if err := k.makeMaster(kek); err != nil {
			return nil, fmt.Errorf("make the master key %s: %w", k.masterPath(), err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.reload(); err != nil && !errors.Is(err, ErrSealed) {
		return nil, fmt.Errorf("open the master key %s: %w", k.masterPath(), err)
	}
	if is, err := k.wrappedWith(); err != nil {
		return nil, err
	} else if c.KEK != "" && is != c.KEK {
		return nil, fmt.Errorf("the keys in %s are wrapped by %s, not by %s: `annals vault rotate --kek %s` has another wrap them", c.Dir, is, c.KEK, c.KEK)
	}
	return k, nil
}

// Ready says whether keys can be used now; the error is [ErrSealed] where the service with the key of the keys does not
// answer. It tries again at most once a second.
func (k *Keys) Ready() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.reload()
}

// wrappedWith is the address of what wraps the master keyset.
func (k *Keys) wrappedWith() (string, error) {
	file, err := readOwn(k.masterPath())
	if err != nil {
		return "", fmt.Errorf("open the master key %s: %w", k.masterPath(), err)
	}
	var w wrappedMaster
	if json.Unmarshal(file, &w) == nil && w.KEK != "" {
		return w.KEK, nil
	}
	return LocalKEK, nil
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
func (k *Keys) Has(subject string) bool { return exists(k.path(subject)) }

// Destroy removes a subject's key for good. It is no error when there is none. No service is asked.
func (k *Keys) Destroy(subject string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.subjects, subject)
	path := k.path(subject)
	return k.locked(func() error {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("destroy a subject's key: %w", err)
		}
		return syncDir(filepath.Dir(path))
	})
}

// subject is the key of a subject. What another process destroyed is gone here at once: the file is looked at each
// time, only its unwrapping is spared.
func (k *Keys) subject(name string, create bool) (tink.AEAD, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	path := k.path(name)
	file, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, ErrErased
		}
		if err = k.locked(func() error { return k.makeSubject(path, name) }); err == nil {
			file, err = os.ReadFile(path)
		}
	}
	if err != nil {
		return nil, err
	}
	if known := k.subjects[name]; known.key != nil && bytes.Equal(known.file, file) {
		return known.key, nil
	}
	if err := k.reload(); err != nil {
		return nil, err
	}
	stored, err := parseSubject(file)
	if err != nil {
		return nil, fmt.Errorf("unwrap %s: %w", path, err)
	}
	handle, err := keyset.ReadWithAssociatedData(keyset.NewJSONReader(bytes.NewReader(stored.Keyset)), k.master.key, []byte(name))
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
	k.subjects[name] = unwrapped{file, key}
	return key, nil
}

// makeSubject makes a subject's key. The directory is locked: the master keyset is the newest there is.
func (k *Keys) makeSubject(path, name string) error {
	if err := k.reload(); err != nil {
		return err
	}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := handle.WriteWithAssociatedData(keyset.NewJSONWriter(&b), k.master.key, []byte(name)); err != nil {
		return err
	}
	content, err := json.Marshal(subjectFile{name, b.Bytes()})
	if err != nil {
		return err
	}
	return create(path, content)
}

func (k *Keys) path(subject string) string {
	digest := sha256.Sum256([]byte(subject))
	return filepath.Join(k.dir, "subjects", hex.EncodeToString(digest[:])+".json")
}

// subjectFile is a subject's key as it lies in its file. The name binds the wrapping: it is needed to wrap the key anew.
type subjectFile struct {
	Subject string          `json:"subject"` // an id
	Keyset  json.RawMessage `json:"keyset"`  // as Tink writes one that is wrapped
}

// parseSubject reads a file. Those from before subjects were named in it are the keyset alone.
func parseSubject(file []byte) (subjectFile, error) {
	var s subjectFile
	if err := json.Unmarshal(file, &s); err != nil {
		return s, err
	}
	if s.Keyset == nil {
		s.Keyset = file
	}
	return s, nil
}
