package seal

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	migrations "github.com/annals-io/annals/schema/postgres/audit"
)

const (
	lockSQL    = `SELECT pg_advisory_xact_lock(hashtextextended('annals audit', 0))`
	prepareSQL = `
CREATE SCHEMA IF NOT EXISTS audit;
CREATE TABLE IF NOT EXISTS audit.migrations (name text COLLATE "C" PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`
	beginSQL = `INSERT INTO audit.migrations (name) VALUES ($1) ON CONFLICT DO NOTHING`
	grantSQL = `
GRANT USAGE ON SCHEMA audit TO %[1]s;
GRANT SELECT ON audit.migrations TO %[1]s;
GRANT SELECT, INSERT, UPDATE ON audit.trees, audit.tiles, audit.prints, audit.sinks TO %[1]s;
GRANT SELECT, INSERT, DELETE ON audit.checkpoints, audit.instance_checkpoints TO %[1]s;
GRANT SELECT, INSERT ON audit.resumed TO %[1]s;
GRANT SELECT, UPDATE ON audit.sealing TO %[1]s`
)

// Migrate brings the tables of this package to the newest shape, as the owner of the database, and lets the server's role
// use them. An empty role is the owner itself.
func Migrate(ctx context.Context, ownerURL, serverRole string) error {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return fmt.Errorf("connect to migrate the audit tables: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return migrate(ctx, tx, serverRole) })
	if err != nil {
		return fmt.Errorf("migrate the audit tables: %w", err)
	}
	return nil
}

func migrate(ctx context.Context, tx pgx.Tx, serverRole string) error {
	for _, sql := range []string{lockSQL, prepareSQL} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	names, err := fs.Glob(migrations.Migrations, "*.sql") // sorted
	if err != nil {
		return err
	}
	for _, name := range names {
		tag, err := tx.Exec(ctx, beginSQL, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if tag.RowsAffected() == 0 {
			continue
		}
		script, err := migrations.Migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, string(script)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if serverRole == "" {
		return nil
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf(grantSQL, pgx.Identifier{serverRole}.Sanitize())); err != nil {
		return fmt.Errorf("let %s seal: %w", serverRole, err)
	}
	return nil
}
