package projections

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// compare compares the two models, several workspaces at a time, each at a revision that both have applied. Nothing
// else moves the new model yet: it is brought to where the live one is, and what the live one does meanwhile, again.
func (b *build) compare(ctx context.Context, goals []goal) error {
	b.report.Equal = true
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan *goal)
	var wg sync.WaitGroup
	var done, total atomic.Int64
	for i := range goals {
		if goals[i].compared {
			total.Add(1)
		}
	}
	b.stage(StageComparing, 0, total.Load())
	for range b.o.Parallel {
		wg.Go(func() {
			for g := range next {
				began, events := time.Now(), int64(g.until)+1
				err := b.compareOne(ctx, g)
				if b.compared != nil {
					b.compared(g, events)
				}
				if err == nil {
					err = b.pace.yield(ctx, time.Since(began))
				}
				if err != nil {
					cancel(fmt.Errorf("workspace %s: %w", g.name, err))
				}
				b.stage(StageComparing, done.Add(1), total.Load())
			}
		})
	}
	for i := range goals {
		if !goals[i].compared || ctx.Err() != nil {
			continue
		}
		b.report.Workspaces++
		next <- &goals[i]
	}
	close(next)
	wg.Wait()
	slices.SortStableFunc(b.report.Differences, func(a, b TableDifference) int {
		return cmp.Or(cmp.Compare(a.Workspace, b.Workspace), cmp.Compare(a.Table, b.Table))
	})
	return context.Cause(ctx)
}

// keptDifferences bounds a report: new code may have changed every table of ten thousand workspaces.
const keptDifferences = 1_000

// differ notes a difference.
func (b *build) differ(d TableDifference) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.Equal = false
	if b.report.Tables++; len(b.report.Differences) < keptDifferences {
		b.report.Differences = append(b.report.Differences, d)
	}
	if d.Table == "progress" {
		b.report.Paused = append(b.report.Paused, d.Workspace)
	}
}

// chases is how often a workspace that is being written to is brought level before its projecting is held for the
// moment that the last page takes. Readers never notice.
const chases = 8

func (b *build) compareOne(ctx context.Context, g *goal) error {
	for range chases {
		level, err := b.chase(ctx, g, nil)
		if err != nil || level {
			return err
		}
	}
	tx, err := b.e.Pool.Begin(ctx)
	if err != nil {
		return err
	}
	letGo := func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }
	defer letGo()
	const holdSQL = `SELECT applied FROM read.progress WHERE ws = $1 FOR UPDATE`
	if err := tx.QueryRow(ctx, inSchema(holdSQL, b.live.schema), g.number).Scan(new(int64)); err != nil {
		return err
	}
	level, err := b.chase(ctx, g, letGo) // once the snapshot is taken
	if err == nil && !level {
		err = errMoved
	}
	return err
}

// chase brings the new model to where the live one is and compares, in one snapshot, if they are level then.
func (b *build) chase(ctx context.Context, g *goal, taken func()) (level bool, err error) {
	there, err := b.live.progress(ctx, g.number)
	if err != nil {
		return false, err
	}
	g.until = there.applied
	if err := b.fill(ctx, b.next.projection, []goal{*g}, b.o.PageSize); err != nil {
		return false, err
	}
	g.from = max(g.from, there.applied+1)
	here, err := b.next.progress(ctx, g.number)
	if err != nil {
		return false, err
	}
	if here.applied < there.applied { // the new model could not fold what the live one could
		b.differ(TableDifference{
			Workspace: domain.Slug(g.name), Table: "progress", Rows: 1,
			First: []RowDifference{{Key: g.name, Field: "applied", Old: fmt.Sprint(there.applied), New: fmt.Sprintf("%d: %s", here.applied, here.reason)}},
		})
		return true, nil
	}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, b.e.Pool, options, func(tx pgx.Tx) error {
		const bothSQL = `SELECT coalesce((SELECT applied FROM read.progress WHERE ws = $1), -1)`
		var was, is domain.Revision
		if err := tx.QueryRow(ctx, inSchema(bothSQL, b.live.schema), g.number).Scan(&was); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, inSchema(bothSQL, b.next.schema), g.number).Scan(&is); err != nil {
			return err
		}
		if taken != nil {
			taken()
		}
		if level = was == is; !level {
			return nil
		}
		return b.compareIn(ctx, tx, g)
	})
	return level, err
}

// compareIn compares a workspace in a snapshot: by digests where one code made both, else row by row.
func (b *build) compareIn(ctx context.Context, tx pgx.Tx, g *goal) error {
	var tables []string
	if b.report.SameCode {
		differ, err := b.e.digestsDiffer(ctx, tx, b.live.schema, b.next.schema, g.number)
		if err != nil {
			return err
		}
		tables = differ
	} else {
		all := map[string]bool{}
		for _, schema := range []string{b.live.schema, b.next.schema} {
			names, err := b.e.tablesOf(ctx, schema)
			if err != nil {
				return err
			}
			for _, name := range names {
				all[name] = !unlike[name]
			}
		}
		maps.DeleteFunc(all, func(_ string, compared bool) bool { return !compared })
		tables = slices.Sorted(maps.Keys(all))
	}
	for _, table := range tables {
		d, err := b.e.difference(ctx, tx, b.live.schema, b.next.schema, table, g.number)
		if err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		if d.Rows > 0 || b.report.SameCode { // a digest that differs is a difference whatever the rows say
			d.Workspace = domain.Slug(g.name)
			b.differ(d)
		}
	}
	return nil
}

// unlike are the tables that say how a model came about, not what is in it.
var unlike = map[string]bool{"progress": true, "lanes": true, "parked": true}

// digestsDiffer are the tables whose digests differ between two schemas.
func (e *Engine) digestsDiffer(ctx context.Context, tx pgx.Tx, was, is string, number int32) ([]string, error) {
	a, err := e.fold.digest(ctx, tx, was, number)
	if err != nil {
		return nil, fmt.Errorf("digest %s: %w", was, err)
	}
	b, err := e.fold.digest(ctx, tx, is, number)
	if err != nil {
		return nil, fmt.Errorf("digest %s: %w", is, err)
	}
	var differ []string
	for table, digest := range a {
		if b[table] != digest {
			differ = append(differ, table)
		}
	}
	for table := range b {
		if _, both := a[table]; !both {
			differ = append(differ, table)
		}
	}
	slices.Sort(differ)
	return differ, nil
}

// prove builds the same goals a second time, with pages of another size: rows must not depend on it.
func (b *build) prove(ctx context.Context, goals []goal) error {
	second, err := b.e.createEmpty(ctx, building)
	if err != nil {
		return err
	}
	again := slices.Clone(goals)
	for i := range again {
		again[i].from = 0
	}
	if err := b.fillNew(ctx, second, again, max(1, b.o.PageSize/21+1), ""); err != nil {
		return err
	}
	for i := range goals {
		if !goals[i].compared {
			continue
		}
		var differ []string
		options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
		err := pgx.BeginTxFunc(ctx, b.e.Pool, options, func(tx pgx.Tx) (err error) {
			differ, err = b.e.digestsDiffer(ctx, tx, b.next.schema, second.schema, goals[i].number)
			return err
		})
		if err != nil {
			return err
		}
		if len(differ) > 0 {
			return fmt.Errorf("built twice with pages of different sizes, workspace %s differs in %v: the folding code depends on page bounds", goals[i].name, differ)
		}
	}
	return b.e.dropModel(ctx, second.schema)
}
