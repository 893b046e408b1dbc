package seal

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// ErrNotStopped says that a tree is not there or is sealed as it should be: there is nothing to resume.
var ErrNotStopped = errors.New("it is not stopped")

const (
	haltedSQL   = `SELECT size, stopped, contradicts FROM audit.trees WHERE name = $1 AND stopped IS NOT NULL FOR UPDATE`
	resumedSQL  = `INSERT INTO audit.resumed (tree, by, reason, stopped, note) VALUES ($1, $2, $3, $4, $5)`
	resumeSQL   = `UPDATE audit.trees SET stopped = NULL, contradicts = NULL, behind = true WHERE name = $1`
	acceptedSQL = `SELECT EXISTS (SELECT 1 FROM audit.resumed WHERE tree = $1 AND note = $2)`
	behindSQL   = `SELECT name, size FROM audit.trees WHERE behind AND stopped IS NULL ORDER BY id LIMIT 20`
	levelSQL    = `UPDATE audit.trees SET behind = false WHERE name = $1`
)

// Resume takes a stopped tree up again, in the name of an operator who knows why it does not fit and says so. A checkpoint
// from elsewhere that it did not grow from is not held against it any more; anything else that is wrong with it stops it
// again at the next look. It answers how the tree stood; one that is not stopped is [ErrNotStopped].
func (s Store) Resume(ctx context.Context, tree, by, reason string) (was Stop, err error) {
	was.Tree = tree
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var note []byte
		err := tx.QueryRow(ctx, haltedSQL, tree).Scan(&was.Size, &was.Reason, &note)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotStopped
		}
		if err == nil {
			_, err = tx.Exec(ctx, resumedSQL, tree, by, reason, was.Reason, note)
		}
		if err == nil {
			_, err = tx.Exec(ctx, resumeSQL, tree)
		}
		return err
	})
	if err != nil {
		return was, fmt.Errorf("resume sealing of %s: %w", tree, err)
	}
	return was, nil
}

// accepted says whether an operator has taken it upon himself that a tree did not grow from a checkpoint.
func accepted(ctx context.Context, tx pgx.Tx, tree string, c checkpoint.Checkpoint) (is bool, err error) {
	if err := tx.QueryRow(ctx, acceptedSQL, tree, c.Note).Scan(&is); err != nil {
		return false, fmt.Errorf("look what was accepted of %s: %w", tree, err)
	}
	return is, nil
}

// level seals what went by in the streams of trees that were taken up again.
func (s *Sealer) level(ctx context.Context, at eventstore.Position) error {
	rows, _ := s.Pool.Query(ctx, behindSQL)
	var stops []Stop
	var one Stop
	if _, err := pgx.ForEachRow(rows, []any{&one.Tree, &one.Size}, func() error { stops = append(stops, one); return nil }); err != nil {
		return fmt.Errorf("look for trees that are behind: %w", err)
	}
	for _, t := range stops {
		if t.Tree != checkpoint.InstanceLog {
			page, err := s.Source.ReadRawStream(ctx, domain.Stream(t.Tree), domain.Revision(t.Size), s.Page)
			var none *eventstore.NotFoundError
			if err != nil && !errors.As(err, &none) {
				return fmt.Errorf("read what went by in %s: %w", t.Tree, err)
			}
			page.Next = at
			if err := s.page(ctx, at, page); err != nil {
				return fmt.Errorf("seal what went by in %s: %w", t.Tree, err)
			}
			if !page.CaughtUp && len(page.Events) > 0 {
				continue // the rest at the next look
			}
		}
		if _, err := s.Pool.Exec(ctx, levelSQL, t.Tree); err != nil {
			return fmt.Errorf("say that %s is level: %w", t.Tree, err)
		}
	}
	return nil
}
