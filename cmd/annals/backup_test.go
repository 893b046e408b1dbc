package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/fork"
	"github.com/annals-io/annals/internal/embedded"
	"github.com/annals-io/annals/internal/pgtest"
)

// dumpTools is a directory with pg_dump, pg_restore and a PostgreSQL of the same version. Those that Annals fetches have
// no pg_dump, so an installed PostgreSQL is looked for.
func dumpTools(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	more, _ := filepath.Glob("/opt/homebrew/opt/postgresql@*/bin")
	dirs := append([]string{os.Getenv(pgtest.BinEnv)}, append(found, more...)...)
	for i := len(dirs) - 1; i >= 0; i-- {
		whole := dirs[i] != ""
		for _, program := range []string{"pg_dump", "pg_restore", "postgres", "initdb"} {
			_, err := os.Stat(filepath.Join(dirs[i], program))
			whole = whole && err == nil
		}
		if whole {
			return dirs[i]
		}
	}
	t.Fatal("this test needs an installed PostgreSQL with pg_dump, such as Debian's package postgresql; " + pgtest.BinEnv + " names its directory")
	return ""
}

// cluster starts a PostgreSQL of those binaries for this test alone.
func cluster(t *testing.T, bin string) *embedded.Server {
	t.Helper()
	c := pgtest.Config(t)
	c.BinDir = bin
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	server, err := embedded.Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = server.Stop(ctx)
	})
	return server
}

// asAdmin is the address of the server's own database for its superuser.
func asAdmin(t *testing.T, s *embedded.Server) string {
	t.Helper()
	ours, err := pgx.ParseConfig(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	admin, err := pgx.ParseConfig(s.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=%s", admin.Host, admin.Port, admin.User, admin.Password, ours.Database)
}

func runs(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(program), args, err, out)
	}
}

const tablesSQL = `SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`

// digests are the rows of every table of a database, by table: their number, and a digest of them. What servers write while
// they only run is left out.
func digests(t *testing.T, url string) map[string]string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, _ := conn.Query(t.Context(), tablesSQL)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, table := range tables {
		if slices.Contains([]string{"log.leases", "log.instance", "log.sessions", "log.sign_in_links", "log.sign_in_limits", "log.api_keys", "log.models", "ops.servers"}, table) || strings.Contains(table, "lanes") {
			continue
		}
		rows, _ := conn.Query(t.Context(), "SELECT t::text FROM "+table+" t")
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		slices.Sort(lines)
		sum := md5.Sum([]byte(strings.Join(lines, "\n")))
		all[table] = fmt.Sprintf("%d rows, %s", len(lines), hex.EncodeToString(sum[:]))
	}
	return all
}

// copyDir copies what lies beside the database: the keys, which are backed up apart.
func copyDir(t *testing.T, from, to string, names ...string) {
	t.Helper()
	for _, name := range names {
		err := filepath.WalkDir(filepath.Join(from, name), func(path string, e os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(from, path)
			if err != nil {
				return err
			}
			if e.IsDir() {
				return os.MkdirAll(filepath.Join(to, rel), 0o700)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(to, rel), b, 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The drill of docs/operating.md: given a server with a history, when it is dumped and restored into a fresh cluster and
// started there, then nothing is missing and nothing is read again, what was handed out before is refused by name, names
// open, and the history goes on.
func TestADumpIsRestoredIntoAFreshCluster(t *testing.T) {
	t.Parallel()
	bin := dumpTools(t)
	first, second := cluster(t, bin), cluster(t, bin)
	dir, restored := pgtest.Dir(t), pgtest.Dir(t)
	var stop func()
	sink := filepath.Join(t.TempDir(), "checkpoints") // what an auditor is told
	with := func(c *embedded.Server) func(*serveFlags) {
		return func(f *serveFlags) { f.ownerURL, f.auditSinks = c.OwnerURL(), []string{"file:" + sink} }
	}
	s := startServerIn(t, dir, first.URL(), func(f func()) { stop = f }, with(first))
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	out, errs, exit := s.annals("", "import", "events", filepath.Join(root, "examples", "training.ndjson"), "-o", "json")
	if exit != 0 {
		t.Fatalf("import: %s %s", out, errs)
	}
	var sum imported
	decode(t, out, &sum)
	s.readable(t, sum.Revision)
	b := s.signedIn(t)
	_, page, _ := s.call(t, "GET", "/v1/workspaces/default/runs?limit=1", s.Key, "")
	var runsPage struct{ NextCursor string }
	decode(t, page, &runsPage)
	const cursorOf = `{"query":"{ workspace(slug: \"default\") { runs(first: 1%s) { pageInfo { endCursor } } } }"}`
	_, page, _ = s.call(t, "POST", "/graphql", s.Key, fmt.Sprintf(cursorOf, ""), "Content-Type", "application/json")
	_, cursor, _ := strings.Cut(page, `"endCursor":"`)
	cursor, _, _ = strings.Cut(cursor, `"`)
	_, was, header := s.call(t, "GET", "/v1/instance", s.Key, "")
	oldFork := header.Get(fork.Header)
	_, names, _ := s.call(t, "POST", "/graphql", s.Key, `{"query":"{ workspace(slug: \"default\") { members { nodes { name } } } }"}`, "Content-Type", "application/json")
	early, receipt := filepath.Join(t.TempDir(), "early"), filepath.Join(t.TempDir(), "receipt")
	for _, args := range [][]string{{"export", "default", "-o", early}, {"audit", "prove", fmt.Sprintf("default@%d", sum.Revision), "--file", receipt}} {
		if out, errs, exit := s.annals("", args...); exit != 0 {
			t.Fatalf("annals %v: %d %s%s", args, exit, out, errs)
		}
	}
	stop()

	dump := filepath.Join(t.TempDir(), "annals.dump")
	runs(t, filepath.Join(bin, "pg_dump"), "-Fc", "-f", dump, "-d", asAdmin(t, first))
	before := digests(t, asAdmin(t, first))
	runs(t, filepath.Join(bin, "pg_restore"), "--exit-on-error", "-d", asAdmin(t, second), dump)
	if after := digests(t, asAdmin(t, second)); len(after) < 20 || !mapsEqual(t, before, after) {
		t.Fatalf("%d tables were restored", len(after))
	}
	copyDir(t, dir, restored, "vault", "audit.key", firstKeyFile)

	var stopped func()
	r := startServerIn(t, restored, second.URL(), func(f func()) { stopped = f; t.Cleanup(func() { stopped() }) }, with(second))
	r.Key = s.Key
	r.readable(t, sum.Revision)
	for _, said := range []string{"another course of events", "what was recorded after that is gone"} {
		if !strings.Contains(r.Log.String(), said) {
			t.Errorf("the start does not say %q: %s", said, r.Log)
		}
	}
	for _, said := range []string{"rebuil", "parked", `"level":"ERROR"`} {
		if strings.Contains(r.Log.String(), said) {
			t.Errorf("the log of the start says %q: %s", said, r.Log)
		}
	}
	_, now, header := r.call(t, "GET", "/v1/instance", r.Key, "")
	if now == was || header.Get(fork.Header) == oldFork || header.Get(fork.Header) == "" {
		t.Errorf("the fork was %s and is %s", was, now)
	}
	if _, again, _ := r.call(t, "POST", "/graphql", r.Key, `{"query":"{ workspace(slug: \"default\") { members { nodes { name } } } }"}`, "Content-Type", "application/json"); again != names || !strings.Contains(names, `"name":"`) {
		t.Errorf("names were %s and are %s", names, again)
	}
	// What was handed out before is refused by name.
	if status, said, _ := r.call(t, "GET", "/v1/workspaces/default/runs?limit=1&cursor="+runsPage.NextCursor, r.Key, ""); status != 410 || !strings.Contains(said, `"forked"`) {
		t.Errorf("an old cursor by REST: %d %s", status, said)
	}
	query := fmt.Sprintf(cursorOf, `, after: \"`+cursor+`\"`)
	if status, said, _ := r.call(t, "POST", "/graphql", r.Key, query, "Content-Type", "application/json"); !strings.Contains(said, `"HISTORY_FORKED"`) {
		t.Errorf("an old cursor by GraphQL: %d %s", status, said)
	}
	if status, said, _ := r.call(t, "GET", "/v1/workspaces/default", r.Key, "", fork.Header, oldFork); status != 412 || !strings.Contains(said, `"forked"`) {
		t.Errorf("a request for the other course: %d %s", status, said)
	}
	if status, said, _ := r.call(t, "GET", "/v1/workspaces/default", r.Key, "", fork.Header, header.Get(fork.Header)); status != 200 {
		t.Errorf("a request for this course: %d %s", status, said)
	}
	if status, said, _ := r.call(t, "GET", "/v1/whoami", "", "", "Cookie", b.cookie()); status != 401 {
		t.Errorf("an old session: %d %s", status, said)
	}
	// Proofs from before the backup still check, by the key that was restored beside it.
	var key struct{ Key string }
	out, _, _ = r.annals("", "audit", "key", "-o", "json")
	decode(t, out, &key)
	for _, proof := range []string{early, receipt} {
		if out, errs, exit := r.annals("", "audit", "verify", proof, "--key", key.Key); exit != 0 {
			t.Errorf("what was proven before: %d %s%s", exit, out, errs)
		}
	}
	// And the history goes on where it stood.
	if status, said, _ := r.call(t, "POST", "/v1/workspaces/default/events", r.Key, nativeEvent, "Content-Type", "application/x-ndjson"); status != 200 || !strings.Contains(said, fmt.Sprintf(`"revision":%d`, sum.Revision+1)) {
		t.Errorf("an event after revision %d: %d %s", sum.Revision, status, said)
	}
}

// Given a checkpoint that somebody outside was told after the backup, when the backup is restored, then the server says
// that history was rewound, and seals nothing that contradicts it.
func TestARestoreThatRewindsHistoryIsSaid(t *testing.T) {
	t.Parallel()
	bin := dumpTools(t)
	first, second := cluster(t, bin), cluster(t, bin)
	dir, restored, sink := pgtest.Dir(t), pgtest.Dir(t), filepath.Join(t.TempDir(), "checkpoints")
	told := func(c *embedded.Server) func(*serveFlags) {
		return func(f *serveFlags) { f.ownerURL, f.auditSinks = c.OwnerURL(), []string{"file:" + sink} }
	}
	var stop func()
	s := startServerIn(t, dir, first.URL(), func(f func()) { stop = f }, told(first))
	dump := filepath.Join(t.TempDir(), "annals.dump")
	runs(t, filepath.Join(bin, "pg_dump"), "-Fc", "-f", dump, "-d", asAdmin(t, first))
	if status, said, _ := s.call(t, "POST", "/v1/workspaces/default/events", s.Key, nativeEvent, "Content-Type", "application/x-ndjson"); status != 200 {
		t.Fatalf("an event after the backup: %d %s", status, said)
	}
	if out, errs, exit := s.annals("", "audit", "prove", "default@1", "--file", filepath.Join(t.TempDir(), "receipt")); exit != 0 { // it waits for the seal
		t.Fatalf("prove: %d %s%s", exit, out, errs)
	}
	for end := time.Now().Add(60 * time.Second); ; pause() {
		told, err := os.ReadFile(sink) // what is told last has the size behind the name
		at := strings.LastIndex(string(told), "/workspace-default\n")
		if at >= 0 && !strings.HasPrefix(string(told)[at:], "/workspace-default\n1\n") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("nobody was told: %s, %v", told, err)
		}
	}
	stop()
	runs(t, filepath.Join(bin, "pg_restore"), "--exit-on-error", "-d", asAdmin(t, second), dump)
	copyDir(t, dir, restored, "vault", "audit.key", firstKeyFile)
	r := startServerIn(t, restored, second.URL(), func(stop func()) { t.Cleanup(stop) }, told(second))
	for end := time.Now().Add(60 * time.Second); ; pause() {
		_, ready, _ := r.call(t, "GET", "/readyz", "", "")
		if strings.Contains(ready, "ALARM") && strings.Contains(r.Log.String(), "rewound") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("nothing says that history was rewound: %s\n%s", ready, r.Log)
		}
	}
}

func mapsEqual(t *testing.T, want, got map[string]string) bool {
	t.Helper()
	same := len(want) == len(got)
	for table, rows := range want {
		if got[table] != rows {
			t.Errorf("%s had %s and has %s", table, rows, got[table])
			same = false
		}
	}
	return same
}

// A copy of the files looks like the original, until somebody says that it is one.
func TestACopyIsForkedByHand(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	was, _, _ := s.annals("", "fork", "-o", "json")
	now, errs, exit := s.annals("", "fork", "--copied", "-o", "json")
	if again, _, _ := s.annals("", "fork", "-o", "json"); exit != 0 || now == was || again != now {
		t.Errorf("fork: %d %s; it was %s, is %s and stays %s", exit, errs, was, now, again)
	}
}
