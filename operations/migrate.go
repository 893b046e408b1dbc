package operations

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	sqlfiles "github.com/annals-io/annals/schema/postgres/ops"
)

const (
	lockMigrations = `SELECT pg_advisory_xact_lock(hashtextextended('annals operations', 0))`
	prepareSQL     = `
CREATE SCHEMA IF NOT EXISTS ops;
CREATE TABLE IF NOT EXISTS ops.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`
	grantsSQL = `
GRANT USAGE ON SCHEMA ops TO %[1]s;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.operations TO %[1]s`
)

// Migrate creates and updates the tables of this package, as the owner of the database, and lets the server's role use
// them. An empty role is the owner itself. Several processes may call it at once.
func Migrate(ctx context.Context, owner *pgxpool.Pool, serverRole string) error {
	err := pgx.BeginFunc(ctx, owner, func(tx pgx.Tx) error { return migrate(ctx, tx, serverRole) })
	if err != nil {
		return fmt.Errorf("migrate operations: %w", err)
	}
	return nil
}

func migrate(ctx context.Context, tx pgx.Tx, serverRole string) error {
	if _, err := tx.Exec(ctx, lockMigrations); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, prepareSQL); err != nil {
		return err
	}
	names, err := fs.Glob(sqlfiles.Migrations, "*.sql") // sorted
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := migrateOne(ctx, tx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if serverRole == "" {
		return nil
	}
	_, err = tx.Exec(ctx, fmt.Sprintf(grantsSQL, pgx.Identifier{serverRole}.Sanitize()))
	return err
}

func migrateOne(ctx context.Context, tx pgx.Tx, name string) error {
	tag, err := tx.Exec(ctx, `INSERT INTO ops.migrations (name) VALUES ($1) ON CONFLICT DO NOTHING`, name)
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
