package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

const knownSQL = `SELECT c.stream, c.id, c.digest, c.first, c.last
FROM unnest($1::int[], $2::text[]) AS k (stream, id)
JOIN log.commands c ON c.stream = k.stream AND c.id = k.id`

// known looks up which commands of the call appended before.
func (a *attempt) known(ctx context.Context) (map[eventstore.CommandKey]eventstore.KnownCommand, error) {
	var streams []int32
	var ids []string
	byID := map[int32]domain.Stream{}
	for i := range a.slices {
		sl := &a.slices[i]
		if st := a.streams[sl.Stream]; st != nil && sl.CommandID != "" {
			streams, ids = append(streams, st.id), append(ids, sl.CommandID)
			byID[st.id] = sl.Stream
		}
	}
	known := map[eventstore.CommandKey]eventstore.KnownCommand{}
	rows, _ := a.conn.Query(ctx, knownSQL, streams, ids)
	var stream int32
	var k eventstore.KnownCommand
	var digest []byte
	_, err := pgx.ForEachRow(rows, []any{&stream, &k.ID, &digest, &k.First, &k.Last}, func() error {
		copy(k.RequestDigest[:], digest)
		known[eventstore.CommandKey{Stream: byID[stream], ID: k.ID}] = k
		return nil
	})
	return known, err
}

const eventIDsSQL = `SELECT event_id FROM log.events WHERE stream = $1 AND revision >= $2 AND revision <= $3 ORDER BY revision`

// compare turns a conflict into a duplicate where the very same events lie right after what the slice expected.
func (a *attempt) compare(ctx context.Context) error {
	for i := range a.slices {
		sl := &a.slices[i]
		if !eventstore.MayBeRepeated(sl, a.results[i]) {
			continue
		}
		first := domain.Revision(sl.Expected) + 1
		last := first + domain.Revision(len(sl.Events)) - 1
		rows, _ := a.conn.Query(ctx, eventIDsSQL, a.streams[sl.Stream].id, first, last)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		same := slices.EqualFunc(ids, sl.Events, func(id uuid.UUID, e eventstore.NewEvent) bool { return id == e.EventID })
		if same {
			a.results[i] = eventstore.SliceResult{First: first, Last: last, Duplicate: true}
		}
	}
	return nil
}
