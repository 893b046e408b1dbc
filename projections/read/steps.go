package read

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// A Step is a step of a run at a moment. Zero keys and times mean that there is none.
type Step struct {
	Key           int64
	Since         domain.Revision // of its last change
	Run           int64
	Name          string // unique in its run
	Title         string // for people
	Status        domain.Status
	OwnStatus     domain.Status // by its own facts alone
	StartedAt     time.Time
	EndedAt       time.Time
	FirstAt       time.Time
	Attempt       int
	Contradictory bool
	Upstream      []string // names of the steps it waits for
	CacheKey      string
	CachedFrom    int64 // execution
	Code          json.RawMessage
	Deleted       bool
	Reason        string // of its deletion
	Attempts      json.RawMessage
	Failure       json.RawMessage // of the last attempt
	Warnings      []string        // what was odd about the messages it is made of
}

const stepColumns = `key, since, run, name, title, status, own_status, started_at, ended_at, first_at,
	attempt, contradictory, upstream, cache_key, cached_from, code, deleted, reason, attempts, failure, warnings`

func scanStep(row pgx.CollectableRow) (Step, error) {
	var s Step
	err := row.Scan(&s.Key, &s.Since, &s.Run, &s.Name, (*zeronull.Text)(&s.Title), &s.Status, &s.OwnStatus,
		(*zeronull.Timestamptz)(&s.StartedAt), (*zeronull.Timestamptz)(&s.EndedAt), (*zeronull.Timestamptz)(&s.FirstAt),
		&s.Attempt, &s.Contradictory, &s.Upstream, (*zeronull.Text)(&s.CacheKey), (*zeronull.Int8)(&s.CachedFrom), &s.Code,
		&s.Deleted, (*zeronull.Text)(&s.Reason), &s.Attempts, &s.Failure, &s.Warnings)
	return s, err
}

var stepsByKeySQL = byKeys("steps", stepColumns)

// StepsByKey reads steps, deleted ones too, in no order; missing ones are left out.
func (d *DB) StepsByKey(ctx context.Context, m Moment, keys []int64) ([]Step, error) {
	return list(ctx, d, m, "read steps", stepsByKeySQL, scanStep, keys)
}

// A StepQuery asks for the steps of a run. Deleted ones are never listed.
type StepQuery struct {
	Run      int64
	Statuses []domain.Status
	Text     string // in the name or title, whatever the case
	Name     string // exactly
	Page     Page
}

// A step never changes its run: the current rows name all that the run ever had.
func (q StepQuery) where(b *binds) string {
	all := []string{"k.ws = $1", "k.run = " + b.of(q.Run), "NOT r.deleted"}
	if len(q.Statuses) > 0 {
		all = append(all, "r.status = ANY("+b.of(q.Statuses)+")")
	}
	if q.Text != "" {
		text := lower(q.Text)
		all = append(all, "("+text.within(b, "r.name")+" OR "+text.within(b, "r.title")+")")
	}
	if q.Name != "" {
		all = append(all, "k.name = "+b.of(q.Name))
	}
	return strings.Join(all, " AND ")
}

var fromSteps = ` FROM read.steps k CROSS JOIN LATERAL (` + rowAt("steps", stepColumns, "x.key = k.key") + `) r WHERE `

// Steps reads a page of the steps of a run, in the order in which they were first named.
func (d *DB) Steps(ctx context.Context, m Moment, q StepQuery) (List[Step], error) {
	b := bindsOf(m)
	keyset, order := keyPage(q.Page, &b, "k.key", false)
	text := `SELECT ` + columns("r", stepColumns) + fromSteps + q.where(&b) + " AND " + keyset +
		" AND k.key <= " + b.of(lastKey(m.Revision)) + " ORDER BY " + order + " LIMIT " + b.of(q.Page.limit()+1)
	rows, err := ask(ctx, d, m, "list steps", text, b, scanStep)
	return pageOf(q.Page, sortedByKey(rows, func(s Step) int64 { return s.Key })), err
}

// CountSteps counts the steps that fit; it stops at most + 1.
func (d *DB) CountSteps(ctx context.Context, m Moment, q StepQuery, most int) (int, error) {
	b := bindsOf(m)
	text := "SELECT" + fromSteps + q.where(&b)
	return count(ctx, d, m, "count steps", text, b, most)
}

// count runs a query and counts its rows, most + 1 at most.
func count(ctx context.Context, d *DB, m Moment, what, text string, b binds, most int) (int, error) {
	text = "SELECT count(*) FROM (" + text + " LIMIT " + b.of(most+1) + ") c"
	n, err := ask(ctx, d, m, what, text, b, pgx.RowTo[int])
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

var stepCountsSQL = `
SELECT k.run, r.status, count(*) FROM read.steps k
CROSS JOIN LATERAL (` + rowAt("steps", "status, deleted", "x.key = k.key") + `) r
WHERE k.ws = $1 AND k.run = ANY($3) AND NOT r.deleted GROUP BY k.run, r.status ORDER BY k.run, r.status`

// StepCounts says how many steps of each run are in each status; runs without steps are left out.
func (d *DB) StepCounts(ctx context.Context, m Moment, runs []int64) (map[int64]map[domain.Status]int, error) {
	out := map[int64]map[domain.Status]int{}
	_, err := list(ctx, d, m, "count steps of runs", stepCountsSQL, func(row pgx.CollectableRow) (struct{}, error) {
		var run int64
		var status domain.Status
		var n int
		if err := row.Scan(&run, &status, &n); err != nil {
			return struct{}{}, err
		}
		if out[run] == nil {
			out[run] = map[domain.Status]int{}
		}
		out[run][status] = n
		return struct{}{}, nil
	}, runs)
	return out, err
}

// An Execution is a run or a step: one of the two is set.
type Execution struct {
	Run  *Run
	Step *Step
}

// Key is that of the run or step.
func (e Execution) Key() int64 {
	if e.Run != nil {
		return e.Run.Key
	}
	return e.Step.Key
}

// ExecutionsByKey reads runs and steps, deleted ones too, in no order; missing ones are left out.
func (d *DB) ExecutionsByKey(ctx context.Context, m Moment, keys []int64) ([]Execution, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	runs, err := d.RunsByKey(ctx, m, keys)
	if err != nil {
		return nil, err
	}
	out := make([]Execution, 0, len(keys))
	for i := range runs {
		out = append(out, Execution{Run: &runs[i]})
	}
	if len(runs) == len(keys) {
		return out, nil
	}
	steps, err := d.StepsByKey(ctx, m, keys)
	for i := range steps {
		out = append(out, Execution{Step: &steps[i]})
	}
	return out, err
}
