package history

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/tree"
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
	unknown *domain.Error // the first event that this build could not project
}

// Prove reads all of an export, and refuses it whole where anything in it is not as it was written (*[bundle.DamagedError])
// or not what its checkpoints say (*[ForgedError]). With keys, which are those of one instance, it wants every checkpoint of
// that instance to be signed by one of them, its last one to be of all events, and the instance's own log to have it: then
// nobody without the instance's key made this export. Progress hears of bytes; it may be nil.
func Prove(ctx context.Context, b *bundle.Bundle, keys []checkpoint.Key, progress func(done, total int64)) (*Proven, error) {
	p := &Proven{Bundle: b, Digest: domain.Digest(b.Digest()), closing: closing{}}
	roots, err := p.checkpoints(keys)
	if err != nil {
		return nil, err
	}
	if err := p.ties(keys); err != nil {
		return nil, err
	}
	var grown tree.Frontier
	var wrong error
	hash := func(e *eventstore.NewEvent) bundle.Hash {
		h := Leaf(e)
		grown.Add(tlog.Hash(h), nil)
		p.closing.see(e)
		if p.unknown == nil && isUnknown(e) {
			p.unknown = &domain.Error{Code: domain.Invalid, Subject: "export", Message: fmt.Sprintf("revision %d is a %s of version %d, which this server does not know: import it with a newer one", e.Revision, e.Type, e.Version)}
		}
		for _, root := range roots[grown.Size()] {
			if wrong == nil && root != grown.Root() {
				wrong = forgedf("a checkpoint of %d events has the root %s, and these events have %s", grown.Size(), root, grown.Root())
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
		if size > grown.Size() {
			return nil, forgedf("a checkpoint of %d events was signed, and there are %d: the history was cut", size, grown.Size())
		}
	}
	if len(keys) > 0 && p.Sealed < grown.Size() {
		return nil, forgedf("%d events at its end are signed by nobody", grown.Size()-p.Sealed)
	}
	return p, nil
}

// ties holds what is said of the instance's log to the checkpoints. Without keys only that it is of one piece can be seen;
// with them, that the instance's log has the last checkpoint.
func (p *Proven) ties(keys []checkpoint.Key) error {
	content, err := p.Instance()
	if err != nil {
		return err
	}
	m := &p.Manifest
	tied := len(keys) == 0
	for line := range bytes.Lines(content) {
		t, err := checkpoint.ParseTie(line)
		switch {
		case err != nil:
		case len(keys) > 0:
			_, err = t.Check(m.Instance, string(m.Stream), keys...)
		default:
			_, err = t.Fits(m.Instance, string(m.Stream))
		}
		if err != nil {
			return forgedf("what it says of the instance's log is wrong: %v", err)
		}
		tied = tied || p.Last == sha256.Sum256(t.Checkpoint)
	}
	if !tied {
		return forgedf("nothing shows that the log of %s has its last checkpoint", m.Instance)
	}
	return nil
}

// checkpoints are the roots that were signed, by how many events they are of.
func (p *Proven) checkpoints(keys []checkpoint.Key) (map[int64][]tlog.Hash, error) {
	notes, err := p.Checkpoints()
	if err != nil {
		return nil, err
	}
	m := &p.Manifest
	origins := map[string]bool{m.Instance + "/" + string(m.Stream): true}
	for _, o := range m.Origins {
		origins[o.Instance+"/"+string(o.Stream)] = true
	}
	roots := map[int64][]tlog.Hash{}
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
		roots[c.Size] = append(roots[c.Size], c.Root)
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
