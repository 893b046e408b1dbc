package projections

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// A model that is built is filled without primary keys and indexes, and gets them when its rows are there: making an
// index of sorted rows costs a fraction of keeping one up row by row. Which keys there are is read from the tables
// themselves, before they lose them.

// primaryKeysSQL lists the primary keys of a schema, the longest tables last.
const primaryKeysSQL = `
SELECT t.relname, c.conname, pg_get_constraintdef(c.oid)
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname = $1 AND c.contype = 'p' ORDER BY 1`

// A primaryKey is one of a table of a model.
type primaryKey struct{ Table, Name, Definition string }

// dropKeys drops the primary keys of a model's tables, those about progress apart.
func dropKeys(ctx context.Context, tx pgx.Tx, schema string) ([]primaryKey, error) {
	rows, _ := tx.Query(ctx, primaryKeysSQL, schema)
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[primaryKey])
	if err != nil {
		return nil, fmt.Errorf("list the keys of %s: %w", schema, err)
	}
	keys = slices.DeleteFunc(keys, func(k primaryKey) bool { return unlike[k.Table] })
	for _, k := range keys {
		sql := "ALTER TABLE " + pgx.Identifier{schema, k.Table}.Sanitize() + " DROP CONSTRAINT " + pgx.Identifier{k.Name}.Sanitize()
		if _, err := tx.Exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("fill %s without keys: %w", schema, err)
		}
	}
	return keys, nil
}

// A chore is what is to be done about one table, statement by statement.
type chore struct {
	table      string
	statements []string
	size       int64 // of the table, bytes
}

// chores are the keys, the indexes and at the end the statistics of a model's tables, the largest tables first.
func (e *Engine) chores(ctx context.Context, schema string, keys []primaryKey, scripts ...string) ([]chore, error) {
	rows, _ := e.OwnerPool.Query(ctx, `SELECT relname::text, pg_relation_size(oid) FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'r'`, schema)
	at := map[string]*chore{}
	var table string
	var size int64
	_, err := pgx.ForEachRow(rows, []any{&table, &size}, func() error {
		at[table] = &chore{table: table, size: size}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the tables of %s: %w", schema, err)
	}
	for _, k := range keys {
		at[k.Table].statements = append(at[k.Table].statements, "ALTER TABLE "+pgx.Identifier{schema, k.Table}.Sanitize()+
			" ADD CONSTRAINT "+pgx.Identifier{k.Name}.Sanitize()+" "+k.Definition)
	}
	for _, script := range scripts {
		for _, sql := range statementsOf(inSchema(script, schema)) {
			_, on, _ := strings.Cut(sql, " ON "+schema+".")
			name, _, _ := strings.Cut(on, " ")
			c := at[name]
			if c == nil {
				return nil, fmt.Errorf("index %s: no table is meant by %s", schema, sql)
			}
			c.statements = append(c.statements, sql)
		}
	}
	list := make([]chore, 0, len(at))
	for _, c := range at {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b chore) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.table, b.table)) })
	return list, nil
}

// index does chores, several tables at a time, and tells how many statements are done.
func (e *Engine) index(ctx context.Context, chores []chore, parallel int, pace *pace, tell func(done, total int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var total int64
	for _, c := range chores {
		total += int64(len(c.statements))
	}
	var done atomic.Int64
	tell(0, total)
	next := make(chan chore)
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for c := range next {
				for _, sql := range c.statements {
					if ctx.Err() != nil {
						break
					}
					began := time.Now()
					err := e.maintain(ctx, sql)
					if err == nil {
						err = pace.yield(ctx, time.Since(began))
					}
					if err != nil {
						cancel(fmt.Errorf("%s: %w", strings.TrimSpace(sql), err))
					}
					tell(done.Add(1), total)
				}
			}
		})
	}
	for _, c := range chores {
		next <- c
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// maintain runs a statement of maintenance as the owner, in its own transaction.
func (e *Engine) maintain(ctx context.Context, sql string) error {
	const settings = `SELECT set_config('maintenance_work_mem', '128MB', true), set_config('synchronous_commit', 'off', true),
    set_config('max_parallel_maintenance_workers', '0', true)` // tables are done side by side already
	return pgx.BeginFunc(ctx, e.OwnerPool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, settings)
		if err == nil {
			_, err = tx.Exec(ctx, sql)
		}
		return err
	})
}

// analyze has the planner know what there is in a model.
func (e *Engine) analyze(ctx context.Context, schema string, parallel int) error {
	chores, err := e.chores(ctx, schema, nil)
	if err != nil {
		return err
	}
	for i := range chores {
		chores[i].statements = []string{"ANALYZE " + pgx.Identifier{schema, chores[i].table}.Sanitize()}
	}
	return e.index(ctx, chores, parallel, nil, func(int64, int64) {})
}

// statementsOf splits a script without functions and quoted semicolons.
func statementsOf(script string) []string {
	var list []string
	for _, line := range strings.Split(script, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--") {
			list = append(list, line)
		}
	}
	list = strings.SplitAfter(strings.Join(list, "\n"), ";")
	return slices.DeleteFunc(list, func(s string) bool { return strings.TrimSpace(s) == "" })
}
