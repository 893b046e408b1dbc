package projections

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/projections/read"
	accesssql "github.com/annals-io/annals/schema/postgres/access"
	logsql "github.com/annals-io/annals/schema/postgres/log"
)

// A walledRig is a database whose owner and server are roles of their own, as an operator makes them: neither passes over
// row level security.
type walledRig struct {
	*rig
	server *pgxpool.Pool
	e      *Engine
}

func newWalledRig(t *testing.T) walledRig {
	t.Helper()
	address := pgtest.URL(t)
	admin := pgtest.Connect(t, address)
	var database string
	if err := admin.QueryRow(t.Context(), `SELECT current_database()`).Scan(&database); err != nil {
		t.Fatal(err)
	}
	as := func(kind string) *pgxpool.Pool {
		role := kind + "_" + database
		if _, err := admin.Exec(t.Context(), `CREATE ROLE `+role+` LOGIN PASSWORD 'pw' CREATEROLE NOBYPASSRLS; GRANT CREATE, CONNECT ON DATABASE `+database+` TO `+role); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(role, "pw")
		return pgtest.Connect(t, u.String())
	}
	owner, server := as("owner"), as("server")
	t.Cleanup(func() {
		for _, role := range []string{"server_" + database, "owner_" + database} {
			for _, do := range []string{`REASSIGN OWNED BY ` + role + ` TO CURRENT_USER`, `DROP OWNED BY ` + role, `DROP ROLE ` + role} {
				_, _ = admin.Exec(context.Background(), do)
			}
		}
	})
	for _, role := range read.Roles { // as a superuser would: the owner of a database may not give away roles it did not make
		_, _ = admin.Exec(t.Context(), `CREATE ROLE `+role)
		if _, err := admin.Exec(t.Context(), `GRANT `+role+` TO server_`+database); err != nil {
			t.Fatal(err)
		}
	}
	r := newRigOn(t, owner)
	migrateLog(r, "server_"+database)
	e := r.engine(func(c *Config) { c.Pool, c.OwnerPool = server, owner })
	r.run(e)
	return walledRig{r, server, e}
}

// migrateLog makes the tables of the log, as its owner, and lets the server write two streams of one event each into them.
func migrateLog(r *rig, server string) {
	r.t.Helper()
	for _, files := range []fs.FS{logsql.Migrations, accesssql.Migrations} {
		names, err := fs.Glob(files, "*.sql")
		if err != nil {
			r.t.Fatal(err)
		}
		for _, name := range names {
			script, err := fs.ReadFile(files, name)
			if err != nil {
				r.t.Fatal(err)
			}
			r.exec(string(script))
		}
	}
	r.exec(`GRANT USAGE ON SCHEMA log TO ` + server + `; GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA log TO ` + server)
	r.exec(`INSERT INTO log.streams (name, revision, recorded_at) VALUES ('workspace-one', 0, now()), ('workspace-two', 0, now());
		INSERT INTO log.events (position, revision, recorded_at, occurred_at, stream, version, event_id, subject, kind, type, data, meta)
			SELECT id, 0, now(), now(), id, 1, gen_random_uuid(), gen_random_uuid(), 'run', 'run.started', convert_to(name, 'UTF8'), '' FROM log.streams;
		INSERT INTO log.evidence (stream, encoding, digest, salt, bytes) SELECT id, 0, '\x01', '', convert_to(name, 'UTF8') FROM log.streams;
		INSERT INTO log.api_keys (id, kind, hash, name, scopes, workspace, account, organization, default_workspace, created_at, created_by)
			SELECT name, 'pat', sha256(convert_to(name, 'UTF8')), 'key of ' || name, '{read}', substr(name, 11), gen_random_uuid(), 'acme', 'one', now(), 'system' FROM log.streams;
		INSERT INTO log.imports (stream, last, origins, digest, checkpoints, instance, organization, importer) SELECT name, 0, '[]', '', '', '', 'acme', gen_random_uuid() FROM log.streams;
		INSERT INTO log.accounts (account, name, state, created_at) SELECT gen_random_uuid(), 'person of ' || name, 'active', now() FROM log.streams;
		INSERT INTO log.sessions (hash, id, account, method, address, agent, created_at, used_at) SELECT sha256(account::text::bytea), account, account, 'link', '', '', now(), now() FROM log.accounts`)
}

// Where nobody gave BYPASSRLS, the wall stands all the same: the owner sees no row, the server's role projects, rebuilds,
// compares and swaps under its policy, and who asks sees the one workspace.
func TestTheWallWithoutAnybodyWhoPassesIt(t *testing.T) {
	t.Parallel()
	r := newWalledRig(t)
	last := r.write("one", 8)
	r.waitFor(r.e, "one", last)
	other := r.write("two", 5)
	r.waitFor(r.e, "two", other)
	report, err := r.e.Rebuild(t.Context(), RebuildOptions{}, nil)
	if err != nil || !report.Swapped || !report.Equal {
		t.Fatalf("Rebuild = %+v, %v", report, err)
	}
	last = r.write("one", 8)
	r.waitFor(r.e, "one", last)
	if got := r.rows(report.To, "one"); got != "" {
		t.Errorf("the owner sees %s", got)
	}
	r.pool = r.server
	if got := r.rows(report.To, "one"); got != all(last) {
		t.Errorf("the server's role sees %s, want %s", got, all(last))
	}
	db, err := read.Behind(t.Context(), r.server.Config(), 2, func(_ context.Context, scope domain.Slug) (bool, error) { return scope == "one", nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	for slug, want := range map[domain.Slug]int{"one": int(last) + 1, "two": 0} {
		m, err := r.e.Open(t.Context(), slug, AsOf{}, nil, patience)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := db.Audit(t.Context(), m, read.AuditQuery{Page: read.Page{Limit: 100}})
		if err != nil || len(entries.Rows) != want {
			t.Errorf("who may read one sees %d entries of %s, %v; want %d", len(entries.Rows), slug, err, want)
		}
	}
	wall, err := r.e.Wall(t.Context())
	if err != nil || !wall.Up || wall.Tables < 100 || len(wall.Faults) > 0 || len(wall.Notes) != 1 || !strings.Contains(wall.Notes[0], "BYPASSRLS") {
		t.Errorf("the wall is %+v, %v", wall, err)
	}
}

// Whatever somebody does to the wall, looking at it says so.
func TestHolesInTheWall(t *testing.T) {
	t.Parallel()
	r := newWalledRig(t)
	last := r.write("one", 3)
	r.waitFor(r.e, "one", last)
	for _, tt := range []struct{ do, undo, says string }{
		{`ALTER TABLE read_1.runs NO FORCE ROW LEVEL SECURITY`, `ALTER TABLE read_1.runs FORCE ROW LEVEL SECURITY`, "row level security is not forced on read_1.runs"},
		{`ALTER TABLE read_1.runs DISABLE ROW LEVEL SECURITY`, `ALTER TABLE read_1.runs ENABLE ROW LEVEL SECURITY`, "row level security is not enabled on read_1.runs"},
		{`ALTER POLICY asks ON read_1.words RENAME TO other`, `ALTER POLICY other ON read_1.words RENAME TO asks`, "read_1.words has no policy asks"},
		{`CREATE POLICY open ON read_1.steps USING (true)`, `DROP POLICY open ON read_1.steps`, "read_1.steps has a policy that is not ours: open"},
		{`GRANT UPDATE ON read_1.runs TO annals_reader`, `REVOKE UPDATE ON read_1.runs FROM annals_reader`, "annals_reader may write read_1.runs"},
		{`GRANT SELECT ON log.models TO annals_reader`, `REVOKE SELECT ON log.models FROM annals_reader`, "annals_reader may read log.models"},
		{`ALTER VIEW read_1.moments SET (security_invoker = false)`, `ALTER VIEW read_1.moments SET (security_invoker = true)`, "view read_1.moments reads as its owner"},
		{`CREATE FUNCTION read_1.all_runs() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM read_1.runs'`, `DROP FUNCTION read_1.all_runs`, "function read_1.all_runs runs as its owner"},
		{`CREATE TABLE read_1.more (ws int)`, `DROP TABLE read_1.more`, "row level security is not enabled on read_1.more"},
		{`ALTER TABLE log.events DISABLE ROW LEVEL SECURITY`, `ALTER TABLE log.events ENABLE ROW LEVEL SECURITY`, "row level security is not enabled on log.events"},
		{`ALTER TABLE log.api_keys NO FORCE ROW LEVEL SECURITY`, `ALTER TABLE log.api_keys FORCE ROW LEVEL SECURITY`, "row level security is not forced on log.api_keys"},
		{`ALTER POLICY asks ON log.evidence RENAME TO other`, `ALTER POLICY other ON log.evidence RENAME TO asks`, "log.evidence has no policy asks"},
		{`CREATE POLICY open ON log.commands USING (true)`, `DROP POLICY open ON log.commands`, "log.commands has a policy that is not ours: open"},
		{`CREATE POLICY crosses ON log.events USING (true)`, `DROP POLICY crosses ON log.events`, "log.events has a policy that is not ours: crosses"},
		{`GRANT SELECT ON log.api_keys TO annals_reader`, `REVOKE SELECT ON log.api_keys FROM annals_reader`, "annals_reader may read log.api_keys"},
		{`GRANT SELECT ON states.entity_states TO annals_surveyor`, `REVOKE SELECT ON states.entity_states FROM annals_surveyor`, "annals_surveyor may read states.entity_states"},
		{`GRANT INSERT ON log.evidence TO annals_reader`, `REVOKE INSERT ON log.evidence FROM annals_reader`, "annals_reader may write log.evidence"},
		{`CREATE TABLE log.more (stream int)`, `DROP TABLE log.more`, "row level security is not enabled on log.more"},
		{`CREATE TABLE states.more (workspace text)`, `DROP TABLE states.more`, "row level security is not enabled on states.more"},
	} {
		r.exec(tt.do)
		wall, err := r.e.Wall(t.Context())
		if err != nil || !slices.ContainsFunc(wall.Faults, func(f string) bool { return strings.HasPrefix(f, tt.says) }) {
			t.Errorf("after %s: %q, %v", tt.do, wall.Faults, err)
		}
		r.exec(tt.undo)
	}
	if wall, err := r.e.Wall(t.Context()); err != nil || len(wall.Faults) > 0 {
		t.Errorf("mended: %q, %v", wall.Faults, err)
	}
}

// A policy that is not what it should be is named, and a start of the server makes it anew, as it puts up what is missing:
// around tables of an older version, which had no wall, and around ones that nobody named.
func TestAStartMendsTheWall(t *testing.T) {
	t.Parallel()
	r := newWalledRig(t)
	for do, says := range map[string]string{
		`ALTER POLICY asks ON log.events USING (true)`:                                                                    "policy asks of log.events is not what it should be",
		`ALTER POLICY keeps ON log.evidence TO PUBLIC`:                                                                    "policy keeps of log.evidence is not what it should be",
		`COMMENT ON POLICY surveys ON read_1.runs IS NULL`:                                                                "policy surveys of read_1.runs is not what it should be",
		`DROP POLICY asks ON read_1.steps; CREATE POLICY asks ON read_1.steps FOR SELECT TO annals_reader USING (ws > 0)`: "policy asks of read_1.steps is not what it should be",
		`CREATE POLICY crosses ON read_1.metrics FOR SELECT TO annals_crosser USING (true)`:                               "policy crosses of read_1.metrics is not what it should be",
		`ALTER TABLE log.commands DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY; DROP POLICY asks ON log.commands; DROP POLICY surveys ON log.commands; DROP POLICY keeps ON log.commands`: "row level security is not enabled on log.commands",
		`CREATE TABLE log.later (stream int, said text)`:              "row level security is not enabled on log.later",
		`CREATE TABLE states.later (workspace text NOT NULL)`:         "row level security is not enabled on states.later",
		`CREATE TABLE log.named_later (stream text, position bigint)`: "row level security is not enabled on log.named_later",
	} {
		r.exec(do)
		wall, err := r.e.Wall(t.Context())
		if err != nil || !slices.ContainsFunc(wall.Faults, func(f string) bool { return strings.HasPrefix(f, says) }) {
			t.Errorf("after %s: %q, %v", do, wall.Faults, err)
		}
	}
	for range 2 { // once more where it stands
		if err := r.e.raiseAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if wall, err := r.e.Wall(t.Context()); err != nil || len(wall.Faults) > 0 {
			t.Errorf("after a start: %q, %v", wall.Faults, err)
		}
	}
	for table, want := range map[string]int{"log.events": 1, "log.evidence": 1, "log.streams": 1} {
		if got := r.asReader(`SELECT count(*) FROM ` + table); got != want {
			t.Errorf("a reader of one sees %d rows of %s, want %d", got, table, want)
		}
	}
}

// asReader asks for a number as the role that asks about workspace one.
func (r walledRig) asReader(statement string) (n int) {
	r.t.Helper()
	err := pgx.BeginFunc(r.t.Context(), r.server, func(tx pgx.Tx) error {
		if _, err := tx.Exec(r.t.Context(), `SELECT set_config('role', $1, true), set_config('annals.stream', 'workspace-one', true)`, read.Reader); err != nil {
			return err
		}
		return tx.QueryRow(r.t.Context(), statement).Scan(&n)
	})
	if err != nil {
		r.t.Fatalf("%s: %v", statement, err)
	}
	return n
}

// Behind the wall of the log the server's role finds everything, who asks the one stream, and the owner nothing: so that a
// function that runs as the owner gives nothing out. Without FORCE it does: that shows that the test is worth its name.
func TestTheOwnerOfTheLogSeesNothingOfIt(t *testing.T) {
	t.Parallel()
	r := newWalledRig(t)
	for table, want := range map[string]int{"log.events": 2, "log.evidence": 2, "log.streams": 2, "log.api_keys": 2, "log.imports": 2, "log.accounts": 2, "log.sessions": 2} {
		var server, owner int
		if err := errors.Join(r.server.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&server), r.pool.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&owner)); err != nil || server != want || owner != 0 {
			t.Errorf("%s: the server sees %d rows and the owner %d, %v; want %d and none", table, server, owner, err, want)
		}
	}
	r.exec(`CREATE FUNCTION log.all_events() RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*)::int FROM log.events'`)
	if n := r.asReader(`SELECT log.all_events()`); n != 0 {
		t.Errorf("the owner's function gives %d events out", n)
	}
	r.exec(`ALTER TABLE log.events NO FORCE ROW LEVEL SECURITY; ALTER TABLE log.streams NO FORCE ROW LEVEL SECURITY`)
	if n := r.asReader(`SELECT log.all_events()`); n != 2 {
		t.Errorf("without FORCE the owner's function gives %d events out: this test says nothing", n)
	}
	r.exec(`ALTER TABLE log.events FORCE ROW LEVEL SECURITY; ALTER TABLE log.streams FORCE ROW LEVEL SECURITY; DROP FUNCTION log.all_events`)
	r.exec(`GRANT SELECT ON log.api_keys, log.imports, log.accounts, log.sessions TO annals_reader`)
	for table, want := range map[string]int{"log.api_keys": 1, "log.imports": 1, "log.accounts": 0, "log.sessions": 0} {
		if n := r.asReader(`SELECT count(*) FROM ` + table); n != want {
			t.Errorf("a reader who was given the right by mistake sees %d rows of %s, want the %d of the one workspace", n, table, want)
		}
	}
}

// A function that runs as its owner is a way through a wall that has an owner behind it who may read. Ours may not: FORCE
// holds the owner, so that such a function finds nothing.
func TestAFunctionThatRunsAsTheOwner(t *testing.T) {
	t.Parallel()
	r := newWalledRig(t)
	last := r.write("one", 3)
	r.waitFor(r.e, "one", last)
	r.exec(`CREATE FUNCTION read_1.all_entries() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM read_1.audit_entries'`)
	ask := func() (n int) {
		conn, err := r.server.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
		if _, err := conn.Exec(t.Context(), `SET ROLE `+read.Reader); err != nil {
			t.Fatal(err)
		}
		if err := conn.QueryRow(t.Context(), `SELECT read_1.all_entries()`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), `RESET ROLE`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := ask(); n != 0 {
		t.Errorf("the owner's function gives %d rows out", n)
	}
	r.exec(`ALTER TABLE read_1.audit_entries NO FORCE ROW LEVEL SECURITY`)
	if n := ask(); n != int(last)+1 {
		t.Errorf("without FORCE the owner's function gives %d rows out: this test says nothing", n)
	}
	r.exec(`ALTER TABLE read_1.audit_entries FORCE ROW LEVEL SECURITY`)
}

// An owner who may not make roles still has a server, without the second wall, and is told.
func TestAnOwnerWhoMayNotMakeRoles(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	admin := pgtest.Connect(t, address)
	var database string
	if err := admin.QueryRow(t.Context(), `SELECT current_database()`).Scan(&database); err != nil {
		t.Fatal(err)
	}
	role := "alone_" + database
	if _, err := admin.Exec(t.Context(), fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD 'pw'; GRANT CREATE, CONNECT ON DATABASE %s TO %s`, role, database, role)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, do := range []string{`REASSIGN OWNED BY ` + role + ` TO CURRENT_USER`, `DROP OWNED BY ` + role, `DROP ROLE ` + role} {
			_, _ = admin.Exec(context.Background(), do)
		}
	})
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "pw")
	r := newRigOn(t, pgtest.Connect(t, u.String()))
	e := r.engine()
	r.run(e)
	last := r.write("one", 3)
	r.waitFor(e, "one", last)
	wall, err := e.Wall(t.Context())
	if err != nil || wall.Up || e.Walled() || len(wall.Notes) != 1 || len(wall.Faults) > 0 {
		t.Errorf("the wall is %+v, %v", wall, err)
	}
	if got := r.rows("read_1", "one"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
}
