package esdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// The tables beside the log are those of the Postgres backend, without the events: log.streams says how far each
// stream is known to have gone, log.commands which commands appended until there, log.evidence the bodies.
const (
	foreignSQL = `SELECT EXISTS (SELECT 1 FROM log.events)`

	rowSQL = `SELECT id, revision FROM log.streams WHERE name = $1`

	rowsSQL = `SELECT name, revision FROM log.streams WHERE revision >= 0 ORDER BY name`

	createSQL = `INSERT INTO log.streams (name, revision, recorded_at) SELECT n, -1, 'epoch' FROM unnest($1::text[]) AS n
WHERE NOT EXISTS (SELECT 1 FROM log.streams WHERE name = n) ORDER BY n ON CONFLICT DO NOTHING`

	idsSQL = `SELECT name, id FROM log.streams WHERE name = ANY($1::text[])`

	knownSQL = `SELECT c.stream, c.id, c.digest, c.first, c.last
FROM unnest($1::int[], $2::text[]) AS k (stream, id) JOIN log.commands c ON c.stream = k.stream AND c.id = k.id`

	lockSQL = `SELECT 1 FROM log.streams WHERE id = ANY($1::int[]) ORDER BY id FOR UPDATE`

	moveSQL = `UPDATE log.streams AS s SET revision = v.revision, recorded_at = v.at
FROM unnest($1::int[], $2::bigint[], $3::timestamptz[]) AS v (id, revision, at) WHERE s.id = v.id AND s.revision < v.revision`

	rememberSQL = `INSERT INTO log.commands (stream, id, digest, first, last, at, forever)
SELECT * FROM unnest($1::int[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::bool[]) ON CONFLICT DO NOTHING`

	evidenceSQL = `SELECT digest, bytes, encoding FROM log.evidence
WHERE stream = (SELECT id FROM log.streams WHERE name = $1) AND digest = ANY($2::bytea[])`
)

// besides makes an error of ours of what Postgres says. Nothing that it is asked for here writes to the log.
func besides(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "42501" || strings.HasPrefix(pg.Code, "28")) {
		return &eventstore.AccessDeniedError{Cause: err}
	}
	return &eventstore.UnavailableError{Cause: err}
}

// number gives every stream its row, and answers their ids.
func (s *Store) number(ctx context.Context, states []*state) error {
	var names []string
	byName := map[string]*state{}
	for _, st := range states {
		if st.id == 0 {
			names, byName[string(st.name)] = append(names, string(st.name)), st
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	if _, err := s.pool.Exec(ctx, createSQL, names); err != nil {
		return fmt.Errorf("number %d streams: %w", len(names), besides(err))
	}
	rows, _ := s.pool.Query(ctx, idsSQL, names)
	var name string
	var id int32
	_, err := pgx.ForEachRow(rows, []any{&name, &id}, func() error {
		byName[name].id = id
		return nil
	})
	if err != nil {
		return fmt.Errorf("number %d streams: %w", len(names), besides(err))
	}
	return nil
}

// known looks up which of the commands of slices appended before: in the table, and in the tails it lacks.
func (s *Store) known(ctx context.Context, states map[domain.Stream]*state, sl []eventstore.Slice) (map[eventstore.CommandKey]eventstore.KnownCommand, error) {
	found := map[eventstore.CommandKey]eventstore.KnownCommand{}
	var streams []int32
	var ids []string
	byID := map[int32]domain.Stream{}
	for i := range sl {
		st := states[sl[i].Stream]
		if st == nil || sl[i].CommandID == "" || !eventstore.Storable(sl[i].CommandID) {
			continue
		}
		if k, ok := st.tail[sl[i].CommandID]; ok {
			found[eventstore.CommandKey{Stream: st.name, ID: sl[i].CommandID}] = k.KnownCommand
		} else if st.id != 0 && st.stored != domain.NoRevision {
			streams, ids, byID[st.id] = append(streams, st.id), append(ids, sl[i].CommandID), st.name
		}
	}
	if len(ids) == 0 {
		return found, nil
	}
	rows, _ := s.pool.Query(ctx, knownSQL, streams, ids)
	var stream int32
	var k eventstore.KnownCommand
	var digest []byte
	_, err := pgx.ForEachRow(rows, []any{&stream, &k.ID, &digest, &k.First, &k.Last}, func() error {
		copy(k.RequestDigest[:], digest)
		found[eventstore.CommandKey{Stream: byID[stream], ID: k.ID}] = k
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up commands: %w", besides(err))
	}
	return found, nil
}

// remember tells the tables how far streams went, which commands are in the tails, and which evidence that was kept
// has its events now. When it fails, the tails are
// kept: they are told the next time, and read from the streams after a restart.
func (s *Store) remember(ctx context.Context, states []*state, kept ...int64) error {
	moved := slices.DeleteFunc(slices.Clone(states), func(st *state) bool { return !st.loaded || st.last <= st.stored })
	if len(moved) == 0 && len(kept) == 0 {
		return nil
	}
	if err := s.number(ctx, moved); err != nil {
		return err
	}
	slices.SortFunc(moved, func(a, b *state) int { return int(a.id) - int(b.id) })
	var ids, of []int32
	var revisions, firsts, lasts []int64
	var ats, when []time.Time
	var names []string
	var digests [][]byte
	var forever []bool
	for _, st := range moved {
		ids, revisions, ats = append(ids, st.id), append(revisions, int64(st.last)), append(ats, st.at)
		for _, k := range st.tail {
			of, names, digests = append(of, st.id), append(names, k.ID), append(digests, slices.Clone(k.RequestDigest[:]))
			firsts, lasts = append(firsts, int64(k.First)), append(lasts, int64(k.Last))
			when, forever = append(when, k.at), append(forever, k.forever)
		}
	}
	b := &pgx.Batch{} // one transaction
	if len(moved) > 0 {
		b.Queue(lockSQL, ids)
		b.Queue(moveSQL, ids, revisions, ats)
	}
	if len(names) > 0 {
		b.Queue(rememberSQL, of, names, digests, firsts, lasts, when, forever)
	}
	if len(kept) > 0 {
		b.Queue(settledSQL, kept)
	}
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("remember how far %d streams went: %w", len(moved), besides(err))
	}
	for _, st := range moved {
		st.stored = st.last
		clear(st.tail)
	}
	return nil
}

func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// How a body is stored.
const (
	encodedRaw  int16 = 0
	encodedZstd int16 = 1
)

// pack is the body as it is stored: compressed where that saves a tenth at least.
func (s *Store) pack(body []byte) ([]byte, int16) {
	if len(body) < 512 {
		return orEmpty(body), encodedRaw
	}
	packed := s.zstd.EncodeAll(body, nil)
	if len(packed) > len(body)-len(body)/10 {
		return body, encodedRaw
	}
	return packed, encodedZstd
}

// Evidence reads bodies and texts. See [eventstore.EvidenceStore].
func (s *Store) Evidence(ctx context.Context, stream domain.Stream, digests []domain.Digest) (map[domain.Digest][]byte, error) {
	keys := make([][]byte, len(digests))
	for i := range digests {
		keys[i] = slices.Clone(digests[i][:])
	}
	found := make(map[domain.Digest][]byte, len(digests))
	rows, _ := s.pool.Query(ctx, evidenceSQL, stream, keys)
	var digest, stored []byte
	var encoding int16
	_, err := pgx.ForEachRow(rows, []any{&digest, &stored, &encoding}, func() (err error) {
		body := slices.Clone(stored)
		switch encoding {
		case encodedRaw:
		case encodedZstd:
			if body, err = s.unzstd.DecodeAll(stored, nil); err != nil {
				return err
			}
		default:
			return fmt.Errorf("encoding %d is not known: start a newer server", encoding)
		}
		found[domain.Digest(digest)] = body
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read evidence of %s: %w", stream, besides(err))
	}
	return found, nil
}
