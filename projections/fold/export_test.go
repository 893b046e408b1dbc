package fold

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// ApplyTruncated is Apply broken on purpose: a version that changes stirs at most one read.
func ApplyTruncated(ctx context.Context, tx pgx.Tx, schema string, pages []Page) error {
	f := newFold()
	f.turn(tx, schema, pages)
	f.most = 1
	return f.run(ctx, nil)
}

// ApplyCopying is Apply that writes by COPY, however few rows there are.
func ApplyCopying(ctx context.Context, tx pgx.Tx, schema string, pages []Page, ev Evidence) error {
	f := newFold()
	f.worth = 1
	f.turn(tx, schema, pages)
	return f.run(ctx, ev)
}

// For unit tests of the small pieces.
var (
	KeyText = keyText
	WordsOf = wordsOf
	Plain   = plain
	Level   = level
)
