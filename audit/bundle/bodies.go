package bundle

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/annals-io/annals/domain"
)

// Bodies finds evidence by its digest, in files that need not fit into memory: where each piece lies is remembered, and
// it is read when it is asked for.
type Bodies struct {
	b  *Bundle
	at map[domain.Digest]lies
}

// lies is where a line lies.
type lies struct {
	file   string
	offset int64
	size   int
}

// The beginning of a line of evidence, up to the digest.
const memberDigest = `","digest":"`

// Bodies goes through the files of evidence once.
func (b *Bundle) Bodies() (*Bodies, error) {
	out := &Bodies{b: b, at: make(map[domain.Digest]lies, b.Manifest.Counts.Evidence)}
	for _, f := range b.files(EvidencePrefix) {
		offset := int64(0)
		for line, err := range b.lines(f.Name, 0) {
			if err != nil {
				return nil, err
			}
			i := bytes.Index(line.text, []byte(memberDigest))
			var d domain.Digest
			if from := i + len(memberDigest); i < 0 || len(line.text) < from+64 || d.UnmarshalText(line.text[from:from+64]) != nil {
				return nil, &DamagedError{f.Name, line.number, errLine.Error()}
			}
			out.at[d] = lies{f.Name, offset, len(line.text)}
			offset += int64(len(line.text)) + 1
		}
	}
	return out, nil
}

// Read is what there is of some digests; what was erased is not there.
func (o *Bodies) Read(digests []domain.Digest) (map[domain.Digest][]byte, error) {
	found := make(map[domain.Digest][]byte, len(digests))
	for _, d := range digests {
		at, ok := o.at[d]
		if _, twice := found[d]; !ok || twice {
			continue
		}
		f, err := os.Open(filepath.Join(o.b.dir, at.file))
		if err != nil {
			return nil, damaged(at.file, err)
		}
		text := make([]byte, at.size)
		_, err = io.ReadFull(io.NewSectionReader(f, at.offset, int64(at.size)), text)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", at.file, err)
		}
		e, err := parseEvidence(at.file, numbered{text: text})
		if err != nil {
			return nil, err
		}
		found[d] = e.Bytes
	}
	return found, nil
}
