package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// goldenEvents has one event of every shape ever written, but those that end a workspace.
func goldenEvents(t *testing.T) []domain.Event {
	t.Helper()
	files, err := filepath.Glob("../schema/events/*.json")
	if err != nil || len(files) < 80 {
		t.Fatalf("%d golden events, %v", len(files), err)
	}
	first := regexp.MustCompile(`\.(created|invited|defined|registered|started)\.json$`) // what the others are about
	slices.SortStableFunc(files, func(a, b string) int { return -cmp.Compare(oneIf(first.MatchString(a)), oneIf(first.MatchString(b))) })
	var list []domain.Event
	for _, name := range files {
		typ := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(name), ".json"), ".2")
		if strings.HasPrefix(typ, "account.") || strings.HasPrefix(typ, "organization.") || strings.HasPrefix(typ, "api_key.") || strings.HasPrefix(typ, "workspace.created") || strings.HasSuffix(typ, ".deleted") || strings.HasSuffix(typ, ".archived") || strings.HasSuffix(typ, ".removed") || strings.HasSuffix(typ, ".revoked") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		ev, err := domain.Decode(typ, 1, []byte(strings.TrimSpace(string(data))))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, ev)
	}
	return list
}

func oneIf(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// rich writes workspaces of the same content, with rows in every table that a workspace can have rows in, now and before.
func (r *rig) rich(t *testing.T, slugs ...domain.Slug) map[domain.Slug]domain.Revision {
	t.Helper()
	last := map[domain.Slug]domain.Revision{}
	for _, slug := range slugs {
		for n := range 12 {
			r.append(slug, training(n)...)
		}
		r.append(slug, goldenEvents(t)...)
		r.append(slug, goldenEvents(t)...)
		last[slug] = r.append(slug, training(5)...) // late: attempts, versions that are meant otherwise
	}
	return last
}

// A tableShape is what tampering with a table takes.
type tableShape struct {
	name    string
	keys    []string
	columns map[string]string // that are no part of the key: their types
	types   map[string]string // of all
}

// shapes are the tables of the live model that hold rows of workspaces.
func (r *rig) shapes(schema string) []tableShape {
	r.t.Helper()
	const sql = `
SELECT c.relname, a.attname, format_type(a.atttypid, NULL), coalesce(a.attnum = ANY(i.indkey), false) OR a.attname IN ('since', 'until', 'level')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
LEFT JOIN pg_class b ON b.relnamespace = c.relnamespace AND b.relname = regexp_replace(c.relname, '_was$', '')
LEFT JOIN pg_index i ON i.indrelid = b.oid AND i.indisprimary
WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'r' ORDER BY 1, a.attnum`
	var shapes []tableShape
	var table, column, typ string
	var key bool
	rows, _ := r.pool.Query(r.t.Context(), sql, schema)
	_, err := pgx.ForEachRow(rows, []any{&table, &column, &typ, &key}, func() error {
		if unlike[table] {
			return nil
		}
		if n := len(shapes); n == 0 || shapes[n-1].name != table {
			shapes = append(shapes, tableShape{name: table, columns: map[string]string{}, types: map[string]string{}})
		}
		s := &shapes[len(shapes)-1]
		s.types[column] = typ
		if key {
			s.keys = append(s.keys, column)
		} else {
			s.columns[column] = typ
		}
		return nil
	})
	if err != nil || len(shapes) < 50 {
		r.t.Fatalf("%d tables, %v", len(shapes), err)
	}
	return shapes
}

// other is an expression for another value of a column.
func other(column, typ string) string {
	switch typ {
	case "boolean":
		return "NOT coalesce(" + column + ", false)"
	case "bytea":
		return `coalesce(` + column + `, '') || '\x00'`
	case "uuid":
		return "md5(coalesce(" + column + "::text, ''))::uuid"
	case "jsonb":
		return `'{"forged": 1}'`
	case "timestamp with time zone":
		return "coalesce(" + column + ", '2026-01-01') + interval '1 hour'"
	case "text":
		return "coalesce(" + column + ", '') || 'forged'"
	case "bigint", "integer", "smallint", "numeric", "double precision":
		return "coalesce(" + column + ", 0) + 1"
	}
	return "" // arrays and the like
}

// field is a column that can be changed; empty: every one is part of the key.
func (s tableShape) field() string {
	for _, column := range slices.Sorted(maps.Keys(s.columns)) {
		if other(column, s.columns[column]) != "" {
			return column
		}
	}
	return ""
}

// tamper changes one row of a table: one field of it, or it is taken away, or another one is put beside it. Nothing is done
// where the table has no row, or no such change is possible.
func (r *rig) tamper(kind, schema string, number int32, s tableShape) (done bool) {
	r.t.Helper()
	table := pgx.Identifier{schema, s.name}.Sanitize()
	one := fmt.Sprintf("ctid = (SELECT min(ctid) FROM %s WHERE ws = $1)", table)
	var sql string
	switch kind {
	case "field":
		column := s.field()
		if column == "" {
			return false
		}
		sql = fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s", table, column, other(column, s.columns[column]), one)
	case "missing":
		sql = fmt.Sprintf("DELETE FROM %s WHERE %s", table, one)
	case "extra":
		var values []string
		for _, c := range s.all() {
			values = append(values, forged(c, s.types[c]))
		}
		sql = fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT DO NOTHING", table, strings.Join(s.all(), ", "), strings.Join(values, ", "))
	}
	tag, err := r.pool.Exec(r.t.Context(), sql, number)
	if err != nil {
		r.t.Fatalf("tamper with %s, %s: %v\n%s", s.name, kind, err, sql)
	}
	return tag.RowsAffected() == 1
}

func (s tableShape) all() []string {
	return append(slices.Clone(s.keys), slices.Sorted(maps.Keys(s.columns))...)
}

// forged is a value that no row of ours has.
func forged(column, typ string) string {
	switch {
	case column == "ws":
		return "$1"
	case strings.HasSuffix(typ, "[]"):
		return "'{}'"
	}
	switch typ {
	case "boolean":
		return "false"
	case "bytea":
		return `'\x00'`
	case "uuid":
		return "'6ba7b810-9dad-41d1-80b4-00c04fd430c8'"
	case "jsonb", "json":
		return `'{"forged": 1}'`
	case "timestamp with time zone":
		return "'2026-01-01'"
	case "interval":
		return "'1 hour'"
	case "text":
		return "'forged'"
	case "smallint":
		return "3"
	}
	return "999983"
}

func (r *rig) number(slug domain.Slug) (n int32) {
	r.t.Helper()
	if err := r.pool.QueryRow(r.t.Context(), `SELECT number FROM log.workspaces WHERE slug = $1`, slug).Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// Every table of the live model, tampered with in one row by who may do everything, is found and named, with the row and
// the field; a workspace that nobody touched is not. One verification finds all of it.
func TestVerifyFindsWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	kinds := []string{"field", "missing", "extra"}
	last := r.rich(t, "field", "missing", "extra", "control")
	e := r.whole()
	stop := r.run(e)
	for slug, revision := range last {
		r.waitFor(e, slug, revision)
	}
	stop()
	if v, err := e.Verify(t.Context(), VerifyOptions{}, nil); err != nil || !v.Equal() || v.Workspaces != 4 || v.Events == 0 {
		t.Fatalf("before anybody did anything: %+v, %v", v, err)
	}
	shapes := r.shapes("read_1")
	did := map[string]map[string]bool{}
	covered := map[string]bool{}
	for _, kind := range kinds {
		did[kind] = map[string]bool{}
		for _, s := range shapes {
			if r.tamper(kind, "read_1", r.number(domain.Slug(kind)), s) {
				did[kind][s.name], covered[s.name] = true, true
			}
		}
	}
	if len(did["field"]) < 35 || len(did["missing"]) < 40 || len(did["extra"]) < 58 || len(covered) != len(shapes) {
		t.Fatalf("too little was tampered with: %d, %d, %d of %d tables", len(did["field"]), len(did["missing"]), len(did["extra"]), len(shapes))
	}
	v, err := e.Verify(t.Context(), VerifyOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range v.Differences {
		kind := string(d.Workspace)
		if !did[kind][d.Table] {
			t.Errorf("%s of %s differs, and nobody touched it: %+v", d.Table, kind, d.First)
			continue
		}
		delete(did[kind], d.Table)
		if d.Rows != 1 || len(d.First) != 1 || d.First[0].Key == "" {
			t.Errorf("%s, %s: %+v", d.Table, kind, d)
			continue
		}
		s := shapes[slices.IndexFunc(shapes, func(s tableShape) bool { return s.name == d.Table })]
		was, is, field := d.First[0].Old != "", d.First[0].New != "", d.First[0].Field
		if kind == "field" && field != s.field() || kind == "missing" && (was || !is || field != "row") || kind == "extra" && (!was || is || field != "row") {
			t.Errorf("%s, %s: %+v", d.Table, kind, d.First[0])
		}
	}
	for kind, left := range did {
		if len(left) > 0 {
			t.Errorf("%s: not found in %v", kind, slices.Sorted(maps.Keys(left)))
		}
	}
	if v.Tables != len(v.Differences) || v.Equal() {
		t.Errorf("%d tables differ, and %d are listed", v.Tables, len(v.Differences))
	}
	if v, err := e.Verify(t.Context(), VerifyOptions{Workspace: "control"}, nil); err != nil || !v.Equal() || v.Workspaces != 1 {
		t.Errorf("the workspace that nobody touched: %+v, %v", v, err)
	}
	r.leavesNothing()
}

// leavesNothing says that no verification left a model.
func (r *rig) leavesNothing() {
	r.t.Helper()
	var n int
	if err := r.pool.QueryRow(r.t.Context(), `SELECT count(*) FROM log.models m JOIN pg_namespace n ON n.nspname = m.schema WHERE m.state IN ('checking', 'dropped')`).Scan(&n); err != nil || n != 0 {
		r.t.Errorf("%d models are left, %v", n, err)
	}
}

// Rows twice, rows of a workspace that never was, rows of one that the model says it has nothing of: what no key finds.
func TestVerifyFindsWhatHasNoPlace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.rich(t, "one")
	e := r.whole()
	stop := r.run(e)
	r.waitFor(e, "one", last["one"])
	stop()
	r.exec(`INSERT INTO read_1.runs_was SELECT * FROM read_1.runs_was LIMIT 1`)
	r.exec(`INSERT INTO read_1.counters (ws, key, what, n) VALUES (4711, 1, 'runs', 1)`)
	r.exec(`INSERT INTO log.workspaces (slug) VALUES ('empty')`)
	r.exec(`INSERT INTO read_1.counters (ws, key, what, n) SELECT number, 1, 'runs', 1 FROM log.workspaces WHERE slug = 'empty'`)
	v, err := e.Verify(t.Context(), VerifyOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, d := range v.Differences {
		found = append(found, fmt.Sprintf("%s/%s/%d", d.Workspace, d.Table, d.Rows))
	}
	slices.Sort(found)
	if want := []string{"/counters/1", "empty/counters/1", "one/runs_was/1"}; !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("one", 3)
	e := r.engine()
	r.run(e)
	r.waitFor(e, "one", 3)
	var none *NotFoundError
	if _, err := e.Verify(t.Context(), VerifyOptions{Workspace: "nowhere"}, nil); !errors.As(err, &none) {
		t.Errorf("a workspace that is not there: %v", err)
	}
	other := r.engine()
	other.version = "newer"
	var outdated *OutdatedError
	if _, err := other.Verify(t.Context(), VerifyOptions{}, nil); !errors.As(err, &outdated) {
		t.Errorf("another version of the code: %v", err)
	}
}

// A verification that is cut off goes on where it was, finds the same, and leaves nothing; what a server that was killed
// left is dropped by the next.
func TestVerifyGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.several(6)
	e := r.engine()
	stop := r.run(e)
	for slug, revision := range last {
		r.waitFor(e, slug, revision)
	}
	stop()
	r.exec(`UPDATE read_1.audit_entries SET kind = 'forged' WHERE revision = 1 AND ws IN (SELECT number FROM log.workspaces WHERE slug IN ('w0', 'w5'))`)
	killed, letGo, err := e.createChecked(t.Context()) // and nobody lets go of it before the end
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = letGo() })
	ctx, cancel := context.WithCancel(t.Context())
	var kept []Verification
	keep := func(_ context.Context, so Verification) error {
		if kept = append(kept, so); len(kept) == 3 {
			cancel()
		}
		return nil
	}
	if _, err := e.Verify(ctx, VerifyOptions{Batch: 1, Keep: keep}, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("cut off: %v", err)
	}
	if len(kept) != 3 || kept[2].Workspaces != 3 || kept[2].Took <= 0 {
		t.Fatalf("kept %+v", kept)
	}
	var first, final int64 = -1, 0
	v, err := e.Verify(t.Context(), VerifyOptions{Batch: 1, From: &kept[2]}, func(done, total int64) {
		if first < 0 {
			first = done
		}
		if final = done; done > total {
			t.Errorf("%d of %d are done", done, total)
		}
	})
	if err != nil || v.Workspaces != 6 || v.Tables != 2 || v.Took <= kept[2].Took {
		t.Errorf("it went on to %+v, %v", v, err)
	}
	if first <= 0 || final <= first {
		t.Errorf("its progress went from %d to %d", first, final)
	}
	if elsewhere := (Verification{Model: "read_0", After: 5}); true {
		if v, err := e.Verify(t.Context(), VerifyOptions{From: &elsewhere}, nil); err != nil || v.Workspaces != 6 {
			t.Errorf("after a swap it begins anew: %+v, %v", v, err)
		}
	}
	// given that the server that held the model is gone, when somebody verifies later, then the model goes
	r.exec(`SELECT pg_terminate_backend(pid, 60000) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid() AND objid = (hashtextextended('annals verify ' || '` + killed.schema + `', 0) & 4294967295)::oid`)
	r.exec(`UPDATE log.models SET changed_at = now() - interval '1 minute' WHERE state = 'checking'`)
	if _, err := e.Verify(t.Context(), VerifyOptions{Workspace: "w1"}, nil); err != nil {
		t.Fatal(err)
	}
	r.leavesNothing()
}

// While workspaces are written to all the time it finds nothing, and the one row that was tampered with.
func TestVerifyWhileWritingGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.several(4)
	e := r.engine(func(c *Config) { c.PageSize = 5 })
	r.run(e)
	for slug, revision := range last {
		r.waitFor(e, slug, revision)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for ctx.Err() == nil {
			last := r.write("w0", 1)
			r.write("w2", 1)
			_ = e.Wait(ctx, "w0", last-25) // no faster than it can be projected
		}
	})
	for _, gentle := range []bool{false, true} {
		if v, err := e.Verify(t.Context(), VerifyOptions{PageSize: 11, Gentle: gentle}, nil); err != nil || !v.Equal() || v.Workspaces != 4 {
			t.Errorf("Verify = %+v, %v", v, err)
		}
	}
	r.exec(`UPDATE read_1.audit_entries SET kind = 'forged' WHERE revision = 1 AND ws = (SELECT number FROM log.workspaces WHERE slug = 'w2')`)
	v, err := e.Verify(t.Context(), VerifyOptions{}, nil)
	if err != nil || v.Tables != 1 || v.Differences[0].Workspace != "w2" || v.Differences[0].First[0].Field != "kind" {
		t.Errorf("Verify = %+v, %v", v, err)
	}
	cancel()
	writing.Wait()
}
