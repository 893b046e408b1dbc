package seal

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/tree"
)

// A growing is a tree as it is read, and grown.
type growing struct {
	id      int64
	name    string
	size    int64
	edge    []byte
	note    []byte // of the last checkpoint
	stopped bool
	// contradicts is the checkpoint from elsewhere for which it is stopped now.
	contradicts []byte
	reason      string
	frontier    tree.Frontier
	last        *checkpoint.Checkpoint
}

const (
	plantSQL = `INSERT INTO audit.trees (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING`
	loadSQL  = `
SELECT t.id, t.name, t.size, t.frontier, coalesce(t.stopped, ''), c.note
FROM audit.trees t
LEFT JOIN LATERAL (SELECT note FROM audit.checkpoints WHERE name = t.name ORDER BY size DESC LIMIT 1) c ON t.name <> 'instance'
WHERE t.name = ANY($1::text[]) FOR UPDATE OF t`
	leafSQL = `SELECT substr(hashes, $3, 32) FROM audit.tiles WHERE tree = $1 AND level = 0 AND n = $2`
	rowSQL  = `SELECT hashes FROM audit.tiles WHERE tree = $1 AND level = $2 AND n = $3`
)

// load reads trees and locks them; those that are not there yet are made.
func load(ctx context.Context, tx pgx.Tx, names []string) (map[string]*growing, error) {
	if _, err := tx.Exec(ctx, plantSQL, names); err != nil {
		return nil, fmt.Errorf("make trees: %w", err)
	}
	trees := make(map[string]*growing, len(names))
	rows, _ := tx.Query(ctx, loadSQL, names)
	var t growing
	_, err := pgx.ForEachRow(rows, []any{&t.id, &t.name, &t.size, &t.edge, &t.reason, &t.note}, func() error {
		one := t
		one.stopped = t.reason != ""
		trees[t.name] = &one
		t = growing{}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read trees: %w", err)
	}
	instance := trees[checkpoint.InstanceLog]
	rows, _ = tx.Query(ctx, instanceSQL)
	var at time.Time
	if _, err := pgx.ForEachRow(rows, []any{&at, &instance.note}, func() error { return nil }); err != nil {
		return nil, fmt.Errorf("read the last checkpoint of the instance: %w", err)
	}
	return trees, nil
}

// leaf is a leaf that is sealed.
func (t *growing) leaf(ctx context.Context, tx pgx.Tx, index int64) (h tlog.Hash, err error) {
	var b []byte
	rows, _ := tx.Query(ctx, leafSQL, t.id, index>>tree.Height, (index&(1<<tree.Height-1))*tlog.HashSize+1)
	if _, err := pgx.ForEachRow(rows, []any{&b}, func() error { return nil }); err != nil {
		return h, fmt.Errorf("read leaf %d of %s: %w", index, t.name, err)
	}
	if len(b) != tlog.HashSize {
		return h, brokenf("what was sealed of revision %d is gone", index)
	}
	return tlog.Hash(b), nil
}

func (t *growing) tiles(ctx context.Context, tx pgx.Tx) tree.Tiles {
	return func(level int, n int64) (hashes []byte, err error) {
		rows, _ := tx.Query(ctx, rowSQL, t.id, level, n)
		_, err = pgx.ForEachRow(rows, []any{&hashes}, func() error { return nil })
		return hashes, err
	}
}
