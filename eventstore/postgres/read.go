package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// columns are read in this order by [scanner].
const columns = `position, revision, recorded_at, occurred_at, stream, version, event_id, subject, kind, type, data, meta`

const (
	streamSQL = `SELECT id, revision, recorded_at FROM log.streams WHERE name = $1 AND revision >= 0`

	endsSQL = `SELECT min(revision), max(revision) FROM log.events WHERE stream = (SELECT id FROM log.streams WHERE name = $1)`

	forwardSQL = `SELECT ` + columns + ` FROM log.events
WHERE stream = (SELECT id FROM log.streams WHERE name = $1) AND revision >= $2 ORDER BY revision LIMIT $3`

	backwardSQL = `SELECT ` + columns + ` FROM log.events
WHERE stream = (SELECT id FROM log.streams WHERE name = $1) AND revision <= $2 ORDER BY revision DESC LIMIT $3`
)

// ReadStream reads a page of a stream. See [eventstore.Reader].
func (s *Store) ReadStream(ctx context.Context, stream domain.Stream, from domain.Revision, dir eventstore.Direction, limit int) (eventstore.Page, error) {
	return s.readStream(ctx, &pgx.Batch{}, stream, from, dir, limit)
}

// readStream reads a page behind what the batch holds already.
func (s *Store) readStream(ctx context.Context, b *pgx.Batch, stream domain.Stream, from domain.Revision, dir eventstore.Direction, limit int) (eventstore.Page, error) {
	sql := forwardSQL
	if dir == eventstore.Backward {
		sql = backwardSQL
	}
	var info eventstore.StreamInfo
	var events []domain.Recorded
	sc := s.scanner()
	s.queueInfo(b, stream, &info)
	b.Queue(sql, stream, int64(from), limit).Query(func(rows pgx.Rows) (err error) {
		if dir == eventstore.Forward {
			sc.expected = int(max(0, min(int64(limit), int64(info.Last-from)+1)))
		}
		events, err = sc.all(rows)
		return err
	})
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return eventstore.Page{}, fmt.Errorf("read stream %s: %w", stream, translate(err))
	}
	if info.Last == domain.NoRevision {
		return eventstore.Page{}, &eventstore.NotFoundError{Stream: stream}
	}
	if dir == eventstore.Backward {
		return s.backward(stream, info, from, limit, events, sc)
	}
	return s.forward(stream, info, from, limit, events, sc)
}

func (s *Store) forward(stream domain.Stream, info eventstore.StreamInfo, from domain.Revision, limit int, events []domain.Recorded, sc *scanner) (eventstore.Page, error) {
	next := max(from, 0)
	for i := range events {
		if events[i].Revision != next {
			return eventstore.Page{}, missing(stream, next)
		}
		next++
	}
	if len(events) < limit && next <= info.Last {
		return eventstore.Page{}, missing(stream, next)
	}
	return eventstore.Page{Events: events, Next: position(sc.last), CaughtUp: next > info.Last}, nil
}

func (s *Store) backward(stream domain.Stream, info eventstore.StreamInfo, from domain.Revision, limit int, events []domain.Recorded, sc *scanner) (eventstore.Page, error) {
	next := from
	if len(events) > 0 {
		next = min(from, max(info.Last, events[0].Revision)) // events appended since the row was read are no damage
	} else if from >= 0 && limit > 0 {
		return eventstore.Page{}, missing(stream, min(from, info.Last))
	}
	for i := range events {
		if events[i].Revision != next {
			return eventstore.Page{}, missing(stream, next)
		}
		next--
	}
	if len(events) < limit && next >= 0 {
		return eventstore.Page{}, missing(stream, next)
	}
	return eventstore.Page{Events: events, Next: position(sc.last), CaughtUp: next < 0}, nil
}

func missing(stream domain.Stream, r domain.Revision) error {
	return &eventstore.DamagedError{Stream: stream, Reason: fmt.Sprintf("revision %d is missing", r)}
}

// queueInfo asks where a stream is, and checks its ends where this process never did.
func (s *Store) queueInfo(b *pgx.Batch, stream domain.Stream, info *eventstore.StreamInfo) {
	info.Last = domain.NoRevision
	var id int32
	b.Queue(streamSQL, stream).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&id, &info.Last, &info.RecordedAt}, func() error {
			info.RecordedAt = info.RecordedAt.UTC()
			s.streams.seen(stream, id)
			return nil
		})
		return err
	})
	if _, ok := s.streams.id(stream); ok {
		return
	}
	b.Queue(endsSQL, stream).QueryRow(func(row pgx.Row) error {
		var first, last *domain.Revision
		if err := row.Scan(&first, &last); err != nil || info.Last == domain.NoRevision {
			return err
		}
		want := info.Last
		if last != nil && *last > want {
			want = *last // appended since the row was read; Append sees a real one
		}
		if reason := damage(want, first, last); reason != "" {
			return &eventstore.DamagedError{Stream: stream, Reason: reason}
		}
		s.streams.sound(stream, id)
		return nil
	})
}

// Info says how far a stream goes. See [eventstore.Reader].
func (s *Store) Info(ctx context.Context, stream domain.Stream) (eventstore.StreamInfo, error) {
	var info eventstore.StreamInfo
	b := &pgx.Batch{}
	s.queueInfo(b, stream, &info)
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return eventstore.StreamInfo{}, fmt.Errorf("look at stream %s: %w", stream, translate(err))
	}
	if info.Last == domain.NoRevision {
		return eventstore.StreamInfo{Last: domain.NoRevision}, nil
	}
	return info, nil
}

// ReadEntity reads the events about one entity. See [eventstore.Reader].
func (s *Store) ReadEntity(ctx context.Context, stream domain.Stream, entity domain.Entity, from domain.Revision) ([]domain.Recorded, error) {
	found, err := s.ReadEntities(ctx, []eventstore.EntityRead{{Stream: stream, Entity: entity, From: from}})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

const headSQL = `SELECT position FROM log.head`

// The head is read first: what is committed below it is there for the second statement.
const allSQL = `SELECT ` + columns + ` FROM log.events WHERE position > $1 ORDER BY position LIMIT $2`

// ReadAll reads a page of the log. See [eventstore.Reader].
func (s *Store) ReadAll(ctx context.Context, after eventstore.Position, limit int) (eventstore.Page, error) {
	var head uint64
	var events []domain.Recorded
	sc := s.scanner()
	sc.dense, sc.last = true, after.Commit
	b := &pgx.Batch{}
	b.Queue(headSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&head) })
	b.Queue(allSQL, int64(after.Commit), limit).Query(func(rows pgx.Rows) (err error) {
		events, err = sc.all(rows)
		return err
	})
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return eventstore.Page{}, fmt.Errorf("read the log after %s: %w", after, translate(err))
	}
	if err := s.name(ctx, events, sc); err != nil {
		return eventstore.Page{}, err
	}
	if len(events) < limit && sc.last < head {
		return eventstore.Page{}, hole(sc.last + 1)
	}
	s.feed.saw(max(head, sc.last))
	return eventstore.Page{Events: events, Next: position(sc.last), CaughtUp: sc.last >= head && len(events) < limit || sc.last == head}, nil
}

// theLog stands for all streams in errors of damage that has no stream of its own.
const theLog = domain.Stream("$log")

func hole(position uint64) error {
	return &eventstore.DamagedError{Stream: theLog, Reason: fmt.Sprintf("the event at position %d is missing", position)}
}

const namesSQL = `SELECT id, name FROM log.streams WHERE id = ANY($1::int[])`

// name fills in the streams' names that the scanner did not know.
func (s *Store) name(ctx context.Context, events []domain.Recorded, sc *scanner) error {
	if len(sc.unnamed) == 0 {
		return nil
	}
	names := map[int32]domain.Stream{}
	rows, _ := s.pool.Query(ctx, namesSQL, sc.unnamedIDs())
	var id int32
	var name domain.Stream
	_, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		names[id] = name
		s.streams.seen(name, id)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the names of streams: %w", translate(err))
	}
	for i, id := range sc.unnamed {
		name, ok := names[id]
		if !ok {
			return &eventstore.DamagedError{Stream: theLog, Reason: fmt.Sprintf("stream number %d has events and no name", id)}
		}
		events[i].Stream = name
	}
	return nil
}

// Head is the position of the last event.
func (s *Store) Head(ctx context.Context) (eventstore.Position, error) {
	var head uint64
	if err := s.pool.QueryRow(ctx, headSQL).Scan(&head); err != nil {
		return eventstore.Position{}, fmt.Errorf("read the head of the log: %w", translate(err))
	}
	return position(head), nil
}

const commandsSQL = `SELECT id, digest, first, last FROM log.commands
WHERE stream = (SELECT id FROM log.streams WHERE name = $1) AND id = ANY($2::text[])`

// Commands looks up which commands appended. See [eventstore.Reader].
func (s *Store) Commands(ctx context.Context, stream domain.Stream, ids []string) (map[string]eventstore.KnownCommand, error) {
	return s.commands(ctx, &pgx.Batch{}, stream, ids)
}

// commands looks commands up behind what the batch holds already.
func (s *Store) commands(ctx context.Context, b *pgx.Batch, stream domain.Stream, ids []string) (map[string]eventstore.KnownCommand, error) {
	known := make(map[string]eventstore.KnownCommand, len(ids))
	askable := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !eventstore.Storable(id) })
	b.Queue(commandsSQL, stream, askable).Query(func(rows pgx.Rows) error {
		var k eventstore.KnownCommand
		var digest []byte
		_, err := pgx.ForEachRow(rows, []any{&k.ID, &digest, &k.First, &k.Last}, func() error {
			copy(k.RequestDigest[:], digest)
			known[k.ID] = k
			return nil
		})
		return err
	})
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("look up commands of %s: %w", stream, translate(err))
	}
	return known, nil
}
