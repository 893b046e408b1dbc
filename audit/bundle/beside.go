package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// What a bundle holds beside the workspace's events.

// Golden is the golden index.
func (b *Bundle) Golden() ([]Golden, error) { return all[Golden](b, GoldenFile) }

// Names are the readable names, where the bundle has any.
func (b *Bundle) Names() ([]Name, error) { return all[Name](b, NamesFile) }

// all reads a file of JSON lines, which may not be there.
func all[T any](b *Bundle, name string) (out []T, err error) {
	if _, ok := b.file(name); !ok {
		return nil, nil
	}
	for line, err := range b.lines(name, 0) {
		if err != nil {
			return nil, err
		}
		var v T
		if err := json.Unmarshal(line.text, &v); err != nil {
			return nil, &DamagedError{name, line.number, err.Error()}
		}
		out = append(out, v)
	}
	return out, nil
}

// Others yields the events of other streams.
func (b *Bundle) Others() iter.Seq2[*eventstore.NewEvent, error] {
	return func(yield func(*eventstore.NewEvent, error) bool) {
		for _, f := range b.files(OthersPrefix) {
			for line, err := range b.linesOf(f) {
				if err != nil {
					yield(nil, err)
					return
				}
				e, err := ParseEvent(line.text)
				if err != nil {
					yield(nil, &DamagedError{f.Name, line.number, err.Error()})
					return
				}
				if !yield(&e, nil) {
					return
				}
			}
		}
	}
}

// Evidence yields the bodies and texts; each is what its digest says, or *[DamagedError].
func (b *Bundle) Evidence() iter.Seq2[Evidence, error] {
	return func(yield func(Evidence, error) bool) {
		for _, f := range b.files(EvidencePrefix) {
			for line, err := range b.linesOf(f) {
				var e Evidence
				if err == nil {
					e, err = parseEvidence(f.Name, line)
				}
				if err != nil {
					yield(Evidence{}, err)
					return
				}
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// Checkpoints are the signed checkpoints of the workspace's tree, the oldest first.
func (b *Bundle) Checkpoints() ([][]byte, error) {
	content, err := b.content(CheckpointsFile)
	return checkpoint.Split(content), err
}

// Instance is what ties the last checkpoint to the log of the instance; nil where there is nothing.
func (b *Bundle) Instance() ([]byte, error) { return b.content(InstanceFile) }

func (b *Bundle) content(name string) ([]byte, error) {
	if _, ok := b.file(name); !ok {
		return nil, nil
	}
	content, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		return nil, damaged(name, err)
	}
	return content, nil
}

// parseEvidence reads a line of evidence, and holds the bytes to their digest.
func parseEvidence(file string, line numbered) (Evidence, error) {
	var e Evidence
	d := json.NewDecoder(bytes.NewReader(line.text))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return e, &DamagedError{file, line.number, err.Error()}
	}
	h := sha256.New()
	h.Write(e.Salt)
	h.Write(e.Bytes)
	if domain.Digest(h.Sum(nil)) != e.Digest {
		return e, &DamagedError{file, line.number, "the evidence is not what its digest says"}
	}
	return e, nil
}
