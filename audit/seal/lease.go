package seal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/eventstore"
)

// A lease is the tenure of the one who seals.
type lease struct {
	holder uuid.UUID
	term   int64 // 0: somebody else holds it
	fresh  bool  // it was taken over just now
}

// errFenced says that the lease went to somebody else.
var errFenced = errors.New("sealing went to another server")

const (
	takeSQL = `
UPDATE audit.sealing SET holder = $1, until = now() + $2::interval, term = term + CASE WHEN holder = $1 AND term = $3 THEN 0 ELSE 1 END
WHERE until < now() OR (holder = $1 AND term = $3)
RETURNING term`
	releaseSQL = `UPDATE audit.sealing SET until = '-infinity' WHERE holder = $1 AND term = $2`
	// A lock that whoever takes the lease over waits for: until this transaction has ended, nobody else seals.
	fenceSQL = `SELECT commit_position, prepare_position, coalesce(last_stream, ''), coalesce(last_revision, 0) FROM audit.sealing WHERE holder = $1 AND term = $2 FOR UPDATE`
	// What [tenure] makes of it where it is left out: neither the term is looked at, nor is anybody waited for.
	unfencedSQL = `SELECT commit_position, prepare_position, coalesce(last_stream, ''), coalesce(last_revision, 0) FROM audit.sealing WHERE $1::uuid IS NOT NULL AND $2::bigint IS NOT NULL`
	moveSQL     = `UPDATE audit.sealing SET commit_position = $1, prepare_position = $2, key = $3,
    last_stream = coalesce($4, last_stream), last_revision = coalesce($5, last_revision)`
	keySQL = `SELECT coalesce(key, '') FROM audit.sealing`
)

// take takes the lease or prolongs it.
func (s *Sealer) take(ctx context.Context) error {
	before := s.lease.term
	err := s.Pool.QueryRow(ctx, takeSQL, s.lease.holder, s.Lease, before).Scan(&s.lease.term)
	if errors.Is(err, pgx.ErrNoRows) {
		s.lease.term = 0
		return nil
	}
	if err != nil {
		return fmt.Errorf("take the lease of sealing: %w", err)
	}
	s.lease.fresh = s.lease.fresh || s.lease.term != before
	return nil
}

// release gives the lease up, so that others need not wait for its end.
func (s *Sealer) release() {
	if s.lease.term == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if _, err := s.Pool.Exec(ctx, releaseSQL, s.lease.holder, s.lease.term); err != nil {
		s.Logger.Warn("the lease of sealing was not given up; it will end by itself", "err", err)
	}
}

// reached is how far the log is sealed, and its last event.
type reached struct {
	eventstore.Position
	stream   string // empty: there is none
	revision int64
}

// fence locks the lease, if it is still ours, and answers how far the log is sealed.
func (s *Sealer) fence(ctx context.Context, tx pgx.Tx) (at reached, err error) {
	var commit, prepare int64
	sql := fenceSQL
	if !s.checks(tenure) {
		sql = unfencedSQL
	}
	err = tx.QueryRow(ctx, sql, s.lease.holder, s.lease.term).Scan(&commit, &prepare, &at.stream, &at.revision)
	if errors.Is(err, pgx.ErrNoRows) {
		return at, errFenced
	}
	at.Position = eventstore.Position{Commit: uint64(commit), Prepare: uint64(prepare)}
	return at, err
}
