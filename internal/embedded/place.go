package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

const (
	// Where data and binaries go when PostgreSQL's user cannot enter the directories asked for.
	movedData  = "/var/lib/annals"
	movedCache = "/var/cache/annals"

	// movedFile stays in the data directory and says where the cluster went, so that the directory may be
	// renamed without losing its data.
	movedFile = "postgres.moved"

	// The kernel's limit for the path of a Unix socket is 104 bytes on macOS and 108 on Linux.
	socketPathMax = 100
	socketName    = ".s.PGSQL.5432"
	socketPort    = 5432
)

// place is the directory that holds one cluster and what belongs to it.
type place struct{ base string }

func (p place) file(name string) string { return filepath.Join(p.base, name) }
func (p place) cluster() string         { return p.file("postgres") }

// hasCluster reports whether a whole cluster is here: it is renamed into place last.
func (p place) hasCluster() bool {
	_, err := os.Stat(filepath.Join(p.cluster(), "PG_VERSION"))
	return err == nil
}

// choosePlace creates the data directory and settles where the cluster lives: there, or, when PostgreSQL's
// user cannot enter it, below /var/lib/annals.
func (s *Server) choosePlace(ctx context.Context) error {
	asked := s.config.DataDir
	mode := os.FileMode(0o700)
	if s.user != nil {
		mode = 0o711 // PostgreSQL's user passes through to its own subdirectories and sees nothing else
	}
	if err := os.MkdirAll(asked, mode); err != nil {
		return fmt.Errorf("create the data directory: %w", err)
	}
	s.place = place{asked}
	if s.user == nil {
		return nil
	}
	if err := letPass(asked); err != nil {
		return err
	}
	if s.user.canEnter(ctx, asked) {
		return nil
	}
	base, err := s.config.machine.movedPlace(asked)
	if err != nil {
		return err
	}
	if !s.user.canEnter(ctx, base) {
		return fmt.Errorf("PostgreSQL does not run as root, and user %d can enter neither %s nor %s; choose another data directory", s.user.uid, asked, base)
	}
	s.place = place{base}
	s.note("PostgreSQL does not run as root and user %d cannot enter %s: its data is in %s", s.user.uid, asked, base)
	return nil
}

// letPass allows others to pass through a directory of ours that was made too tight, not to list it. A home is
// not ours, even where it was named as the place for data.
func letPass(dir string) error {
	if me, err := user.Current(); err == nil && me.HomeDir == dir || dir == os.Getenv("HOME") {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	if info.Mode().Perm()&0o011 == 0o011 {
		return nil
	}
	if err := os.Chmod(dir, info.Mode().Perm()|0o011); err != nil {
		return fmt.Errorf("let PostgreSQL's user pass through %s: %w", dir, err)
	}
	return nil
}

// movedPlace is the directory below /var/lib/annals for the data directory asked for. The data directory
// remembers it; a copy of a data directory is refused, since two would share one cluster.
func (m machine) movedPlace(asked string) (string, error) {
	pointer := filepath.Join(asked, movedFile)
	base := filepath.Join(m.movedData, pathHash(asked))
	switch noted, err := os.ReadFile(pointer); {
	case err == nil:
		base = strings.TrimSpace(string(noted))
	case !errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("read where the data went: %w", err)
	}
	if err := errors.Join(os.MkdirAll(base, 0o711), letPass(m.movedData), letPass(base)); err != nil {
		return "", fmt.Errorf("move the data of PostgreSQL to %s: %w", base, err)
	}
	origin := filepath.Join(base, "origin")
	if first, err := os.ReadFile(origin); err == nil {
		other := strings.TrimSpace(string(first))
		if other != asked && pointsTo(other, base) {
			return "", fmt.Errorf("%s was copied from %s, whose data is in %s: remove %s to begin empty", asked, other, base, pointer)
		}
	}
	if err := writeFile(origin, asked+"\n", 0o600); err != nil {
		return "", err
	}
	return base, writeFile(pointer, base+"\n", 0o600)
}

func pointsTo(dataDir, base string) bool {
	noted, err := os.ReadFile(filepath.Join(dataDir, movedFile))
	return err == nil && strings.TrimSpace(string(noted)) == base
}

// chooseCache settles where fetched binaries are kept: PostgreSQL's user must be able to run them.
func (c Config) chooseCache(ctx context.Context, runner *unprivileged) (dir, note string, err error) {
	dir = c.CacheDir
	if dir == "" {
		if dir, err = os.UserCacheDir(); err == nil {
			dir = filepath.Join(dir, "annals")
		} else if runner != nil {
			dir = c.machine.movedCache
		} else { // no home at all: beside the data
			dir = filepath.Join(c.DataDir, "cache")
		}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", "", fmt.Errorf("find the cache directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", fmt.Errorf("create the cache directory: %w", err)
	}
	if runner == nil {
		return dir, "", nil
	}
	if err := letPass(dir); err != nil {
		return "", "", err
	}
	if runner.canEnter(ctx, dir) {
		return dir, "", nil
	}
	if err := errors.Join(os.MkdirAll(c.machine.movedCache, 0o755), letPass(c.machine.movedCache)); err != nil {
		return "", "", fmt.Errorf("keep binaries in %s, since user %d cannot enter %s: %w", c.machine.movedCache, runner.uid, dir, err)
	}
	note = fmt.Sprintf("user %d cannot enter %s: PostgreSQL's binaries are in %s", runner.uid, dir, c.machine.movedCache)
	return c.machine.movedCache, note, nil
}

// socketDir finds a private directory whose path is short enough for a Unix socket and whose file system
// takes one. Empty means none: PostgreSQL then listens on a loopback port.
func (s *Server) socketDir() string {
	if s.config.machine.noSockets {
		return ""
	}
	candidates := []string{s.place.file("socket")}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && s.user == nil {
		candidates = append(candidates, filepath.Join(dir, "annals-"+pathHash(s.place.base)))
	}
	candidates = append(candidates, fmt.Sprintf("/tmp/annals-%d-%s", s.uid(), pathHash(s.place.base)))
	for _, dir := range candidates {
		if len(dir)+1+len(socketName) >= socketPathMax {
			continue
		}
		if s.privateDir(dir) == nil && takesSocket(dir) {
			return dir
		}
	}
	return ""
}

// privateDir creates dir for PostgreSQL's user alone. One that somebody else made in a shared directory is
// refused: he could put his own socket there.
func (s *Server) privateDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err == nil {
		return s.user.own(dir)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || ownerOf(info) != s.uid() || info.Mode().Perm() != 0o700 {
		return fmt.Errorf("%s belongs to somebody else", dir)
	}
	return nil
}

func (s *Server) uid() int {
	if s.user != nil {
		return s.user.uid
	}
	return os.Getuid()
}

// takesSocket tries it: shared folders of virtual machines and some network file systems do not.
func takesSocket(dir string) bool {
	l, err := net.Listen("unix", filepath.Join(dir, ".try"))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// pathHash names a path in eight bytes of hexadecimal.
func pathHash(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:8])
}

// writeFile replaces a small file as a whole: a reader sees the old text or the new one.
func writeFile(path, text string, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
