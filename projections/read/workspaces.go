package read

import (
	"context"
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// A Workspace is a workspace at a moment.
type Workspace struct {
	Slug         domain.Slug
	Since        domain.Revision // of its last change
	Name         string
	Organization domain.Slug
	Owner        uuid.UUID // zero: none was named
	Description  *domain.Text
	Labels       map[string]string
	Archived     bool
	Deleted      bool
	CreatedAt    time.Time
	Kind         domain.WorkspaceKind
	Environment  domain.Environment // empty: none
	Sensitivity  domain.Sensitivity // empty: nobody said
	Team         string             // it is filed under
	HidesCounts  bool               // behind its wall even how many things there are is not told
}

const workspaceColumns = `slug, since, name, organization, owner, description, labels, archived, deleted, created_at, kind, environment, sensitivity, team, hides_counts`

func scanWorkspace(row pgx.CollectableRow) (Workspace, error) {
	var w Workspace
	var t textRef
	var owner *uuid.UUID
	var environment, sensitivity, team *string
	err := row.Scan(&w.Slug, &w.Since, &w.Name, &w.Organization, &owner, &t.digest, &w.Labels, &w.Archived, &w.Deleted, &w.CreatedAt,
		&w.Kind, &environment, &sensitivity, &team, &w.HidesCounts)
	w.Environment, w.Sensitivity, w.Team = domain.Environment(orEmpty(environment)), domain.Sensitivity(orEmpty(sensitivity)), orEmpty(team)
	if owner != nil {
		w.Owner = *owner
	}
	w.Description = t.text()
	return w, err
}

var workspaceSQL = rowAt("workspaces", workspaceColumns, "true")

// Workspace reads the workspace itself; ok is false before its first event.
func (d *DB) Workspace(ctx context.Context, m Moment) (w Workspace, ok bool, err error) {
	found, err := list(ctx, d, m, "read the workspace", workspaceSQL, scanWorkspace)
	if err != nil || len(found) == 0 {
		return w, false, err
	}
	return found[0], true, nil
}

// Workspaces reads several workspaces, each at its own moment, in one round trip. One without events yet is nil.
func (d *DB) Workspaces(ctx context.Context, moments []Moment) ([]*Workspace, error) {
	out := make([]*Workspace, len(moments))
	batch := &pgx.Batch{}
	for i, m := range moments {
		batch.Queue(d.text(m, workspaceSQL), m.Number, m.Revision).Query(func(rows pgx.Rows) error {
			found, err := pgx.CollectRows(rows, scanWorkspace)
			if err == nil && len(found) > 0 {
				out[i] = &found[0]
			}
			return err
		})
	}
	if len(moments) == 0 {
		return out, nil
	}
	if err := d.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("read workspaces: %w", err)
	}
	return out, nil
}

// Counts are how many things of each kind there are, deleted ones apart; each is counted up to a bound.
type Counts struct{ Pipelines, Runs, Steps, Artifacts, Versions int }

func countOf(table, extra string) string {
	return `(SELECT count(*) FROM (SELECT FROM read.` + table + ` k CROSS JOIN LATERAL (` + rowAt(table, "deleted"+extra, "x.key = k.key") + `) r
		WHERE k.ws = $1 AND k.key <= $3 AND NOT r.deleted` + map[bool]string{true: " AND r.exists_now"}[extra != ""] + ` LIMIT $4) c)`
}

var countsSQL = `SELECT ` + countOf("pipelines", "") + `, ` + countOf("runs", "") + `, ` + countOf("steps", "") + `, ` +
	countOf("artifacts", "") + `, ` + countOf("artifact_versions", ", exists_now")

// Counts counts the things of the workspace; each count stops at most + 1.
func (d *DB) Counts(ctx context.Context, m Moment, most int) (Counts, error) {
	found, err := list(ctx, d, m, "count the things", countsSQL, func(row pgx.CollectableRow) (Counts, error) {
		var c Counts
		err := row.Scan(&c.Pipelines, &c.Runs, &c.Steps, &c.Artifacts, &c.Versions)
		return c, err
	}, lastKey(m.Revision), most+1)
	if err != nil {
		return Counts{}, err
	}
	return found[0], nil
}
