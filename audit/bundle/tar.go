package bundle

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A Tar is a bundle on its way: its files in one stream, as tar has them, the manifest last.
type Tar struct {
	w  *tar.Writer
	at time.Time
	// Each hears of every file that was written.
	Each func(name string, size int)
}

// NewTar writes to w. The files bear the time at.
func NewTar(w io.Writer, at time.Time) *Tar { return &Tar{w: tar.NewWriter(w), at: at} }

// Put writes a file.
func (t *Tar) Put(name string, content []byte) error {
	if err := t.head(name, int64(len(content))); err != nil {
		return err
	}
	if _, err := t.w.Write(content); err != nil {
		return err
	}
	if t.Each != nil {
		t.Each(name, len(content))
	}
	return nil
}

func (t *Tar) head(name string, size int64) error {
	return t.w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size, ModTime: t.at, Format: tar.FormatUSTAR})
}

// Close ends the stream.
func (t *Tar) Close() error { return t.w.Close() }

// Send writes all files of a bundle, the manifest last.
func (t *Tar) Send(b *Bundle) error {
	for _, f := range b.Manifest.Files {
		if err := t.copy(filepath.Join(b.dir, f.Name), f.Name, f.Size); err != nil {
			return err
		}
	}
	content, err := os.ReadFile(filepath.Join(b.dir, ManifestFile))
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	if err := t.Put(ManifestFile, content); err != nil {
		return err
	}
	return t.Close()
}

func (t *Tar) copy(path, name string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return damaged(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return damaged(name, err)
	}
	if info.Size() != size {
		return &DamagedError{File: name, Reason: fmt.Sprintf("it has %d bytes, and %d in the manifest", info.Size(), size)}
	}
	if err := t.head(name, size); err != nil {
		return err
	}
	if _, err := io.CopyN(t.w, f, size); err != nil {
		return fmt.Errorf("send %s: %w", name, err)
	}
	if t.Each != nil {
		t.Each(name, int(size))
	}
	return nil
}

// MaxFile is the longest file that is taken out of a stream, in bytes: a numbered file with one piece of evidence of the
// longest kind behind what it had already.
const MaxFile = 64 << 20

// Receive puts the files of a stream into a sink and says of each that it came. A stream that ends before its manifest
// is *[DamagedError]: nothing of it may be used.
func Receive(r io.Reader, sink Sink, each func(name string, size int)) error {
	files := tar.NewReader(r)
	for {
		h, err := files.Next()
		if err != nil {
			return cut(err)
		}
		if h.Typeflag != tar.TypeReg || !plain(h.Name) || h.Size > MaxFile {
			return &DamagedError{File: ManifestFile, Reason: fmt.Sprintf("the stream has %q in it, which is no file of an export", h.Name)}
		}
		content := make([]byte, h.Size)
		if _, err := io.ReadFull(files, content); err != nil {
			return cut(err)
		}
		if err := sink.Put(h.Name, content); errors.Is(err, fs.ErrExist) {
			return &DamagedError{File: h.Name, Reason: "it comes twice"}
		} else if err != nil {
			return fmt.Errorf("write %s: %w", h.Name, err)
		}
		if each != nil {
			each(h.Name, len(content))
		}
		if h.Name == ManifestFile {
			if _, err := io.Copy(io.Discard, r); err != nil { // to its end, so that it can be used again
				return cut(err)
			}
			return nil
		}
	}
}

func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrHeader) {
		return &DamagedError{File: ManifestFile, Reason: "the stream ended before it came"}
	}
	return err
}
