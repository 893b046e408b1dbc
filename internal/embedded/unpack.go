package embedded

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/xi2/xz"
)

// unpack takes the tree of binaries out of the archive, a zip that holds one compressed tar, and renames it to
// dir when it is whole.
func unpack(archive, dir string) error {
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "unpack-")
	if err != nil {
		return fmt.Errorf("make room for the binaries: %w", err)
	}
	defer os.RemoveAll(fresh)
	if err := os.Chmod(fresh, 0o755); err != nil { // PostgreSQL may run as another user
		return fmt.Errorf("open the directory of the binaries to all: %w", err)
	}
	if err := unpackInto(archive, fresh); err != nil {
		return fmt.Errorf("unpack PostgreSQL: %w", err)
	}
	if err := os.Rename(fresh, dir); err != nil {
		return fmt.Errorf("put the binaries in their place: %w", err)
	}
	return nil
}

func unpackInto(archive, dir string) error {
	outer, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer outer.Close()
	for _, file := range outer.File {
		if !strings.HasSuffix(file.Name, ".txz") {
			continue
		}
		inner, err := file.Open()
		if err != nil {
			return err
		}
		defer inner.Close()
		plain, err := xz.NewReader(inner, 0)
		if err != nil {
			return err
		}
		return untar(plain, dir)
	}
	return errors.New("the archive holds no binaries")
}

// untar writes below dir and nowhere else: os.Root refuses names and links that lead outside.
func untar(r io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	entries := tar.NewReader(r)
	for {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := putEntry(root, entry, entries); err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
	}
}

func putEntry(root *os.Root, entry *tar.Header, content io.Reader) error {
	name := path.Clean(entry.Name)
	switch entry.Typeflag {
	case tar.TypeDir:
		return openDir(root, name)
	case tar.TypeSymlink:
		return errors.Join(openDir(root, path.Dir(name)), root.Symlink(entry.Linkname, name))
	case tar.TypeReg:
		if err := openDir(root, path.Dir(name)); err != nil {
			return err
		}
		return putFile(root, name, os.FileMode(entry.Mode)&0o755|0o444, content)
	}
	return nil
}

// openDir makes a directory, and its parents, that everybody may enter whatever our umask is.
func openDir(root *os.Root, name string) error {
	if name == "." {
		return nil
	}
	if _, err := root.Stat(name); err == nil {
		return nil
	}
	if err := openDir(root, path.Dir(name)); err != nil {
		return err
	}
	if err := root.Mkdir(name, 0o755); err != nil {
		return err
	}
	return root.Chmod(name, 0o755)
}

func putFile(root *os.Root, name string, mode os.FileMode, content io.Reader) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Chmod(mode), f.Close())
}
