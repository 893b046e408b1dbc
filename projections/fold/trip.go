package fold

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A trip is one round trip to the database: statements that were queued, and what to do with their rows. Statements
// are prepared once per connection and epoch, by their text.
type trip struct {
	conn   *pgx.Conn
	schema string // quoted, with its dot
	epoch  int    // of the plans
	queued []queued
	sheets []*sheet // to be written before what is queued
	worth  int      // so many rows go by COPY
}

type queued struct {
	sql    string
	params [][]byte
	take   func(values [][]byte)
}

var (
	binaryFormat = []int16{1}
	manyBinary   = func() (f [64]int16) {
		for i := range f {
			f[i] = 1
		}
		return f
	}()
)

// tell queues a statement that answers nothing. ask queues one whose rows are given to take, one by one; the bytes
// are valid during the call only.
func (t *trip) tell(sql string, args []*array) { t.queue(sql, args, nil) }

func (t *trip) ask(sql string, args []*array, take func(values [][]byte)) { t.queue(sql, args, take) }

func (t *trip) queue(sql string, args []*array, take func(values [][]byte)) {
	params := make([][]byte, len(args))
	for i, a := range args {
		params[i] = a.bytes()
	}
	t.queued = append(t.queued, queued{strings.ReplaceAll(sql, "read.", t.schema), params, take})
}

// run sends what was queued and hands out the answers.
func (t *trip) run(ctx context.Context) error {
	if err := t.sendSheets(ctx); err != nil {
		return err
	}
	if len(t.queued) == 0 {
		return nil
	}
	var batch pgconn.Batch
	for _, q := range t.queued {
		statement, err := t.prepare(ctx, q.sql)
		if err != nil {
			return fmt.Errorf("prepare %s: %w", brief(q.sql), err)
		}
		batch.ExecStatement(statement, q.params, binaryFormat, manyBinary[:len(statement.Fields)])
	}
	queue := t.queued
	t.queued = nil
	results := t.conn.PgConn().ExecBatch(ctx, &batch)
	for _, q := range queue {
		if !results.NextResult() {
			break
		}
		rows := results.ResultReader()
		for rows.NextRow() {
			if q.take != nil {
				q.take(rows.Values())
			}
		}
		if _, err := rows.Close(); err != nil {
			results.Close()
			return fmt.Errorf("%s: %w", brief(q.sql), err)
		}
	}
	if err := results.Close(); err != nil {
		return fmt.Errorf("send a page's rows: %w", err)
	}
	return nil
}

// prepared are the statements of a model on a connection, and the epoch of their plans.
type prepared struct {
	epoch      int
	statements map[string]bool
}

// prepare prepares a statement once per connection and epoch.
func (t *trip) prepare(ctx context.Context, sql string) (*pgconn.StatementDescription, error) {
	key := "fold " + t.schema
	p, _ := t.conn.PgConn().CustomData()[key].(*prepared)
	if p == nil {
		p = &prepared{epoch: t.epoch, statements: map[string]bool{}}
		t.conn.PgConn().CustomData()[key] = p
	}
	if p.epoch < t.epoch {
		for old := range p.statements {
			if err := t.conn.Deallocate(ctx, old); err != nil {
				return nil, err
			}
		}
		p.epoch, p.statements = t.epoch, map[string]bool{}
	}
	statement, err := t.conn.Prepare(ctx, sql, sql)
	if err == nil {
		p.statements[sql] = true
	}
	return statement, err
}

// brief is the beginning of a statement, for an error.
func brief(sql string) string { return cut(sql, 60) }
