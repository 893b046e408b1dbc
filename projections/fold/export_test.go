package fold

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// ApplyTruncated is Apply broken on purpose: a version that changes stirs at most one read.
func ApplyTruncated(ctx context.Context, tx pgx.Tx, schema string, pages []Page) error {
	f := newFold(tx, schema, pages)
	f.most = 1
	return f.run(ctx, nil)
}

// For unit tests of the small pieces.
var (
	KeyText = keyText
	WordsOf = wordsOf
	Plain   = plain
	Level   = level
)
