package read

import (
	"context"
	"encoding/json"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// A Run is a run at a moment. Zero keys and times mean that there is none.
type Run struct {
	Key           int64
	Since         domain.Revision // of its last change
	RunID         string          // the producer's
	Foreign       bool            // named by run id and job
	Pipeline      int64
	Number        int // among the runs of its pipeline, from 1
	Status        domain.Status
	OwnStatus     domain.Status // by its own facts alone
	StartedAt     time.Time
	EndedAt       time.Time
	FirstAt       time.Time // least event time
	Attempt       int
	Contradictory bool
	Streaming     bool
	Parent        int64
	Root          int64
	Deleted       bool
	Reason        string // of its deletion
	Attempts      json.RawMessage
	Failure       json.RawMessage // of the last attempt
	RefusedParent int64           // the parent that was named, where that closes a loop of runs; then Parent is 0
}

const runColumns = `key, since, run_id, foreign_run, pipeline, number, status, own_status, started_at, ended_at, first_at,
	attempt, contradictory, streaming, parent, root, deleted, reason, attempts, failure, refused_parent`

// fields are where the columns go.
func (r *Run) fields() []any {
	return []any{&r.Key, &r.Since, &r.RunID, &r.Foreign, (*zeronull.Int8)(&r.Pipeline), (*zeroInt)(&r.Number), &r.Status, &r.OwnStatus,
		(*zeronull.Timestamptz)(&r.StartedAt), (*zeronull.Timestamptz)(&r.EndedAt), (*zeronull.Timestamptz)(&r.FirstAt),
		&r.Attempt, &r.Contradictory, &r.Streaming, (*zeronull.Int8)(&r.Parent), (*zeronull.Int8)(&r.Root),
		&r.Deleted, (*zeronull.Text)(&r.Reason), &r.Attempts, &r.Failure, (*zeronull.Int8)(&r.RefusedParent)}
}

func scanRun(row pgx.CollectableRow) (Run, error) {
	var r Run
	err := row.Scan(r.fields()...)
	return r, err
}

var runsByKeySQL = byKeys("runs", runColumns)

// RunsByKey reads runs, deleted ones too, in no order; missing ones are left out.
func (d *DB) RunsByKey(ctx context.Context, m Moment, keys []int64) ([]Run, error) {
	return list(ctx, d, m, "read runs", runsByKeySQL, scanRun, keys)
}

var runsByRunIDSQL = `
SELECT ` + columns("r", runColumns) + ` FROM read.runs k
CROSS JOIN LATERAL (` + rowAt("runs", runColumns, `x.key = k.key`) + `) r
WHERE k.ws = $1 AND k.run_id_hash = hashtextextended($3, 0) AND k.run_id = $3 ORDER BY k.key DESC LIMIT $4`

// RunsByRunID reads the runs that their producers gave that id, newest first, deleted ones too: several jobs may
// share one.
func (d *DB) RunsByRunID(ctx context.Context, m Moment, runID string, limit int) ([]Run, error) {
	return list(ctx, d, m, "find runs by id", runsByRunIDSQL, scanRun, runID, limit)
}

// Numbers are given on arrival, so they lie in the index of the pipeline's runs. A run that now counts under another
// pipeline is looked for among the closed rows of the time.
var runByNumberSQL = `
SELECT ` + columns("r", runColumns) + ` FROM (
	SELECT key FROM read.runs WHERE ws = $1 AND pipeline = $3 AND number = $4) k
CROSS JOIN LATERAL (` + rowAt("runs", runColumns, `x.key = k.key`) + `) r
WHERE r.pipeline = $3 AND r.number = $4
UNION ALL
SELECT ` + columns("r", runColumns) + ` FROM ` + runsWas(allRunStatuses, "true") + ` r
WHERE r.pipeline = $3 AND r.number = $4
LIMIT 1`

// RunByNumber reads PIPELINE#NUMBER; ok is false where there is no such run.
func (d *DB) RunByNumber(ctx context.Context, m Moment, pipeline int64, number int) (r Run, ok bool, err error) {
	found, err := list(ctx, d, m, "find a run by number", runByNumberSQL, scanRun, pipeline, number)
	if err != nil || len(found) == 0 {
		return Run{}, false, err
	}
	return found[0], true, nil
}

// A RunDetail is what is wide about a run and hardly changes.
type RunDetail struct {
	Key          int64
	Since        domain.Revision
	Name         string // for people
	Version      int64  // of the pipeline
	VersionLabel string // as the producer named the pipeline's version
	Code         json.RawMessage
	Orchestrator json.RawMessage
	Warnings     []string
}

// ParentInLoop is the warning of a run whose named parent is nested in the run itself, however deep.
const ParentInLoop = "parent_in_loop"

// Odd is what was odd about the facts on the run: the warnings of its messages, and what they amount to.
func (r Run) Odd(d RunDetail) []string {
	out := append([]string{}, d.Warnings...)
	if r.RefusedParent != 0 {
		out = append(out, ParentInLoop)
	}
	return out
}

const runDetailColumns = `key, since, name, version, version_label, code, orchestrator, warnings`

var runDetailsSQL = byKeys("run_details", runDetailColumns)

// RunDetails reads the details of runs, by key of the run; a run without any is left out.
func (d *DB) RunDetails(ctx context.Context, m Moment, runs []int64) (map[int64]RunDetail, error) {
	found, err := list(ctx, d, m, "read details of runs", runDetailsSQL, func(row pgx.CollectableRow) (RunDetail, error) {
		var r RunDetail
		err := row.Scan(&r.Key, &r.Since, (*zeronull.Text)(&r.Name), (*zeronull.Int8)(&r.Version), (*zeronull.Text)(&r.VersionLabel), &r.Code, &r.Orchestrator, &r.Warnings)
		return r, err
	}, runs)
	return byKey(found, func(r RunDetail) int64 { return r.Key }), err
}

func byKey[T any](rows []T, key func(T) int64) map[int64]T {
	out := make(map[int64]T, len(rows))
	for _, r := range rows {
		out[key(r)] = r
	}
	return out
}
