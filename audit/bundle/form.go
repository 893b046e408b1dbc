package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/annals-io/annals/domain"
)

// form is the one way in which a manifest is written.
func (m Manifest) form() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	return append(b, '\n'), nil
}

// digest is what the manifest says of itself.
func (m Manifest) digest() (Hash, error) {
	m.Digest = Hash{}
	b, err := m.form()
	return sha256.Sum256(b), err
}

// CheckManifest finds what no manifest says: another form than the one in which they are written, a workspace of another
// stream, origins that do not follow each other, lines where none are counted. What it finds is *[DamagedError]. It
// reads no other file.
func (b *Bundle) CheckManifest() error {
	m := &b.Manifest
	own, err := m.form()
	if err != nil {
		return err
	}
	digest, err := m.digest()
	if err != nil {
		return err
	}
	switch {
	case !bytes.Equal(own, b.manifest):
		return manifestf("it is not in the form in which exports are written")
	case m.Digest != Hash{} && m.Digest != digest:
		return manifestf("it is not what its own digest says")
	case domain.WorkspaceStream(m.Workspace) != m.Stream:
		return manifestf("it is of the workspace %s and of the stream %s", m.Workspace, m.Stream)
	case m.Last < 0 || m.Counts.Events != int64(m.Last)+1:
		return manifestf("it tells of %d events up to revision %d", m.Counts.Events, m.Last)
	}
	before := domain.NoRevision
	for _, o := range m.Origins {
		if o.UpTo <= before || o.UpTo > m.Last {
			return manifestf("it tells of a history that was imported up to revision %d, behind %d and with %d as the last", o.UpTo, before, m.Last)
		}
		before = o.UpTo
	}
	for _, f := range m.Files {
		events := strings.HasPrefix(f.Name, EventsPrefix)
		counted := events || strings.HasPrefix(f.Name, EvidencePrefix) || strings.HasPrefix(f.Name, OthersPrefix)
		if !counted && f.Lines != 0 || !events && f.First != 0 {
			return manifestf("it tells of lines of %s, which has none to count", f.Name)
		}
	}
	return nil
}

func manifestf(format string, args ...any) error {
	return &DamagedError{File: ManifestFile, Reason: fmt.Sprintf(format, args...)}
}
