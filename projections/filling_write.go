package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

const finishedSQL = `INSERT INTO read.progress (ws, slug, applied) SELECT * FROM unnest($1::int[], $2::text[], $3::bigint[])`

// write writes a chunk in one transaction. Workspaces that lost rows get no progress.
func (q *quick) write(ctx context.Context, c chunk) {
	if ctx.Err() != nil {
		return
	}
	err := pgx.BeginFunc(ctx, q.e.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL synchronous_commit = off`); err != nil {
			return err
		}
		if err := c.load.Write(ctx, tx.Conn().PgConn(), q.p.schema); err != nil {
			return err
		}
		var numbers []int32
		var names []string
		var applied []int64
		for _, g := range c.ended {
			if !g.lost {
				numbers, names, applied = append(numbers, g.number), append(names, g.name), append(applied, int64(g.applied))
			}
		}
		if len(numbers) == 0 {
			return nil
		}
		_, err := tx.Exec(ctx, inSchema(finishedSQL, q.p.schema), numbers, names, applied)
		return err
	})
	select {
	case q.back <- c.load:
	default:
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	for g := range c.of {
		g.lost = true
		g.stopped.Store(true)
	}
	q.e.Log.Warn("rows of a read model being built were not written; their workspaces are filled again", "model", q.p.schema, "workspaces", len(c.of), "error", err)
	q.breathe(ctx)
}

// breathe waits until the database answers again, for a minute at most: every chunk until then would be lost.
func (q *quick) breathe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for backoff := firstBackoff; ; backoff = min(2*backoff, longBackoff) {
		if err := q.e.Pool.Ping(ctx); err == nil || ctx.Err() != nil || pauseFor(ctx, backoff) != nil {
			return
		}
	}
}

// refill says what quick filling left to be done: goals[i].from is what each workspace needs next, and what there is of
// a workspace without progress goes.
func (b *build) refill(ctx context.Context, p *projection, goals []goal) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	applied := map[int32]domain.Revision{}
	rows, _ := b.e.Pool.Query(ctx, inSchema(`SELECT ws, applied FROM read.progress`, p.schema))
	var number int32
	var at domain.Revision
	_, err := pgx.ForEachRow(rows, []any{&number, &at}, func() error {
		applied[number] = at
		return nil
	})
	if err != nil {
		return fmt.Errorf("read how far %s is filled: %w", p.schema, err)
	}
	var halves []int32
	for i := range goals {
		g := &goals[i]
		if at, ok := applied[g.number]; ok {
			g.from = at + 1
		} else if g.until >= 0 {
			g.from = 0
			halves = append(halves, g.number)
		}
	}
	if len(halves) == 0 {
		return nil
	}
	tables, err := b.e.tablesOf(ctx, p.schema)
	if err != nil {
		return err
	}
	return persist(ctx, func() error {
		return pgx.BeginFunc(ctx, b.e.Pool, func(tx pgx.Tx) error {
			for _, table := range tables {
				if unlike[table] {
					continue
				}
				if _, err := tx.Exec(ctx, "DELETE FROM "+pgx.Identifier{p.schema, table}.Sanitize()+" WHERE ws = ANY($1)", halves); err != nil {
					return fmt.Errorf("clear %d workspaces of %s: %w", len(halves), table, err)
				}
			}
			return nil
		})
	})
}

// persist tries passing failures again a few times.
func persist(ctx context.Context, do func() error) error {
	const tries = 6
	var err error
	for i := range tries {
		if err = do(); err == nil || !passing(err) {
			return err
		}
		if waiting := pauseFor(ctx, firstBackoff<<i); waiting != nil {
			return errors.Join(context.Cause(ctx), err)
		}
	}
	return err
}
