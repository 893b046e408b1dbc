package verify

import (
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

// bodies checks that each piece of evidence is what its digest says, and counts what events name and is not there: it was
// erased.
func (v *verification) bodies(named map[domain.Digest]bool) error {
	if !v.checks(texts) {
		return nil
	}
	there := map[domain.Digest]bool{}
	for e, err := range v.b.Evidence() {
		if err != nil {
			if err := v.read(err); err != nil {
				return err
			}
			break
		}
		if there[e.Digest] {
			v.fail(-1, bundle.EvidencePrefix+"*", "the evidence %s is there twice", e.Digest)
		}
		there[e.Digest] = true
		v.Evidence++
	}
	if v.Evidence != v.b.Manifest.Counts.Evidence {
		v.fail(-1, bundle.ManifestFile, "it tells of %d pieces of evidence, and there are %d", v.b.Manifest.Counts.Evidence, v.Evidence)
	}
	for d := range named {
		if !there[d] {
			v.Erased++
		}
	}
	return nil
}
