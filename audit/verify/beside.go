package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/domain"
)

// beside checks the files that hold no events of the workspace: that they are those the manifest lists, and no others lie
// there.
func (v *verification) beside(ctx context.Context) error {
	if !v.checks(digests) {
		return nil
	}
	if err := v.manifest(); err != nil {
		return err
	}
	known := map[string]bool{bundle.ManifestFile: true}
	for _, f := range v.b.Manifest.Files {
		known[f.Name] = true
		if strings.HasPrefix(f.Name, bundle.EventsPrefix) {
			continue // read before
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := v.digest(f); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(v.b.Dir())
	if err != nil {
		return fmt.Errorf("list the export: %w", err)
	}
	for _, e := range entries {
		if !known[e.Name()] {
			v.fail(-1, e.Name(), "it is not of this export")
		}
	}
	return nil
}

// manifest checks that the manifest is in its one form, and that what it counts is there.
func (v *verification) manifest() error {
	m := &v.b.Manifest
	if err := v.read(v.b.CheckManifest()); err != nil {
		return err
	}
	notes, err := v.b.Checkpoints()
	if err := v.read(err); err != nil {
		return err
	}
	names, err := v.b.Names()
	if err := v.read(err); err != nil {
		return err
	}
	others := int64(0)
	for _, err := range v.b.Others() {
		if err != nil {
			if err := v.read(err); err != nil {
				return err
			}
			break
		}
		others++
	}
	if int64(len(notes)) != m.Counts.Checkpoints || int64(len(names)) != m.Counts.Names || others != m.Counts.Others {
		v.fail(-1, bundle.ManifestFile, "it tells of %d checkpoints, %d names and %d events of other streams, and there are %d, %d and %d", m.Counts.Checkpoints, m.Counts.Names, m.Counts.Others, len(notes), len(names), others)
	}
	return v.lines()
}

// lines checks what the manifest says of the length of files that have lines.
func (v *verification) lines() error {
	for _, f := range v.b.Manifest.Files {
		if !strings.HasPrefix(f.Name, bundle.EvidencePrefix) && !strings.HasPrefix(f.Name, bundle.OthersPrefix) { // events were counted when they were hashed
			continue
		}
		content, err := os.ReadFile(filepath.Join(v.b.Dir(), f.Name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // told elsewhere
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", f.Name, err)
		}
		if n := int64(bytes.Count(content, []byte("\n"))); n != f.Lines {
			v.fail(-1, f.Name, "it has %d lines, and %d in the manifest", n, f.Lines)
		}
	}
	return nil
}

func (v *verification) digest(f bundle.File) error {
	file, err := os.Open(filepath.Join(v.b.Dir(), f.Name))
	if errors.Is(err, fs.ErrNotExist) {
		v.fail(-1, f.Name, "it is missing")
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	defer file.Close()
	h := sha256.New()
	size, err := io.Copy(h, file)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	if size != f.Size || bundle.Hash(h.Sum(nil)) != f.SHA256 {
		v.fail(-1, f.Name, "its content is not what the manifest says")
	}
	return nil
}

// readBodies checks that each piece of evidence is what its digest says. It is done beside the events, and answers what
// there is and what is to be done with it then.
func (v *verification) readBodies() func(named map[domain.Digest]bool) error {
	there, twice := map[domain.Digest]bool{}, []domain.Digest(nil)
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e, err := range v.b.Evidence() {
			if err != nil {
				failed = err
				return
			}
			if there[e.Digest] {
				twice = append(twice, e.Digest)
			}
			there[e.Digest] = true
		}
	}()
	return func(named map[domain.Digest]bool) error {
		<-done
		if err := v.read(failed); err != nil {
			return err
		}
		for _, d := range twice {
			v.fail(-1, bundle.EvidencePrefix+"*", "the evidence %s is there twice", d)
		}
		if v.Evidence = int64(len(there) + len(twice)); v.Evidence != v.b.Manifest.Counts.Evidence {
			v.fail(-1, bundle.ManifestFile, "it tells of %d pieces of evidence, and there are %d", v.b.Manifest.Counts.Evidence, v.Evidence)
		}
		for d := range named {
			if !there[d] {
				v.Erased++
			}
		}
		return nil
	}
}
