package transfer

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A table beside the log. Its rows are compared in portions: those of one stream whose key begins with one byte.
type table struct {
	name string // for people
	sql  string // portions: stream, byte, number of rows, digest of them
	keys string // the keys of one portion, as bytes
	drop string // deletes from a portion all rows but those with some keys
}

var besides = []table{
	{
		name: "evidence",
		sql: `SELECT s.name, get_byte(e.digest, 0), count(*), sha256(string_agg(sha256(e.digest || e.salt || e.bytes || int2send(e.encoding)), ''::bytea ORDER BY e.digest))
FROM log.evidence e JOIN log.streams s ON s.id = e.stream GROUP BY 1, 2 ORDER BY s.name COLLATE "C", 2`,
		keys: `SELECT e.digest FROM log.evidence e JOIN log.streams s ON s.id = e.stream WHERE s.name = $1 AND get_byte(e.digest, 0) = $2`,
		drop: `DELETE FROM log.evidence e USING log.streams s WHERE s.id = e.stream AND s.name = $1 AND get_byte(e.digest, 0) = $2 AND NOT e.digest = ANY($3::bytea[])`,
	},
	{
		name: "remembered commands",
		sql: `SELECT s.name, get_byte(c.digest, 0), count(*), sha256(string_agg(sha256(c.digest || int8send(c.first) || int8send(c.last) || int8send((extract(epoch FROM c.at) * 1000000)::bigint) || int4send(c.forever::int) || convert_to(c.id, 'UTF8')), ''::bytea ORDER BY c.id COLLATE "C"))
FROM log.commands c JOIN log.streams s ON s.id = c.stream GROUP BY 1, 2 ORDER BY s.name COLLATE "C", 2`,
		keys: `SELECT convert_to(c.id, 'UTF8') FROM log.commands c JOIN log.streams s ON s.id = c.stream WHERE s.name = $1 AND get_byte(c.digest, 0) = $2`,
		drop: `DELETE FROM log.commands c USING log.streams s WHERE s.id = c.stream AND s.name = $1 AND get_byte(c.digest, 0) = $2 AND NOT convert_to(c.id, 'UTF8') = ANY($3::bytea[])`,
	},
}

// A portion of a table.
type portion struct {
	stream string
	first  int32
	rows   int64
	sum    []byte
}

func (p *portion) before(q *portion) bool {
	return q == nil || p != nil && (p.stream < q.stream || p.stream == q.stream && p.first < q.first)
}

// differing calls do with the portions in which two databases differ; a side that has no such portion gives nil.
func (t table) differing(ctx context.Context, from, to *pgxpool.Pool, do func(here, there *portion) error) error {
	read := func(pool *pgxpool.Pool) (pgx.Rows, func() (*portion, error)) {
		rows, _ := pool.Query(ctx, t.sql) // its error comes with the rows
		return rows, func() (*portion, error) {
			if !rows.Next() {
				return nil, rows.Err()
			}
			var p portion
			return &p, rows.Scan(&p.stream, &p.first, &p.rows, &p.sum)
		}
	}
	ofSource, nextHere := read(from)
	defer ofSource.Close()
	ofTarget, nextThere := read(to)
	defer ofTarget.Close()
	here, err := nextHere()
	if err != nil {
		return fmt.Errorf("read the %s of the source: %w", t.name, err)
	}
	there, err := nextThere()
	for err == nil && (here != nil || there != nil) {
		one, other := here, there
		switch {
		case here != nil && here.before(there):
			other = nil
		case there != nil && there.before(here):
			one = nil
		}
		if one == nil || other == nil || one.rows != other.rows || !bytes.Equal(one.sum, other.sum) {
			if err := do(one, other); err != nil {
				return err
			}
		}
		if one != nil {
			if here, err = nextHere(); err != nil {
				break
			}
		}
		if other != nil {
			there, err = nextThere()
		}
	}
	if err != nil {
		return fmt.Errorf("compare the %s: %w", t.name, err)
	}
	return nil
}

// compare fails with the first difference.
func (t table) compare(ctx context.Context, from, to *pgxpool.Pool) error {
	return t.differing(ctx, from, to, func(here, there *portion) error {
		switch {
		case there == nil:
			return &DifferentError{What: fmt.Sprintf("%d rows of the %s of stream %s are missing", here.rows, t.name, here.stream)}
		case here == nil:
			return &DifferentError{What: fmt.Sprintf("the %s of stream %s have %d rows too many", t.name, there.stream, there.rows)}
		}
		return &DifferentError{What: fmt.Sprintf("the %s of stream %s are not the same: %d rows, %d in the source", t.name, here.stream, there.rows, here.rows)}
	})
}

// prune deletes from the target what the source has let go since an earlier run: commands that were forgotten,
// evidence that was erased or swept.
func (c *copying) prune(ctx context.Context) error {
	for _, t := range besides {
		err := t.differing(ctx, c.from.Pool(), c.to.Pool(), func(_, there *portion) error {
			if there == nil {
				return nil
			}
			rows, _ := c.from.Pool().Query(ctx, t.keys, there.stream, there.first)
			keys, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
			if err != nil {
				return fmt.Errorf("list the %s of the source: %w", t.name, err)
			}
			if keys == nil {
				keys = [][]byte{}
			}
			if _, err := c.to.Pool().Exec(ctx, t.drop, there.stream, there.first, keys); err != nil {
				return fmt.Errorf("let go of %s: %w", t.name, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// countTotal is how many events a database knows of: its own, or those of the log that it lies beside.
const countTotal = `SELECT coalesce(sum(revision + 1), 0)::bigint FROM log.streams WHERE revision >= 0`

func known(ctx context.Context, pool *pgxpool.Pool) (n int64, err error) {
	if err := pool.QueryRow(ctx, countTotal).Scan(&n); err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	return n, nil
}

// The database of a target must not have served another log: one that lies beside an event store is no place for a log
// of its own, and read models that are ahead of the log were made from another.
const (
	emptySQL = `SELECT coalesce(min(s.name), '') FROM log.streams s
WHERE s.revision >= 0 AND NOT EXISTS (SELECT 1 FROM log.events e WHERE e.stream = s.id)`

	projectsSQL = `SELECT to_regclass('states.progress') IS NOT NULL`

	projectedSQL = `SELECT coalesce(min(p.stream), '') FROM states.progress p
WHERE p.applied >= 0 AND NOT EXISTS (SELECT 1 FROM log.streams s WHERE s.name = p.stream AND s.revision >= p.applied)`
)

func foreignRows(ctx context.Context, to Backend) error {
	questions := []string{}
	if _, beside := to.(settler); !beside {
		questions = append(questions, emptySQL)
	}
	var projects bool
	if err := to.Pool().QueryRow(ctx, projectsSQL).Scan(&projects); err != nil {
		return fmt.Errorf("look at the target's database: %w", err)
	}
	if projects {
		questions = append(questions, projectedSQL)
	}
	for _, sql := range questions {
		var stream string
		if err := to.Pool().QueryRow(ctx, sql).Scan(&stream); err != nil {
			return fmt.Errorf("look at the target's database: %w", err)
		}
		if stream != "" {
			return &ForeignError{What: "its database knows stream " + stream + " from another log"}
		}
	}
	return nil
}
