package seal

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
)

// What is kept of an event's id to find it by: so much that among a million events hardly ever another one is looked at.
const (
	printBytes = 4
	printRow   = 1 << tree.Height // events to a row
)

const (
	// A row that has not begun yet begins where the leaves do that come: what is missing before is zeros.
	printsSQL = `
INSERT INTO audit.prints AS p (tree, n, prints) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])
ON CONFLICT (tree, n) DO UPDATE SET prints = p.prints || substr(excluded.prints, length(p.prints) + 1)`
	printedSQL = `
SELECT t.id, t.size, coalesce((SELECT min(n) FROM audit.prints WHERE tree = t.id), -1) FROM audit.trees t WHERE t.name = $1`
	findSQL = `SELECT n, prints FROM audit.prints WHERE tree = $1 AND position($2::bytea IN prints) > 0 ORDER BY n`
)

// queuePrints keeps how the events that were sealed are found by their ids.
func (w *writing) queuePrints(b *pgx.Batch) {
	var trees, numbers []int64
	var rows [][]byte
	for _, g := range w.grown {
		index := g.first
		for ids := g.ids; len(ids) > 0; {
			at := index % printRow
			n := min(int64(len(ids)), printRow-at)
			row := make([]byte, at*printBytes, (at+n)*printBytes)
			for _, id := range ids[:n] {
				row = append(row, id[:printBytes]...)
			}
			trees, numbers, rows = append(trees, g.tree.id), append(numbers, index/printRow), append(rows, row)
			index, ids = index+n, ids[n:]
		}
	}
	if len(trees) > 0 {
		b.Queue(printsSQL, trees, numbers, rows)
	}
}

// Places are where an event of an id may lie in its stream: at one of some revisions, or where ids are not known: before a
// revision, and from another one on.
type Places struct {
	At             []domain.Revision
	Before, Behind domain.Revision
}

// Places answers where to look for an event. What it costs grows with the stream, by four bytes an event.
func (s Store) Places(ctx context.Context, stream domain.Stream, id uuid.UUID) (p Places, err error) {
	var tree, size, first int64
	rows, _ := s.Pool.Query(ctx, printedSQL, stream)
	if _, err := pgx.ForEachRow(rows, []any{&tree, &size, &first}, func() error { return nil }); err != nil {
		return p, fmt.Errorf("look for event %s: %w", id, err)
	}
	p.Before, p.Behind = domain.Revision(size), domain.Revision(size)
	if first >= 0 { // its first row may have begun in the middle
		p.Before = domain.Revision(min(size, (first+1)*printRow))
	}
	var n int64
	var prints []byte
	rows, _ = s.Pool.Query(ctx, findSQL, tree, id[:printBytes])
	_, err = pgx.ForEachRow(rows, []any{&n, &prints}, func() error {
		for at := 0; at+printBytes <= len(prints); at += printBytes {
			if bytes.Equal(prints[at:at+printBytes], id[:printBytes]) {
				p.At = append(p.At, domain.Revision(n*printRow+int64(at/printBytes)))
			}
		}
		return nil
	})
	if err != nil {
		return p, fmt.Errorf("look for event %s: %w", id, err)
	}
	return p, nil
}
