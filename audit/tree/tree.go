// Package tree grows Merkle trees (RFC 6962) leaf by leaf and keeps them in tiles.
//
// A [Frontier] is all that growing needs: the roots of the complete subtrees along the right edge, at most 63 of them. Its
// root is what a checkpoint signs. Proofs need hashes from within the tree as well: those of every eighth level are kept in
// tiles of 256 (x/mod's tlog tiles of height 8), and all others can be computed from them.
package tree

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Height is that of a tile: 2^8 hashes wide.
const Height = 8

// A Frontier is a tree as far as growing it needs. The zero value is the empty tree.
type Frontier struct {
	size  int64
	roots []tlog.Hash // of the complete subtrees, the largest first: one for each bit of size that is set
}

// A Node is a hash that belongs into a tile: of the subtree number N of 2^(8*Level) leaves.
type Node struct {
	Level int
	N     int64
	Hash  tlog.Hash
}

// Size is how many leaves the tree has.
func (f *Frontier) Size() int64 { return f.size }

// Add grows the tree by one leaf, known by its hash, and calls kept (which may be nil) for each node that has become
// complete and belongs into a tile, the leaf itself first.
func (f *Frontier) Add(leaf tlog.Hash, kept func(Node)) {
	h, n := leaf, f.size
	if kept != nil {
		kept(Node{0, n, h})
	}
	for level := 1; n&1 == 1; level++ {
		last := len(f.roots) - 1
		h = tlog.NodeHash(f.roots[last], h)
		f.roots = f.roots[:last]
		if n >>= 1; kept != nil && level%Height == 0 {
			kept(Node{level / Height, n, h})
		}
	}
	f.roots = append(f.roots, h)
	f.size++
}

// Root is the root of the tree; that of the empty tree is the hash of nothing.
func (f *Frontier) Root() tlog.Hash {
	if f.size == 0 {
		return tlog.Hash(sha256.Sum256(nil))
	}
	last := len(f.roots) - 1
	root := f.roots[last]
	for i := last - 1; i >= 0; i-- {
		root = tlog.NodeHash(f.roots[i], root)
	}
	return root
}

// Clone is the same tree, to grow by itself.
func (f *Frontier) Clone() Frontier {
	return Frontier{f.size, append([]tlog.Hash(nil), f.roots...)}
}

// Bytes are the hashes of the frontier, one behind the other.
func (f *Frontier) Bytes() []byte {
	b := make([]byte, 0, len(f.roots)*tlog.HashSize)
	for _, h := range f.roots {
		b = append(b, h[:]...)
	}
	return b
}

// errFrontier says that bytes are not a frontier of that size.
var errFrontier = errors.New("the stored right edge of the tree does not fit its size")

// Parse reads the frontier of a tree of that size from its bytes.
func Parse(size int64, b []byte) (Frontier, error) {
	if size < 0 || len(b) != bits.OnesCount64(uint64(size))*tlog.HashSize {
		return Frontier{}, errFrontier
	}
	f := Frontier{size: size, roots: make([]tlog.Hash, len(b)/tlog.HashSize)}
	for i := range f.roots {
		copy(f.roots[i][:], b[i*tlog.HashSize:])
	}
	return f, nil
}

// Tiles answers what is kept in tiles: the hashes of tile n of a level, as many as there are.
type Tiles func(level int, n int64) ([]byte, error)

// A Reader reads hashes of a tree from its tiles, and computes those between. It trusts what it is given: check
// what is made of it against a root that is signed.
type Reader struct {
	Tiles Tiles

	read map[[2]int64][]byte
}

// ReadHashes is what proofs are made of ([tlog.HashReader]).
func (r *Reader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	if r.read == nil {
		r.read = map[[2]int64][]byte{}
	}
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		tile := tlog.TileForIndex(Height, index)
		key := [2]int64{int64(tile.L), tile.N}
		data, ok := r.read[key]
		if !ok {
			var err error
			if data, err = r.Tiles(tile.L, tile.N); err != nil {
				return nil, fmt.Errorf("read tile %d of level %d: %w", tile.N, tile.L, err)
			}
			r.read[key] = data
		}
		if len(data) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %d of level %d has %d hashes, and %d are needed", tile.N, tile.L, len(data)/tlog.HashSize, tile.W)
		}
		h, err := tlog.HashFromTile(tile, data[:tile.W*tlog.HashSize], index)
		if err != nil {
			return nil, fmt.Errorf("hash %d: %w", index, err)
		}
		hashes[i] = h
	}
	return hashes, nil
}
