package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Bundle is an export to be read. Reading checks the form of what is read; whether it is what was written says
// [Bundle.Check]. It is safe for concurrent use.
type Bundle struct {
	Manifest Manifest
	dir      string
	manifest []byte // as it lies there
}

// maxManifest bounds the manifest, in bytes: of some 8 MiB of events in each file it lists.
const maxManifest = 64 << 20

// Open reads the manifest of a bundle. What is none is *[NoBundleError], what is damaged *[DamagedError].
func Open(dir string) (*Bundle, error) {
	f, err := os.Open(filepath.Join(dir, ManifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NoBundleError{dir, "it has no " + ManifestFile}
	}
	if err != nil {
		return nil, &NoBundleError{dir, err.Error()}
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return nil, &NoBundleError{dir, err.Error()}
	}
	b := &Bundle{dir: dir, manifest: content}
	d := json.NewDecoder(bytes.NewReader(content))
	if err := d.Decode(&b.Manifest); err != nil {
		return nil, &DamagedError{File: ManifestFile, Reason: err.Error()}
	}
	if b.Manifest.Format != Format {
		return nil, &NoBundleError{dir, fmt.Sprintf("its format is %q, and this build reads %s", b.Manifest.Format, Format)}
	}
	seen := map[string]bool{}
	for _, f := range b.Manifest.Files {
		if !plain(f.Name) || f.Name == ManifestFile || seen[f.Name] {
			return nil, &DamagedError{File: ManifestFile, Reason: fmt.Sprintf("it lists %q", f.Name)}
		}
		seen[f.Name] = true
	}
	return b, nil
}

// Dir is where the bundle lies.
func (b *Bundle) Dir() string { return b.dir }

// Digest is the SHA-256 of the manifest, which lists those of all other files: no two bundles have the same.
func (b *Bundle) Digest() Hash { return sha256.Sum256(b.manifest) }

// EventFiles are the files with the workspace's events, in order.
func (b *Bundle) EventFiles() []File { return b.files(EventsPrefix) }

func (b *Bundle) files(prefix string) (files []File) {
	for _, f := range b.Manifest.Files {
		if strings.HasPrefix(f.Name, prefix) && strings.HasSuffix(f.Name, ".ndjson") {
			files = append(files, f)
		}
	}
	return files
}

func (b *Bundle) file(name string) (File, bool) {
	for _, f := range b.Manifest.Files {
		if f.Name == name {
			return f, true
		}
	}
	return File{}, false
}
