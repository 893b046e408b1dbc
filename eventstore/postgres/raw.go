package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// An event whose stream has no row is left out by the join, and missed as a hole.
const rawSQL = `SELECT e.position, s.name, e.revision, e.recorded_at, e.occurred_at, e.version, e.event_id, e.subject, e.kind, e.type, e.data, e.meta
FROM (SELECT * FROM log.events WHERE position > $1 ORDER BY position LIMIT $2) AS e
JOIN log.streams s ON s.id = e.stream ORDER BY e.position`

const rawStreamSQL = `SELECT position, revision, recorded_at, occurred_at, version, event_id, subject, kind, type, data, meta FROM log.events
WHERE stream = (SELECT id FROM log.streams WHERE name = $1) AND revision >= $2 ORDER BY revision LIMIT $3`

var (
	_ eventstore.RawReader       = (*Store)(nil)
	_ eventstore.RawStreamReader = (*Store)(nil)
)

// ReadRaw reads a page of the log as it is stored. See [eventstore.RawReader].
func (s *Store) ReadRaw(ctx context.Context, after eventstore.Position, limit int) (eventstore.RawPage, error) {
	var head uint64
	at := after.Commit
	p := eventstore.RawPage{Events: make([]eventstore.NewEvent, 0, limit)}
	b := &pgx.Batch{}
	b.Queue(headSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&head) })
	b.Queue(rawSQL, int64(at), limit).Query(func(rows pgx.Rows) error {
		defer rows.Close()
		for rows.Next() {
			var e eventstore.NewEvent
			var position uint64
			var id, subject uuid.UUID
			err := rows.Scan(&position, &e.Stream, &e.Revision, &e.RecordedAt, &e.OccurredAt, &e.Version, &id, &subject, &e.Subject.Kind, &e.Type, &e.Data, &e.MetaData)
			if err != nil {
				return err
			}
			if position != at+1 {
				return hole(at + 1)
			}
			at = position
			e.EventID, e.Subject = id, domain.Entity{Kind: e.Subject.Kind, ID: subject}
			e.RecordedAt, e.OccurredAt = e.RecordedAt.UTC(), e.OccurredAt.UTC()
			p.Events = append(p.Events, e)
		}
		return rows.Err()
	})
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return eventstore.RawPage{}, fmt.Errorf("read the log after %s: %w", after, translate(err))
	}
	if len(p.Events) < limit && at < head {
		return eventstore.RawPage{}, hole(at + 1)
	}
	p.Next, p.CaughtUp = position(at), at >= head
	return p, nil
}

// ReadRawStream reads a page of a stream as it is stored. See [eventstore.RawStreamReader].
func (s *Store) ReadRawStream(ctx context.Context, stream domain.Stream, from domain.Revision, limit int) (eventstore.RawPage, error) {
	var info eventstore.StreamInfo
	var at uint64
	next := max(from, 0)
	p := eventstore.RawPage{}
	b := &pgx.Batch{}
	s.queueInfo(b, stream, &info)
	b.Queue(rawStreamSQL, stream, int64(next), limit).Query(func(rows pgx.Rows) error {
		defer rows.Close()
		p.Events = make([]eventstore.NewEvent, 0, max(0, min(int64(limit), int64(info.Last-next)+1)))
		for rows.Next() {
			var e eventstore.NewEvent
			var id, subject uuid.UUID
			if err := rows.Scan(&at, &e.Revision, &e.RecordedAt, &e.OccurredAt, &e.Version, &id, &subject, &e.Subject.Kind, &e.Type, &e.Data, &e.MetaData); err != nil {
				return err
			}
			if e.Revision != next {
				return missing(stream, next)
			}
			next++
			e.Stream, e.EventID, e.Subject.ID = stream, id, subject
			e.RecordedAt, e.OccurredAt = e.RecordedAt.UTC(), e.OccurredAt.UTC()
			p.Events = append(p.Events, e)
		}
		return rows.Err()
	})
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return eventstore.RawPage{}, fmt.Errorf("read stream %s: %w", stream, translate(err))
	}
	if info.Last == domain.NoRevision {
		return eventstore.RawPage{}, &eventstore.NotFoundError{Stream: stream}
	}
	if len(p.Events) < limit && next <= info.Last {
		return eventstore.RawPage{}, missing(stream, next)
	}
	p.Next, p.CaughtUp = position(at), next > info.Last
	return p, nil
}
