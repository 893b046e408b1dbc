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

	"github.com/annals-io/annals/domain"
)

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
