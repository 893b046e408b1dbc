package projections

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/schema/postgres"
)

// A modelState says what a model is for.
type modelState string

const (
	live     modelState = "live"     // questions are answered from it
	building modelState = "building" // a rebuild fills it
	old      modelState = "old"      // it was the live one
	checking modelState = "checking" // a verification fills it, and drops it
	dropped  modelState = "dropped"
)

// A model is one generation of the read model: a row of log.models.
type model struct {
	Schema    string
	State     modelState
	Version   string
	Filled    bool
	DropAfter *time.Time
}

// codeVersion names the code that folds and the tables it folds into: models of equal versions must be equal.
func codeVersion() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{foldVersion, postgres.ReadTables, postgres.FoldIndexes, postgres.Indexes}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// inSchema puts a model's schema in the place of "read".
func inSchema(sql, schema string) string {
	return strings.ReplaceAll(strings.ReplaceAll(sql, "read.", schema+"."), "CREATE SCHEMA read;", "CREATE SCHEMA "+schema+";")
}

// Prepare creates the first read model where there is none, and grants the role that reads and writes what it needs.
// [Engine.Run] calls it. [Migrate] must have been called.
func (e *Engine) Prepare(ctx context.Context) error {
	if err := e.grantLog(ctx); err != nil {
		return fmt.Errorf("grant the projecting role its tables: %w", err)
	}
	err := pgx.BeginFunc(ctx, e.OwnerPool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockModels); err != nil {
			return err
		}
		var any bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM log.models WHERE state = 'live')`).Scan(&any); err != nil || any {
			return err
		}
		schema, err := e.createModel(ctx, tx, live)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, inSchema(postgres.FoldIndexes+postgres.Indexes, schema))
		return err
	})
	if err != nil {
		return fmt.Errorf("create the first read model: %w", err)
	}
	if err := e.raiseAll(ctx); err != nil {
		return err
	}
	if _, err := e.liveModel(ctx); err != nil {
		return err
	}
	e.once.Do(func() { close(e.ready) })
	return nil
}

// createModel adds an empty model without indexes besides its keys. The transaction holds lockModels.
func (e *Engine) createModel(ctx context.Context, tx pgx.Tx, state modelState) (schema string, err error) {
	var last int
	const lastSQL = `SELECT coalesce(max(substr(schema, 6)::int), 0) FROM log.models`
	if err := tx.QueryRow(ctx, lastSQL).Scan(&last); err != nil {
		return "", err
	}
	schema = "read_" + strconv.Itoa(last+1)
	if _, err := tx.Exec(ctx, inSchema(postgres.ReadTables, schema)); err != nil {
		return "", fmt.Errorf("create the tables of %s: %w", schema, err)
	}
	const insertSQL = `INSERT INTO log.models (schema, state, version, filled) VALUES ($1, $2, $3, $4)`
	if _, err := tx.Exec(ctx, insertSQL, schema, state, e.version, state == live); err != nil {
		return "", err
	}
	return schema, e.grantModel(ctx, tx, schema)
}

// grantModel lets the role of Pool read and write a schema, unless it owns it.
func (e *Engine) grantModel(ctx context.Context, tx pgx.Tx, schema string) error {
	role, err := e.role(ctx)
	if err != nil || role == "" {
		return err
	}
	for _, grant := range []string{
		"GRANT USAGE ON SCHEMA " + schema + " TO " + role,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + schema + " TO " + role,
	} {
		if _, err := tx.Exec(ctx, grant); err != nil {
			return fmt.Errorf("%s: %w", grant, err)
		}
	}
	return nil
}

func (e *Engine) grantLog(ctx context.Context) error {
	role, err := e.role(ctx)
	if err != nil || role == "" {
		return err
	}
	return pgx.BeginFunc(ctx, e.OwnerPool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockModels); err != nil { // concurrent grants on one table fail
			return err
		}
		if err := e.grantModel(ctx, tx, "states"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "GRANT USAGE ON SCHEMA log TO "+role); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "GRANT SELECT, INSERT, UPDATE, DELETE ON log.models, log.workspaces, log.leases TO "+role)
		return err
	})
}

// role is the quoted name of the role that projects, empty where it is the owner's own.
func (e *Engine) role(ctx context.Context) (string, error) {
	var owner, role string
	if err := e.OwnerPool.QueryRow(ctx, `SELECT current_user`).Scan(&owner); err != nil {
		return "", err
	}
	if err := e.Pool.QueryRow(ctx, `SELECT current_user`).Scan(&role); err != nil || role == owner {
		return "", err
	}
	return pgx.Identifier{role}.Sanitize(), nil
}

// listModels are the models there are, the dropped ones apart.
func (e *Engine) listModels(ctx context.Context) ([]model, error) {
	rows, _ := e.Pool.Query(ctx, `SELECT schema, state, version, filled, drop_after FROM log.models WHERE state <> 'dropped' ORDER BY created_at`)
	return pgx.CollectRows(rows, pgx.RowToStructByPos[model])
}

// liveModel reads which model is the live one, and remembers it as the first guess of the next question.
func (e *Engine) liveModel(ctx context.Context) (*model, error) {
	rows, _ := e.Pool.Query(ctx, `SELECT schema, state, version, filled, drop_after FROM log.models WHERE state = 'live'`)
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[model])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNoModel
	}
	if err != nil {
		return nil, fmt.Errorf("read which model is live: %w", err)
	}
	e.saw(m)
	return m, nil
}

// projectable says whether this build may fold into a model: only where its own code made it.
func (e *Engine) projectable(m model) bool {
	return m.Version == e.version && (m.State == live || m.State == old || m.State == building && m.Filled)
}
