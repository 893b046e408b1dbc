package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func open(t *testing.T, dir string) *Keys {
	t.Helper()
	k, err := Open(dir)
	if err != nil {
		t.Fatalf("open the keys: %v", err)
	}
	return k
}

func TestSealAndReveal(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	first := open(t, dir)
	a, err := first.Seal("account-1", "Ada Lovelace")
	if err != nil {
		t.Fatal(err)
	}
	b, err := first.Seal("account-1", "Ada Lovelace")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a.Sealed, b.Sealed) || bytes.Contains(a.Sealed, []byte("Ada")) {
		t.Error("the sealed bytes tell something about the value")
	}
	if got, err := open(t, dir).Reveal(a); got != "Ada Lovelace" || err != nil {
		t.Errorf("another process reveals %q, %v", got, err)
	}
	a.Subject = "account-2"
	if got, err := first.Reveal(a); !errors.Is(err, ErrErased) {
		t.Errorf("under another subject: %q, %v", got, err)
	}
	if _, err := first.Seal("account-2", "x"); err != nil {
		t.Fatal(err)
	}
	if got, err := first.Reveal(a); err == nil {
		t.Errorf("opened with another subject's key: %q", got)
	}
}

func TestDestroy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k, other := open(t, dir), open(t, dir)
	sealed, err := k.Seal("account-1", "Ada")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Reveal(sealed); err != nil {
		t.Fatalf("before: %v", err)
	}
	if err := k.Destroy("account-1"); err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string]*Keys{"here": k, "in a process that had it cached": other, "later": open(t, dir)} {
		if got, err := keys.Reveal(sealed); !errors.Is(err, ErrErased) {
			t.Errorf("%s: revealed %q, %v", name, got, err)
		}
	}
	if err := k.Destroy("account-1"); err != nil {
		t.Errorf("destroyed twice: %v", err)
	}
	if _, err := other.Seal("account-1", "Ada"); err != nil {
		t.Errorf("sealed again: %v", err)
	}
	if got, err := k.Reveal(sealed); err == nil {
		t.Errorf("a new key opened what was sealed under the destroyed one: %q", got)
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := open(t, dir).Seal("account-1", "Ada"); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		info, err := d.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil || files != 3 {
		t.Errorf("%d files, %v; want the master key, one subject's and the lock", files, err)
	}
	if err := os.Chmod(filepath.Join(dir, "master.json"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a master key that others can read was taken")
	}
}

func TestMasterKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := make([]*Keys, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			k, err := Open(dir)
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			keys[i] = k
		})
	}
	wg.Wait()
	sealed, err := keys[0].Seal("account-1", "Ada")
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		if got, err := k.Reveal(sealed); got != "Ada" || err != nil {
			t.Errorf("opener %d has another key: %q, %v", i, got, err)
		}
	}
}
