package sink

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/annals-io/annals/audit/checkpoint"
)

// File appends to a file, which it makes where there is none. On a medium that only grows (a mounted object store with a
// lock, another machine's disk) it is evidence against whoever runs the database.
type File struct{ path string }

// Name is where the file lies.
func (f *File) Name() string { return "file:" + f.path }

// Tell appends the notes, durably. What an earlier process was killed in the middle of is ended first, so that it spoils
// no other note.
func (f *File) Tell(_ context.Context, notes []byte) (err error) {
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	whole, err := ended(file)
	if err != nil {
		return err
	}
	if !whole {
		notes = append([]byte("\n\n"), notes...)
	}
	if _, err := file.Write(notes); err != nil {
		return err
	}
	return file.Sync()
}

// ended says whether a file ends with an empty line, or is empty.
func ended(file *os.File) (bool, error) {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return true, err
	}
	tail := make([]byte, min(2, info.Size()))
	if _, err := file.ReadAt(tail, info.Size()-int64(len(tail))); err != nil {
		return false, err
	}
	return string(tail) == "\n\n", nil
}

// Told reads the whole file.
func (f *File) Told(context.Context) (map[string]checkpoint.Checkpoint, error) {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return Last(file)
}

// Last are the last checkpoints of each tree in a text of many, by origin. What a crash cut off is passed over: it is a
// note without its end, or one that another stands behind.
func Last(r io.Reader) (map[string]checkpoint.Checkpoint, error) {
	all := map[string]checkpoint.Checkpoint{}
	lines := bufio.NewReader(r)
	var note []byte
	signed := false
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read checkpoints: %w", err)
		}
		dash := bytes.HasPrefix(line, []byte("\u2014 "))
		if !dash && (signed || bytes.HasSuffix(note, []byte("\n\n"))) && len(bytes.TrimSpace(line)) > 0 {
			note, signed = nil, false // what came before was cut
		}
		switch {
		case len(bytes.TrimSpace(line)) > 0:
			note, signed = append(note, line...), signed || dash
		case signed:
			latest(all, note)
			note, signed = nil, false
		case bytes.Count(note, []byte("\n")) == 3:
			note = append(note, '\n') // between the text and its signatures
		default:
			note = nil
		}
	}
}
