package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// TableDifference is how a table differs between two models, in one workspace.
type TableDifference struct {
	Workspace domain.Slug
	Table     string
	Rows      int             // how many rows differ, or are in one model alone
	First     []RowDifference // of the first 20 of them, a field each
}

// RowDifference is one field of one row that differs. Old or New is empty where the row is in the other model alone;
// Field is then "row".
type RowDifference struct {
	Key, Field, Old, New string
}

const shownDifferences = 20

// The key of a row in a table of closed rows is that of the entity and since when it was true.
const keyColumnsSQL = `
SELECT coalesce(array_agg(a.attname ORDER BY a.attnum), '{}')
FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indisprimary AND i.indrelid = to_regclass($1)`

// differenceSQL compares rows as JSON, so that tables of different columns can be compared too. Rows that are there twice
// are counted, so that the second one is found. The two names and the key are put in.
const differenceSQL = `
SELECT coalesce(o.k, n.k)::text, o.r, n.r, count(*) OVER ()
FROM (SELECT to_jsonb(t) AS r, jsonb_build_array(%[3]s) AS k, row_number() OVER (PARTITION BY jsonb_build_array(%[3]s) ORDER BY to_jsonb(t)) AS i FROM %[1]s t WHERE ws = $1) o
FULL JOIN (SELECT to_jsonb(t) AS r, jsonb_build_array(%[3]s) AS k, row_number() OVER (PARTITION BY jsonb_build_array(%[3]s) ORDER BY to_jsonb(t)) AS i FROM %[2]s t WHERE ws = $1) n ON n.k = o.k AND n.i = o.i
WHERE o.r IS DISTINCT FROM n.r
ORDER BY 1 LIMIT 20`

// difference finds the rows of a workspace that differ between two schemas.
func (e *Engine) difference(ctx context.Context, tx pgx.Tx, was, is, table string, number int32) (TableDifference, error) {
	d := TableDifference{Table: table}
	for _, schema := range []string{was, is} {
		var there bool
		if err := tx.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, schema+"."+table).Scan(&there); err != nil {
			return d, err
		}
		if !there {
			d.Rows = 1
			d.First = []RowDifference{{Key: table, Field: "table", Old: onlyIf(schema != was, "there"), New: onlyIf(schema != is, "there")}}
			return d, nil
		}
	}
	key, err := keyOf(ctx, tx, is, table)
	if err != nil {
		return d, err
	}
	sql := fmt.Sprintf(differenceSQL, pgx.Identifier{was, table}.Sanitize(), pgx.Identifier{is, table}.Sanitize(), key)
	rows, _ := tx.Query(ctx, sql, number)
	var k string
	var old, now *string
	_, err = pgx.ForEachRow(rows, []any{&k, &old, &now, &d.Rows}, func() error {
		row, err := fieldsThatDiffer(k, old, now)
		d.First = append(d.First, row...)
		return err
	})
	d.First = d.First[:min(len(d.First), shownDifferences)]
	return d, err
}

func onlyIf(yes bool, s string) string {
	if yes {
		return s
	}
	return ""
}

// keyOf is the list of a table's key, as expressions over its row as JSON.
func keyOf(ctx context.Context, tx pgx.Tx, schema, table string) (string, error) {
	base, closed := strings.CutSuffix(table, "_was")
	var columns []string
	if err := tx.QueryRow(ctx, keyColumnsSQL, schema+"."+base).Scan(&columns); err != nil {
		return "", fmt.Errorf("read the key of %s: %w", base, err)
	}
	if closed {
		columns = append(columns, "since")
	}
	if len(columns) == 0 {
		return "to_jsonb(t)", nil
	}
	for i, c := range columns {
		columns[i] = "to_jsonb(t)->'" + strings.ReplaceAll(c, "'", "''") + "'"
	}
	return strings.Join(columns, ", "), nil
}

func fieldsThatDiffer(key string, old, now *string) ([]RowDifference, error) {
	if old == nil {
		return []RowDifference{{Key: key, Field: "row", New: clip(*now)}}, nil
	}
	if now == nil {
		return []RowDifference{{Key: key, Field: "row", Old: clip(*old)}}, nil
	}
	var a, b map[string]json.RawMessage
	if err := json.Unmarshal([]byte(*old), &a); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(*now), &b); err != nil {
		return nil, err
	}
	fields := maps.Clone(a)
	maps.Copy(fields, b)
	var differ []RowDifference
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		if string(a[f]) != string(b[f]) {
			differ = append(differ, RowDifference{key, f, clip(string(a[f])), clip(string(b[f]))})
		}
	}
	return differ, nil
}

// tablesOf are the tables of a schema, without its views.
func (e *Engine) tablesOf(ctx context.Context, schema string) ([]string, error) {
	rows, _ := e.Pool.Query(ctx, `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') ORDER BY 1`, schema)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list the tables of %s: %w", schema, err)
	}
	return names, nil
}
