package projections

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/internal/pgtest"
)

// The server's own role owns nothing: it projects, waits and answers with what the owner granted it, and neither
// creates nor drops.
func TestAProjectingRoleThatOwnsNothing(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	r := newRigOn(t, pgtest.Connect(t, address))
	var database string
	if err := r.pool.QueryRow(t.Context(), `SELECT current_database()`).Scan(&database); err != nil {
		t.Fatal(err)
	}
	role, owner := "app_"+database, r.pool
	r.exec(`CREATE ROLE "` + role + `" LOGIN PASSWORD 'pw'`)
	t.Cleanup(func() {
		_, _ = owner.Exec(context.Background(), `DROP OWNED BY "`+role+`"`)
		_, _ = owner.Exec(context.Background(), `DROP ROLE "`+role+`"`)
	})
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.User, config.ConnConfig.Password = role, "pw"
	app, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Close)
	e := r.engine(func(c *Config) { c.Pool, c.OwnerPool = app, r.pool })
	r.run(e)
	last := r.write("one", 8)
	r.waitFor(e, "one", last)
	report, err := e.Rebuild(t.Context(), RebuildOptions{}, nil)
	if err != nil || !report.Swapped {
		t.Fatalf("Rebuild = %+v, %v", report, err)
	}
	last = r.write("one", 8)
	r.waitFor(e, "one", last)
	r.pool = app // whom a policy lets see the rows; an owner sees none, unless it passes over policies
	if got := r.rows(report.To, "one"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
	if v, err := e.Verify(t.Context(), VerifyOptions{Gentle: true}, nil); err != nil || !v.Equal() || v.Workspaces != 1 {
		t.Errorf("Verify = %+v, %v", v, err)
	}
	if _, err := app.Exec(t.Context(), `DROP SCHEMA read_1 CASCADE`); err == nil {
		t.Error("the projecting role dropped a schema")
	}
}
