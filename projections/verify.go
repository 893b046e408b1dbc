package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
)

// Verifying folds the events again, into a model of its own beside the live one, and compares every row: a digest of each
// table of each workspace, then the rows of the tables that differ. Nothing waits for it and nothing is locked: a workspace
// is compared in one snapshot in which both models have applied the same revision; one that is written to meanwhile is
// caught up with first, as a rebuild does ([build.chase]). Workspaces are done in batches, so that a verification of a large
// log takes the space of one batch, and can go on where it was when it is interrupted.

// VerifyOptions says what is verified and how. A field left zero has its default.
type VerifyOptions struct {
	// Workspace is the only one to verify; empty: all of them, with organizations and accounts, and what belongs to none.
	Workspace domain.Slug
	PageSize  int   // most events in one transaction; default 8,000
	Parallel  int   // workspaces at a time; default 2
	Memory    int64 // as of a rebuild
	Batch     int64 // about how many events are folded before what was folded is compared and dropped; default 500,000
	Gentle    bool  // as of a rebuild
	// From is what an earlier verification kept: it goes on behind that. Of another live model it is of no use, and left.
	From *Verification
	// Keep is told after each batch what was found so far; an error ends the verification. Nil is not called.
	Keep func(ctx context.Context, so Verification) error
}

// A Verification is what was found.
type Verification struct {
	Model       string            `json:"model"` // schema of the live model
	After       int32             `json:"after"` // the number of the last workspace that was compared; they are done in this order
	Workspaces  int               `json:"workspaces"`
	Events      int64             `json:"events"` // folded
	Tables      int               `json:"tables"` // how many differ, over all workspaces
	Differences []TableDifference `json:"differences"`
	Paused      []domain.Slug     `json:"paused"` // they were compared as far as they are
	Took        time.Duration     `json:"took"`   // in all tries
}

// Equal says that nothing differs.
func (v *Verification) Equal() bool { return v.Tables == 0 }

// An OutdatedError says that the live model was made by another version of the folding code: a rebuild is what compares
// with it.
type OutdatedError struct{ Schema, MadeBy, Code string }

func (e *OutdatedError) Error() string {
	return fmt.Sprintf("read model %s was made by another version of this program: what differs from this one's is shown by a rebuild", e.Schema)
}

// Verify compares the live model with the events. Progress is told of events, each of which counts when it is folded and
// when it is compared; nil is not called. What was found is answered with an error, too, as far as it came.
//
// Errors: *NotFoundError; *OutdatedError; ErrNoModel.
func (e *Engine) Verify(ctx context.Context, o VerifyOptions, progress func(done, total int64)) (Verification, error) {
	o.PageSize, o.Parallel, o.Memory, o.Batch = cmp.Or(o.PageSize, 8_000), cmp.Or(o.Parallel, 2), cmp.Or(o.Memory, 192<<20), cmp.Or(o.Batch, 500_000)
	live, err := e.liveModel(ctx)
	if err != nil {
		return Verification{}, err
	}
	if live.Version != e.version {
		return Verification{}, &OutdatedError{live.Schema, live.Version, e.version}
	}
	v := &verifier{e: e, o: o, from: live, began: time.Now(), found: Verification{Model: live.Schema, Differences: []TableDifference{}, Paused: []domain.Slug{}}}
	if o.From != nil && o.From.Model == live.Schema {
		v.found = *o.From
	}
	v.took = v.found.Took
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if o.Gentle {
		v.pace = &pace{e: e}
	}
	err = v.run(ctx, progress)
	v.found.Took = v.took + time.Since(v.began)
	return v.found, err
}

type verifier struct {
	e     *Engine
	o     VerifyOptions
	pace  *pace
	from  *model
	began time.Time
	took  time.Duration // by earlier tries
	found Verification
	done  atomic.Int64 // events folded and events compared
	total int64
}

func (v *verifier) run(ctx context.Context, progress func(done, total int64)) error {
	if err := v.e.sweepChecks(ctx); err != nil {
		return fmt.Errorf("drop what an earlier verification left: %w", err)
	}
	goals, err := v.goals(ctx)
	if err != nil {
		return err
	}
	v.total = 2 * left(goals)
	goals = slices.DeleteFunc(goals, func(g goal) bool { return g.number <= v.found.After })
	v.done.Store(v.total - 2*left(goals))
	tell := func() { progress(v.done.Load(), v.total) }
	defer tell()
	defer everySo(250*time.Millisecond, tell)()
	for len(goals) > 0 {
		n, events := 0, int64(0)
		for n < len(goals) && (n == 0 || events < v.o.Batch) {
			events += left(goals[n : n+1])
			n++
		}
		if err := v.batch(ctx, slices.Clone(goals[:n])); err != nil {
			return err
		}
		v.found.After = goals[n-1].number
		v.found.Workspaces += n
		v.found.Events += events
		v.found.Took = v.took + time.Since(v.began)
		goals = goals[n:]
		if v.o.Keep != nil {
			if err := v.o.Keep(ctx, v.found); err != nil {
				return err
			}
		}
	}
	if v.o.Workspace == "" {
		return v.strays(ctx)
	}
	return nil
}

// goals are the workspaces to verify, by number, up to what the live model has applied.
func (v *verifier) goals(ctx context.Context) ([]goal, error) {
	b := &build{e: v.e, live: v.e.projected(v.from.Schema)}
	goals, err := b.goals(ctx)
	if err != nil {
		return nil, err
	}
	if v.o.Workspace != "" {
		goals = slices.DeleteFunc(goals, func(g goal) bool { return domain.Slug(g.name) != v.o.Workspace })
		if len(goals) == 0 {
			return nil, &NotFoundError{v.o.Workspace}
		}
	}
	for i := range goals {
		goals[i].compared = true // one that the live model says it has nothing of must have no rows
	}
	slices.SortFunc(goals, func(a, b goal) int { return cmp.Compare(a.number, b.number) })
	return goals, nil
}

// batch folds some workspaces beside the live model, compares them, and drops what was folded.
func (v *verifier) batch(ctx context.Context, goals []goal) (err error) {
	next, letGo, err := v.e.createChecked(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, letGo()) }()
	base := v.done.Load()
	b := &build{
		e: v.e, from: v.from, live: v.e.projected(v.from.Schema), next: next, pace: v.pace,
		o:      RebuildOptions{PageSize: v.o.PageSize, Parallel: v.o.Parallel, Memory: v.o.Memory},
		report: Report{From: v.from.Schema, To: next.schema, SameCode: true},
	}
	b.progress = func(done, _ int64, _ float64) { v.done.Store(base + done) }
	b.compared = func(g *goal, events int64) { v.done.Add(events) }
	events := left(goals)
	slices.SortStableFunc(goals, func(a, b goal) int { return cmp.Compare(b.until, a.until) }) // none is left alone at the end
	if err := b.fillNew(ctx, next, goals, v.o.PageSize, ""); err != nil {
		return err
	}
	b.filled = true
	v.done.Store(base + events)
	if err := v.e.analyze(ctx, next.schema, v.o.Parallel); err != nil {
		return fmt.Errorf("analyze %s: %w", next.schema, err)
	}
	if err := b.compare(ctx, goals); err != nil {
		return fmt.Errorf("compare %s with %s: %w", next.schema, v.from.Schema, err)
	}
	v.done.Store(base + 2*events)
	v.found.Tables += b.report.Tables
	v.found.Differences = append(v.found.Differences, b.report.Differences...)
	v.found.Differences = v.found.Differences[:min(len(v.found.Differences), keptDifferences)]
	return v.paused(ctx, goals)
}

// paused notes the workspaces whose live model is paused.
func (v *verifier) paused(ctx context.Context, goals []goal) error {
	numbers := make([]int32, len(goals))
	for i := range goals {
		numbers[i] = goals[i].number
	}
	const pausedSQL = `SELECT slug FROM read.progress WHERE state = 'paused' AND ws = ANY($1) ORDER BY slug`
	rows, _ := v.e.Pool.Query(ctx, inSchema(pausedSQL, v.from.Schema), numbers)
	slugs, err := pgx.CollectRows(rows, pgx.RowTo[domain.Slug])
	if err != nil {
		return fmt.Errorf("list the workspaces that are paused: %w", err)
	}
	v.found.Paused = append(v.found.Paused, slugs...)
	return nil
}

const straysSQL = `
SELECT t.ws, count(*) FROM %s t WHERE NOT EXISTS (SELECT FROM log.workspaces w WHERE w.number = t.ws) GROUP BY t.ws ORDER BY t.ws LIMIT 20`

// strays looks for rows that belong to no workspace that there ever was.
func (v *verifier) strays(ctx context.Context) error {
	tables, err := v.e.tablesOf(ctx, v.from.Schema)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if table == "lanes" { // has no workspaces
			continue
		}
		d := TableDifference{Table: table}
		var number int32
		var count int
		rows, _ := v.e.Pool.Query(ctx, fmt.Sprintf(straysSQL, pgx.Identifier{v.from.Schema, table}.Sanitize()))
		_, err := pgx.ForEachRow(rows, []any{&number, &count}, func() error {
			d.Rows += count
			d.First = append(d.First, RowDifference{Key: fmt.Sprintf("[%d]", number), Field: "row", Old: fmt.Sprintf("%d rows of a workspace that never was", count)})
			return nil
		})
		if err != nil {
			return fmt.Errorf("look for rows of no workspace in %s: %w", table, err)
		}
		if d.Rows > 0 {
			v.found.Tables++
			v.found.Differences = append(v.found.Differences, d)
		}
	}
	return nil
}

// checkLock is held, by the name of the model, for as long as somebody fills and compares it: what nobody holds is left over.
const checkLock = `SELECT pg_try_advisory_lock(hashtextextended('annals verify ' || $1, 0))`

// createChecked creates a model to be filled, compared and, by the answered function, dropped. It is sweepChecks' to
// drop where this process is killed.
func (e *Engine) createChecked(ctx context.Context) (m emptyModel, letGo func() error, err error) {
	conn, err := e.Pool.Acquire(ctx)
	if err != nil {
		return m, nil, fmt.Errorf("hold a model to verify by: %w", err)
	}
	if m, err = e.createEmpty(ctx, checking); err != nil {
		conn.Release()
		return m, nil, err
	}
	letGo = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err := e.dropModel(ctx, m.schema)
		letGoOf(ctx, conn)
		return err
	}
	var got bool
	if err := conn.QueryRow(ctx, checkLock, m.schema).Scan(&got); err != nil || !got {
		return m, nil, errors.Join(err, letGo())
	}
	return m, letGo, nil
}

// letGoOf ends a connection, and with it the locks that it holds.
func letGoOf(ctx context.Context, conn *pgxpool.Conn) { _ = conn.Hijack().Close(ctx) }

// sweepChecks drops the models that verifications left that were cut off. One that is only just created is not held yet,
// and not left over either.
func (e *Engine) sweepChecks(ctx context.Context) error {
	const leftSQL = `SELECT schema FROM log.models WHERE state = 'checking' AND changed_at < now() - interval '10 seconds'`
	rows, _ := e.Pool.Query(ctx, leftSQL)
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, schema := range left {
		if err := e.sweepCheck(ctx, schema); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) sweepCheck(ctx context.Context, schema string) error {
	conn, err := e.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer letGoOf(context.WithoutCancel(ctx), conn)
	var got bool
	if err := conn.QueryRow(ctx, checkLock, schema).Scan(&got); err != nil || !got {
		return err
	}
	return e.dropModel(ctx, schema)
}
