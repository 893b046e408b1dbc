package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// What was sealed of a log goes along with it: the trees and what was signed of them. They are not made anew, since nobody
// could tell checkpoints that were signed twice from a history that was. Trees are told apart by their names, which have
// other numbers on either side; how far the log is sealed is said by positions, which differ, too.

const sealsSQL = `SELECT to_regclass('audit.trees') IS NOT NULL AND to_regclass('audit.prints') IS NOT NULL`

// sealed says whether a database has what was sealed; one that was never served has nothing of it.
func sealed(ctx context.Context, pool *pgxpool.Pool) (have bool, err error) {
	if err := pool.QueryRow(ctx, sealsSQL).Scan(&have); err != nil {
		return false, fmt.Errorf("look for seals: %w", err)
	}
	return have, nil
}

const (
	lastSealSQL  = `SELECT coalesce(max(number), -1) FROM audit.checkpoints`
	lastNoteSQL  = `SELECT number, note FROM audit.checkpoints ORDER BY number DESC LIMIT 1`
	noteAtSQL    = `SELECT note FROM audit.checkpoints WHERE number = $1`
	reachTreeSQL = `SELECT name, CASE WHEN stopped IS NULL AND NOT behind THEN size ELSE $1 END FROM audit.trees WHERE name <> 'instance'`
)

// foreignSeals refuses a target in which something was signed that the source did not sign.
func foreignSeals(ctx context.Context, from, to *pgxpool.Pool) error {
	for _, pool := range []*pgxpool.Pool{from, to} {
		if have, err := sealed(ctx, pool); err != nil || !have {
			return err
		}
	}
	var number, last int64
	var note, same []byte
	err := to.QueryRow(ctx, lastNoteSQL).Scan(&number, &note)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = from.QueryRow(ctx, lastSealSQL).Scan(&last)
	}
	if err == nil {
		err = from.QueryRow(ctx, noteAtSQL, number).Scan(&same)
	}
	thinned := errors.Is(err, pgx.ErrNoRows) && number < last // it has gone from the source since
	switch {
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("compare the seals: %w", err)
	case !thinned && !bytes.Equal(note, same):
		return &ForeignError{What: fmt.Sprintf("its history is sealed, and checkpoint %d is none of the source", number)}
	}
	return nil
}

// A reach is how far a log is sealed: up to the last page of which every event is.
type reach struct {
	sizes map[domain.Stream]int64 // events that are sealed of each stream
	at    eventstore.Position
	ended bool
}

// reachOf is that of a log of which nothing was read yet.
func reachOf(ctx context.Context, pool *pgxpool.Pool) (*reach, error) {
	r := &reach{sizes: map[domain.Stream]int64{}}
	var stream domain.Stream
	var size int64
	rows, _ := pool.Query(ctx, reachTreeSQL, int64(math.MaxInt64)) // what is stopped is passed by
	_, err := pgx.ForEachRow(rows, []any{&stream, &size}, func() error {
		r.sizes[stream] = size
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look how far the source is sealed: %w", err)
	}
	return r, nil
}

// pass goes on by a page.
func (r *reach) pass(p eventstore.RawPage) {
	for i := range p.Events {
		r.ended = r.ended || int64(p.Events[i].Revision) >= r.sizes[p.Events[i].Stream]
	}
	if !r.ended {
		r.at = p.Next
	}
}

// copySeals makes the seals of the target those of the source, in one transaction.
func (c *copying) copySeals(ctx context.Context) error {
	if c.reach == nil {
		return nil
	}
	err := pgx.BeginFunc(ctx, c.to.Pool(), func(tx pgx.Tx) error {
		for _, t := range sealTables {
			if err := t.copy(ctx, c.from.Pool(), tx); err != nil {
				return fmt.Errorf("copy %s: %w", t.name, err)
			}
		}
		return c.copyReach(ctx, tx)
	})
	if err != nil {
		return err
	}
	for _, t := range sealTables {
		if err := t.compare(ctx, c.from.Pool(), c.to.Pool()); err != nil {
			return err
		}
	}
	return nil
}

const (
	sealingSQL   = `SELECT key, last_stream, last_revision, thinned, thinned_instance FROM audit.sealing`
	setReachSQL  = `UPDATE audit.sealing SET commit_position = $1, prepare_position = $2, key = $3, last_stream = $4, last_revision = $5, thinned = $6, thinned_instance = $7`
	countSealSQL = `SELECT count(*) FROM audit.checkpoints`
)

// copyReach says in the target how far its log is sealed.
func (c *copying) copyReach(ctx context.Context, tx pgx.Tx) error {
	var key, stream *string
	var revision *int64
	var thinned, thinnedInstance int64
	err := c.from.Pool().QueryRow(ctx, sealingSQL).Scan(&key, &stream, &revision, &thinned, &thinnedInstance)
	if err == nil {
		_, err = tx.Exec(ctx, setReachSQL, int64(c.reach.at.Commit), int64(c.reach.at.Prepare), key, stream, revision, thinned, thinnedInstance)
	}
	if err != nil {
		return fmt.Errorf("say how far the copy is sealed: %w", err)
	}
	return nil
}

// countSeals is how many checkpoints a database has.
func countSeals(ctx context.Context, pool *pgxpool.Pool) (n int64, err error) {
	if have, err := sealed(ctx, pool); err != nil || !have {
		return 0, err
	}
	if err := pool.QueryRow(ctx, countSealSQL).Scan(&n); err != nil {
		return 0, fmt.Errorf("count checkpoints: %w", err)
	}
	return n, nil
}
