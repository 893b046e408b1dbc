package history

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/klauspost/compress/zstd"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/domain"
)

// Evidence lies in the same tables whichever store keeps the events: log.evidence by the number of the stream in
// log.streams.
const (
	evidenceSQL = `SELECT digest, salt, bytes, encoding FROM log.evidence
WHERE stream = (SELECT id FROM log.streams WHERE name = $1) AND digest > $2 ORDER BY digest LIMIT $3`

	// A stream's row may come before its first event: it says that it has none yet.
	numberSQL = `INSERT INTO log.streams (name, revision, recorded_at) SELECT $1, -1, 'epoch'::timestamptz
WHERE NOT EXISTS (SELECT 1 FROM log.streams WHERE name = $1) ON CONFLICT DO NOTHING`

	keepSQL = `INSERT INTO log.evidence (stream, digest, salt, bytes, encoding)
SELECT s.id, v.digest, v.salt, v.bytes, v.encoding
FROM unnest($2::bytea[], $3::bytea[], $4::bytea[], $5::smallint[]) AS v (digest, salt, bytes, encoding)
JOIN log.streams s ON s.name = $1 ON CONFLICT DO NOTHING`
)

// How evidence is stored, and from which size on compressing it is tried, in bytes.
const (
	asItIs     int16 = 0
	inZstd     int16 = 1
	worthIt          = 512
	pieces           = 64 // read at a time: of the longest kind they still fit into memory
	keptAtOnce       = 8 << 20
)

// readEvidence hands on every piece of a stream, by digest.
func readEvidence(ctx context.Context, pool *pgxpool.Pool, stream domain.Stream, each func(bundle.Evidence) error) error {
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("make a decompressor: %w", err)
	}
	defer unpack.Close()
	for after := []byte{}; ; {
		rows, _ := pool.Query(ctx, evidenceSQL, stream, after, pieces)
		var found []bundle.Evidence
		var digest, salt, stored []byte
		var encoding int16
		_, err := pgx.ForEachRow(rows, []any{&digest, &salt, &stored, &encoding}, func() error {
			body := slices.Clone(stored)
			switch encoding {
			case asItIs:
			case inZstd:
				var err error
				if body, err = unpack.DecodeAll(stored, nil); err != nil {
					return fmt.Errorf("evidence %x: %w", digest, err)
				}
			default:
				return fmt.Errorf("evidence %x: encoding %d is not known: start a newer server", digest, encoding)
			}
			found = append(found, bundle.Evidence{Stream: stream, Digest: domain.Digest(digest), Salt: slices.Clone(salt), Bytes: body})
			return nil
		})
		if err != nil {
			return fmt.Errorf("read the evidence of %s: %w", stream, err)
		}
		for _, e := range found {
			if err := each(e); err != nil {
				return err
			}
			after = e.Digest[:]
		}
		if len(found) < pieces {
			return nil
		}
	}
}

// A keeper writes evidence of one stream, some at a time. What is there already is passed over.
type keeper struct {
	pool   *pgxpool.Pool
	stream domain.Stream
	zstd   *zstd.Encoder

	digests, salts, bodies [][]byte
	encodings              []int16
	size                   int
}

func newKeeper(ctx context.Context, pool *pgxpool.Pool, stream domain.Stream) (*keeper, error) {
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("make a compressor: %w", err)
	}
	if _, err := pool.Exec(ctx, numberSQL, stream); err != nil {
		return nil, fmt.Errorf("number the stream %s: %w", stream, err)
	}
	return &keeper{pool: pool, stream: stream, zstd: pack}, nil
}

func (k *keeper) add(ctx context.Context, e bundle.Evidence) error {
	body, encoding := e.Bytes, asItIs
	if len(body) >= worthIt {
		if packed := k.zstd.EncodeAll(body, nil); len(packed) <= len(body)-len(body)/10 {
			body, encoding = packed, inZstd
		}
	}
	k.digests, k.salts, k.bodies = append(k.digests, slices.Clone(e.Digest[:])), append(k.salts, orEmpty(e.Salt)), append(k.bodies, orEmpty(body))
	k.encodings = append(k.encodings, encoding)
	if k.size += len(body); k.size < keptAtOnce && len(k.digests) < 1000 {
		return nil
	}
	return k.flush(ctx)
}

func (k *keeper) flush(ctx context.Context) error {
	if len(k.digests) == 0 {
		return nil
	}
	if _, err := k.pool.Exec(ctx, keepSQL, k.stream, k.digests, k.salts, k.bodies, k.encodings); err != nil {
		return fmt.Errorf("keep the evidence of %s: %w", k.stream, err)
	}
	k.digests, k.salts, k.bodies, k.encodings, k.size = nil, nil, nil, nil, 0
	return nil
}

func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
