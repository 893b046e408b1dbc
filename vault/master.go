package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// LocalKEK is the address of no service: master.json lies in the directory as it is, readable by its owner alone.
const LocalKEK = "file"

// ErrSealed says that the service that holds the key of the keys cannot be asked now: nothing sealed can be read, and
// nothing sealed anew, until it answers.
var ErrSealed = errors.New("the service with the key that wraps the others cannot be asked")

// wrappedMaster is master.json where a service wraps it.
type wrappedMaster struct {
	KEK    string `json:"kek"`    // address
	Keyset []byte `json:"keyset"` // what the service made of the keyset's JSON
}

// aboutMaster is bound to what a service wraps: it is good for nothing else.
var aboutMaster = []byte("annals vault master")

// A master is the keyset that wraps the subjects' keys, as it was last read.
type master struct {
	file   []byte // as it was read: another content is another keyset
	kek    string
	handle *keyset.Handle
	key    tink.AEAD
}

func (k *Keys) masterPath() string { return filepath.Join(k.dir, "master.json") }

// retryAfter is how long a service that did not answer is left alone.
const retryAfter = time.Second

// reload reads the master keyset where it is another one than is known. k.mu is held.
func (k *Keys) reload() error {
	if k.failed != nil && time.Since(k.failedAt) < retryAfter {
		return k.failed
	}
	file, err := readOwn(k.masterPath())
	if err != nil {
		return err
	}
	if k.master.key != nil && bytes.Equal(file, k.master.file) {
		return nil
	}
	m, err := k.unwrap(file)
	if k.failed = nil; errors.Is(err, ErrSealed) {
		k.failed, k.failedAt = err, time.Now()
	}
	if err != nil {
		return err
	}
	k.master = m
	return nil
}

// unwrap reads a master keyset, with the help of the service that wraps it.
func (k *Keys) unwrap(file []byte) (master, error) {
	m := master{file: file, kek: LocalKEK}
	var w wrappedMaster
	plain := file
	if json.Unmarshal(file, &w) == nil && w.KEK != "" {
		m.kek = w.KEK
		kek, err := k.open(w.KEK)
		if err != nil {
			return m, err
		}
		if plain, err = kek.Decrypt(w.Keyset, aboutMaster); err != nil {
			return m, fmt.Errorf("%w: %s: %w", ErrSealed, w.KEK, err)
		}
	}
	var err error
	if m.handle, err = insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(plain))); err == nil {
		m.key, err = aead.New(m.handle)
	}
	return m, err
}

// wrap is the content of master.json for a keyset.
func (k *Keys) wrap(h *keyset.Handle, kek string) ([]byte, error) {
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&b)); err != nil {
		return nil, err
	}
	if kek == LocalKEK {
		return b.Bytes(), nil
	}
	key, err := k.open(kek)
	if err != nil {
		return nil, err
	}
	sealed, err := key.Encrypt(b.Bytes(), aboutMaster)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrSealed, kek, err)
	}
	return json.Marshal(wrappedMaster{kek, sealed})
}

// open is the key of a service.
func (k *Keys) open(kek string) (tink.AEAD, error) {
	if k.service == nil {
		return nil, fmt.Errorf("the keys are wrapped by %s, which this program cannot ask", kek)
	}
	return k.service(kek)
}

// makeMaster makes the master keyset where there is none.
func (k *Keys) makeMaster(kek string) error {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	content, err := k.wrap(h, kek)
	if err != nil {
		return err
	}
	return create(k.masterPath(), content)
}

// readOwn reads a file that nobody but its owner can.
func readOwn(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("mode %#o lets others read it; make it 0600 if nobody did, or replace it", info.Mode().Perm())
	}
	return os.ReadFile(path)
}

// exists says whether there is a file.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
