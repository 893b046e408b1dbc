package postgres

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Without an order inside, the index of subjects is the cheapest whatever the statistics say: with one, a planner
// without statistics prefers to walk the whole stream in that order. What a limit cuts off is not wanted anyway.
const (
	entitiesSQL = `SELECT k.n, e.position, e.revision, e.recorded_at, e.occurred_at, e.stream, e.version, e.event_id, e.subject, e.kind, e.type, e.data, e.meta
FROM unnest($1::int[], $2::uuid[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS k (stream, entity, since, most, n)
CROSS JOIN LATERAL (
    SELECT * FROM log.events WHERE stream = k.stream AND subject = k.entity AND revision >= k.since
    LIMIT k.most) AS e
ORDER BY k.n, e.revision`

	idsSQL = `SELECT name, id FROM log.streams WHERE name = ANY($1::text[])`
)

// ReadEntities reads the events about several entities in one round trip. See [eventstore.EntitiesReader].
func (s *Store) ReadEntities(ctx context.Context, reads []eventstore.EntityRead) ([][]domain.Recorded, error) {
	streams, err := s.ids(ctx, reads)
	if err != nil {
		return nil, err
	}
	entities, since, most := make([]pgtype.UUID, len(reads)), make([]int64, len(reads)), make([]int64, len(reads))
	for i, r := range reads {
		entities[i], since[i] = pgtype.UUID{Bytes: r.Entity.ID, Valid: true}, int64(r.From)
		if most[i] = int64(r.Limit); r.Limit <= 0 {
			most[i] = math.MaxInt64
		}
	}
	found := make([][]domain.Recorded, len(reads))
	rows, err := s.pool.Query(ctx, entitiesSQL, streams, entities, since, most)
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

// ids are the streams' numbers; 0, which no stream has, stands for one that does not exist. Streams that this process
// never touched are looked up, and checked when they are appended to.
func (s *Store) ids(ctx context.Context, reads []eventstore.EntityRead) ([]int32, error) {
	ids := make([]int32, len(reads))
	unknown := map[domain.Stream]int32{}
	for i, r := range reads {
		var ok bool
		if ids[i], ok = s.streams.id(r.Stream); !ok {
			unknown[r.Stream] = 0
		}
	}
	if len(unknown) == 0 {
		return ids, nil
	}
	rows, _ := s.pool.Query(ctx, idsSQL, slices.Collect(maps.Keys(unknown)))
	var name domain.Stream
	var id int32
	_, err := pgx.ForEachRow(rows, []any{&name, &id}, func() error {
		unknown[name] = id
		s.streams.seen(name, id)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up %d streams: %w", len(unknown), translate(err))
	}
	for i, r := range reads {
		if id, ok := unknown[r.Stream]; ok {
			ids[i] = id
		}
	}
	return ids, nil
}
