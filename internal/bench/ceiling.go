package bench

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// copied is what writing rows once more, by COPY and nothing else, took.
type copied struct {
	rows  int64
	took  time.Duration // COPY into tables with the same constraints and indexes
	fresh time.Duration // COPY into tables without any, and making them afterwards
}

// copyAgain writes the rows of the tables once more, as they are: the least that storing them can cost here.
func copyAgain(ctx context.Context, pool *pgxpool.Pool, tables []string) (copied, error) {
	var c copied
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return c, fmt.Errorf("open a connection: %w", err)
	}
	defer conn.Release()
	for _, table := range tables {
		var data bytes.Buffer
		tag, err := conn.Conn().PgConn().CopyTo(ctx, &data, "COPY "+table+" TO STDOUT (FORMAT binary)")
		if err != nil {
			return c, fmt.Errorf("read %s: %w", table, err)
		}
		if tag.RowsAffected() == 0 {
			continue
		}
		c.rows += tag.RowsAffected()
		with, err := copyInto(ctx, conn.Conn(), table, data.Bytes(), true)
		if err != nil {
			return c, err
		}
		without, err := copyInto(ctx, conn.Conn(), table, data.Bytes(), false)
		if err != nil {
			return c, err
		}
		c.took, c.fresh = c.took+with, c.fresh+without
	}
	return c, nil
}

// copyInto copies into a new table like the old one. indexed says whether its indexes are there from the beginning.
func copyInto(ctx context.Context, conn *pgx.Conn, table string, data []byte, indexed bool) (time.Duration, error) {
	again := "bench_again"
	like := "INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STORAGE INCLUDING IDENTITY"
	if indexed {
		like += " INCLUDING INDEXES"
	}
	if _, err := conn.Exec(ctx, fmt.Sprintf("DROP TABLE IF EXISTS %s; CREATE TABLE %s (LIKE %s %s)", again, again, table, like)); err != nil {
		return 0, fmt.Errorf("make a table like %s: %w", table, err)
	}
	began := time.Now()
	if _, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(data), "COPY "+again+" FROM STDIN (FORMAT binary)"); err != nil {
		return 0, fmt.Errorf("write the rows of %s again: %w", table, err)
	}
	if !indexed {
		if err := indexLike(ctx, conn, table, again); err != nil {
			return 0, err
		}
	}
	took := time.Since(began)
	_, err := conn.Exec(ctx, "DROP TABLE "+again)
	return took, err
}

// indexLike makes the indexes of one table on another.
func indexLike(ctx context.Context, conn *pgx.Conn, table, again string) error {
	rows, err := conn.Query(ctx, `SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = $1::regclass`, table)
	if err != nil {
		return fmt.Errorf("list the indexes of %s: %w", table, err)
	}
	definitions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list the indexes of %s: %w", table, err)
	}
	for i, d := range definitions {
		_, columns, _ := strings.Cut(d, " USING ")
		if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE INDEX bench_again_%d ON %s USING %s", i, again, columns)); err != nil {
			return fmt.Errorf("index the rows of %s again: %w", table, err)
		}
	}
	return nil
}

// tablesOf lists the tables of a schema.
func tablesOf(ctx context.Context, pool *pgxpool.Pool, schema string) ([]string, error) {
	rows, err := pool.Query(ctx, `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname = $1 ORDER BY 1`, schema)
	if err != nil {
		return nil, fmt.Errorf("list the tables of %s: %w", schema, err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// liveModel is the schema of the live read model.
func liveModel(ctx context.Context, pool *pgxpool.Pool) (schema string, err error) {
	err = pool.QueryRow(ctx, `SELECT schema FROM log.models WHERE state = 'live'`).Scan(&schema)
	return schema, err
}
