package read

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A DB reads the read models of one database.
type DB struct {
	pool   *pgxpool.Pool
	texts  sync.Map // of fixed statements: textKey to string
	memory *memory  // nil: nothing is remembered
	joins  sync.Map // workspaces that are known to have promotions: joinKey to true
	guard  *guard   // nil: what the pool's role may read is read
	forget bool     // statements are broken on purpose: they forget their workspace
	bounds
}

// bounds choose between ways of finding; none changes an answer, but that facets count no more than theirs.
type bounds struct {
	walk   int // how many runs are looked at in the list's order before what a condition finds is collected
	past   int // how many closed rows are collected before walking is the better way: they are not rare then
	facets int // how many runs are found, and walked through, for facets
	hops   int // how many edges a level of a walk reads at once, beside four for each node there is room for
	kept   int // how many edges of a node are remembered, closed ones and all; a node with more is a hub
	list   int // how many workspaces that fit a list looks at in its order, beside two for each row, and a tenth of how many in all, before it collects what somebody sees
}

// New is a DB on a pool. It needs no closing. It remembers [DefaultMemory] bytes of what walks read.
func New(pool *pgxpool.Pool) *DB {
	return &DB{pool: pool, memory: newMemory(DefaultMemory), bounds: bounds{walk: 2000, past: 5000, facets: 20_000, hops: 5000, kept: 500, list: 200}}
}

type textKey struct{ schema, statement string }

// text is a fixed statement with the prefix "read." replaced by the moment's schema: once for each schema.
func (d *DB) text(m Moment, statement string) string {
	key := textKey{m.Schema, statement}
	if text, ok := d.texts.Load(key); ok {
		return text.(string)
	}
	text := d.inSchema(m, statement)
	d.texts.Store(key, text)
	return text
}

// anyWorkspace is where a statement says which workspace it is about.
var anyWorkspace = regexp.MustCompile(`\b(\w+\.)?ws = \$1\b`)

// inSchema is for statements that are put together for one question: keeping each would be a leak.
func (d *DB) inSchema(m Moment, statement string) string {
	if d.forget {
		statement = anyWorkspace.ReplaceAllString(statement, "$$1::int IS NOT NULL")
	}
	return strings.ReplaceAll(statement, "read.", pgx.Identifier{m.Schema}.Sanitize()+".")
}

// binds collects the values of a statement that is put together. $1 is always the workspace, $2 the revision.
type binds []any

func bindsOf(m Moment) binds { return binds{m.Number, m.Revision} }

// of binds a value and answers its placeholder.
func (b *binds) of(v any) string {
	*b = append(*b, v)
	return "$" + strconv.Itoa(len(*b))
}

// ask runs a statement that was put together for this question. It is planned for the values it has: a plan for any
// value would walk a million runs for the three that failed.
func ask[T any](ctx context.Context, d *DB, m Moment, what, statement string, values binds, scan pgx.RowToFunc[T]) ([]T, error) {
	return collect(ctx, d, m, true, what, d.inSchema(m, statement), scan, values)
}

// list runs a fixed statement; its first two values are workspace and revision.
func list[T any](ctx context.Context, d *DB, m Moment, what, statement string, scan pgx.RowToFunc[T], values ...any) ([]T, error) {
	return collect(ctx, d, m, false, what, d.text(m, statement), scan, append([]any{m.Number, m.Revision}, values...))
}

func collect[T any](ctx context.Context, d *DB, m Moment, planned bool, what, statement string, scan pgx.RowToFunc[T], values []any) ([]T, error) {
	var out []T
	err := d.query(ctx, m, planned, statement, values, func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, scan)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", what, m.Slug, err)
	}
	return out, nil
}

// columns writes a list of columns with an alias before each: "r.key, r.since".
func columns(alias, names string) string {
	parts := strings.Split(names, ",")
	for i, p := range parts {
		parts[i] = alias + "." + strings.TrimSpace(p)
	}
	return strings.Join(parts, ", ")
}

// rowAt is a query for the one row that is true at the moment among the rows of a temporal table which the condition
// picks by the table's primary key. Alias "x" stands for either part. The history is looked at only where the
// current row is younger, and of it only the last row that began by then.
func rowAt(table, cols, condition string) string {
	c := columns("x", cols)
	return `SELECT ` + cols + ` FROM (
	SELECT ` + c + ` FROM read.` + table + ` x WHERE x.ws = $1 AND ` + condition + ` AND x.since <= $2
	UNION ALL
	SELECT ` + columns("h", cols) + ` FROM (
		SELECT ` + c + `, x.until FROM read.` + table + `_was x
		WHERE x.ws = $1 AND ` + condition + ` AND x.since <= $2 ORDER BY x.since DESC LIMIT 1) h WHERE h.until > $2
	LIMIT 1) v`
}

// byKeys is a fixed statement for the rows of a table with those keys ($3), in no order.
func byKeys(table, cols string) string {
	return `SELECT ` + columns("r", cols) + ` FROM unnest($3::bigint[]) k (key) CROSS JOIN LATERAL (` +
		rowAt(table, cols, `x.key = k.key`) + `) r`
}

// zeroInt scans NULL as 0.
type zeroInt int

// ScanInt64 implements pgtype.Int64Scanner.
func (z *zeroInt) ScanInt64(v pgtype.Int8) error {
	*z = zeroInt(v.Int64)
	return nil
}
