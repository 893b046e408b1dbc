package erasure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A row that was deleted stays in its page, and VACUUM frees the place without overwriting it: who reads the file reads
// the row. VACUUM FULL writes the table anew, without it, and gives the old file back. It locks the table meanwhile, so
// the large one, evidence, is only rewritten up to a size, or where that was asked for; else its pages are freed, and
// overwritten by the evidence that comes next.
const (
	fullSQL  = `VACUUM (FULL) `
	plainSQL = `VACUUM (TRUNCATE, INDEX_CLEANUP ON) `

	sizeSQL = `SELECT pg_total_relation_size('log.evidence')`

	// What began before the rows were deleted may still want to see them, and VACUUM keeps them for it: transactions that
	// look (xmin) or that only wrote and are not over (xid: who looks next sees what there was before them), prepared ones,
	// and those of standbys.
	olderSQL = `SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND (age(backend_xmin) > age($1::text::xid) OR age(backend_xid) > age($1::text::xid)))
  + (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database() AND age(transaction) > age($1::text::xid))
  + (SELECT count(*) FROM pg_replication_slots WHERE age(xmin) > age($1::text::xid))`

	nextSQL = `SELECT (pg_snapshot_xmax(pg_current_snapshot())::text::numeric % 4294967296)::text`

	lockSQL   = `SET lock_timeout = '5s'`
	unlockSQL = `RESET lock_timeout`
)

const usualFull = 256 << 20 // bytes

// errWatched says that a transaction is open that began before the erasure.
var errWatched = errors.New("a transaction that began earlier is still open, and the database keeps what it may want to see")

// scrub rewrites the files of the tables that an erasure wrote to. large says that it left the file of evidence as it is,
// with its pages freed, since that is larger than what is rewritten without being asked for.
func (d *Desk) scrub(ctx context.Context, p *Plan) (large bool, err error) {
	conn, err := d.Owner.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, lockSQL); err != nil {
		return false, err
	}
	defer conn.Exec(context.WithoutCancel(ctx), unlockSQL) //nolint:errcheck // a broken connection is thrown away
	if err := unwatched(ctx, conn); err != nil {
		return false, err
	}
	statements, large, err := d.rewrites(ctx, conn, p)
	if err != nil {
		return false, err
	}
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return false, fmt.Errorf("%s: %w", s, err)
		}
	}
	return large, nil
}

// How long, and how often, it is asked whether those that began earlier have ended. Most of them take no longer.
const (
	patience = 5 * time.Second
	askAgain = 20 * time.Millisecond
)

// unwatched waits until nobody sees any more what was there before now.
func unwatched(ctx context.Context, conn *pgxpool.Conn) error {
	var next string
	if err := conn.QueryRow(ctx, nextSQL).Scan(&next); err != nil {
		return err
	}
	over := time.Now().Add(patience)
	for {
		var older int
		if err := conn.QueryRow(ctx, olderSQL, next).Scan(&older); err != nil || older == 0 {
			return err
		}
		if time.Now().After(over) {
			return errWatched
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askAgain):
		}
	}
}

// rewrites are the statements for the tables of a plan.
func (d *Desk) rewrites(ctx context.Context, conn *pgxpool.Conn, p *Plan) (all []string, large bool, err error) {
	if p.Person != nil {
		for _, table := range personTables {
			all = append(all, fullSQL+table)
		}
	}
	bodies := p.Counts.Gone > 0 // of an erasure before this one
	for _, part := range p.Parts {
		bodies = bodies || len(part.Evidence) > 0
	}
	switch {
	case !bodies:
		return all, false, nil
	case p.Full:
		return append(all, fullSQL+"log.evidence"), false, nil
	}
	var size int64
	if err := conn.QueryRow(ctx, sizeSQL).Scan(&size); err != nil {
		return nil, false, err
	}
	if size <= cmp.Or(d.MostFull, usualFull) {
		return append(all, fullSQL+"log.evidence"), false, nil
	}
	return append(all, plainSQL+"log.evidence"), true, nil
}
