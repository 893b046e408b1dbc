package esdb

import (
	"context"
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var (
	_ eventstore.RawReader       = (*Store)(nil)
	_ eventstore.RawStreamReader = (*Store)(nil)
)

// ReadRaw reads a page of the log as it is stored. See [eventstore.RawReader].
func (s *Store) ReadRaw(ctx context.Context, after eventstore.Position, limit int) (eventstore.RawPage, error) {
	p := eventstore.RawPage{Events: make([]eventstore.NewEvent, 0, limit)}
	var err error
	p.Next, p.CaughtUp, err = s.walk(ctx, after, limit, func(r *record, c *custom) error {
		p.Events = append(p.Events, eventstore.NewEvent{Data: r.data, MetaData: c.Meta, Envelope: r.envelope(c)})
		return nil
	})
	if err != nil {
		return eventstore.RawPage{}, err
	}
	return p, nil
}

// ReadRawStream reads a page of a stream as it is stored. See [eventstore.RawStreamReader].
func (s *Store) ReadRawStream(ctx context.Context, stream domain.Stream, from domain.Revision, limit int) (eventstore.RawPage, error) {
	records, caughtUp, err := s.page(ctx, stream, max(from, 0), false, limit)
	if err != nil {
		return eventstore.RawPage{}, err
	}
	p := eventstore.RawPage{Events: make([]eventstore.NewEvent, len(records)), CaughtUp: caughtUp}
	var before *envelope
	for i := range records {
		c, err := records[i].open()
		if err != nil {
			return eventstore.RawPage{}, err
		}
		if before != nil && c.Annals.Previous != before.Hash {
			return eventstore.RawPage{}, broken(stream, records[i].revision)
		}
		before = c.Annals
		p.Events[i] = eventstore.NewEvent{Data: records[i].data, MetaData: c.Meta, Envelope: records[i].envelope(c)}
		p.Next = records[i].position
	}
	return p, nil
}

// envelope is what a record says of an event besides its data and metadata.
func (r *record) envelope(c *custom) domain.Envelope {
	return domain.Envelope{
		EventID: r.id, Type: r.typ, Version: c.Annals.Version, Stream: r.stream, Revision: r.revision,
		RecordedAt: time.UnixMicro(c.Annals.Recorded).UTC(), OccurredAt: time.UnixMicro(c.Annals.Occurred).UTC(),
		Subject: domain.Entity{Kind: c.Annals.Kind, ID: c.Annals.Subject},
	}
}

// Settle tells the tables beside the log how far a stream went and which commands appended, as far as they do not
// know. It is what happens by itself when the stream is appended to.
func (s *Store) Settle(ctx context.Context, stream domain.Stream) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := eventstore.CheckStream(stream); err != nil {
		return err
	}
	st, err := s.state(ctx, stream)
	if err != nil {
		return err
	}
	defer st.leave()
	defer s.forget(st)
	if err := s.load(ctx, st); err != nil {
		return fmt.Errorf("settle stream %s: %w", stream, err)
	}
	return s.remember(ctx, []*state{st})
}
