package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var _ eventstore.HeadsReader = (*Store)(nil)

const headsSQL = `SELECT coalesce(s.revision, -1) FROM unnest($1::text[]) WITH ORDINALITY g (name, n)
LEFT JOIN log.streams s ON s.name = g.name ORDER BY g.n`

// Heads says how far several streams go. See [eventstore.HeadsReader].
func (s *Store) Heads(ctx context.Context, streams []domain.Stream) ([]domain.Revision, error) {
	names := make([]string, len(streams))
	for i, name := range streams {
		names[i] = string(name)
	}
	rows, _ := s.pool.Query(ctx, headsSQL, names)
	heads, err := pgx.CollectRows(rows, pgx.RowTo[domain.Revision])
	if err != nil {
		return nil, fmt.Errorf("look at %d streams: %w", len(streams), translate(err))
	}
	return heads, nil
}
