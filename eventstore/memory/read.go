package memory

import (
	"context"
	"iter"
	"slices"
	"sort"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// ReadStream reads a page of a stream. See [eventstore.Reader].
func (s *Store) ReadStream(ctx context.Context, name domain.Stream, from domain.Revision, dir eventstore.Direction, limit int) (eventstore.Page, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st, err := s.stream(ctx, name)
	if err != nil {
		return eventstore.Page{}, err
	}
	rows := st.rows
	if dir == eventstore.Backward {
		rows = slices.Clone(rows[:min(max(int64(from), -1), int64(len(rows))-1)+1])
		slices.Reverse(rows)
	} else {
		rows = rows[min(max(int64(from), 0), int64(len(rows))):]
	}
	return page(rows, limit, eventstore.Position{})
}

// ReadEntity reads the events about one entity. See [eventstore.Reader].
func (s *Store) ReadEntity(ctx context.Context, name domain.Stream, entity domain.Entity, from domain.Revision) ([]domain.Recorded, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	st := s.streams[name]
	if st == nil {
		return nil, nil
	}
	if err := st.damage(name); err != nil {
		return nil, err
	}
	rows := st.bySubject[entity]
	rows = rows[sort.Search(len(rows), func(i int) bool { return rows[i].revision >= from }):]
	return decode(rows)
}

// ReadAll reads a page of the log. See [eventstore.Reader].
func (s *Store) ReadAll(ctx context.Context, after eventstore.Position, limit int) (eventstore.Page, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return eventstore.Page{}, err
	}
	rows := s.log[sort.Search(len(s.log), func(i int) bool { return s.log[i].position > after.Commit }):]
	for i, r := range rows[:min(limit, len(rows))] {
		if want := after.Commit + uint64(i) + 1; r.position != want {
			return eventstore.Page{}, &eventstore.DamagedError{Stream: r.stream, Reason: "events before it are missing from the log"}
		}
	}
	return page(rows, limit, after)
}

// Head is the position of the last event.
func (s *Store) Head(ctx context.Context) (eventstore.Position, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil || len(s.log) == 0 {
		return eventstore.Position{}, err
	}
	return positionOf(s.log[len(s.log)-1]), nil
}

// Info says how far a stream goes. See [eventstore.Reader].
func (s *Store) Info(ctx context.Context, name domain.Stream) (eventstore.StreamInfo, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return eventstore.StreamInfo{}, err
	}
	st := s.streams[name]
	if st == nil {
		return eventstore.StreamInfo{Last: domain.NoRevision}, nil
	}
	if err := st.damage(name); err != nil {
		return eventstore.StreamInfo{}, err
	}
	return eventstore.StreamInfo{Last: st.last, RecordedAt: st.recordedAt}, nil
}

// Commands looks up which commands appended. See [eventstore.Reader].
func (s *Store) Commands(ctx context.Context, name domain.Stream, ids []string) (map[string]eventstore.KnownCommand, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	known := map[string]eventstore.KnownCommand{}
	for _, id := range ids {
		if k, ok := s.commands[eventstore.CommandKey{Stream: name, ID: id}]; ok {
			known[id] = k
		}
	}
	return known, nil
}

// Evidence reads bodies and texts. See [eventstore.EvidenceStore].
func (s *Store) Evidence(ctx context.Context, name domain.Stream, digests []domain.Digest) (map[domain.Digest][]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	found := map[domain.Digest][]byte{}
	for _, d := range digests {
		if b, ok := s.evidence[evidenceKey{name, d}]; ok {
			found[d] = slices.Clone(b)
		}
	}
	return found, nil
}

// Follow yields the log page by page, for ever. See [eventstore.Follower].
func (s *Store) Follow(ctx context.Context, after eventstore.Position, limit int) iter.Seq2[eventstore.Page, error] {
	return eventstore.Tail{Read: s.ReadAll, Moved: s.whenMoved}.Follow(ctx, after, limit)
}

// whenMoved is the channel that closes when the log grows or the store closes.
func (s *Store) whenMoved() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.moved
}

// stream is asked with the lock held.
func (s *Store) stream(ctx context.Context, name domain.Stream) (*stream, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	st := s.streams[name]
	if st == nil {
		return nil, &eventstore.NotFoundError{Stream: name}
	}
	if err := st.damage(name); err != nil {
		return nil, err
	}
	return st, nil
}

func page(rows []*row, limit int, after eventstore.Position) (eventstore.Page, error) {
	p := eventstore.Page{Next: after, CaughtUp: len(rows) <= limit}
	rows = rows[:min(limit, len(rows))]
	if len(rows) > 0 {
		p.Next = positionOf(rows[len(rows)-1])
	}
	var err error
	p.Events, err = decode(rows)
	return p, err
}

func positionOf(r *row) eventstore.Position {
	return eventstore.Position{Commit: r.position, Prepare: r.position}
}

func decode(rows []*row) ([]domain.Recorded, error) {
	events := make([]domain.Recorded, len(rows))
	var d eventstore.Decoder
	for i, r := range rows {
		events[i].Envelope = domain.Envelope{
			EventID: r.id, Type: r.typ, Version: r.version, Stream: r.stream, Revision: r.revision,
			RecordedAt: r.recordedAt, OccurredAt: r.occurredAt, Subject: r.subject,
		}
		if err := d.Decode(&events[i], slices.Clone(r.data), r.meta); err != nil {
			return nil, err
		}
	}
	return events, nil
}
