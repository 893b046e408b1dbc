package embedded_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/annals-io/annals/internal/embedded"
	"github.com/annals-io/annals/internal/pgtest"
)

// closedHome is a directory that only its owner enters, as root's home is, with a configuration whose data and
// cache lie in it; elsewhere is where both may move.
func closedHome(t *testing.T) (home, elsewhere string, c embedded.Config) {
	t.Helper()
	base := pgtest.Dir(t)
	home, elsewhere = filepath.Join(base, "home"), filepath.Join(base, "var")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(elsewhere, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(base, 0o711); err != nil {
		t.Fatal(err)
	}
	c = embedded.Config{
		DataDir: filepath.Join(home, "clone", "annals-data"), CacheDir: filepath.Join(home, "cache"),
		BinDir: os.Getenv(pgtest.BinEnv), Settings: undurable,
	}
	return home, elsewhere, c.Moved(filepath.Join(elsewhere, "lib"), filepath.Join(elsewhere, "cache"))
}

// TestAClosedHome has two truths: root's data move, another user's stay, since PostgreSQL runs as that user.
func TestAClosedHome(t *testing.T) {
	t.Parallel()
	home, elsewhere, c := closedHome(t)
	s := start(t, c)
	if os.Getuid() != 0 {
		if s.Dir() != filepath.Join(c.DataDir, "postgres") {
			t.Errorf("the data went to %s", s.Dir())
		}
		return
	}
	if !strings.HasPrefix(s.Dir(), elsewhere) {
		t.Fatalf("the data are in %s", s.Dir())
	}
	if notes := strings.Join(s.Notes(), "\n"); !strings.Contains(notes, filepath.Dir(s.Dir())) {
		t.Errorf("the notes do not say where the data are: %s", notes)
	}
	pgtest.Exec(t, s.URL(), `CREATE SCHEMA s`, `CREATE TABLE s.kept AS SELECT 'here'::text AS what`)
	stop(t, s)

	t.Run("moved, the clone still finds them", func(t *testing.T) {
		if err := os.Rename(filepath.Join(home, "clone"), filepath.Join(home, "renamed")); err != nil {
			t.Fatal(err)
		}
		c.DataDir = filepath.Join(home, "renamed", "annals-data")
		s := start(t, c)
		if got := ask(t, s.URL(), `SELECT what FROM s.kept`); got != "here" {
			t.Errorf("found %q", got)
		}
	})
	t.Run("copied, the clone does not take them", func(t *testing.T) {
		copied := filepath.Join(home, "copy")
		if err := os.CopyFS(copied, os.DirFS(c.DataDir)); err != nil {
			t.Fatal(err)
		}
		other := c
		other.DataDir = copied
		if _, err := embedded.Start(t.Context(), other); err == nil || !strings.Contains(err.Error(), "was copied from") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("nowhere to go", func(t *testing.T) {
		nowhere := c.Moved(filepath.Join(home, "lib"), filepath.Join(home, "cache"))
		nowhere.DataDir = filepath.Join(home, "third")
		if _, err := embedded.Start(t.Context(), nowhere); err == nil || !strings.Contains(err.Error(), "does not run as root") {
			t.Errorf("the error is %v", err)
		}
	})
}

// TestEnvironments are not parallel: they change what all processes of the test inherit.
func TestEnvironments(t *testing.T) {
	for name, environment := range map[string]map[string]string{
		"empty": {"LANG": "", "LC_ALL": "", "HOME": "", "PATH": "", "XDG_CACHE_HOME": "", "XDG_RUNTIME_DIR": "", "USER": ""},
		"foreign": {
			"LANG": "de_DE", "LC_ALL": "de_DE.ISO-8859-1", "LC_MESSAGES": "de_DE", "TZ": "Europe/Berlin",
			"PGDATA": "/nowhere", "PGPORT": "1", "PGHOST": "nowhere", "PGUSER": "somebody", "PGOPTIONS": "-c nothing=1",
			"PGSSLMODE": "verify-full", "PGSERVICE": "none",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			if c.BinDir == "" { // resolved while there is a home whose cache may hold the binaries
				dir, err := embedded.Resolve(context.Background(), c)
				if err != nil {
					t.Fatal(err)
				}
				c.BinDir = dir
			}
			for name, value := range environment {
				t.Setenv(name, value)
			}
			s := start(t, c)
			if got := ask(t, s.URL(), `SELECT current_setting('server_encoding') || ' ' || current_setting('lc_messages') || ' ' || current_setting('TimeZone')`); got != "UTF8 C UTC" {
				t.Errorf("the cluster has %s", got)
			}
		})
	}
}
