package seal

import (
	"context"
	"fmt"
	"time"
)

// Which checkpoints may go says the database (schema/postgres/audit/0004_thin.sql): of those older than a day, all but the
// last of each hour and of every thousand events. These statements go through them in their order, a portion at a time.
const (
	thinSQL = `
WITH batch AS (SELECT number, name, size, at FROM audit.checkpoints WHERE number >= (SELECT thinned FROM audit.sealing) ORDER BY number LIMIT $1),
young AS (SELECT min(number) AS number FROM batch WHERE at >= now() - interval '1 day'),
old AS (SELECT * FROM batch WHERE number < coalesce((SELECT number FROM young), number + 1)),
gone AS (DELETE FROM audit.checkpoints WHERE number = ANY(ARRAY(SELECT old.number FROM old,
    LATERAL (SELECT size, at FROM audit.checkpoints c WHERE c.name = old.name AND c.size > old.size ORDER BY c.size LIMIT 1) next
    WHERE next.size / 1000 = old.size / 1000 AND date_trunc('hour', next.at, 'UTC') = date_trunc('hour', old.at, 'UTC'))) RETURNING 1),
moved AS (UPDATE audit.sealing SET thinned = (SELECT max(number) + 1 FROM old) WHERE EXISTS (SELECT 1 FROM old))
SELECT (SELECT count(*) FROM old), (SELECT count(*) FROM gone)`
	thinInstanceSQL = `
WITH batch AS (SELECT size, at FROM audit.instance_checkpoints WHERE size >= (SELECT thinned_instance FROM audit.sealing) ORDER BY size LIMIT $1),
young AS (SELECT min(size) AS size FROM batch WHERE at >= now() - interval '1 day'),
old AS (SELECT * FROM batch WHERE size < coalesce((SELECT size FROM young), size + 1)),
gone AS (DELETE FROM audit.instance_checkpoints WHERE size = ANY(ARRAY(SELECT old.size FROM old,
    LATERAL (SELECT at FROM audit.instance_checkpoints c WHERE c.size > old.size ORDER BY c.size LIMIT 1) next
    WHERE date_trunc('hour', next.at, 'UTC') = date_trunc('hour', old.at, 'UTC'))) RETURNING 1),
moved AS (UPDATE audit.sealing SET thinned_instance = (SELECT max(size) + 1 FROM old) WHERE EXISTS (SELECT 1 FROM old))
SELECT (SELECT count(*) FROM old), (SELECT count(*) FROM gone)`
)

// How checkpoints are thinned: so many at once, and so many portions at most at a time, since sealing waits for it.
const (
	thinEvery    = 10 * time.Minute
	thinPortion  = 2000
	thinPortions = 20
)

// thinSometimes lets go of old checkpoints now and then, where this server seals. That it fails is no reason not to seal.
func (s *Sealer) thinSometimes(ctx context.Context) {
	if s.lease.term == 0 || time.Since(s.thinned) < thinEvery {
		return
	}
	s.thinned = time.Now()
	gone, err := s.thin(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.Logger.Warn("old checkpoints could not be thinned out; trying again", "err", err)
	case gone > 0:
		s.Logger.Debug("old checkpoints were thinned out", "checkpoints", gone)
	}
}

// thin goes on thinning where it was left, and says how many have gone.
func (s *Sealer) thin(ctx context.Context) (gone int64, err error) {
	for _, sql := range []string{thinSQL, thinInstanceSQL} {
		for range thinPortions {
			var seen, some int64
			if err := s.Pool.QueryRow(ctx, sql, thinPortion).Scan(&seen, &some); err != nil {
				return gone, fmt.Errorf("thin checkpoints out: %w", err)
			}
			if gone += some; seen < thinPortion {
				break
			}
		}
	}
	return gone, nil
}
