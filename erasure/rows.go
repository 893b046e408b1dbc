package erasure

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// The states of a row.
const (
	stateOpen   = "open"
	stateErased = "erased" // nothing that can be asked shows it; the files may hold it yet
	stateDone   = "done"
)

const openSQL = `INSERT INTO log.erasures (id, subject, plan, state) VALUES ($1, $2, $3, 'open')`

func (d *Desk) open(ctx context.Context, id uuid.UUID, subject string, p *Plan) error {
	if len(p.Parts) > 0 && p.Person == nil {
		subject = string(p.Parts[0].Kind) // names of things are not kept twice
	}
	plan, err := p.json()
	if err == nil {
		_, err = d.DB.Exec(ctx, openSQL, id, subject, plan)
	}
	if err != nil {
		return fmt.Errorf("begin an erasure: %w", err)
	}
	return d.passed("open")
}

const doneSQL = `UPDATE log.erasures SET state = 'done', done_at = now() WHERE id = $1`

func (d *Desk) done(ctx context.Context, id uuid.UUID) error {
	if _, err := d.DB.Exec(ctx, doneSQL, id); err != nil {
		return fmt.Errorf("end erasure %s: %w", id, err)
	}
	return nil
}

const unfinishedSQL = `SELECT id, state, revision, plan FROM log.erasures WHERE state <> 'done' AND asked_at <= now() - $1::interval ORDER BY asked_at LIMIT 100`

func (d *Desk) unfinished(ctx context.Context, age time.Duration) ([]row, error) {
	rows, _ := d.DB.Query(ctx, unfinishedSQL, age)
	open, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (row, error) {
		x := row{plan: &Plan{}}
		var plan []byte
		if err := r.Scan(&x.id, &x.state, &x.revision, &plan); err != nil {
			return x, err
		}
		return x, json.Unmarshal(plan, x.plan)
	})
	if err != nil {
		return nil, fmt.Errorf("look for open erasures: %w", err)
	}
	return open, nil
}

const presentSQL = `SELECT digest, octet_length(bytes) FROM log.evidence
WHERE stream = (SELECT id FROM log.streams WHERE name = $1) AND digest = ANY($2::bytea[])`

// portion is how many digests one statement is about.
const portion = 10_000

// present says which of the digests have their evidence, and how many bytes it takes.
func (d *Desk) present(ctx context.Context, stream domain.Stream, digests []domain.Digest) (there map[domain.Digest]bool, bytes int64, err error) {
	there = map[domain.Digest]bool{}
	err = inPortions(digests, func(keys [][]byte) error {
		rows, _ := d.DB.Query(ctx, presentSQL, stream, keys)
		var digest []byte
		var size int64
		_, err := pgx.ForEachRow(rows, []any{&digest, &size}, func() error {
			there[domain.Digest(digest)] = true
			bytes += size
			return nil
		})
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("see what evidence there is in %s: %w", stream, err)
	}
	return there, bytes, nil
}

func inPortions(digests []domain.Digest, do func([][]byte) error) error {
	for from := 0; from < len(digests); from += portion {
		some := digests[from:min(from+portion, len(digests))]
		keys := make([][]byte, len(some))
		for i := range some {
			keys[i] = some[i][:]
		}
		if err := do(keys); err != nil {
			return err
		}
	}
	return nil
}

const (
	emptySQL = `DELETE FROM log.evidence WHERE stream = (SELECT id FROM log.streams WHERE name = $1) AND digest = ANY($2::bytea[])`

	erasedSQL = `UPDATE log.erasures SET state = 'erased', revision = $2 WHERE id = $1 AND state = 'open'`
)

// empty deletes salts and bytes, and what names the person, in one transaction with the note that this was done.
func (d *Desk) empty(ctx context.Context, r *row) error {
	err := pgx.BeginFunc(ctx, d.DB, func(tx pgx.Tx) error {
		for _, part := range r.plan.Parts {
			err := inPortions(part.Evidence, func(keys [][]byte) error {
				_, err := tx.Exec(ctx, emptySQL, part.Stream, keys)
				return err
			})
			if err != nil {
				return err
			}
		}
		if r.plan.Person != nil {
			if err := emptyPerson(ctx, tx, *r.plan.Person); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, erasedSQL, r.id, r.revision)
		return err
	})
	if err == nil && r.plan.Person != nil && d.Forget != nil {
		d.Forget()
	}
	return err
}
