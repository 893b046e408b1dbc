package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// ReadEntities reads the events about several entities in one round trip. See [eventstore.EntitiesReader].
func (s *Store) ReadEntities(ctx context.Context, reads []eventstore.EntityRead) ([][]domain.Recorded, error) {
	names, entities, since := make([]string, len(reads)), make([]pgtype.UUID, len(reads)), make([]int64, len(reads))
	for i, r := range reads {
		names[i], entities[i], since[i] = string(r.Stream), pgtype.UUID{Bytes: r.Entity.ID, Valid: true}, int64(r.From)
	}
	found := make([][]domain.Recorded, len(reads))
	rows, err := s.pool.Query(ctx, entitiesSQL, names, entities, since)
	if err != nil {
		return nil, fmt.Errorf("read the events of %d entities: %w", len(reads), translate(err))
	}
	sc := s.scanner()
	for rows.Next() {
		raw := rows.RawValues()
		n := int(int64Of(raw[0])) - 1
		var r domain.Recorded
		if err := sc.scan(&r, raw[1:]); err != nil {
			rows.Close()
			return nil, err
		}
		r.Stream = reads[n].Stream
		if r.Subject == reads[n].Entity {
			found[n] = append(found[n], r)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the events of %d entities: %w", len(reads), translate(err))
	}
	return found, nil
}
