package read

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/schema/postgres"
)

// raise puts the wall around the test's model.
func raise(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	for _, text := range []string{postgres.Roles, postgres.Tools, strings.ReplaceAll(postgres.Wall, "read.", testSchema+".")} {
		if _, err := pool.Exec(context.Background(), text); err != nil {
			t.Fatalf("raise the wall: %v", err)
		}
	}
}

// everything is what nobody may read but a test.
func everything(context.Context, domain.Slug) (bool, error) { return true, nil }

// nothing is what a stranger may read.
func nothing(context.Context, domain.Slug) (bool, error) { return false, nil }

// behind is a DB behind the wall.
func behind(t testing.TB, config *pgxpool.Config, may May) *DB {
	t.Helper()
	d, err := Behind(context.Background(), config, config.MaxConns, may)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// two are two workspaces of the same content behind one wall: what they hold differs by their numbers alone.
func two(t *testing.T) (own, foreign example, pool *pgxpool.Pool) {
	t.Helper()
	own = newExample(t)
	pool = own.db.pool
	foreign = own
	h := newHistory()
	h.head, h.rows, h.ords, h.about = own.head, own.rows, own.ords, own.about
	foreign.history = h
	h.write(t, pool)
	words(t, foreign)
	raise(t, pool)
	return own, foreign, pool
}

// one is a connection as the reader, and as nobody yet.
func one(t *testing.T, pool *pgxpool.Pool) *pgx.Conn {
	t.Helper()
	conn, err := pgx.ConnectConfig(context.Background(), pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	if err := becomeReader(context.Background(), conn); err != nil {
		t.Fatal(err)
	}
	return conn
}

// counted is how many rows a statement finds in a transaction that may see what set says.
func counted(t *testing.T, conn *pgx.Conn, set, statement string, args ...any) (n int) {
	t.Helper()
	err := pgx.BeginFunc(context.Background(), conn, func(tx pgx.Tx) error {
		if set != "" {
			if _, err := tx.Exec(context.Background(), set); err != nil {
				return err
			}
		}
		return tx.QueryRow(context.Background(), statement, args...).Scan(&n)
	})
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return n
}

func tablesOf(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, _ := pool.Query(context.Background(), `SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'ws'
		WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'v') ORDER BY 1`, testSchema)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 50 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	return tables
}

// Who asks sees the rows of the workspace that the transaction names, and of no other: in every table and view, whoever
// owns it, and none where nothing is named. The setting and the role end with the transaction.
func TestWhatTheReaderSees(t *testing.T) {
	t.Parallel()
	own, foreign, pool := two(t)
	conn := one(t, pool)
	mine := fmt.Sprintf(`SELECT set_config('annals.ws', '%d', true)`, own.ws)
	both := fmt.Sprintf(`SELECT set_config('role', 'annals_surveyor', true), set_config('annals.workspaces', '{%d}', true)`, foreign.ws)
	filled := 0
	for _, table := range tablesOf(t, pool) {
		all := fmt.Sprintf(`SELECT count(*) FROM %s.%s`, testSchema, table)
		stored := counted(t, conn, `SELECT set_config('role', 'none', true)`, all+` WHERE ws = $1`, own.ws)
		if stored > 0 {
			filled++
		}
		for name, tt := range map[string]struct {
			set  string
			want int
		}{
			"its workspace":   {mine, stored},
			"nothing":         {"", 0},
			"an empty word":   {`SELECT set_config('annals.ws', '', true)`, 0},
			"other settings":  {fmt.Sprintf(`SELECT set_config('annals.workspaces', '{%d}', true)`, own.ws), 0},
			"a survey":        {both, stored},
			"an empty survey": {`SELECT set_config('role', 'annals_surveyor', true)`, 0},
		} {
			if got := counted(t, conn, tt.set, all); got != tt.want {
				t.Errorf("%s: who names %s sees %d rows, want %d", table, name, got, tt.want)
			}
		}
		if got := counted(t, conn, mine, all+` WHERE ws <> $1`, own.ws); got != 0 {
			t.Errorf("%s: %d foreign rows are seen", table, got)
		}
	}
	if filled < 15 {
		t.Errorf("only %d tables have rows: this says little", filled)
	}
}

// The connection of an answer keeps nothing of it, so that the next one to use it begins with no workspace.
func TestAPooledConnectionKeepsNoWorkspace(t *testing.T) {
	t.Parallel()
	own, foreign, pool := two(t)
	config := pool.Config()
	config.MaxConns = 1
	asked := own.ws
	db := behind(t, config, func(_ context.Context, scope domain.Slug) (bool, error) { return scope == "own", nil })
	at := func(slug domain.Slug, ws int32) Moment {
		m := own.moment(own.head)
		m.Slug, m.Number = slug, ws
		return m
	}
	for i := range 12 { // more than it takes Postgres to keep one plan for all values
		for _, tt := range []struct {
			m    Moment
			want int
		}{{at("own", asked), 2}, {at("foreign", foreign.ws), 0}, {at("own", foreign.ws), 2}} {
			runs, err := db.RunsByRunID(context.Background(), tt.m, "r-1", 10)
			if err != nil || len(runs) != tt.want {
				t.Fatalf("time %d: %d runs of %s, %v; want %d", i, len(runs), tt.m.Slug, err, tt.want)
			}
			list, err := db.Runs(context.Background(), tt.m, RunQuery{RunID: "r-1"})
			if err != nil || (len(list.Rows) > 0) != (tt.want > 0) {
				t.Fatalf("time %d: a list of %d runs of %s, %v", i, len(list.Rows), tt.m.Slug, err)
			}
		}
		for _, p := range []*pgxpool.Pool{db.pool, db.guard.planned} {
			var setting, role string
			var rows int
			err := p.QueryRow(context.Background(), `SELECT coalesce(current_setting('annals.ws', true), ''), current_user, (SELECT count(*) FROM `+testSchema+`.runs)`).Scan(&setting, &role, &rows)
			if err != nil || setting != "" || role != Reader || rows != 0 {
				t.Fatalf("the connection keeps %q as %s and sees %d runs, %v", setting, role, rows, err)
			}
		}
	}
	// A statement that fails leaves nothing either.
	if _, err := db.Runs(context.Background(), Moment{Slug: "own", Number: own.ws, Schema: "nowhere"}, RunQuery{}); err == nil {
		t.Error("a model that is not there answers")
	}
	if runs, err := db.RunsByRunID(context.Background(), at("foreign", foreign.ws), "r-1", 10); err != nil || len(runs) != 0 {
		t.Errorf("after a failure: %d runs, %v", len(runs), err)
	}
}

// Functions that tell what they are given in their errors are not given foreign rows.
func TestFunctionsThatLeakByError(t *testing.T) {
	t.Parallel()
	own, _, pool := two(t)
	if _, err := pool.Exec(context.Background(), `
CREATE FUNCTION public.tell(v text, ws int) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'row % of %', v, ws; END $$;
UPDATE `+testSchema+`.runs SET run_id = 'not a number' WHERE ws <> `+fmt.Sprint(own.ws)+`;
UPDATE `+testSchema+`.runs SET run_id = key::text WHERE ws = `+fmt.Sprint(own.ws)); err != nil {
		t.Fatal(err)
	}
	conn := one(t, pool)
	set := fmt.Sprintf(`SELECT set_config('annals.ws', '%d', true)`, own.ws)
	if n := counted(t, conn, set, `SELECT count(*) FROM `+testSchema+`.runs WHERE run_id::bigint > 0`); n != 3 {
		t.Errorf("%d runs of the workspace, want 3", n)
	}
	err := pgx.BeginFunc(context.Background(), conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(context.Background(), set); err != nil {
			return err
		}
		_, err := tx.Exec(context.Background(), `SELECT FROM `+testSchema+`.runs WHERE public.tell(run_id, ws)`)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf(" of %d", own.ws)) {
		t.Errorf("the function was told %v; want a row of %d", err, own.ws)
	}
	if n := counted(t, conn, "", `SELECT count(*) FROM `+testSchema+`.runs WHERE public.tell(run_id, ws)`); n != 0 {
		t.Errorf("%d rows without a workspace", n)
	}
}

// Nobody who asks can write; and whoever could, would be held to the workspace.
func TestForeignRowsAreNotWritten(t *testing.T) {
	t.Parallel()
	own, foreign, pool := two(t)
	insert := func(ws int32) string {
		return fmt.Sprintf(`INSERT INTO %s.words (ws, word, kind, entity, since) VALUES (%d, 'w', 'run', 1, 0)`, testSchema, ws)
	}
	conn := one(t, pool)
	refused := func(what, statement, code string) {
		t.Helper()
		err := pgx.BeginFunc(context.Background(), conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(context.Background(), `SELECT set_config('annals.ws', $1, true)`, fmt.Sprint(own.ws)); err != nil {
				return err
			}
			_, err := tx.Exec(context.Background(), statement)
			return err
		})
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != code || strings.Contains(pg.Message+pg.Detail, "duplicate") {
			t.Errorf("%s: %v; want %s", what, err, code)
		}
	}
	refused("a reader that writes", insert(own.ws), "42501")
	if _, err := pool.Exec(context.Background(), `GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA `+testSchema+` TO annals_reader`); err != nil {
		t.Fatal(err)
	}
	refused("a reader who was given the right, without a policy", insert(foreign.ws), "42501")
	// A row whose key is taken in another workspace is refused as any other, not as a duplicate.
	refused("a key that is taken elsewhere", fmt.Sprintf(`INSERT INTO %s.words SELECT %d, 'train', 'pipeline', %d, 0`, testSchema, foreign.ws, own.train), "42501")
	if _, err := pool.Exec(context.Background(), `CREATE POLICY writes ON `+testSchema+`.words TO annals_reader USING (ws = nullif(current_setting('annals.ws', true), '')::int)`); err != nil {
		t.Fatal(err)
	}
	refused("a writer of another workspace", insert(foreign.ws), "42501")
	for _, table := range []string{"runs", "artifacts", "words"} {
		if n := counted(t, conn, fmt.Sprintf(`SELECT set_config('annals.ws', '%d', true)`, own.ws), `WITH gone AS (DELETE FROM `+testSchema+`.`+table+` WHERE ws = $1 RETURNING 1) SELECT count(*) FROM gone`, foreign.ws); n != 0 {
			t.Errorf("%d foreign rows of %s were deleted", n, table)
		}
	}
}

// No unique key reaches over workspaces: "duplicate key" would tell that another one has it.
func TestEveryUniqueKeyBeginsWithTheWorkspace(t *testing.T) {
	t.Parallel()
	_, pool := newModel(t)
	rows, _ := pool.Query(context.Background(), `SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
		WHERE c.relnamespace = $1::regnamespace AND i.indisunique AND c.relname <> 'lanes'
		AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = i.indkey[0]) IS DISTINCT FROM 'ws'`, testSchema)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}

// questions are all that a DB can be asked at a moment, with arguments that find something in an example.
func (x example) questions(t *testing.T) map[string]func(*DB, Moment) []any {
	t.Helper()
	ctx := context.Background()
	out := map[string]func(*DB, Moment) []any{}
	methods := reflect.TypeFor[*DB]()
	for i := range methods.NumMethod() {
		method := methods.Method(i)
		in := method.Type
		if in.NumIn() < 3 || in.In(2) != reflect.TypeFor[Moment]() && in.In(2) != reflect.TypeFor[[]Moment]() {
			continue
		}
		out[method.Name] = func(d *DB, m Moment) []any {
			args := []reflect.Value{reflect.ValueOf(d), reflect.ValueOf(ctx)}
			for i := 2; i < in.NumIn(); i++ {
				args = append(args, x.argument(in.In(i), m))
			}
			var results []any
			call := method.Func.Call
			if in.IsVariadic() {
				call = method.Func.CallSlice
			}
			for _, v := range call(args) {
				if err, ok := v.Interface().(error); ok && err != nil {
					results = append(results, err.Error())
					continue
				}
				if g, ok := v.Interface().(Graph); ok {
					g.Places = nil // the moments themselves
					v = reflect.ValueOf(g)
				}
				results = append(results, v.Interface())
			}
			return results
		}
	}
	if len(out) < 30 {
		t.Fatalf("only %d questions", len(out))
	}
	return out
}

// argument is a value of a type that finds something: there is no way to know better without a list that is forgotten.
func (x example) argument(of reflect.Type, m Moment) reflect.Value {
	switch of {
	case reflect.TypeFor[Moment]():
		return reflect.ValueOf(m)
	case reflect.TypeFor[[]Moment]():
		return reflect.ValueOf([]Moment{m})
	case reflect.TypeFor[LineageQuery]():
		return reflect.ValueOf(LineageQuery{Roots: []Node{{domain.KindArtifactVersion, x.clean}}, Up: true, Down: true, Depth: 10})
	case reflect.TypeFor[StepQuery]():
		return reflect.ValueOf(StepQuery{Run: x.run})
	case reflect.TypeFor[domain.Kind]():
		return reflect.ValueOf(domain.KindRun)
	case reflect.TypeFor[Node]():
		return reflect.ValueOf(Node{domain.KindRun, x.run})
	case reflect.TypeFor[[]NameRef]():
		return reflect.ValueOf([]NameRef{{Name: "train"}, {Name: "public.orders"}, {Name: "churn-model"}})
	}
	keys := []int64{x.run, x.nested, x.twin, x.train, x.orders, x.model, x.raw, x.clean, x.best, x.load, x.fit}
	switch of.Kind() {
	case reflect.Int64:
		if of == reflect.TypeFor[domain.Revision]() {
			return reflect.ValueOf(domain.Revision(0))
		}
		return reflect.ValueOf(x.run).Convert(of)
	case reflect.Int, reflect.Int32, reflect.Int16:
		return reflect.ValueOf(10).Convert(of)
	case reflect.Bool:
		return reflect.ValueOf(true)
	case reflect.String:
		return reflect.ValueOf("r-1").Convert(of)
	case reflect.Slice:
		switch of.Elem().Kind() {
		case reflect.Int64:
			list := reflect.MakeSlice(of, 0, len(keys))
			for _, k := range keys {
				if of.Elem() == reflect.TypeFor[domain.Revision]() {
					k /= keysPerRevision
				}
				list = reflect.Append(list, reflect.ValueOf(k).Convert(of.Elem()))
			}
			return list
		case reflect.Struct:
			if of.Elem() == reflect.TypeFor[Node]() {
				return reflect.ValueOf([]Node{{domain.KindRun, x.run}, {domain.KindArtifact, x.orders}, {domain.KindArtifactVersion, x.clean}})
			}
		}
	}
	if of.String() == "time.Time" {
		return reflect.ValueOf(noon.AddDate(1, 0, 0))
	}
	return reflect.Zero(of)
}

// Somebody forgot to ask whether a workspace may be read: what is asked about it finds what is found in a workspace that
// never was, from memory too. In the open the same questions find a great deal: that shows that they are worth asking.
func TestForgettingTheFirstWallFindsNothing(t *testing.T) {
	t.Parallel()
	own, _, pool := two(t)
	open, locked := behind(t, pool.Config(), everything), behind(t, pool.Config(), nothing)
	locked.memory = open.memory // as one server has it
	here := own.moment(own.head)
	never := here
	never.Number = 1 << 30
	found := 0
	for name, ask := range own.questions(t) {
		ask(open, here) // and is remembered
		seen, foreign, missing := ask(open, here), ask(locked, here), ask(open, never)
		if !reflect.DeepEqual(seen, missing) {
			found++
		}
		if !reflect.DeepEqual(foreign, missing) {
			t.Errorf("%s of a foreign workspace:\n %+v\nof one that never was:\n %+v", name, foreign, missing)
		}
	}
	if found < 20 {
		t.Errorf("only %d questions find anything where they may", found)
	}
}

// Somebody forgot the workspace in the WHERE of all statements: behind the wall they answer as before. In the open they
// find rows of another workspace: the control.
func TestForgettingTheWorkspaceInStatements(t *testing.T) {
	t.Parallel()
	own, _, pool := two(t)
	whole, walled, open := behind(t, pool.Config(), everything), behind(t, pool.Config(), everything), New(pool)
	walled.forget, open.forget = true, true
	for _, d := range []*DB{whole, walled, open} {
		d.Remember(0)
	}
	here := own.moment(own.head)
	differ := 0
	for name, ask := range own.questions(t) {
		want, got := ask(whole, here), ask(walled, here)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s without its workspace:\n %+v\nwant\n %+v", name, got, want)
		}
		if !reflect.DeepEqual(ask(open, here), want) {
			differ++
		}
	}
	if differ < 15 {
		t.Errorf("only %d questions find foreign rows without the wall: this says little", differ)
	}
}

// What reaches over workspaces sees what it is for: the workspaces that may be read, the few tables that say where
// something is, and, where only numbers come out of it, a workspace that may not be read.
func TestReachingOverWorkspaces(t *testing.T) {
	t.Parallel()
	own, foreign, pool := two(t)
	ctx := context.Background()
	db := behind(t, pool.Config(), func(_ context.Context, scope domain.Slug) (bool, error) { return scope == "own", nil })
	here, there := own.moment(own.head), foreign.moment(own.head)
	here.Slug, there.Slug = "own", "foreign"
	found, err := db.Workspaces(ctx, []Moment{here, there, here})
	if err != nil || found[0] == nil || found[1] != nil || found[2] == nil {
		t.Errorf("a list of workspaces is %v, %v; want the first and the last", found, err)
	}
	number := pgx.RowTo[int64]
	for table, want := range map[string]int64{"workspaces": 2, "runs": 3} {
		got, err := across(ctx, db, here, "count", `SELECT count(*) FROM read.`+table+` WHERE $1::int + $2::bigint IS NOT NULL`, number)
		if err != nil || got[0] != want {
			t.Errorf("a statement across workspaces sees %v %s, %v; want %d", got, table, err, want)
		}
	}
	count := func(ctx context.Context, m Moment) int64 {
		got, err := list(ctx, db, m, "count", `SELECT count(*) FROM read.runs WHERE ws = $1 AND since <= $2`, number)
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	if seen, forOther, counted := count(ctx, there), count(ctx, there.For(here)), count(ctx, there.blindly()); seen != 0 || forOther != 3 || counted != 3 {
		t.Errorf("%d foreign runs are seen, %d for the sake of a workspace that may be read, %d are counted; want 0, 3, 3", seen, forOther, counted)
	}
	if got := count(ctx, here.For(there)); got != 0 {
		t.Errorf("%d runs for the sake of a workspace that may not be read", got)
	}
}
