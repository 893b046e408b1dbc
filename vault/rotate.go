package vault

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// A Rotation is what a rotation came to.
type Rotation struct {
	KEK     string // that wraps the master keyset now
	Wrapped int    // subjects' keys that were wrapped anew
	Left    int    // those that cannot be: an early form, which does not say whose they are; the old master key is kept for them
}

// Rotate makes a new master key and has it wrap all subjects' keys; the keyset is wrapped by kek from now on, or, where that
// is empty, by what wraps it now. progress, where it is not nil, is told how many of the subjects' keys are done.
//
// Servers may run meanwhile: until the end the keyset holds both master keys, so that what is wrapped by either can be read.
// A rotation that is interrupted anywhere is carried on by the next call, which makes no third key.
func (k *Keys) Rotate(ctx context.Context, kek string, progress func(done, total int)) (Rotation, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var r Rotation
	if err := k.locked(func() error { return k.begin(kek) }); err != nil {
		return r, fmt.Errorf("make a new master key: %w", err)
	}
	old, err := k.wrappedByOld()
	if err != nil {
		return r, fmt.Errorf("look for keys to wrap anew: %w", err)
	}
	for i, path := range old {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		done := false
		err := k.locked(func() (err error) { done, err = k.wrapOne(path); return err })
		if err != nil {
			return r, fmt.Errorf("wrap %s anew: %w", path, err)
		}
		if done {
			r.Wrapped++
		}
		if progress != nil {
			progress(i+1, len(old))
		}
	}
	r.KEK = k.master.kek
	// Every process reads the newest keyset before it makes a key, under the same lock: from here on there is nothing new that
	// an old key wrapped.
	err = k.locked(func() error {
		left, err := k.wrappedByOld()
		if r.Left = len(left); err != nil || r.Left > 0 {
			return err
		}
		return k.end()
	})
	if err != nil {
		return r, fmt.Errorf("forget the old master key: %w", err)
	}
	return r, nil
}

// begin adds a new key, unless there is one from a rotation that was interrupted, and has the keyset wrapped by kek.
func (k *Keys) begin(kek string) error {
	if err := k.reload(); err != nil {
		return err
	}
	if kek == "" {
		kek = k.master.kek
	}
	handle := k.master.handle
	if handle.Len() > 1 && kek == k.master.kek {
		return nil
	}
	if handle.Len() == 1 {
		m := keyset.NewManagerFromHandle(handle)
		id, err := m.Add(aead.AES256GCMKeyTemplate())
		if err == nil {
			err = m.SetPrimary(id)
		}
		if err == nil {
			handle, err = m.Handle()
		}
		if err != nil {
			return err
		}
	}
	return k.put(handle, kek)
}

// put writes the master keyset.
func (k *Keys) put(h *keyset.Handle, kek string) error {
	content, err := k.wrap(h, kek)
	if err == nil {
		err = replace(k.masterPath(), content)
	}
	if err != nil {
		return err
	}
	return k.reload()
}

// end forgets all keys but the newest.
func (k *Keys) end() error {
	m := keyset.NewManagerFromHandle(k.master.handle)
	primary := k.master.handle.KeysetInfo().GetPrimaryKeyId()
	for _, info := range k.master.handle.KeysetInfo().GetKeyInfo() {
		if id := info.GetKeyId(); id != primary {
			if err := m.Delete(id); err != nil {
				return err
			}
		}
	}
	handle, err := m.Handle()
	if err != nil {
		return err
	}
	return k.put(handle, k.master.kek)
}

// wrapping is a keyset that is wrapped, as Tink writes it.
type wrapping struct {
	Encrypted []byte          `json:"encryptedKeyset"`
	Info      json.RawMessage `json:"keysetInfo,omitempty"`
}

// by is the id of the master key that wrapped it: Tink writes it before what it encrypts.
func (w wrapping) by() (uint32, error) {
	if len(w.Encrypted) < 5 {
		return 0, errors.New("it is cut")
	}
	return binary.BigEndian.Uint32(w.Encrypted[1:5]), nil
}

// wrappedByOld are the files of keys that an older master key than the newest wrapped.
func (k *Keys) wrappedByOld() (old []string, err error) {
	entries, err := os.ReadDir(filepath.Join(k.dir, "subjects"))
	if err != nil {
		return nil, err
	}
	primary := k.master.handle.KeysetInfo().GetPrimaryKeyId()
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue // one that a process which died was about to write
		}
		path := filepath.Join(k.dir, "subjects", e.Name())
		_, w, err := readSubject(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was destroyed
		}
		var by uint32
		if err == nil {
			by, err = w.by()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if by != primary {
			old = append(old, path)
		}
	}
	return old, nil
}

func readSubject(path string) (s subjectFile, w wrapping, err error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return s, w, err
	}
	if s, err = parseSubject(file); err == nil {
		err = json.Unmarshal(s.Keyset, &w)
	}
	return s, w, err
}

// wrapOne wraps one subject's key anew. What was destroyed meanwhile stays so: the directory is locked.
func (k *Keys) wrapOne(path string) (done bool, err error) {
	s, w, err := readSubject(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && s.Subject == "" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	plain, err := k.master.key.Decrypt(w.Encrypted, []byte(s.Subject))
	if err != nil {
		return false, err
	}
	if w.Encrypted, err = k.master.key.Encrypt(plain, []byte(s.Subject)); err != nil {
		return false, err
	}
	if s.Keyset, err = json.Marshal(w); err != nil {
		return false, err
	}
	content, err := json.Marshal(s)
	if err != nil {
		return false, err
	}
	return true, replace(path, content)
}
