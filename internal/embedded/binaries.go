package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first major version of PostgreSQL that Annals runs on.
const oldest = 15

// DefaultVersion is what is fetched when nothing else is asked for.
const DefaultVersion = "18.4.0"

// fetchable names, for each older major version, the release to fetch for a cluster it has written.
var fetchable = map[int]string{17: "17.9.0", 16: "16.13.0", 15: "15.17.0"}

// installed are the places where packages of Linux distributions, Homebrew and Postgres.app put the programs.
var installed = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/libexec/postgresql*",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// Resolve finds the binaries that Start would run, fetching them when needed, and starts nothing.
func Resolve(ctx context.Context, c Config) (binDir string, err error) {
	c, err = c.withDefaults()
	if err != nil {
		return "", err
	}
	user, err := unprivilegedUser(c.DataDir)
	if err != nil {
		return "", err
	}
	found, err := c.resolve(ctx, user, place{c.DataDir})
	return found.dir, err
}

// binaries are programs of one major version, and what a person should know about where they came from.
type binaries struct {
	dir   string
	major int
	notes []string
}

func (s *Server) findBinaries(ctx context.Context) error {
	if s.binDir != "" {
		return nil
	}
	found, err := s.config.resolve(ctx, s.user, s.place)
	if err != nil {
		return err
	}
	s.binDir = found.dir
	s.notes = append(s.notes, found.notes...)
	return nil
}

// resolve prefers what was named, then what was fetched or can be, then what the machine has. A cluster that
// exists can be run by the major version which wrote it, and by no other.
func (c Config) resolve(ctx context.Context, user *unprivileged, at place) (binaries, error) {
	wrote, err := at.writtenBy()
	if err != nil {
		return binaries{}, err
	}
	if c.BinDir != "" {
		return c.named(ctx, user, wrote)
	}
	version := c.Version
	if wrote != 0 && wrote != majorOf(version) {
		version = fetchable[wrote]
	}
	fetched, whyNot := c.fetched(ctx, user, version)
	if whyNot == nil {
		return fetched, nil
	}
	if err := ctx.Err(); err != nil {
		return binaries{}, fmt.Errorf("fetch PostgreSQL: %w", err)
	}
	for _, b := range c.machine.onThisMachine(ctx, user) {
		if wrote == 0 || b.major == wrote {
			b.notes = []string{fmt.Sprintf("PostgreSQL %s could not be fetched (%v): using PostgreSQL %d in %s", version, whyNot, b.major, b.dir)}
			return b, nil
		}
	}
	return binaries{}, missing(wrote, whyNot)
}

// missing says what to install.
func missing(wrote int, whyNot error) error {
	need := fmt.Sprintf("PostgreSQL %d or newer is needed", oldest)
	if wrote != 0 {
		need = fmt.Sprintf("PostgreSQL %d is needed, which wrote this database", wrote)
	}
	return fmt.Errorf("%s: it could not be fetched (%w) and is not installed here. "+
		"Install it (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; "+
		"Alpine: apk add postgresql; macOS: brew install postgresql@%s), name the directory of its programs with --postgres-bin, "+
		"or use a database of your own with --database-url", need, whyNot, strconv.Itoa(majorOf(DefaultVersion)))
}

func (c Config) named(ctx context.Context, user *unprivileged, wrote int) (binaries, error) {
	b, err := inspect(ctx, user, c.BinDir)
	switch {
	case err != nil:
		return b, fmt.Errorf("use the PostgreSQL in %s: %w", c.BinDir, err)
	case b.major < oldest:
		return b, fmt.Errorf("use the PostgreSQL in %s: it is version %d, and %d or newer is needed", c.BinDir, b.major, oldest)
	case wrote != 0 && b.major != wrote:
		return b, fmt.Errorf("use the PostgreSQL in %s: it is version %d, and the database was written by version %d", c.BinDir, b.major, wrote)
	}
	return b, nil
}

// fetched answers with the binaries in the cache, after fetching them when they are not there.
func (c Config) fetched(ctx context.Context, user *unprivileged, version string) (binaries, error) {
	if version == "" {
		return binaries{}, errors.New("no release of that version is known")
	}
	cache, note, err := c.chooseCache(ctx, user)
	if err != nil {
		return binaries{}, err
	}
	dir, err := c.ensureFetched(ctx, cache, version)
	if err != nil {
		return binaries{}, err
	}
	b, err := inspect(ctx, user, filepath.Join(dir, "bin"))
	if err != nil {
		return binaries{}, fmt.Errorf("the fetched binaries do not run here: %w", err)
	}
	if note != "" {
		b.notes = append(b.notes, note)
	}
	return b, nil
}

// onThisMachine lists installed binaries that are new enough, the newest first.
func (m machine) onThisMachine(ctx context.Context, user *unprivileged) []binaries {
	patterns, dirs := m.installed, []string(nil)
	if patterns == nil {
		patterns, dirs = installed, onPath(ctx)
	}
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern) // only a bad pattern is an error
		dirs = append(dirs, found...)
	}
	slices.Sort(dirs)
	var usable []binaries
	for _, dir := range slices.Compact(dirs) {
		if b, err := inspect(ctx, user, dir); err == nil && b.major >= oldest {
			usable = append(usable, b)
		}
	}
	slices.SortStableFunc(usable, func(a, b binaries) int { return cmp.Compare(b.major, a.major) })
	return usable
}

// onPath are the directories that pg_config and the search path name.
func onPath(ctx context.Context) []string {
	var dirs []string
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	if program, err := exec.LookPath("postgres"); err == nil {
		if program, err = filepath.EvalSymlinks(program); err == nil {
			dirs = append(dirs, filepath.Dir(program))
		}
	}
	return dirs
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// inspect runs the program as the user who will run it, which proves at once that it is there, that its
// libraries are, and that this user may.
func inspect(ctx context.Context, user *unprivileged, dir string) (binaries, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, fmt.Errorf("no initdb: %w", err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version")
	cmd.Dir = "/"
	cmd.Env = childEnv()
	cmd.SysProcAttr = user.attributes()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return binaries{}, fmt.Errorf("run postgres --version: %w: %s", err, lastLines(out))
	}
	found := versionText.FindSubmatch(out)
	if found == nil {
		return binaries{}, fmt.Errorf("postgres --version says %q", lastLines(out))
	}
	major, err := strconv.Atoi(string(found[1]))
	if err != nil {
		return binaries{}, fmt.Errorf("read the version of postgres: %w", err)
	}
	return binaries{dir: dir, major: major}, nil
}

// writtenBy is the major version that wrote the cluster, 0 when there is none.
func (p place) writtenBy() (int, error) {
	text, err := os.ReadFile(filepath.Join(p.cluster(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the database: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read the version of the database in %s: %w", p.cluster(), err)
	}
	return major, nil
}

func majorOf(version string) int {
	first, _, _ := strings.Cut(version, ".")
	major, _ := strconv.Atoi(first)
	return major
}

// platform is the name under which the binaries of this machine are published.
func platform() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		arch += "-alpine"
	}
	return runtime.GOOS + "-" + arch
}
