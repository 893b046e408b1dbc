package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

const (
	insertCommandsSQL = `INSERT INTO log.commands (stream, id, digest, first, last, at, forever)
SELECT * FROM unnest($1::int[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::bool[])`

	// It fails where a stream is not where it was seen. The sessions of appends join by index alone (see [Open]), so
	// rows are locked in the order of the ids here as well.
	moveStreamsSQL = `WITH moved AS (
    UPDATE log.streams AS s SET revision = v.revision, recorded_at = v.at
    FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::timestamptz[]) AS v (id, seen, revision, at)
    WHERE s.id = v.id AND s.revision = v.seen
    RETURNING 1)
SELECT log.require(count(*) = cardinality($1::int[]), 'AN001') FROM moved`

	insertEvidenceSQL = `INSERT INTO log.evidence (stream, digest, salt, bytes, encoding)
SELECT * FROM unnest($1::int[], $2::bytea[], $3::bytea[], $4::bytea[], $5::smallint[])
ON CONFLICT DO NOTHING`

	moveHeadSQL = `UPDATE log.head SET position = position + $1 RETURNING position`

	insertEventsSQL = `INSERT INTO log.events (position, stream, revision, recorded_at, occurred_at, version, event_id, subject, kind, type, data, meta)
SELECT (SELECT position FROM log.head) - $1::bigint + n, stream, revision, recorded_at, occurred_at, version, event_id, subject, kind, type, data, meta
FROM unnest($2::int[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::smallint[], $7::uuid[], $8::uuid[], $9::text[], $10::text[], $11::bytea[], $12::bytea[])
WITH ORDINALITY AS e (stream, revision, recorded_at, occurred_at, version, event_id, subject, kind, type, data, meta, n)
ORDER BY n`
)

// streamMoved is the SQLSTATE that moveStreamsSQL raises.
const streamMoved = "AN001"

// commit writes the slices that fit and commits, behind what the batch holds already: all in one round trip, or the many
// rows of a large group by COPY. The head row comes last of the locks: who holds it only inserts its events and commits.
func (a *attempt) commit(ctx context.Context, b *pgx.Batch, at map[domain.Stream]domain.Revision) error {
	a.queueStreams(b, at)
	a.queueCommands(b)
	if events, ok := a.bulky(); ok {
		if err := a.copied(ctx, b, events); err != nil {
			return refused(err)
		}
		b = &pgx.Batch{}
	} else {
		a.queueEvidence(b)
		a.queueEvents(b, events)
	}
	committed := false
	b.Queue(`COMMIT`).Exec(func(pgconn.CommandTag) error { committed = true; return nil })
	if err := a.conn.SendBatch(ctx, b).Close(); err != nil && !committed { // what went wrong after the commit undoes nothing
		return refused(err)
	}
	return nil
}

// refused is the error of the statements of an append, told apart by what is to be done about it.
func refused(err error) error {
	switch {
	case hasState(err, streamMoved):
		return errMoved
	case violates(err, "commands_pkey"):
		return errKnownCommand
	case violates(err, "evidence_pkey"):
		return errKnownEvidence
	case violates(err, "events_revision"), violates(err, "events_pkey"):
		return errStrayEvent
	case hasState(err, copyRefused):
		return errNoCopy
	case contended(err):
		return err
	}
	return outcome(err)
}

func (a *attempt) queueCommands(b *pgx.Batch) {
	n := len(a.write)
	streams, ids, digests := make([]int32, 0, n), make([]string, 0, n), make([][]byte, 0, n)
	firsts, lasts := make([]int64, 0, n), make([]int64, 0, n)
	ats, forever := make([]time.Time, 0, n), make([]bool, 0, n)
	for _, i := range a.write {
		sl := &a.slices[i]
		if sl.CommandID == "" {
			continue
		}
		streams = append(streams, a.streams[sl.Stream].id)
		ids = append(ids, sl.CommandID)
		digests = append(digests, sl.RequestDigest[:])
		firsts = append(firsts, int64(a.results[i].First))
		lasts = append(lasts, int64(a.results[i].Last))
		ats = append(ats, recordedAt(sl))
		forever = append(forever, sl.Forever)
	}
	if len(ids) > 0 {
		b.Queue(insertCommandsSQL, streams, ids, digests, firsts, lasts, ats, forever)
	}
}

func (a *attempt) queueStreams(b *pgx.Batch, at map[domain.Stream]domain.Revision) {
	last := make(map[domain.Stream]time.Time, len(at))
	for _, i := range a.write {
		last[a.slices[i].Stream] = recordedAt(&a.slices[i])
	}
	ids := make([]int32, 0, len(last))
	byID := make(map[int32]domain.Stream, len(last))
	for name := range last {
		id := a.streams[name].id
		ids, byID[id] = append(ids, id), name
	}
	slices.Sort(ids)
	seen, revisions, ats := make([]int64, len(ids)), make([]int64, len(ids)), make([]time.Time, len(ids))
	for i, id := range ids {
		name := byID[id]
		seen[i], revisions[i], ats[i] = int64(a.streams[name].revision), int64(at[name]), last[name]
	}
	b.Queue(moveStreamsSQL, ids, seen, revisions, ats)
}

// recordedAt is that of the last event of a slice.
func recordedAt(sl *eventstore.Slice) time.Time { return sl.Events[len(sl.Events)-1].RecordedAt }

func (a *attempt) queueEvents(b *pgx.Batch, n int) {
	streams, revisions := make([]int32, 0, n), make([]int64, 0, n)
	recorded, occurred := make([]time.Time, 0, n), make([]time.Time, 0, n)
	versions := make([]int16, 0, n)
	ids, subjects := make([]pgtype.UUID, 0, n), make([]pgtype.UUID, 0, n)
	kinds, types := make([]string, 0, n), make([]string, 0, n)
	data, meta := make([][]byte, 0, n), make([][]byte, 0, n)
	for _, i := range a.write {
		sl, id := &a.slices[i], a.streams[a.slices[i].Stream].id
		for j := range sl.Events {
			e := &sl.Events[j]
			streams = append(streams, id)
			revisions = append(revisions, int64(a.results[i].First)+int64(j))
			recorded, occurred = append(recorded, e.RecordedAt), append(occurred, e.OccurredAt)
			versions = append(versions, int16(e.Version))
			ids = append(ids, pgtype.UUID{Bytes: e.EventID, Valid: true})
			subjects = append(subjects, pgtype.UUID{Bytes: e.Subject.ID, Valid: true})
			kinds, types = append(kinds, string(e.Subject.Kind)), append(types, e.Type)
			data, meta = append(data, orEmpty(e.Data)), append(meta, orEmpty(e.MetaData))
		}
	}
	b.Queue(moveHeadSQL, n).QueryRow(func(row pgx.Row) error { return row.Scan(&a.head) })
	b.Queue(insertEventsSQL, n, streams, revisions, recorded, occurred, versions, ids, subjects, kinds, types, data, meta)
}

// orEmpty keeps nil from becoming NULL.
func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (a *attempt) queueEvidence(b *pgx.Batch) {
	var streams []int32
	var digests, salts, bodies [][]byte
	var encodings []int16
	for _, i := range a.write {
		sl := &a.slices[i]
		for j := range sl.Evidence {
			ev := &sl.Evidence[j]
			body, encoding := a.store.pack(ev.Bytes)
			streams = append(streams, a.streams[sl.Stream].id)
			digests, salts = append(digests, ev.Digest[:]), append(salts, orEmpty(ev.Salt))
			bodies, encodings = append(bodies, body), append(encodings, encoding)
		}
	}
	if len(streams) > 0 {
		b.Queue(insertEvidenceSQL, streams, digests, salts, bodies, encodings)
	}
}

// publish hands the committed events to the followers of this process, and has the others told.
func (a *attempt) publish() {
	n := 0
	for _, i := range a.write {
		n += len(a.slices[i].Events)
	}
	a.store.feed.publish(uint64(a.head), n, func() []domain.Recorded { return a.recorded(n) })
	a.store.wakeOthers()
}

// recorded are the events that were written, as they would be read.
func (a *attempt) recorded(n int) []domain.Recorded {
	events := make([]domain.Recorded, 0, n)
	for _, i := range a.write {
		sl := &a.slices[i]
		for j := range sl.Events {
			e := &sl.Events[j]
			r := domain.Recorded{Envelope: e.Envelope, Event: e.Event, Data: orEmpty(e.Data)}
			r.Stream, r.Revision = sl.Stream, a.results[i].First+domain.Revision(j)
			r.RecordedAt = r.RecordedAt.UTC().Truncate(time.Microsecond)
			r.OccurredAt = r.OccurredAt.UTC().Truncate(time.Microsecond)
			if r.Event == nil {
				r.Event, _ = domain.Decode(r.Type, r.Version, r.Data) // unknown types stay nil, as when read
			}
			events = append(events, r)
		}
	}
	return events
}
