package projections

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/projections/read"
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
	e := r.engine(func(c *Config) { c.Pool, c.OwnerPool = server, owner })
	r.run(e)
	return walledRig{r, server, e}
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
