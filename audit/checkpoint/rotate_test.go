package checkpoint_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/checkpoint"
)

// kept is a key file with a new key in it.
func kept(t testing.TB) (path string, s *checkpoint.Signer) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit.key")
	s, _, err := checkpoint.Ensure(path, "annals.example")
	if err != nil {
		t.Fatal(err)
	}
	return path, s
}

// texts are the verifier keys of a signer as auditors get them.
func texts(s *checkpoint.Signer) (all []string) {
	for _, k := range s.Keys() {
		all = append(all, k.String())
	}
	return all
}

// After a rotation what either key signed can be checked by the keys of the file, and the former private key is gone.
func TestARotatedKeyKeepsTheFormerOnes(t *testing.T) {
	t.Parallel()
	path, running := kept(t)
	old := running.Key()
	before, err := running.Sign("workspace-fraud", 1, tlog.RecordHash(nil))
	if err != nil {
		t.Fatal(err)
	}
	private := strings.SplitN(string(running.File()), "\n", 2)[0]
	for n := 1; n <= 3; n++ {
		next, err := checkpoint.Rotate(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(file), private) || strings.Count(string(file), "PRIVATE") != 1 {
			t.Fatalf("the file is\n%s, %v", file, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("its mode is %v, %v", info.Mode(), err)
		}
		changed, err := running.Renew(path)
		if err != nil || !changed || !slices.Equal(texts(running), texts(next)) || len(running.Keys()) != n+1 || texts(running)[n] != old.String() {
			t.Fatalf("rotation %d: changed %t, %v: %v", n, changed, err, texts(running))
		}
		if changed, err := running.Renew(path); changed || err != nil {
			t.Errorf("looked at again: %t %v", changed, err)
		}
		after, err := running.Sign("workspace-fraud", 2, tlog.RecordHash(nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := checkpoint.Open(after.Note, old); !errors.Is(err, checkpoint.ErrSignature) {
			t.Errorf("by the first key: %v", err)
		}
		for _, c := range []checkpoint.Checkpoint{before, after} {
			if _, err := checkpoint.Open(c.Note, running.Keys()...); err != nil {
				t.Errorf("rotation %d: %v", n, err)
			}
		}
	}
	if rest, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".new-*")); err != nil || len(rest) > 0 {
		t.Errorf("left over: %v %v", rest, err)
	}
}

// However many rotate at once, none of the keys is lost: a server may have signed by any of them.
func TestRotationsAtOnceComeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	path, first := kept(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := []string{first.Key().String()}
	for range 8 {
		wg.Go(func() {
			s, err := checkpoint.Rotate(path)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			made = append(made, s.Key().String())
		})
	}
	wg.Wait()
	last, err := checkpoint.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	known := texts(last)
	slices.Sort(known)
	slices.Sort(made)
	if !slices.Equal(known, made) {
		t.Errorf("the file knows %v, and there were made %v", known, made)
	}
}

// A key that the one in use was not rotated to is not taken up, and neither is one that went back.
func TestAnotherKeyIsNotTakenUp(t *testing.T) {
	t.Parallel()
	path, running := kept(t)
	was := running.File()
	if _, err := checkpoint.Rotate(path); err != nil {
		t.Fatal(err)
	}
	if _, err := running.Renew(path); err != nil {
		t.Fatal(err)
	}
	now := running.Key().String()
	for name, content := range map[string][]byte{
		"the former one":              was,
		"another of the same name":    signer(t, "annals.example").File(),
		"that of another instance":    signer(t, "annals.elsewhere").File(),
		"nothing":                     {},
		"what is no key":              []byte("a text\n"),
		"a new one without the first": rotatedAlone(t),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if changed, err := running.Renew(path); err == nil || changed || running.Key().String() != now {
			t.Errorf("%s: %t %v", name, changed, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := running.Renew(path); err == nil {
		t.Error("a file that is away is fine")
	}
	if _, err := checkpoint.Rotate(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is away is rotated: %v", err)
	}
}

// rotatedAlone is a key that knows a former one, which is not the one in use.
func rotatedAlone(t testing.TB) []byte {
	t.Helper()
	next, err := signer(t, "annals.example").Rotated()
	if err != nil {
		t.Fatal(err)
	}
	return next.File()
}
