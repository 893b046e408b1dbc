package bundle

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Check reads all of the bundle and finds what is not as it was written: a manifest of another form, a file that is missing or has another digest, a
// line of another form, a revision that is missing or stands elsewhere, evidence that is not what its digest says, a root
// of the golden index that the events do not have. What it finds is *[DamagedError]. Leaf is the hash of an event's leaf;
// progress, which may be nil, hears of bytes. A bundle that passes is what its writer wrote, or what somebody wrote
// who could write all of it anew: against those there are signed checkpoints.
func (b *Bundle) Check(ctx context.Context, leaf func(*eventstore.NewEvent) Hash, progress func(done, total int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	var done, total int64
	for _, f := range b.Manifest.Files {
		total += f.Size
	}
	if err := b.CheckManifest(); err != nil {
		return err
	}
	for _, f := range b.Manifest.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.digest(f); err != nil {
			return err
		}
		done += f.Size
		progress(done, total)
	}
	if err := b.checkTree(ctx, leaf); err != nil {
		return err
	}
	return b.checkCounts(ctx)
}

// digest compares a file with the manifest.
func (b *Bundle) digest(f File) error {
	file, err := os.Open(filepath.Join(b.dir, f.Name))
	if err != nil {
		return damaged(f.Name, err)
	}
	defer file.Close()
	h := sha256.New()
	size, err := io.Copy(h, file)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	if size != f.Size {
		return &DamagedError{File: f.Name, Reason: fmt.Sprintf("it has %d bytes, and %d in the manifest", size, f.Size)}
	}
	if Hash(h.Sum(nil)) != f.SHA256 {
		return &DamagedError{File: f.Name, Reason: "its content is not what the manifest says"}
	}
	return nil
}

// checkTree goes through the events, and compares every root that the bundle names.
func (b *Bundle) checkTree(ctx context.Context, leaf func(*eventstore.NewEvent) Hash) error {
	golden, err := b.Golden()
	if err != nil {
		return err
	}
	roots := make(map[domain.Revision]Hash, len(golden))
	for _, g := range golden {
		roots[g.Before] = g.Root
	}
	var grown tree.Frontier
	check := func() error {
		want, ok := roots[domain.Revision(grown.Size())]
		if ok && want != Hash(grown.Root()) {
			return &DamagedError{File: GoldenFile, Reason: fmt.Sprintf("the root of the first %d events is not the one it says", grown.Size())}
		}
		return nil
	}
	for e, err := range b.Events(0) {
		if err != nil {
			return err
		}
		if grown.Size()%Every == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := check(); err != nil {
				return err
			}
		}
		grown.Add(tlog.Hash(leaf(e)), nil)
	}
	if err := check(); err != nil {
		return err
	}
	if Hash(grown.Root()) != b.Manifest.Root || grown.Size() != b.Manifest.Counts.Events {
		return &DamagedError{File: ManifestFile, Reason: "its root is not that of the events"}
	}
	return nil
}

// checkCounts reads what is beside the events.
func (b *Bundle) checkCounts(ctx context.Context) error {
	var evidence, others int64
	for _, err := range b.Evidence() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		evidence++
	}
	for _, err := range b.Others() {
		if err != nil {
			return err
		}
		others++
	}
	notes, err := b.Checkpoints()
	if err != nil {
		return err
	}
	names, err := b.Names()
	if err != nil {
		return err
	}
	for _, is := range []struct {
		what       string
		have, want int64
	}{
		{"pieces of evidence", evidence, b.Manifest.Counts.Evidence}, {"events of other streams", others, b.Manifest.Counts.Others},
		{"checkpoints", int64(len(notes)), b.Manifest.Counts.Checkpoints}, {"names", int64(len(names)), b.Manifest.Counts.Names},
	} {
		if is.have != is.want {
			return &DamagedError{File: ManifestFile, Reason: fmt.Sprintf("it tells of %d %s, and there are %d", is.want, is.what, is.have)}
		}
	}
	return nil
}
