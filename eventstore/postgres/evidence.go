package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// How a body is stored.
const (
	encodedRaw  int16 = 0
	encodedZstd int16 = 1
)

// worthPacking is the size from which on compressing a body is tried, in bytes.
const worthPacking = 512

// pack is the body as it is stored: compressed where that saves a tenth of it at least.
func (s *Store) pack(body []byte) ([]byte, int16) {
	if len(body) < worthPacking {
		return orEmpty(body), encodedRaw
	}
	packed := s.zstd.EncodeAll(body, make([]byte, 0, len(body)/2))
	if len(packed) > len(body)-len(body)/10 {
		return body, encodedRaw
	}
	return packed, encodedZstd
}

func (s *Store) unpack(stored []byte, encoding int16) ([]byte, error) {
	switch encoding {
	case encodedRaw:
		return stored, nil
	case encodedZstd:
		return s.unzstd.DecodeAll(stored, nil)
	}
	return nil, fmt.Errorf("encoding %d is not known: start a newer server", encoding)
}

const evidenceSQL = `SELECT digest, bytes, encoding FROM log.evidence
WHERE stream = (SELECT id FROM log.streams WHERE name = $1) AND digest = ANY($2::bytea[])`

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
	_, err := pgx.ForEachRow(rows, []any{&digest, &stored, &encoding}, func() error {
		body, err := s.unpack(stored, encoding)
		if err != nil {
			return fmt.Errorf("evidence %x: %w", digest, err)
		}
		found[domain.Digest(digest)] = slices.Clone(body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read evidence of %s: %w", stream, translate(err))
	}
	return found, nil
}
