package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/tree"
)

func signer(t testing.TB, name string) *checkpoint.Signer {
	t.Helper()
	s, err := checkpoint.Generate(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// receipt is one of leaf index in a tree of size leaves.
func receipt(t testing.TB, s *checkpoint.Signer, size, index int64) checkpoint.Proof {
	t.Helper()
	var f tree.Frontier
	tiles := map[[2]int64][]byte{}
	for i := range size {
		f.Add(tlog.RecordHash(fmt.Append(nil, "leaf ", i)), func(n tree.Node) {
			key := [2]int64{int64(n.Level), n.N >> tree.Height}
			tiles[key] = append(tiles[key], n.Hash[:]...)
		})
	}
	c, err := s.Sign("workspace-fraud", size, f.Root())
	if err != nil {
		t.Fatal(err)
	}
	p := checkpoint.Proof{Index: index, Extra: fmt.Append(nil, "leaf ", index), Checkpoint: c.Note}
	p.Hashes, err = tlog.ProveRecord(size, index, &tree.Reader{Tiles: func(level int, n int64) ([]byte, error) { return tiles[[2]int64{int64(level), n}], nil }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// holds says whether bytes are a receipt of the leaf that they carry.
func holds(b []byte, keys ...checkpoint.Key) error {
	p, err := checkpoint.ParseProof(b)
	if err != nil {
		return err
	}
	_, err = p.Check(tlog.RecordHash(p.Extra), keys...)
	return err
}

// Whatever bit of a receipt is flipped, in the leaf, its index, the path, the size, the root or the signature: it proves
// nothing any more.
func TestAnyBitFlippedInAReceiptFails(t *testing.T) {
	t.Parallel()
	s := signer(t, "annals.example")
	for _, at := range [][2]int64{{1, 0}, {2, 1}, {300, 299}, {1000, 511}} {
		b := receipt(t, s, at[0], at[1]).Bytes()
		if err := holds(b, s.Key()); err != nil {
			t.Fatalf("leaf %d of %d: %v", at[1], at[0], err)
		}
		for bit := range 8 * len(b) {
			b[bit/8] ^= 1 << (bit % 8)
			if holds(b, s.Key()) == nil {
				t.Errorf("leaf %d of %d: with bit %d of byte %d flipped it still holds:\n%q", at[1], at[0], bit%8, bit/8, b)
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// No other bytes than those that were given out are a receipt.
func FuzzReceipt(f *testing.F) {
	s := signer(f, "annals.example")
	genuine := receipt(f, s, 300, 299).Bytes()
	f.Add(genuine)
	f.Add(bytes.Replace(genuine, []byte("index 299"), []byte("index 0299"), 1))
	f.Add(append(bytes.Clone(genuine), '\n'))
	f.Fuzz(func(t *testing.T, b []byte) {
		if holds(b, s.Key()) == nil && !bytes.Equal(b, genuine) {
			t.Fatalf("these bytes hold as well: %q", b)
		}
	})
}

// The format is that of signed notes: x/mod's own reader takes ours by the key of the tree's origin, and ours takes its keys.
func TestNotesAreThoseOfOthers(t *testing.T) {
	t.Parallel()
	s := signer(t, "annals.example")
	c, err := s.Sign("workspace-fraud", 7, tlog.RecordHash(nil))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := note.NewVerifier(s.Key().Of("workspace-fraud").String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(c.Note, note.VerifierList(theirs))
	if err != nil || !strings.HasPrefix(n.Text, "annals.example/workspace-fraud\n7\n") || n.Sigs[0].Name != "annals.example/workspace-fraud" {
		t.Errorf("%v %+v", err, n)
	}
	_, vkey, err := note.GenerateKey(nil, "annals.example")
	if err == nil {
		if k, err := checkpoint.ParseKey(vkey); err != nil || k.String() != vkey {
			t.Errorf("%s is read as %s, %v", vkey, k, err)
		}
	}
	if _, err := checkpoint.Open(c.Note, signer(t, "annals.example").Key()); !errors.Is(err, checkpoint.ErrSignature) {
		t.Errorf("by another key: %v", err)
	}
	if _, err := checkpoint.Open(c.Note, signer(t, "annals.elsewhere").Key()); !errors.Is(err, checkpoint.ErrSignature) {
		t.Errorf("by another instance's key: %v", err)
	}
}

func TestAKeyFileIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.key")
	first, made, err := checkpoint.Ensure(path, "annals.example")
	if err != nil || !made {
		t.Fatal(made, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	again, made, err := checkpoint.Ensure(path, "another name")
	if err != nil || made || again.Key().String() != first.Key().String() {
		t.Errorf("the second start: %v %v", made, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := checkpoint.Load(path); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Errorf("one that others can read: %v", err)
	}
	for _, content := range []string{"", "PRIVATE+KEY+", "PRIVATE+KEY+x+00000000+AAAA", string(first.File()[:60]), strings.Replace(string(first.File()), "annals.example", "annals.example2", 1), string(first.File()) + "nonsense\n"} {
		if _, err := checkpoint.ParseSigner([]byte(content)); err == nil || strings.Contains(err.Error(), string(first.File()[40:60])) {
			t.Errorf("%q: %v", content, err)
		}
	}
}
