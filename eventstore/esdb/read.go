package esdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// sound answers how far a stream was known to go when it was looked at last, after checking it if nobody did.
func (s *Store) sound(ctx context.Context, name domain.Stream) (last domain.Revision, err error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	if eventstore.CheckStream(name) != nil {
		return domain.NoRevision, nil
	}
	st, err := s.state(ctx, name)
	if err != nil {
		return 0, err
	}
	defer st.leave()
	defer s.forget(st)
	if err := s.load(ctx, st); err != nil {
		return 0, err
	}
	return st.last, nil
}

// ReadStream reads a page of a stream. See [eventstore.Reader].
func (s *Store) ReadStream(ctx context.Context, stream domain.Stream, from domain.Revision, dir eventstore.Direction, limit int) (eventstore.Page, error) {
	backward := dir == eventstore.Backward
	if !backward {
		from = max(from, 0)
	}
	records, caughtUp, err := s.page(ctx, stream, from, backward, limit)
	if err != nil {
		return eventstore.Page{}, err
	}
	p := eventstore.Page{CaughtUp: caughtUp}
	p.Events, err = opened(records, backward)
	if len(records) > 0 {
		p.Next = records[len(records)-1].position
	}
	return p, err
}

// page reads at most limit records of a stream, of which none is missing.
func (s *Store) page(ctx context.Context, stream domain.Stream, from domain.Revision, backward bool, limit int) (records []record, caughtUp bool, err error) {
	last, err := s.sound(ctx, stream)
	if err != nil {
		return nil, false, err
	}
	if from >= 0 {
		records, err = s.cluster.read(ctx, query{stream: stream, revision: from, backward: backward, count: limit + 1})
	}
	switch {
	case errors.Is(err, errNoStream) && last == domain.NoRevision:
		return nil, false, &eventstore.NotFoundError{Stream: stream}
	case errors.Is(err, errNoStream), errors.Is(err, errTombstone):
		return nil, false, &eventstore.DamagedError{Stream: stream, Reason: "it was deleted"}
	case err != nil:
		return nil, false, fmt.Errorf("read stream %s: %w", stream, unavailable(ctx, err))
	case last == domain.NoRevision && len(records) == 0:
		return nil, false, &eventstore.NotFoundError{Stream: stream}
	}
	if err := contiguous(stream, records, from, last, backward, limit); err != nil {
		return nil, false, err
	}
	return records[:min(limit, len(records))], len(records) <= limit, nil
}

// contiguous checks that nothing is missing in what was read.
func contiguous(stream domain.Stream, records []record, from, last domain.Revision, backward bool, limit int) error {
	step, next := domain.Revision(1), from
	if backward {
		step = -1
		if next = min(from, last); len(records) > 0 {
			next = min(from, max(last, records[0].revision)) // events appended since are no damage
		}
	}
	for i := range records {
		if records[i].revision != next {
			return missing(stream, next)
		}
		next += step
	}
	if len(records) <= limit && (backward && next >= 0 || !backward && next <= last) {
		return missing(stream, next)
	}
	return nil
}

// opened decodes records of one stream and checks that each follows the one before it.
func opened(records []record, backward bool) ([]domain.Recorded, error) {
	events := make([]domain.Recorded, len(records))
	var d eventstore.Decoder
	var before *envelope
	for i := range records {
		c, err := records[i].open()
		if err != nil {
			return nil, err
		}
		if before != nil && (!backward && c.Annals.Previous != before.Hash || backward && before.Previous != c.Annals.Hash) {
			return nil, broken(records[i].stream, records[i].revision)
		}
		before = c.Annals
		if events[i], err = records[i].recorded(c, &d); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// ReadEntity reads the events about one entity. See [eventstore.Reader]. It reads the stream from there on: callers
// begin at what is stored of the entity, which is never far behind.
func (s *Store) ReadEntity(ctx context.Context, stream domain.Stream, entity domain.Entity, from domain.Revision) ([]domain.Recorded, error) {
	last, err := s.sound(ctx, stream)
	if err != nil {
		return nil, err
	}
	var found []domain.Recorded
	var d eventstore.Decoder
	for from = max(from, 0); ; {
		records, err := s.cluster.read(ctx, query{stream: stream, revision: from, count: tailPage})
		if errors.Is(err, errNoStream) && last == domain.NoRevision {
			return nil, nil
		}
		if errors.Is(err, errNoStream) || errors.Is(err, errTombstone) {
			return nil, &eventstore.DamagedError{Stream: stream, Reason: "it was deleted"}
		}
		if err != nil {
			return nil, fmt.Errorf("read stream %s: %w", stream, unavailable(ctx, err))
		}
		if err := contiguous(stream, records, from, last, false, tailPage-1); err != nil {
			return nil, err
		}
		for i := range records {
			c, err := records[i].open()
			if err != nil {
				return nil, err
			}
			if c.Annals.Subject != entity.ID || c.Annals.Kind != entity.Kind {
				continue
			}
			e, err := records[i].recorded(c, &d)
			if err != nil {
				return nil, err
			}
			found = append(found, e)
		}
		if len(records) < tailPage {
			return found, nil
		}
		from += domain.Revision(len(records))
	}
}

// Info says how far a stream goes. See [eventstore.Reader].
func (s *Store) Info(ctx context.Context, stream domain.Stream) (eventstore.StreamInfo, error) {
	none := eventstore.StreamInfo{Last: domain.NoRevision}
	last, err := s.sound(ctx, stream)
	if err != nil {
		return none, err
	}
	records, err := s.cluster.read(ctx, query{stream: stream, revision: fromEnd, backward: true, count: 1})
	switch {
	case errors.Is(err, errNoStream) && last == domain.NoRevision:
		return none, nil
	case errors.Is(err, errNoStream), errors.Is(err, errTombstone):
		return none, &eventstore.DamagedError{Stream: stream, Reason: "it was deleted"}
	case err != nil:
		return none, fmt.Errorf("look at stream %s: %w", stream, unavailable(ctx, err))
	case len(records) == 0 || records[0].revision < last:
		return none, missing(stream, last)
	}
	c, err := records[0].open()
	if err != nil {
		return none, err
	}
	return eventstore.StreamInfo{Last: records[0].revision, RecordedAt: time.UnixMicro(c.Annals.Recorded).UTC()}, nil
}

const askedSQL = `SELECT id, digest, first, last FROM log.commands
WHERE stream = (SELECT id FROM log.streams WHERE name = $1) AND id = ANY($2::text[])`

// Commands looks up which commands appended: in the table, and in the tail that it lacks. See [eventstore.Reader].
func (s *Store) Commands(ctx context.Context, stream domain.Stream, ids []string) (map[string]eventstore.KnownCommand, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	known := map[string]eventstore.KnownCommand{}
	if eventstore.CheckStream(stream) != nil {
		return known, nil
	}
	st, err := s.state(ctx, stream)
	if err != nil {
		return nil, err
	}
	defer st.leave()
	defer s.forget(st)
	fresh := !st.loaded
	if err := s.load(ctx, st); err != nil {
		return nil, err
	}
	if !fresh { // others may have appended since
		if err := s.readTail(ctx, st); err != nil {
			return nil, err
		}
	}
	askable := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !eventstore.Storable(id) })
	rows, _ := s.pool.Query(ctx, askedSQL, stream, askable)
	var k eventstore.KnownCommand
	var digest []byte
	_, err = pgx.ForEachRow(rows, []any{&k.ID, &digest, &k.First, &k.Last}, func() error {
		copy(k.RequestDigest[:], digest)
		known[k.ID] = k
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up commands of %s: %w", stream, besides(err))
	}
	for _, id := range ids {
		if k, ok := st.tail[id]; ok {
			known[id] = k.KnownCommand
		}
	}
	return known, nil
}

// audit compares every stream with how far it is known to have gone, once in the life of a store, when a reader has
// come to the end of the log: what is missing there cannot be noticed by reading.
func (s *Store) audit(ctx context.Context) error {
	s.mu.Lock()
	done, seen := s.audited, maps.Clone(s.seen)
	if done {
		seen = nil
	}
	s.mu.Unlock()
	if done {
		return nil
	}
	rows, _ := s.pool.Query(ctx, rowsSQL)
	var name domain.Stream
	var stored domain.Revision
	var doubtful []domain.Stream
	_, err := pgx.ForEachRow(rows, []any{&name, &stored}, func() error {
		if m, ok := seen[name]; !ok || m.revision < stored {
			doubtful = append(doubtful, name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look at the streams: %w", besides(err))
	}
	errs := make([]error, len(doubtful))
	each(len(doubtful), func(i int) { _, errs[i] = s.sound(ctx, doubtful[i]) })
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audited = true
	return nil
}
