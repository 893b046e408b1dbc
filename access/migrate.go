package access

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	migrations "github.com/annals-io/annals/schema/postgres/access"
)

// migrateLock keeps two servers that start at once from migrating at once. Any number does, as long as it is ours.
const migrateLock = 0x616e6e616c73_6b

const migrationsTableSQL = `
CREATE SCHEMA IF NOT EXISTS log;
CREATE TABLE IF NOT EXISTS log.access_migrations (
    name       text COLLATE "C" PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
)`

// grantsSQL lets the server's role use keys; their rows are never deleted, so that an event's actor can always be named.
// What people sign in by is deleted when it is used up, has expired, or is to be forgotten.
const grantsSQL = `
GRANT USAGE ON SCHEMA log TO %[1]s;
GRANT SELECT, INSERT, UPDATE ON log.api_keys TO %[1]s;
GRANT SELECT, INSERT, UPDATE, DELETE ON log.accounts, log.identities, log.sessions, log.sign_in_links, log.oidc_attempts,
    log.device_grants, log.sign_in_limits TO %[1]s`

// Migrate brings the tables of this package to the newest shape, as the owner of the database, and lets the
// server's role use them. An empty role is the owner itself.
func Migrate(ctx context.Context, ownerURL, serverRole string) error {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return fmt.Errorf("connect to migrate the keys: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return migrate(ctx, tx, serverRole) })
}

func migrate(ctx context.Context, tx pgx.Tx, serverRole string) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrateLock)); err != nil {
		return fmt.Errorf("wait for other migrations of the keys: %w", err)
	}
	if _, err := tx.Exec(ctx, migrationsTableSQL); err != nil {
		return fmt.Errorf("prepare to migrate the keys: %w", err)
	}
	names, err := fs.Glob(migrations.Migrations, "*.sql") // sorted
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := migrateOne(ctx, tx, name); err != nil {
			return fmt.Errorf("migrate the keys, %s: %w", name, err)
		}
	}
	if serverRole == "" {
		return nil
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf(grantsSQL, pgx.Identifier{serverRole}.Sanitize())); err != nil {
		return fmt.Errorf("let %s use the keys: %w", serverRole, err)
	}
	return nil
}

func migrateOne(ctx context.Context, tx pgx.Tx, name string) error {
	tag, err := tx.Exec(ctx, `INSERT INTO log.access_migrations (name) VALUES ($1) ON CONFLICT DO NOTHING`, name)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	sql, err := migrations.Migrations.ReadFile(name)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, string(sql))
	return err
}
