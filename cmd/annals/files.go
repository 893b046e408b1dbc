package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// writeFile writes a small file whole or not at all, and durably: a reader never sees half an address.
func writeFile(dir, name, content string, mode os.FileMode) error {
	tmp, err := os.CreateTemp(dir, "."+name+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(content)
	if err := errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(tmp.Name(), filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("flush %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("flush %s: %w", dir, err)
	}
	return nil
}

// removeFile takes away a file that still says what we wrote; another server may have written its own by now.
func removeFile(dir, name, content string) {
	path := filepath.Join(dir, name)
	if b, err := os.ReadFile(path); err == nil && string(b) == content {
		_ = os.Remove(path) // what stays is only a stale address: the next start writes its own
	}
}

// displayPath is a path as a person would type it.
func displayPath(dir, name string) string {
	path := filepath.Join(dir, name)
	if !filepath.IsAbs(path) {
		return "." + string(filepath.Separator) + path
	}
	return path
}

func addressInUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
