package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// A lease is a tenure of this process: of a lane ("read_1/0"), or of being there at all ("engine/<version>/<id>"). Its term is
// checked in every transaction that is done under it: a holder that was thought dead commits nothing more.
type lease struct {
	name   string
	holder uuid.UUID
	term   int64
}

// errFenced says that the lease went to somebody else.
var errFenced = errors.New("the lease went to another process")

const (
	takeSQL = `
INSERT INTO log.leases AS l (name, holder, term, until) VALUES ($1, $2, 1, now() + $3::interval)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, term = l.term + 1, until = excluded.until
WHERE l.until < now() OR l.holder = excluded.holder
RETURNING term`
	renewSQL = `
UPDATE log.leases l SET until = now() + $4::interval
FROM unnest($2::text[], $3::bigint[]) h (name, term)
WHERE l.name = h.name AND l.term = h.term AND l.holder = $1
RETURNING l.name`
	releaseSQL = `UPDATE log.leases SET until = '-infinity' WHERE name = $1 AND term = $2 AND holder = $3`
	// A key lock: whoever takes the lease over waits for this transaction; renewing does not.
	fenceSQL   = `SELECT term FROM log.leases WHERE name = $1 AND term = $2 AND holder = $3 FOR KEY SHARE`
	enginesSQL = `SELECT count(*) FROM log.leases WHERE starts_with(name, $1) AND until >= now()`
	sweepSQL   = `DELETE FROM log.leases WHERE name LIKE 'engine/%' AND until < now() - interval '1 day'`
)

// take takes a lease that nobody holds, or that the holder has from before; ok is false where it is held.
func (e *Engine) take(ctx context.Context, holder uuid.UUID, name string) (l lease, ok bool, err error) {
	l.name, l.holder = name, holder
	err = e.Pool.QueryRow(ctx, takeSQL, name, holder, e.Lease).Scan(&l.term)
	if errors.Is(err, pgx.ErrNoRows) {
		return l, false, nil
	}
	if err != nil {
		return l, false, fmt.Errorf("take the lease %s: %w", name, err)
	}
	return l, true, nil
}

// renew prolongs a holder's leases and answers those that are still its own.
func (e *Engine) renew(ctx context.Context, holder uuid.UUID, leases []lease) (map[string]bool, error) {
	names, terms := make([]string, len(leases)), make([]int64, len(leases))
	for i, l := range leases {
		names[i], terms[i] = l.name, l.term
	}
	rows, _ := e.Pool.Query(ctx, renewSQL, holder, names, terms, e.Lease)
	ours, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("renew %d leases: %w", len(leases), err)
	}
	kept := map[string]bool{}
	for _, name := range ours {
		kept[name] = true
	}
	return kept, nil
}

// release gives a lease up, so that others need not wait for its end. Where that fails, it ends by itself.
func (e *Engine) release(l lease) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if _, err := e.Pool.Exec(ctx, releaseSQL, l.name, l.term, l.holder); err != nil {
		e.Log.Warn("a lease was not given up; it will end by itself", "lease", l.name, "error", err)
	}
}
