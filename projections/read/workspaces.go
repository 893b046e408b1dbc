package read

import (
	"context"
	"strconv"
	"strings"
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

// workspacesSQL is that of several workspaces, each at a revision of its own.
var workspacesSQL = `SELECT g.ws, ` + columns("r", workspaceColumns) + ` FROM unnest($1::int[], $2::bigint[]) g (ws, revision)
CROSS JOIN LATERAL (` + strings.NewReplacer("$1", "g.ws", "$2", "g.revision").Replace(workspaceSQL) + `) r`

// Workspaces reads several workspaces, each at its own moment, in one round trip, or in two while models are swapped. One
// without events yet is nil.
func (d *DB) Workspaces(ctx context.Context, moments []Moment) ([]*Workspace, error) {
	out := make([]*Workspace, len(moments))
	type place struct {
		ws     int32
		schema string
	}
	at := map[place][]int{}
	models := map[string][]Moment{}
	for i, m := range moments {
		p := place{m.Number, m.Schema}
		at[p] = append(at[p], i)
		models[m.Schema] = append(models[m.Schema], m)
	}
	for schema, some := range models {
		_, err := survey(ctx, d, some, "read workspaces", workspacesSQL, func(row pgx.CollectableRow) (struct{}, error) {
			var number int32
			w, err := scanWorkspace(skipped{row, &number})
			for _, i := range at[place{number, schema}] {
				out[i] = &w
			}
			return struct{}{}, err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// A skipped row is one whose first column is read apart.
type skipped struct {
	pgx.CollectableRow
	first any
}

// Scan reads the other columns.
func (s skipped) Scan(dest ...any) error {
	return s.CollectableRow.Scan(append([]any{s.first}, dest...)...)
}

// Counts are how many things of each kind there are, deleted ones apart; each is counted up to a bound.
type Counts struct{ Pipelines, Runs, Steps, Artifacts, Versions int }

func countOf(table, extra string) string {
	return `(SELECT count(*) FROM (SELECT FROM read.` + table + ` k CROSS JOIN LATERAL (` + rowAt(table, "deleted"+extra, "x.key = k.key") + `) r
		WHERE k.ws = $1 AND k.key <= $3 AND NOT r.deleted` + map[bool]string{true: " AND r.exists_now"}[extra != ""] + ` LIMIT $4) c)`
}

var countsSQL = `SELECT ` + countOf("pipelines", "") + `, ` + countOf("runs", "") + `, ` + countOf("steps", "") + `, ` +
	countOf("artifacts", "") + `, ` + countOf("artifact_versions", ", exists_now")

// countsOfSQL counts in several workspaces, each at a revision of its own.
var countsOfSQL = `SELECT g.ws, c.* FROM unnest($1::int[], $2::bigint[]) g (ws, revision) CROSS JOIN LATERAL (` +
	strings.NewReplacer("$1", "g.ws", "$2", "g.revision", "$3", "g.revision * "+strconv.Itoa(keysPerRevision)+" + "+strconv.Itoa(keysPerRevision-1), "$4", "$3").Replace(countsSQL) + `) c (p, r, s, a, v)`

// CountsOf is [DB.Counts] of several workspaces of one model, each named once, in one round trip and in their order; of what may not be read it
// is that of a workspace without events.
func (d *DB) CountsOf(ctx context.Context, moments []Moment, most int) ([]Counts, error) {
	of := make(map[int32]Counts, len(moments))
	_, err := survey(ctx, d, moments, "count the things of workspaces", countsOfSQL, func(row pgx.CollectableRow) (struct{}, error) {
		var number int32
		var c Counts
		err := row.Scan(&number, &c.Pipelines, &c.Runs, &c.Steps, &c.Artifacts, &c.Versions)
		of[number] = c
		return struct{}{}, err
	}, most+1)
	out := make([]Counts, len(moments))
	for i, m := range moments {
		out[i] = of[m.Number]
	}
	return out, err
}

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
