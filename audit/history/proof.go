package history

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A ForgedError says that an export is not the history that was signed.
type ForgedError struct{ Reason string }

func (e *ForgedError) Error() string { return "this is not the history that was signed: " + e.Reason }

func forgedf(format string, args ...any) error { return &ForgedError{fmt.Sprintf(format, args...)} }

// A Proven is an export that was read from its first byte to its last.
type Proven struct {
	*bundle.Bundle
	Digest domain.Digest // SHA-256 of the manifest
	// Last is the SHA-256 of the last signed checkpoint; zero where there is none. Sealed is how many events it is of.
	Last   domain.Digest
	Sealed int64

	closing closing
}

// Prove reads all of an export, and refuses it whole where anything in it is not as it was written (*[bundle.DamagedError])
// or not what its checkpoints say (*[ForgedError]). With keys, which are those of one instance, it wants every checkpoint of
// that instance to be signed by one of them, and its last one to be of all events: then nobody without the instance's key
// made this export. Progress hears of bytes; it may be nil.
func Prove(ctx context.Context, b *bundle.Bundle, keys []checkpoint.Key, progress func(done, total int64)) (*Proven, error) {
	manifest, err := os.ReadFile(filepath.Join(b.Dir(), bundle.ManifestFile))
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	p := &Proven{Bundle: b, Digest: sha256.Sum256(manifest), closing: closing{}}
	roots, err := p.checkpoints(keys)
	if err != nil {
		return nil, err
	}
	var tree bundle.Tree
	var wrong error
	hash := func(e *eventstore.NewEvent) bundle.Hash {
		h := Leaf(e)
		tree.Add(h)
		p.closing.see(e)
		for _, root := range roots[tree.Size()] {
			if wrong == nil && root != tree.Root() {
				wrong = forgedf("a checkpoint of %d events has the root %s, and these events have %s", tree.Size(), root, tree.Root())
			}
		}
		return h
	}
	if err := b.Check(ctx, hash, progress); err != nil {
		return nil, err
	}
	if wrong != nil {
		return nil, wrong
	}
	for size := range roots {
		if size > tree.Size() {
			return nil, forgedf("a checkpoint of %d events was signed, and there are %d: the history was cut", size, tree.Size())
		}
	}
	if len(keys) > 0 && p.Sealed < tree.Size() {
		return nil, forgedf("%d events at its end are signed by nobody", tree.Size()-p.Sealed)
	}
	return p, nil
}

// checkpoints are the roots that were signed, by how many events they are of.
func (p *Proven) checkpoints(keys []checkpoint.Key) (map[int64][]bundle.Hash, error) {
	notes, err := p.Checkpoints()
	if err != nil {
		return nil, err
	}
	m := &p.Manifest
	origins := map[string]bool{m.Instance + "/" + string(m.Stream): true}
	for _, o := range m.Origins {
		origins[o.Instance+"/"+string(o.Stream)] = true
	}
	roots := map[int64][]bundle.Hash{}
	for _, signed := range notes {
		c, err := checkpoint.Read(signed)
		if err != nil {
			return nil, &bundle.DamagedError{File: bundle.CheckpointsFile, Reason: err.Error()}
		}
		if !origins[c.Origin] {
			return nil, forgedf("a checkpoint is of %s", c.Origin)
		}
		if of(keys, c.Origin) {
			if _, err := checkpoint.Open(signed, keys...); err != nil {
				return nil, forgedf("%v", err)
			}
		} else if len(keys) > 0 && c.Origin == m.Instance+"/"+string(m.Stream) {
			return nil, forgedf("it is of the instance %s, and the key is of %s", m.Instance, keys[0].Name)
		}
		roots[c.Size] = append(roots[c.Size], bundle.Hash(c.Root))
		if c.Size >= p.Sealed && (len(keys) == 0 || of(keys, c.Origin)) {
			p.Sealed, p.Last = c.Size, sha256.Sum256(signed)
		}
	}
	return roots, nil
}

// of says whether a key of an origin's instance is among some.
func of(keys []checkpoint.Key, origin string) bool {
	for _, k := range keys {
		if _, ok := k.Tree(origin); ok {
			return true
		}
	}
	return false
}
