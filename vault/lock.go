package vault

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// locked does something while no other process writes keys here. It is the file that is locked, so that a process which
// dies holds nothing.
func (k *Keys) locked(do func() error) error {
	f, err := os.OpenFile(filepath.Join(k.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the keys: %w", err)
	}
	defer f.Close() // which unlocks it
	for {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("lock the keys: %w", err)
	}
	return do()
}

// replace puts a new content in a file's place, whole or not at all and durably.
func replace(path string, content []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write a key: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	for _, done := range []func() error{tmp.Sync, tmp.Close} {
		if failed := done(); err == nil {
			err = failed
		}
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write a key: %w", err)
	}
	return syncDir(dir)
}
