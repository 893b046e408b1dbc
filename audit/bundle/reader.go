package bundle

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A DamagedError says what of a bundle is not as it was written, and in which file.
type DamagedError struct {
	File   string
	Line   int64 // from 1; 0: the whole file
	Reason string
}

func (e *DamagedError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s, line %d: %s", e.File, e.Line, e.Reason)
	}
	return fmt.Sprintf("%s: %s", e.File, e.Reason)
}

// damaged is what a failure to read a file says of the bundle.
func damaged(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &DamagedError{File: file, Reason: "it is missing"}
	}
	return fmt.Errorf("read %s: %w", file, err)
}

// A NoBundleError says that a directory is no export.
type NoBundleError struct{ Dir, Reason string }

func (e *NoBundleError) Error() string {
	return fmt.Sprintf("%s is no whole export: %s", e.Dir, e.Reason)
}

// A Bundle is an export to be read. Reading checks the form of what is read; whether it is what was written says
// [Bundle.Check]. It is safe for concurrent use.
type Bundle struct {
	Manifest Manifest
	dir      string
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
	b := &Bundle{dir: dir}
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

// EventsIn yields the events of one file, which follow each other by revision from the file's first on. Stream is the one
// that the event's leaf names.
func (b *Bundle) EventsIn(f File) iter.Seq2[*eventstore.NewEvent, error] {
	return b.eventsIn(f, 0, f.First)
}

func (b *Bundle) eventsIn(f File, offset int64, first domain.Revision) iter.Seq2[*eventstore.NewEvent, error] {
	return func(yield func(*eventstore.NewEvent, error) bool) {
		due := first
		for line, err := range b.lines(f.Name, offset) {
			if err != nil {
				yield(nil, err)
				return
			}
			e, err := ParseEvent(line.text)
			switch {
			case err != nil:
				err = &DamagedError{f.Name, line.number, err.Error()}
			case e.Revision != due:
				err = &DamagedError{f.Name, line.number, fmt.Sprintf("revision %d stands where %d is due", e.Revision, due)}
			case e.Stream != b.Manifest.OriginOf(e.Revision):
				err = &DamagedError{f.Name, line.number, fmt.Sprintf("the event is of the stream %q, and not of %s", e.Stream, b.Manifest.OriginOf(e.Revision))}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			due++
			if !yield(&e, nil) {
				return
			}
		}
	}
}

// Events yields the workspace's events from a revision on, without a hole, to the last.
func (b *Bundle) Events(from domain.Revision) iter.Seq2[*eventstore.NewEvent, error] {
	return func(yield func(*eventstore.NewEvent, error) bool) {
		from = max(from, 0)
		start, err := b.near(from)
		if err != nil {
			yield(nil, err)
			return
		}
		due := start.Before
		for _, f := range b.EventFiles() {
			offset := int64(0)
			switch {
			case f.First+domain.Revision(f.Lines) <= start.Before:
				continue
			case f.Name == start.File:
				offset = start.Offset
			case f.First != due:
				yield(nil, &DamagedError{File: f.Name, Reason: fmt.Sprintf("it begins at revision %d, and %d is due", f.First, due)})
				return
			}
			for e, err := range b.eventsIn(f, offset, due) {
				if err != nil {
					yield(nil, err)
					return
				}
				due = e.Revision + 1
				if e.Revision < from {
					continue
				}
				if !yield(e, nil) {
					return
				}
			}
		}
		if due != b.Manifest.Last+1 {
			yield(nil, &DamagedError{File: ManifestFile, Reason: fmt.Sprintf("it says that the last revision is %d, and the events end at %d", b.Manifest.Last, due-1)})
		}
	}
}

// near is the entry of the golden index at or before a revision; without one, the beginning.
func (b *Bundle) near(from domain.Revision) (found Golden, err error) {
	golden, err := b.Golden()
	if err != nil {
		return found, err
	}
	for _, g := range golden {
		if f, ok := b.file(g.File); g.Before <= from && ok && g.Offset < f.Size {
			found = g
		}
	}
	return found, nil
}

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
			for line, err := range b.lines(f.Name, 0) {
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
			for line, err := range b.lines(f.Name, 0) {
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

// A numbered is a line of a file.
type numbered struct {
	number int64
	text   []byte // good until the next one
}

// lines yields the lines of a file from an offset on, where a line begins. Numbers count from there.
func (b *Bundle) lines(name string, offset int64) iter.Seq2[numbered, error] {
	return func(yield func(numbered, error) bool) {
		f, err := os.Open(filepath.Join(b.dir, name))
		if err != nil {
			yield(numbered{}, damaged(name, err))
			return
		}
		defer f.Close()
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			yield(numbered{}, fmt.Errorf("read %s: %w", name, err))
			return
		}
		r := bufio.NewReaderSize(f, 256<<10)
		var long []byte
		for n := int64(1); ; n++ {
			text, err := r.ReadSlice('\n')
			for long = long[:0]; errors.Is(err, bufio.ErrBufferFull) && len(long) < MaxFile; text, err = r.ReadSlice('\n') {
				long = append(long, text...)
			}
			if len(long) > 0 {
				text = append(long, text...)
				long = text
			}
			switch {
			case errors.Is(err, io.EOF) && len(text) == 0:
				return
			case errors.Is(err, io.EOF):
				yield(numbered{}, &DamagedError{name, n, "the line is cut"})
				return
			case err != nil:
				yield(numbered{}, fmt.Errorf("read %s: %w", name, err))
				return
			}
			if !yield(numbered{n, text[:len(text)-1]}, nil) {
				return
			}
		}
	}
}
