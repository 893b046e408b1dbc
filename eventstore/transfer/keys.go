package transfer

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// API keys go as rows, whatever columns they have: both databases are migrated by the same program.
const (
	haveKeysSQL = `SELECT to_regclass('log.api_keys') IS NOT NULL`
	keysSQL     = `SELECT id, to_jsonb(k)::text FROM log.api_keys k ORDER BY id`
	dropKeysSQL = `DELETE FROM log.api_keys WHERE id = ANY($1::text[])`
	putKeysSQL  = `INSERT INTO log.api_keys SELECT (jsonb_populate_record(NULL::log.api_keys, v::jsonb)).* FROM unnest($1::text[]) AS v`
)

// keysOf are the API keys of a database, by id; none where nothing was ever served from it.
func keysOf(ctx context.Context, pool *pgxpool.Pool) (map[string]string, error) {
	keys := map[string]string{}
	var have bool
	if err := pool.QueryRow(ctx, haveKeysSQL).Scan(&have); err != nil || !have {
		return keys, err
	}
	var id, row string
	rows, _ := pool.Query(ctx, keysSQL)
	_, err := pgx.ForEachRow(rows, []any{&id, &row}, func() error {
		keys[id] = row
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", err)
	}
	return keys, nil
}

// foreignKeys refuses a target with keys of another instance.
func foreignKeys(ctx context.Context, from, to *pgxpool.Pool) error {
	here, err := keysOf(ctx, from)
	if err != nil {
		return err
	}
	there, err := keysOf(ctx, to)
	if err != nil {
		return err
	}
	for id := range there {
		if _, ok := here[id]; !ok {
			return &ForeignError{What: fmt.Sprintf("its database has the API key %s, which the source does not have", id)}
		}
	}
	return nil
}

// copyKeys makes the keys of the target those of the source.
func (c *copying) copyKeys(ctx context.Context) error {
	here, err := keysOf(ctx, c.from.Pool())
	if err != nil {
		return err
	}
	there, err := keysOf(ctx, c.to.Pool())
	if err != nil {
		return err
	}
	var changed, rows []string
	for id, row := range here {
		if there[id] == row {
			continue
		}
		rows = append(rows, row)
		if there[id] != "" {
			changed = append(changed, id)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	b := &pgx.Batch{} // one transaction
	if len(changed) > 0 {
		b.Queue(dropKeysSQL, changed)
	}
	b.Queue(putKeysSQL, rows)
	if err := c.to.Pool().SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("write API keys: %w", err)
	}
	return nil
}

func sameKeys(ctx context.Context, from, to *pgxpool.Pool) error {
	here, err := keysOf(ctx, from)
	if err != nil {
		return err
	}
	there, err := keysOf(ctx, to)
	if err != nil {
		return err
	}
	for id, row := range here {
		if there[id] != row {
			return &DifferentError{What: fmt.Sprintf("the API key %s is not the same", id)}
		}
	}
	if len(here) != len(there) {
		return &DifferentError{What: fmt.Sprintf("it has %d API keys, the source %d", len(there), len(here))}
	}
	return nil
}

func countKeys(ctx context.Context, pool *pgxpool.Pool) (int64, error) {
	keys, err := keysOf(ctx, pool)
	return int64(len(keys)), err
}
