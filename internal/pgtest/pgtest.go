// Package pgtest gives tests real PostgreSQL databases.
//
// One server serves all packages of a `go test` run, and the next run if it comes soon: the first process that
// asks starts it, the others join. Nothing has to be declared or torn down; a test writes
//
//	pool := pgtest.Pool(t)
//
// and has an empty database of its own until it ends. Nothing stays for ever either: a small watchdog ends the
// server and removes its files a few minutes after the last test process has gone, however it went (guard.go).
//
// A test needs PostgreSQL and says so: where none can be started it fails, it is never skipped.
// ANNALS_TEST_POSTGRES_BIN names other binaries than those that `annals serve` would use.
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/internal/embedded"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// BinEnv is the environment variable that names the directory of other binaries.
const BinEnv = "ANNALS_TEST_POSTGRES_BIN"

const (
	// maxConns of a pool from Pool: many tests share one server.
	maxConns = 8
	// patience bounds what a test waits for the server, the download of its binaries included.
	patience = 5 * time.Minute
)

// Durable are the settings with which a [Private] server keeps what it acknowledged, as `annals serve` runs it.
// Without them a test server flushes nothing.
var Durable = map[string]string{"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}

// hasty are the settings of servers whose data nobody will miss.
var hasty = map[string]string{
	"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
	"shared_buffers": "128MB", "max_connections": "300", "max_wal_size": "1GB",
}

// URL creates an empty database for this test and answers with its connection string. The role is its owner
// and may create roles and databases, and is no superuser. The database is dropped when the test ends, sessions
// or not.
func URL(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server, err := join(ctx)
	if err != nil {
		t.Fatalf("pgtest: this test needs PostgreSQL: %v", err)
	}
	name := "test_" + strings.ToLower(rand.Text()[:16])
	create := fmt.Sprintf("CREATE DATABASE %s TEMPLATE template0 OWNER %s", name, testRole)
	if _, err := server.admin.Exec(ctx, create); err != nil {
		t.Fatalf("pgtest: create a database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := server.admin.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("pgtest: drop the test's database: %v", err)
		}
	})
	return server.databaseURL(name)
}

// Pool is a pool on a database from [URL], closed when the test ends.
func Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return Connect(t, URL(t))
}

// Connect opens a pool on a database and closes it when the test ends.
func Connect(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatalf("pgtest: read the connection string: %v", err)
	}
	config.MaxConns = maxConns
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatalf("pgtest: open a pool: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Private starts a server for this test alone, to be killed or restarted, with settings put after those of a
// hasty test server; see [Durable]. It is stopped and its files are removed when the test ends.
func Private(t testing.TB, settings map[string]string) *embedded.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	config := Config(t)
	maps.Copy(config.Settings, settings)
	server, err := embedded.Start(ctx, config)
	if err != nil {
		t.Fatalf("pgtest: this test needs a PostgreSQL of its own: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Errorf("pgtest: stop the test's PostgreSQL: %v", err)
		}
	})
	return server
}

// Config is the configuration of a [Private] server, for tests that start it themselves.
func Config(t testing.TB) embedded.Config {
	t.Helper()
	config, err := newConfig(Dir(t))
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return config
}

// newConfig keeps fetched binaries in one place also where there is no home, as in an empty environment.
func newConfig(dataDir string) (embedded.Config, error) {
	config := embedded.Config{DataDir: dataDir, BinDir: os.Getenv(BinEnv), Settings: maps.Clone(hasty)}
	if _, err := os.UserCacheDir(); err == nil {
		return config, nil
	}
	base, err := baseDir()
	config.CacheDir = filepath.Join(base, "cache")
	return config, err
}

// Dir is a directory for the data of one `annals serve` or embedded server. It is not t.TempDir, since
// PostgreSQL's user must be able to enter it when the tests run as root. What still runs in it when the test
// ends, or is killed, is ended.
func Dir(t testing.TB) string {
	t.Helper()
	dir, release, err := guardedDir()
	if err != nil {
		t.Fatalf("pgtest: make a directory: %v", err)
	}
	t.Cleanup(func() {
		if err := release(); err != nil {
			t.Errorf("pgtest: remove the test's directory: %v", err)
		}
	})
	return dir
}

// Exec runs statements on a database, for tests that prepare or damage one.
func Exec(t testing.TB, url string, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("pgtest: connect: %v", err)
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatalf("pgtest: %s: %v", statement, err)
		}
	}
}
