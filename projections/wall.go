package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/projections/read"
	"github.com/annals-io/annals/schema/postgres"
)

// The second wall stands in Postgres: row level security on every table of a model, and on those of the log and beside it
// that hold what belongs to one workspace; forced, so that the owner is held to it too. Who asks questions is [read.Reader],
// which sees the one workspace that its transaction names. Who projects
// is the server's own role: COPY, by which most rows are written, is refused to a role that policies hold, so that role
// has BYPASSRLS where somebody could give it. Where nobody could, a policy lets it have every row, and projecting
// writes by INSERT.
//
// A wall is put up around a model that is filled, and around each model that an earlier version left: [Engine.Prepare]
// sees to those.

// serverRole is the unquoted name of the role of Pool.
func (e *Engine) serverRole(ctx context.Context) (role string, err error) {
	err = e.Pool.QueryRow(ctx, `SELECT current_user`).Scan(&role)
	return role, err
}

// raiseAll puts the wall around all models that are filled. An owner who may not make roles is no error: then there is
// no wall, and [Engine.Wall] says so.
func (e *Engine) raiseAll(ctx context.Context) error {
	server, err := e.serverRole(ctx)
	if err != nil {
		return err
	}
	models, err := e.listModels(ctx)
	if err != nil {
		return err
	}
	if err := e.asOwner(ctx, server, postgres.Roles); err != nil {
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "42501" { // insufficient_privilege
			e.Log.WarnContext(ctx, "the database has no second wall between workspaces: its owner may not make roles", "err", refused.Message,
				"do", "as a superuser: CREATE ROLE "+strings.Join(read.Roles, "; CREATE ROLE ")+"; GRANT "+strings.Join(read.Roles, ", ")+" TO "+pgx.Identifier{server}.Sanitize()+"; then start again")
			return nil
		}
		return fmt.Errorf("make the roles that questions are asked as: %w", err)
	}
	e.walled.Store(true)
	for _, script := range []string{postgres.Tools, postgres.Places} {
		if err := e.asOwner(ctx, server, script); err != nil {
			return fmt.Errorf("make what walls are put up with: %w", err)
		}
	}
	if err := e.surround(ctx, server); err != nil {
		return err
	}
	for _, m := range models {
		if (m.State == building || m.State == checking) && !m.Filled {
			continue
		}
		if err := e.raise(ctx, m.Schema); err != nil {
			return err
		}
	}
	return nil
}

// raise puts the wall around one model, where walls can be.
func (e *Engine) raise(ctx context.Context, schema string) error {
	if !e.walled.Load() {
		return nil
	}
	server, err := e.serverRole(ctx)
	if err == nil {
		err = e.asOwner(ctx, server, inSchema(postgres.Wall, schema))
	}
	if err != nil {
		return fmt.Errorf("put the wall around %s: %w", schema, err)
	}
	return nil
}

// surround puts the wall around the tables of the log and of what lies beside it. Each is a transaction of its own: who
// appends meanwhile on another server waits for one table at most, and never in a circle.
func (e *Engine) surround(ctx context.Context, server string) error {
	rows, _ := e.OwnerPool.Query(ctx, `SELECT t::text FROM log.places() ORDER BY 1`)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list the tables that belong behind the wall: %w", err)
	}
	for _, table := range tables {
		err := pgx.BeginFunc(ctx, e.OwnerPool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, lockModels); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `SELECT log.surround($1::text::regclass, $2)`, table, server)
			return err
		})
		if err != nil {
			return fmt.Errorf("put the wall around %s: %w", table, err)
		}
	}
	return nil
}

// asOwner runs a script in a transaction that knows the server's role.
func (e *Engine) asOwner(ctx context.Context, server, script string) error {
	return pgx.BeginFunc(ctx, e.OwnerPool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockModels); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT set_config('annals.server', $1, true)`, server); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, script)
		return err
	})
}

// Walled says whether questions can be asked from behind the wall; see [read.Behind]. It is known when the engine is
// ready.
func (e *Engine) Walled() bool { return e.walled.Load() }
