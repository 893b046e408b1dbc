package projections

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/projections/fold"
)

// foldVersion is part of a model's version. Raise it with every change of package fold that makes other rows of the
// same events: models of one version have to be equal.
const foldVersion = "9"

// A folder is what a read model needs of the folding code. Tests of carrying pages use one that is smaller than
// package fold.
type folder interface {
	// apply changes the rows of a schema to what they are after the events of the parts.
	apply(ctx context.Context, tx pgx.Tx, schema string, parts []part) error
	// digest is a digest of a workspace's rows, by table.
	digest(ctx context.Context, tx pgx.Tx, schema string, number int32) (map[string]string, error)
	// bad is the revision that an error of apply blames.
	bad(err error) (revision domain.Revision, ok bool)
}

// readFold is package fold.
type readFold struct{ evidence eventstore.EvidenceStore }

func (f readFold) apply(ctx context.Context, tx pgx.Tx, schema string, parts []part) error {
	return fold.Apply(ctx, tx, schema, pagesOf(parts), f.evidence)
}

// filler folds a workspace in memory, with evidence at hand.
func (f readFold) filler(number int32, slug domain.Slug, rows *fold.Rows) filler {
	return evident{fold.NewFiller(number, slug, rows), f.evidence}
}

type evident struct {
	*fold.Filler
	evidence eventstore.EvidenceStore
}

func (e evident) Fold(ctx context.Context, events []domain.Recorded) error {
	return e.Filler.Fold(ctx, events, e.evidence)
}

func pagesOf(parts []part) []fold.Page {
	pages := make([]fold.Page, len(parts))
	for i, p := range parts {
		pages[i] = fold.Page{Number: p.number, Slug: domain.Slug(p.name), Events: p.events}
	}
	return pages
}

func (readFold) digest(ctx context.Context, tx pgx.Tx, schema string, number int32) (map[string]string, error) {
	return fold.Digest(ctx, tx, schema, number)
}

func (readFold) bad(err error) (domain.Revision, bool) {
	var e *fold.EventError
	if errors.As(err, &e) {
		return e.Revision, true
	}
	return 0, false
}
