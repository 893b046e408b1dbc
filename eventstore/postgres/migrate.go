package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"

	logsql "github.com/annals-io/annals/schema/postgres/log"
)

// lockMigrations serializes migrations among processes; it is held to the end of the transaction.
const lockMigrations = `SELECT pg_advisory_xact_lock(hashtextextended('annals log', 0))`

// Migrate creates and updates the schema of the log as the owner of the database, and grants the server's role what
// it needs and no more. An empty role, or the owner's own, gets no grants. It may be called by several processes at
// once, and does nothing where nothing is to be done. A database that a newer server migrated is an error.
func Migrate(ctx context.Context, ownerURL, appRole string) error {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return fmt.Errorf("migrate the log: %w", translate(err))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := prepareMigrations(ctx, tx); err != nil {
			return err
		}
		if err := applyMigrations(ctx, tx); err != nil {
			return err
		}
		return grant(ctx, tx, appRole)
	})
	if err != nil {
		return fmt.Errorf("migrate the log: %w", err)
	}
	return nil
}

func prepareMigrations(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, lockMigrations); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS log`); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS log.migrations (
		name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`)
	return err
}

func applyMigrations(ctx context.Context, tx pgx.Tx) error {
	names, err := fs.Glob(logsql.Migrations, "*.sql") // sorted
	if err != nil {
		return err
	}
	rows, _ := tx.Query(ctx, `SELECT name FROM log.migrations`)
	applied, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	done := map[string]bool{}
	for _, name := range applied {
		done[name] = true
		if name > names[len(names)-1] {
			return fmt.Errorf("the database has %s, which this server does not know: start a newer server", name)
		}
	}
	for _, name := range names {
		if done[name] {
			continue
		}
		script, err := logsql.Migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, string(script)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO log.migrations (name) VALUES ($1)`, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// grants are the server's rights on the log: history can be read and added to.
var grants = []string{
	`GRANT USAGE ON SCHEMA log TO ROLE`,
	`GRANT SELECT ON log.migrations TO ROLE`,
	`GRANT SELECT, INSERT ON log.events TO ROLE`,
	`GRANT SELECT, INSERT, UPDATE ON log.streams TO ROLE`,
	`GRANT SELECT, UPDATE ON log.head TO ROLE`,
	`GRANT SELECT, INSERT, DELETE ON log.commands, log.evidence, log.evidence_kept TO ROLE`,
	`GRANT SELECT, INSERT, UPDATE, DELETE ON log.imports TO ROLE`,
	`GRANT SELECT, INSERT, UPDATE ON log.erasures, log.instance TO ROLE`,
}

func grant(ctx context.Context, tx pgx.Tx, role string) error {
	var owner string
	if err := tx.QueryRow(ctx, `SELECT current_user`).Scan(&owner); err != nil {
		return err
	}
	if role == "" || role == owner {
		return nil
	}
	for _, g := range grants {
		statement := strings.ReplaceAll(g, "ROLE", pgx.Identifier{role}.Sanitize())
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("grant rights to %s: %w", role, err)
		}
	}
	return nil
}
