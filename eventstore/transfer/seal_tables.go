package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A sealTable is one of those that hold what was sealed. Its rows are streamed into a table that is there for the
// transaction alone, with the names of trees instead of their numbers, and merged from there.
type sealTable struct {
	name    string
	columns string // of the passing table, which is called passing
	read    string // the rows of the source, in those columns
	merge   []string
	sum     string // how many rows there are, and a digest of them
}

var sealTables = []sealTable{
	{
		name: "sealed trees", columns: `name text, size bigint, frontier bytea, stopped text, behind bool, contradicts bytea`,
		read: `SELECT name, size, frontier, stopped, behind, contradicts FROM audit.trees ORDER BY id`,
		merge: []string{`INSERT INTO audit.trees (name, size, frontier, stopped, behind, contradicts) SELECT * FROM passing
ON CONFLICT (name) DO UPDATE SET size = excluded.size, frontier = excluded.frontier, stopped = excluded.stopped, behind = excluded.behind, contradicts = excluded.contradicts`},
		sum: `SELECT count(*), sha256(coalesce(string_agg(sha256(convert_to(jsonb_build_array(name, size, frontier, stopped, behind, contradicts)::text, 'UTF8')), ''::bytea ORDER BY name), ''::bytea)) FROM audit.trees`,
	},
	{
		name: "hashes of trees", columns: `name text, level smallint, n bigint, hashes bytea`,
		read: `SELECT t.name, i.level, i.n, i.hashes FROM audit.tiles i JOIN audit.trees t ON t.id = i.tree`,
		merge: []string{`INSERT INTO audit.tiles AS o (tree, level, n, hashes) SELECT t.id, p.level, p.n, p.hashes FROM passing p JOIN audit.trees t ON t.name = p.name
ON CONFLICT (tree, level, n) DO UPDATE SET hashes = excluded.hashes WHERE o.hashes <> excluded.hashes`},
		sum: `SELECT count(*), sha256(coalesce(string_agg(sha256(convert_to(t.name, 'UTF8') || int2send(i.level) || int8send(i.n) || i.hashes), ''::bytea ORDER BY t.name, i.level, i.n), ''::bytea))
FROM audit.tiles i JOIN audit.trees t ON t.id = i.tree`,
	},
	{
		name: "prints of event ids", columns: `name text, n bigint, prints bytea`,
		read: `SELECT t.name, i.n, i.prints FROM audit.prints i JOIN audit.trees t ON t.id = i.tree`,
		merge: []string{`INSERT INTO audit.prints AS o (tree, n, prints) SELECT t.id, p.n, p.prints FROM passing p JOIN audit.trees t ON t.name = p.name
ON CONFLICT (tree, n) DO UPDATE SET prints = excluded.prints WHERE o.prints <> excluded.prints`},
		sum: `SELECT count(*), sha256(coalesce(string_agg(sha256(convert_to(t.name, 'UTF8') || int8send(i.n) || i.prints), ''::bytea ORDER BY t.name, i.n), ''::bytea))
FROM audit.prints i JOIN audit.trees t ON t.id = i.tree`,
	},
	{ // those that the source has thinned out since an earlier run go, too, as far as the database lets them
		name: "checkpoints", columns: `number bigint, size bigint, at timestamptz, name text, note bytea`,
		read: `SELECT number, size, at, name, note FROM audit.checkpoints ORDER BY number`,
		merge: []string{`INSERT INTO audit.checkpoints (number, size, at, name, note) SELECT * FROM passing ON CONFLICT DO NOTHING`,
			`DELETE FROM audit.checkpoints c WHERE NOT EXISTS (SELECT 1 FROM passing p WHERE p.number = c.number)`},
		sum: `SELECT count(*), sha256(coalesce(string_agg(sha256(int8send(number) || int8send(size) || int8send((extract(epoch FROM at) * 1000000)::bigint) || convert_to(name, 'UTF8') || note), ''::bytea ORDER BY number), ''::bytea)) FROM audit.checkpoints`,
	},
	{
		name: "checkpoints of the instance", columns: `size bigint, at timestamptz, note bytea`,
		read: `SELECT size, at, note FROM audit.instance_checkpoints ORDER BY size`,
		merge: []string{`INSERT INTO audit.instance_checkpoints (size, at, note) SELECT * FROM passing ON CONFLICT DO NOTHING`,
			`DELETE FROM audit.instance_checkpoints c WHERE NOT EXISTS (SELECT 1 FROM passing p WHERE p.size = c.size)`},
		sum: `SELECT count(*), sha256(coalesce(string_agg(sha256(int8send(size) || int8send((extract(epoch FROM at) * 1000000)::bigint) || note), ''::bytea ORDER BY size), ''::bytea)) FROM audit.instance_checkpoints`,
	},
	{
		name: "what operators had sealed again", columns: `at timestamptz, tree text, by text, reason text, stopped text, note bytea`,
		read: `SELECT at, tree, by, reason, stopped, note FROM audit.resumed ORDER BY id`,
		merge: []string{`INSERT INTO audit.resumed (at, tree, by, reason, stopped, note) SELECT * FROM passing p
WHERE NOT EXISTS (SELECT 1 FROM audit.resumed r WHERE r.at = p.at AND r.tree = p.tree AND r.reason = p.reason)`},
		sum: `SELECT count(*), sha256(coalesce(string_agg(sha256(convert_to(jsonb_build_array(extract(epoch FROM at), tree, by, reason, stopped, note)::text, 'UTF8')), ''::bytea ORDER BY at, tree, reason), ''::bytea)) FROM audit.resumed`,
	},
	{
		name: "places outside", columns: `name text, delivered bigint, instance bigint`,
		read:  `SELECT name, delivered, instance FROM audit.sinks`,
		merge: []string{`INSERT INTO audit.sinks (name, delivered, instance) SELECT * FROM passing ON CONFLICT (name) DO UPDATE SET delivered = excluded.delivered, instance = excluded.instance`},
		sum:   `SELECT count(*), sha256(coalesce(string_agg(sha256(convert_to(jsonb_build_array(name, delivered, instance)::text, 'UTF8')), ''::bytea ORDER BY name), ''::bytea)) FROM audit.sinks`,
	},
}

// copy streams the rows of the source into a transaction of the target, and merges them.
func (t sealTable) copy(ctx context.Context, from *pgxpool.Pool, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `CREATE TEMPORARY TABLE passing (`+t.columns+`) ON COMMIT DROP`); err != nil {
		return err
	}
	source, err := from.Acquire(ctx)
	if err != nil {
		return err
	}
	defer source.Release()
	out, in := io.Pipe()
	read := make(chan error, 1)
	go func() {
		_, err := source.Conn().PgConn().CopyTo(ctx, in, `COPY (`+t.read+`) TO STDOUT (FORMAT binary)`)
		in.CloseWithError(err) // nil: the end
		read <- err
	}()
	_, err = tx.Conn().PgConn().CopyFrom(ctx, out, `COPY passing FROM STDIN (FORMAT binary)`)
	out.CloseWithError(errors.New("the target takes no more"))
	if err := errors.Join(<-read, err); err != nil {
		return err
	}
	for _, sql := range append(t.merge, `DROP TABLE passing`) {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// compare says whether both sides have the same rows.
func (t sealTable) compare(ctx context.Context, from, to *pgxpool.Pool) error {
	var here, there int64
	var sum, other []byte
	err := from.QueryRow(ctx, t.sum).Scan(&here, &sum)
	if err == nil {
		err = to.QueryRow(ctx, t.sum).Scan(&there, &other)
	}
	if err != nil {
		return fmt.Errorf("compare the %s: %w", t.name, err)
	}
	if here != there || !bytes.Equal(sum, other) {
		return &DifferentError{What: fmt.Sprintf("the %s are not the same: %d rows, %d in the source", t.name, there, here)}
	}
	return nil
}
