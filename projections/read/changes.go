package read

import (
	"context"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// A run's row that changed closed the one before, at the revision of the change; one that is new has a key of the
// time. So both are ranges of an index. Steps have no such index: those of the runs that changed are looked at, and
// those that events of the time are about.
var changedSQL = `
WITH runs AS MATERIALIZED (
	SELECT key FROM read.runs_was WHERE ws = $1 AND until > $3 AND until <= $2
	UNION
	SELECT key FROM read.runs WHERE ws = $1 AND key >= ($3 + 1) * 1024 AND key < ($2 + 1) * 1024),
about AS MATERIALIZED (
	SELECT DISTINCT subject FROM read.audit_entries WHERE ws = $1 AND revision > $3 AND revision <= $2 AND kind IN ('run', 'step') AND subject IS NOT NULL),
steps AS MATERIALIZED (
	SELECT s.key, s.run FROM runs k JOIN read.steps s ON s.ws = $1 AND s.run = k.key AND s.key < ($2 + 1) * 1024
	CROSS JOIN LATERAL (` + rowAt("steps", "since", "x.key = s.key") + `) r WHERE r.since > $3
	UNION
	SELECT s.key, s.run FROM about a JOIN read.steps s ON s.ws = $1 AND s.key = a.subject)
SELECT 'step', key FROM steps
UNION
SELECT 'run', key FROM (SELECT key FROM runs UNION SELECT run FROM steps
	UNION SELECT a.subject FROM about a JOIN read.runs r ON r.ws = $1 AND r.key = a.subject) r
ORDER BY 1, 2 LIMIT $4`

// Changed are the runs and steps that changed after a revision, up to the moment: they, their steps, or facts on what
// they used, measured or noted. At most limit, runs first; more says that there were others.
func (d *DB) Changed(ctx context.Context, m Moment, after domain.Revision, limit int) (changed []Node, more bool, err error) {
	changed, err = list(ctx, d, m, "find what changed", changedSQL, func(row pgx.CollectableRow) (Node, error) {
		var n Node
		err := row.Scan(&n.Kind, &n.Key)
		return n, err
	}, after, limit+1)
	if len(changed) > limit {
		return changed[:limit], true, err
	}
	return changed, false, err
}

// What a run shows: its row, its details, its steps, and of it and these the attributes, metrics and uses. Each is
// looked at by the run's keys; a row that was there after the revision and is gone by now was closed after it.
var runChangedSQL = `
WITH parts AS MATERIALIZED (
	SELECT $3::bigint AS key
	UNION ALL SELECT key FROM read.steps WHERE ws = $1 AND run = $3 AND key < ($2 + 1) * 1024)
SELECT EXISTS (SELECT FROM (` + rowAt("runs", "since", "x.key = $3") + `) r WHERE since > $4)
OR EXISTS (SELECT FROM (` + rowAt("run_details", "since", "x.key = $3") + `) r WHERE since > $4)
OR EXISTS (SELECT FROM parts p CROSS JOIN LATERAL (` + rowAt("steps", "since", "x.key = p.key") + `) r WHERE r.since > $4)
OR EXISTS (SELECT FROM parts p JOIN read.audit_entries a ON a.ws = $1 AND a.subject = p.key AND a.revision > $4 AND a.revision <= $2)
OR EXISTS (SELECT FROM parts p JOIN read.lineage_edges e ON e.ws = $1 AND e.execution = p.key AND e.since > $4 AND e.since <= $2)
OR EXISTS (SELECT FROM parts p JOIN read.lineage_edges_was e ON e.ws = $1 AND e.execution = p.key
	AND (e.since > $4 AND e.since <= $2 OR e.until > $4 AND e.until <= $2))`

// RunChanged says whether a run, its steps, or what they read and wrote changed after a revision, up to the moment.
// Every fact on their attributes and metrics is an event about them.
func (d *DB) RunChanged(ctx context.Context, m Moment, run int64, after domain.Revision) (bool, error) {
	found, err := list(ctx, d, m, "look whether a run changed", runChangedSQL, pgx.RowTo[bool], run, after)
	if err != nil {
		return false, err
	}
	return found[0], nil
}
