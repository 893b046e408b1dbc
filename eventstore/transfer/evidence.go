package transfer

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

const (
	listEvidenceSQL = `SELECT s.name, e.stream, e.digest, octet_length(e.bytes) FROM log.evidence e JOIN log.streams s ON s.id = e.stream
WHERE (e.stream, e.digest) > ($1, $2) ORDER BY e.stream, e.digest LIMIT $3`

	haveEvidenceSQL = `SELECT s.name, e.digest FROM unnest($1::text[], $2::bytea[]) AS k (name, digest)
JOIN log.streams s ON s.name = k.name JOIN log.evidence e ON e.stream = s.id AND e.digest = k.digest`

	readEvidenceSQL = `SELECT s.name, e.digest, e.salt, e.bytes, e.encoding FROM unnest($1::text[], $2::bytea[]) AS k (name, digest)
JOIN log.streams s ON s.name = k.name JOIN log.evidence e ON e.stream = s.id AND e.digest = k.digest`

	// A stream's row may come before its first event: it says that it has none yet.
	createStreamsSQL = `INSERT INTO log.streams (name, revision, recorded_at) SELECT DISTINCT n, -1, 'epoch'::timestamptz FROM unnest($1::text[]) AS n
WHERE NOT EXISTS (SELECT 1 FROM log.streams WHERE name = n) ON CONFLICT DO NOTHING`

	writeEvidenceSQL = `INSERT INTO log.evidence (stream, digest, salt, bytes, encoding)
SELECT s.id, v.digest, v.salt, v.bytes, v.encoding
FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bytea[], $5::smallint[]) AS v (name, digest, salt, bytes, encoding)
JOIN log.streams s ON s.name = v.name ON CONFLICT DO NOTHING`
)

// How much evidence is listed, and at most carried, at once.
const (
	evidenceRows  = 1000
	evidenceBytes = 8 << 20
)

// A body is one row of evidence, by its name.
type body struct {
	stream string
	digest [32]byte
	size   int
}

// copyEvidence copies the bodies that the target does not have, as they are stored, before any event that refers to
// them.
func (c *copying) copyEvidence(ctx context.Context) error {
	var total, done int64
	if err := c.from.Pool().QueryRow(ctx, `SELECT count(*) FROM log.evidence`).Scan(&total); err != nil {
		return fmt.Errorf("count evidence: %w", err)
	}
	stream, digest := int32(0), []byte{}
	for {
		c.opts.Progress(PhaseEvidence, done, max(done, total))
		rows, _ := c.from.Pool().Query(ctx, listEvidenceSQL, stream, digest, evidenceRows)
		var list []body
		var name string
		var size int
		_, err := pgx.ForEachRow(rows, []any{&name, &stream, &digest, &size}, func() error {
			list = append(list, body{name, [32]byte(digest), size})
			return nil
		})
		if err != nil {
			return fmt.Errorf("list evidence: %w", err)
		}
		if len(list) == 0 {
			return nil
		}
		if err := c.carry(ctx, list); err != nil {
			return err
		}
		done += int64(len(list))
	}
}

// carry copies those of some bodies that the target does not have.
func (c *copying) carry(ctx context.Context, list []body) error {
	names, digests := columns(list)
	rows, _ := c.to.Pool().Query(ctx, haveEvidenceSQL, names, digests)
	have := map[body]bool{}
	var name string
	var digest []byte
	_, err := pgx.ForEachRow(rows, []any{&name, &digest}, func() error {
		have[body{stream: name, digest: [32]byte(digest)}] = true
		return nil
	})
	if err != nil {
		return fmt.Errorf("list evidence of the target: %w", err)
	}
	list = slices.DeleteFunc(list, func(b body) bool { return have[body{stream: b.stream, digest: b.digest}] })
	for len(list) > 0 {
		n, size := 0, 0
		for n < len(list) && (n == 0 || size+list[n].size <= evidenceBytes) {
			size += list[n].size
			n++
		}
		if err := c.carrySome(ctx, list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func columns(list []body) (names []string, digests [][]byte) {
	for _, b := range list {
		names, digests = append(names, b.stream), append(digests, slices.Clone(b.digest[:]))
	}
	return names, digests
}

func (c *copying) carrySome(ctx context.Context, list []body) error {
	names, digests := columns(list)
	rows, _ := c.from.Pool().Query(ctx, readEvidenceSQL, names, digests)
	var streams []string
	var keys, salts, bodies [][]byte
	var encodings []int16
	var name string
	var digest, salt, bytes []byte
	var encoding int16
	_, err := pgx.ForEachRow(rows, []any{&name, &digest, &salt, &bytes, &encoding}, func() error {
		streams, keys = append(streams, name), append(keys, slices.Clone(digest))
		salts, bodies, encodings = append(salts, slices.Clone(salt)), append(bodies, slices.Clone(bytes)), append(encodings, encoding)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read evidence: %w", err)
	}
	b := &pgx.Batch{} // one transaction
	b.Queue(createStreamsSQL, streams)
	b.Queue(writeEvidenceSQL, streams, keys, salts, bodies, encodings)
	if err := c.to.Pool().SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	return nil
}
