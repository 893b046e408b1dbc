package bundle

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
)

// A numbered is a line of a file.
type numbered struct {
	number int64
	text   []byte // good until the next one
}

// linesOf yields the lines of a file that the manifest counts: as many as it says.
func (b *Bundle) linesOf(f File) iter.Seq2[numbered, error] {
	return func(yield func(numbered, error) bool) {
		n := int64(0)
		for line, err := range b.lines(f.Name, 0) {
			if !yield(line, err) || err != nil {
				return
			}
			n++
		}
		if n != f.Lines {
			yield(numbered{}, &DamagedError{File: f.Name, Reason: fmt.Sprintf("it has %d lines, and %d in the manifest", n, f.Lines)})
		}
	}
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
