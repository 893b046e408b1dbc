package embedded_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/annals-io/annals/internal/embedded"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// undurable settings make creating a cluster quick.
var undurable = map[string]string{"fsync": "off", "shared_buffers": "32MB"}

func config(t *testing.T) embedded.Config {
	t.Helper()
	c := pgtest.Config(t)
	c.Settings = undurable
	return c
}

func start(t *testing.T, c embedded.Config) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *embedded.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// ask runs a query for one text.
func ask(t *testing.T, url, query string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var answer string
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

// TestAFreshCluster looks at one cluster from several sides, since making one is what takes time.
func TestAFreshCluster(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Settings = map[string]string{"work_mem": "5MB"}
	s := start(t, c)
	t.Run("is durable and in UTF-8", func(t *testing.T) { durableInUTF8(t, s) })
	t.Run("lets the server append and no more", func(t *testing.T) { mayAppendAndNoMore(t, s) })
	t.Run("always asks for a password", func(t *testing.T) { asksForAPassword(t, s) })
	t.Run("runs as nobody when root started it", func(t *testing.T) { belongsToNobody(t, s) })
	t.Run("is used by one process", func(t *testing.T) {
		if _, err := embedded.Start(t.Context(), c); !errors.Is(err, embedded.ErrInUse) {
			t.Errorf("a second start: %v", err)
		}
	})
	t.Run("stays stopped", func(t *testing.T) {
		stop(t, s)
		stop(t, s) // again is harmless
		<-s.Exited()
		if err := s.Restart(t.Context()); err == nil {
			t.Error("a stopped server was restarted")
		}
	})
}

func durableInUTF8(t *testing.T, s *embedded.Server) {
	for name, want := range map[string]string{
		"server_encoding": "UTF8", "lc_messages": "C", "TimeZone": "UTC",
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on", "wal_level": "replica",
		"max_wal_size": "4GB", "jit": "off", "max_connections": "100",
		"listen_addresses": "", // nobody from another machine, nobody without the socket
		"work_mem":         "5MB",
	} {
		if got := ask(t, s.URL(), "SHOW "+name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := ask(t, s.URL(), "SELECT datcollate FROM pg_database WHERE datname = current_database()"); got != "C" {
		t.Errorf("the collation is %q", got)
	}
	info, err := os.Stat(filepath.Join(filepath.Dir(s.Dir()), "postgres.secret"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file of passwords has mode %o", info.Mode().Perm())
	}
}

func mayAppendAndNoMore(t *testing.T, s *embedded.Server) {
	pgtest.Exec(t, s.OwnerURL(), `CREATE SCHEMA log`, `CREATE TABLE log.events (id int)`)
	pgtest.Exec(t, s.URL(), `INSERT INTO log.events VALUES (1)`, `SELECT * FROM log.events`, `CREATE SCHEMA read_1`)
	conn, err := pgx.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range []string{
		`UPDATE log.events SET id = 2`, `DELETE FROM log.events`, `TRUNCATE log.events`,
		`DROP TABLE log.events`, `ALTER TABLE log.events ADD COLUMN extra int`, `CREATE TABLE log.mine (id int)`,
		`SET ROLE annals_owner`, `CREATE ROLE another`,
	} {
		_, err := conn.Exec(t.Context(), statement)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "42501" {
			t.Errorf("%s: %v, want a refusal", statement, err)
		}
	}
}

func asksForAPassword(t *testing.T, s *embedded.Server) {
	wrong := strings.Replace(s.URL(), "annals_server:", "annals_server:x", 1)
	_, err := pgx.Connect(t.Context(), wrong)
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != "28P01" {
		t.Fatalf("a wrong password: %v", err)
	}
}

// belongsToNobody also shows who owns what: the user PostgreSQL runs as has its cluster and not the passwords.
func belongsToNobody(t *testing.T, s *embedded.Server) {
	want := os.Getuid()
	if want == 0 {
		want = 65534
	}
	if got := owner(t, s.Dir()); got != want {
		t.Errorf("the cluster belongs to %d, want %d", got, want)
	}
	if got := owner(t, filepath.Join(filepath.Dir(s.Dir()), "postgres.secret")); got != os.Getuid() {
		t.Errorf("the passwords belong to %d", got)
	}
}

func owner(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

func TestStartAgainFindsTheDataAndIsQuick(t *testing.T) {
	t.Parallel()
	c := config(t)
	s := start(t, c)
	pgtest.Exec(t, s.URL(), `CREATE SCHEMA s`, `CREATE TABLE s.kept AS SELECT 'here'::text AS what`)
	before := s.URL()
	stop(t, s)

	began := time.Now()
	s = start(t, c)
	if took := time.Since(began); took > 600*time.Millisecond {
		t.Errorf("the second start took %s", took)
	}
	if s.URL() != before {
		t.Error("the connection string changed")
	}
	if got := ask(t, s.URL(), `SELECT what FROM s.kept`); got != "here" {
		t.Errorf("found %q", got)
	}
}

func TestLostPasswordsAreRenewed(t *testing.T) {
	t.Parallel()
	c := config(t)
	s := start(t, c)
	pgtest.Exec(t, s.URL(), `CREATE SCHEMA s`, `CREATE TABLE s.kept AS SELECT 'here'::text AS what`)
	before := s.URL()
	stop(t, s)
	if err := os.Remove(filepath.Join(filepath.Dir(s.Dir()), "postgres.secret")); err != nil {
		t.Fatal(err)
	}
	s = start(t, c)
	if s.URL() == before {
		t.Error("the password is the lost one")
	}
	if got := ask(t, s.URL(), `SELECT what FROM s.kept`); got != "here" {
		t.Errorf("found %q", got)
	}
	if !strings.Contains(strings.Join(s.Notes(), " "), "renewed") {
		t.Errorf("the notes are %q", s.Notes())
	}
}

func TestWithoutSocketsItListensOnALoopbackPort(t *testing.T) {
	t.Parallel()
	s := start(t, config(t).WithoutSockets())
	before := s.URL()
	if !strings.Contains(before, "@127.0.0.1:") {
		t.Fatalf("it listens elsewhere: %s", before)
	}
	kill(t, s.PID())
	<-s.Exited()
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.URL() != before {
		t.Errorf("the port changed over a restart")
	}
	if got := ask(t, s.URL(), "SHOW listen_addresses"); got != "127.0.0.1" {
		t.Errorf("it listens on %q", got)
	}
}

func TestALongPathGetsAShortSocket(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.DataDir = filepath.Join(c.DataDir, strings.Repeat("long/", 20))
	if err := os.MkdirAll(c.DataDir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := start(t, c)
	dir := ask(t, s.AdminURL(), "SHOW unix_socket_directories")
	if len(dir) == 0 || len(dir) > 80 {
		t.Fatalf("the socket is in %q", dir)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("its directory has mode %o", info.Mode().Perm())
	}
	stop(t, s)
	if _, err := os.Stat(dir); err == nil && !strings.HasPrefix(dir, c.DataDir) {
		t.Errorf("%s was left behind", dir)
	}
}

func TestAStartThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Settings = maps.Clone(undurable)
	c.Settings["shared_buffers"] = "a lot"
	_, err := embedded.Start(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "shared_buffers") {
		t.Fatalf("the error is %v", err)
	}
	c.Settings = undurable
	start(t, c) // and what it left is no hindrance
}

func TestNoDataDirectory(t *testing.T) {
	t.Parallel()
	if _, err := embedded.Start(t.Context(), embedded.Config{}); err == nil {
		t.Fatal("started without a directory")
	}
}
