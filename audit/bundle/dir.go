package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A NotEmptyError says that an export would be written over something.
type NotEmptyError struct{ Dir string }

func (e *NotEmptyError) Error() string { return e.Dir + " is there already, and not empty" }

// A Dir is a bundle that is being written to a directory: beside it until [Dir.Commit], so that whoever kills it leaves
// nothing under its name. What such a one leaves is named .NAME.partial-*, has no manifest, and may be deleted.
type Dir struct {
	target, temporary string
	done              bool
}

// CreateDir begins a bundle that is to lie in dir, which does not exist or is an empty directory: else it is
// *[NotEmptyError].
func CreateDir(dir string) (*Dir, error) {
	target, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", dir, err)
	}
	if err := free(target); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return nil, fmt.Errorf("make the directory above %s: %w", dir, err)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(target), "."+filepath.Base(target)+".partial-*")
	if err != nil {
		return nil, fmt.Errorf("make a directory beside %s: %w", dir, err)
	}
	return &Dir{target: target, temporary: temporary}, nil
}

// free refuses what is there and not empty.
func free(target string) error {
	entries, err := os.ReadDir(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		if info, failed := os.Stat(target); failed == nil && !info.IsDir() {
			return &NotEmptyError{target}
		}
		return fmt.Errorf("look at %s: %w", target, err)
	case len(entries) > 0:
		return &NotEmptyError{target}
	}
	return nil
}

// Put writes a file, durably.
func (d *Dir) Put(name string, content []byte) error {
	if !plain(name) {
		return fmt.Errorf("%q is no name of a file of an export", name)
	}
	f, err := os.OpenFile(filepath.Join(d.temporary, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// Open is the bundle so far as it is written, under its temporary name: for a last check before [Dir.Commit].
func (d *Dir) Open() (*Bundle, error) { return Open(d.temporary) }

// Commit gives the directory its name. What is there under it since then is *[NotEmptyError].
func (d *Dir) Commit() error {
	if err := syncDir(d.temporary); err != nil {
		return err
	}
	if err := os.Chmod(d.temporary, 0o755); err != nil {
		return fmt.Errorf("let others read %s: %w", d.target, err)
	}
	if err := free(d.target); err != nil {
		return err
	}
	if err := os.Remove(d.target); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty directory
		return fmt.Errorf("replace %s: %w", d.target, err)
	}
	if err := os.Rename(d.temporary, d.target); err != nil {
		return fmt.Errorf("name the export: %w", err)
	}
	d.done = true
	return syncDir(filepath.Dir(d.target))
}

// Abort removes what was written, unless it was committed.
func (d *Dir) Abort() error {
	if d.done {
		return nil
	}
	return os.RemoveAll(d.temporary)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("flush %s: %w", dir, err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("flush %s: %w", dir, err)
	}
	return nil
}

// plain says whether a name is one of a file of a bundle: no path leads out of it.
func plain(name string) bool {
	if name == "" || len(name) > 64 || name[0] == '.' {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}
