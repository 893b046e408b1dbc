package bundle

import (
	"errors"
	"fmt"
	"io/fs"
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
