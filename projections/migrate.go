package projections

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	sqlfiles "github.com/annals-io/annals/schema/postgres/projections"
)

// lockModels serializes migrations and changes of log.models among processes; it is held to the end of a transaction.
const lockModels = `SELECT pg_advisory_xact_lock(hashtextextended('annals projections', 0))`

// Migrate creates and updates what projecting keeps besides the read models. Call it as the owner of the database;
// it may be called by several processes at once and does nothing where nothing is to be done.
func Migrate(ctx context.Context, owner *pgxpool.Pool) error {
	names, err := fs.Glob(sqlfiles.Migrations, "*.sql") // sorted
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, owner, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockModels); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS log`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS log.projection_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := migrateOne(ctx, tx, name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("migrate projections: %w", err)
	}
	return nil
}

func migrateOne(ctx context.Context, tx pgx.Tx, name string) error {
	tag, err := tx.Exec(ctx, `INSERT INTO log.projection_migrations (name) VALUES ($1) ON CONFLICT DO NOTHING`, name)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	script, err := sqlfiles.Migrations.ReadFile(name)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, string(script))
	return err
}
