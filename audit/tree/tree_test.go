package tree_test

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/tree"
)

// grown is a tree of n leaves, its tiles, and the same tree as x/mod grows it.
func grown(t testing.TB, n int64) (tree.Frontier, tree.Tiles, tlog.HashReader) {
	t.Helper()
	var f tree.Frontier
	tiles := map[[2]int64][]byte{}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	for i := range n {
		leaf := tlog.RecordHash(fmt.Append(nil, i))
		f.Add(leaf, func(node tree.Node) {
			key := [2]int64{int64(node.Level), node.N >> tree.Height}
			if got := int64(len(tiles[key]) / tlog.HashSize); got != node.N&(1<<tree.Height-1) {
				t.Fatalf("node %d of level %d comes after %d others in its tile", node.N, node.Level, got)
			}
			tiles[key] = append(tiles[key], node.Hash[:]...)
		})
		more, err := tlog.StoredHashesForRecordHash(i, leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
	}
	return f, func(level int, n int64) ([]byte, error) { return tiles[[2]int64{int64(level), n}], nil }, reader
}

func TestATreeIsThatOfRFC6962(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{0, 1, 2, 3, 4, 7, 8, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_793} {
		f, tiles, theirs := grown(t, n)
		want, err := tlog.TreeHash(n, theirs)
		if err != nil {
			t.Fatal(err)
		}
		if f.Root() != want || f.Size() != n {
			t.Errorf("%d leaves: root %v, want %v", n, f.Root(), want)
		}
		back, err := tree.Parse(n, f.Bytes())
		if err != nil || back.Root() != want {
			t.Errorf("%d leaves: read back as %v, %v", n, back.Root(), err)
		}
		for _, i := range []int64{0, 1, n / 2, n - 1} {
			if i < 0 || i >= n {
				continue
			}
			p, err := tlog.ProveRecord(n, i, &tree.Reader{Tiles: tiles})
			if err != nil {
				t.Fatalf("prove %d of %d: %v", i, n, err)
			}
			if err := tlog.CheckRecord(p, n, want, i, tlog.RecordHash(fmt.Append(nil, i))); err != nil {
				t.Errorf("leaf %d of %d: %v", i, n, err)
			}
		}
	}
}

func TestAFrontierOfAnotherSizeIsRefused(t *testing.T) {
	t.Parallel()
	f, _, _ := grown(t, 5)
	for size, b := range map[int64][]byte{-1: f.Bytes(), 4: f.Bytes(), 7: f.Bytes(), 5: f.Bytes()[1:], 0: {1}} {
		if _, err := tree.Parse(size, b); err == nil {
			t.Errorf("%d bytes were read as a tree of %d leaves", len(b), size)
		}
	}
}
