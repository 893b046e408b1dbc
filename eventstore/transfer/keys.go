package transfer

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// kept is a table that lies beside the log and belongs to the instance all the same. Its rows go as they are, whatever
// columns they have: both databases are migrated by the same program.
type kept struct {
	table string
	key   string // an expression: what a row is told apart by, and named by in errors
	what  string
}

// beside are those tables, each behind those that its rows refer to. Sessions are not among them: people sign in again.
var beside = []kept{
	{"log.api_keys", "id", "the API key"},
	{"log.accounts", "account::text", "the account"},
	{"log.identities", "encode(sha256(convert_to(issuer || chr(10) || subject, 'UTF8')), 'hex')", "the identity"},
	{"log.imports", "stream", "the imported history of"},
	{"log.erasures", "id::text", "the erasure"},
}

const (
	haveSQL = `SELECT to_regclass('%s') IS NOT NULL`
	rowsSQL = `SELECT %[2]s, to_jsonb(k)::text FROM %[1]s k ORDER BY 1`
	dropSQL = `DELETE FROM %[1]s WHERE %[2]s = ANY($1::text[])`
	putSQL  = `INSERT INTO %[1]s SELECT (jsonb_populate_record(NULL::%[1]s, v::jsonb)).* FROM unnest($1::text[]) AS v`
)

// rowsOf are the rows of a table, by their keys; none where nothing was ever served from the database.
func (k kept) rowsOf(ctx context.Context, pool *pgxpool.Pool) (map[string]string, error) {
	found := map[string]string{}
	var have bool
	if err := pool.QueryRow(ctx, fmt.Sprintf(haveSQL, k.table)).Scan(&have); err != nil || !have {
		return found, err
	}
	var id, row string
	rows, _ := pool.Query(ctx, fmt.Sprintf(rowsSQL, k.table, k.key))
	_, err := pgx.ForEachRow(rows, []any{&id, &row}, func() error {
		found[id] = row
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", k.table, err)
	}
	return found, nil
}

// both are the rows of the source and of the target.
func (k kept) both(ctx context.Context, from, to *pgxpool.Pool) (here, there map[string]string, err error) {
	if here, err = k.rowsOf(ctx, from); err != nil {
		return nil, nil, err
	}
	there, err = k.rowsOf(ctx, to)
	return here, there, err
}

// foreignKeys refuses a target with keys or people of another instance.
func foreignKeys(ctx context.Context, from, to *pgxpool.Pool) error {
	for _, k := range beside {
		here, there, err := k.both(ctx, from, to)
		if err != nil {
			return err
		}
		for id := range there {
			if _, ok := here[id]; !ok {
				return &ForeignError{What: fmt.Sprintf("its database has %s %s, which the source does not have", k.what, id)}
			}
		}
	}
	return nil
}

// copyKeys makes the keys and people of the target those of the source.
func (c *copying) copyKeys(ctx context.Context) error {
	for _, k := range beside {
		if err := c.copyRows(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

func (c *copying) copyRows(ctx context.Context, k kept) error {
	here, there, err := k.both(ctx, c.from.Pool(), c.to.Pool())
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
		b.Queue(fmt.Sprintf(dropSQL, k.table, k.key), changed)
	}
	b.Queue(fmt.Sprintf(putSQL, k.table), rows)
	if err := c.to.Pool().SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("write %s: %w", k.table, err)
	}
	return nil
}

// sameKeys says whether the target has the keys and people of the source, and no others.
func sameKeys(ctx context.Context, from, to *pgxpool.Pool) error {
	for _, k := range beside {
		here, there, err := k.both(ctx, from, to)
		if err != nil {
			return err
		}
		for id, row := range here {
			if there[id] != row {
				return &DifferentError{What: fmt.Sprintf("%s %s is not the same", k.what, id)}
			}
		}
		if len(here) != len(there) {
			return &DifferentError{What: fmt.Sprintf("%s has %d rows, that of the source %d", k.table, len(there), len(here))}
		}
	}
	return nil
}

// countKeys is how many API keys a database has.
func countKeys(ctx context.Context, pool *pgxpool.Pool) (int64, error) {
	keys, err := beside[0].rowsOf(ctx, pool)
	return int64(len(keys)), err
}
