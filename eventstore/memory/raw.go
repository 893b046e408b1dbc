package memory

import (
	"context"
	"slices"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var _ eventstore.RawStreamReader = (*Store)(nil)

// ReadRawStream reads a page of a stream as it is stored. See [eventstore.RawStreamReader].
func (s *Store) ReadRawStream(ctx context.Context, name domain.Stream, from domain.Revision, limit int) (eventstore.RawPage, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st, err := s.stream(ctx, name)
	if err != nil {
		return eventstore.RawPage{}, err
	}
	rows := st.rows[min(max(int64(from), 0), int64(len(st.rows))):]
	p := eventstore.RawPage{CaughtUp: len(rows) <= limit}
	for _, r := range rows[:min(limit, len(rows))] {
		p.Next = positionOf(r)
		p.Events = append(p.Events, eventstore.NewEvent{
			Envelope: domain.Envelope{
				EventID: r.id, Type: r.typ, Version: r.version, Stream: r.stream, Revision: r.revision,
				RecordedAt: r.recordedAt, OccurredAt: r.occurredAt, Subject: r.subject,
			},
			Data: slices.Clone(r.data), MetaData: slices.Clone(r.meta),
		})
	}
	return p, nil
}
