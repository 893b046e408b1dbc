package esdb

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Evidence lies in the database before the events that refer to it lie in the log: whoever sees an event finds its
// bodies. An append that fails behind that leaves bytes which nothing refers to. So what is kept is noted in
// log.evidence_kept in the same transaction; the note goes when the events are known to be written, and what is still
// noted after a safe age is looked for in the stream, and swept where no event names it.
const (
	keepSQL = `INSERT INTO log.evidence (stream, digest, salt, bytes, encoding)
SELECT * FROM unnest($1::int[], $2::bytea[], $3::bytea[], $4::bytea[], $5::smallint[]) ON CONFLICT DO NOTHING`

	noteSQL = `INSERT INTO log.evidence_kept (stream, since, digests) VALUES ($1, $2, $3) RETURNING id`

	settledSQL = `DELETE FROM log.evidence_kept WHERE id = ANY($1::bigint[])`

	// Who keeps evidence shares this lock, who sweeps has it alone: bytes that are kept once more while they are swept
	// are either noted before, and stay, or written again behind.
	shareSQL = `SELECT pg_advisory_xact_lock_shared(hashtextextended('annals evidence', 0))`
	aloneSQL = `SELECT pg_advisory_xact_lock(hashtextextended('annals evidence', 0))`

	oldSQL = `SELECT k.id, s.name, k.stream, k.since, k.digests FROM log.evidence_kept k JOIN log.streams s ON s.id = k.stream
WHERE k.at < $1 AND k.id > $2 ORDER BY k.id LIMIT 1`

	sweepSQL = `DELETE FROM log.evidence e WHERE e.stream = $1 AND e.digest = ANY($2::bytea[])
AND NOT EXISTS (SELECT 1 FROM log.evidence_kept k WHERE k.stream = $1 AND k.id <> $3 AND e.digest = ANY(k.digests))`
)

// A kept note is that of evidence of some slices of one stream.
type kept struct {
	id     int64
	stream domain.Stream
	slices []int // of the attempt
}

// keep stores evidence, before the events that refer to it. rest are the numbers of the slices in the attempt.
func (a *attempt) keep(ctx context.Context, sl []eventstore.Slice, rest, write []int) error {
	var of []*state
	notes := map[domain.Stream]*kept{}
	for _, i := range write {
		if len(sl[i].Evidence) == 0 {
			continue
		}
		name := sl[i].Stream
		if notes[name] == nil {
			notes[name] = &kept{stream: name}
			of = append(of, a.states[name])
		}
		notes[name].slices = append(notes[name].slices, rest[i])
	}
	if len(of) == 0 {
		return nil
	}
	if err := a.store.number(ctx, of); err != nil {
		return err
	}
	var streams []int32
	var digests, salts, bodies [][]byte
	var encodings []int16
	named := map[domain.Stream][][]byte{}
	for _, i := range write {
		for _, ev := range sl[i].Evidence {
			body, encoding := a.store.pack(ev.Bytes)
			digest := slices.Clone(ev.Digest[:])
			streams, digests = append(streams, a.states[sl[i].Stream].id), append(digests, digest)
			salts, bodies, encodings = append(salts, orEmpty(ev.Salt)), append(bodies, body), append(encodings, encoding)
			named[sl[i].Stream] = append(named[sl[i].Stream], digest)
		}
	}
	b := &pgx.Batch{} // one transaction
	b.Queue(shareSQL)
	b.Queue(keepSQL, streams, digests, salts, bodies, encodings)
	for _, st := range of {
		b.Queue(noteSQL, st.id, int64(st.last), named[st.name]).QueryRow(func(row pgx.Row) error { return row.Scan(&notes[st.name].id) })
	}
	if err := a.store.pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("store evidence: %w", besides(err))
	}
	for _, note := range notes {
		a.kept = append(a.kept, *note)
	}
	return nil
}

// settled are the notes whose slices were all written: by this append, or by the one that it repeats.
func (a *attempt) settled(failed error) (ids []int64) {
	if failed != nil {
		return nil // which ones were written is not known
	}
	for _, note := range a.kept {
		if !slices.ContainsFunc(note.slices, func(i int) bool { return a.results[i].Err != nil || a.results[i].Duplicate }) {
			ids = append(ids, note.id)
		}
	}
	return ids
}

// SweepEvidence deletes evidence that was kept before a time and that no event refers to, and says how many bodies
// that were. The time must be so long ago that no append of then can still be under way. A stream that cannot be read
// keeps what it has, and does not keep others from being swept.
func (s *Store) SweepEvidence(ctx context.Context, before time.Time) (swept int64, err error) {
	var failed error
	for after := int64(0); ; {
		var name domain.Stream
		var stream int32
		var since domain.Revision
		var digests [][]byte
		err := s.pool.QueryRow(ctx, oldSQL, before, after).Scan(&after, &name, &stream, &since, &digests)
		if errors.Is(err, pgx.ErrNoRows) {
			return swept, failed
		}
		if err != nil {
			return swept, fmt.Errorf("look for evidence without events: %w", besides(err))
		}
		named, err := s.namedBehind(ctx, name, since, digests)
		if err != nil {
			failed = errors.Join(failed, err)
			if ctx.Err() != nil {
				return swept, failed
			}
			continue
		}
		loose := slices.DeleteFunc(digests, func(d []byte) bool { return named[hex.EncodeToString(d)] })
		b := &pgx.Batch{} // one transaction
		b.Queue(aloneSQL)
		b.Queue(sweepSQL, stream, loose, after).Exec(func(tag pgconn.CommandTag) error {
			swept += tag.RowsAffected()
			return nil
		})
		b.Queue(settledSQL, []int64{after})
		if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
			return swept, fmt.Errorf("sweep evidence of %s: %w", name, besides(err))
		}
	}
}

// hexes finds what may be digests in the JSON of events: they are written in hex. What looks like one and is none
// only keeps bytes from being swept.
var hexes = regexp.MustCompile(`[0-9a-f]{64}`)

// namedBehind are those of some digests that events of a stream behind a revision name.
func (s *Store) namedBehind(ctx context.Context, name domain.Stream, since domain.Revision, digests [][]byte) (map[string]bool, error) {
	st, err := s.state(ctx, name)
	if err != nil {
		return nil, err
	}
	st.loaded = false // looked at as if for the first time: what was cut off names nothing any more
	st.leave()
	last, err := s.sound(ctx, name)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, d := range digests {
		wanted[hex.EncodeToString(d)] = true
	}
	named := map[string]bool{}
	for from := since + 1; ; {
		records, err := s.cluster.read(ctx, query{stream: name, revision: from, count: tailPage})
		if errors.Is(err, errNoStream) && last == domain.NoRevision {
			return named, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read stream %s: %w", name, unavailable(ctx, err))
		}
		if err := contiguous(name, records, from, last, false, tailPage-1); err != nil {
			return nil, err
		}
		for i := range records {
			for _, text := range [][]byte{records[i].data, records[i].meta} {
				for _, word := range hexes.FindAll(text, -1) {
					if wanted[string(word)] {
						named[string(word)] = true
					}
				}
			}
		}
		if len(records) < tailPage {
			return named, nil
		}
		from += domain.Revision(len(records))
	}
}
