package projections

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/annals-io/annals/schema/postgres"
)

// fillNew fills an empty model up to the goals, the quick way as far as it goes, and makes its keys, the indexes that
// folding needs and those of queries; goals[i].from moves along.
func (b *build) fillNew(ctx context.Context, m emptyModel, goals []goal, pageSize int, queries string) error {
	if !m.bare {
		if err := b.fill(ctx, m.projection, goals, pageSize); err != nil {
			return fmt.Errorf("fill %s: %w", m.schema, err)
		}
		return b.indexes(ctx, m.schema, nil, queries)
	}
	if err := b.fillQuickly(ctx, m.projection, goals, pageSize); err != nil {
		return fmt.Errorf("fill %s: %w", m.schema, err)
	}
	if left(goals) == 0 {
		return b.indexes(ctx, m.schema, m.keys, postgres.FoldIndexes, queries)
	}
	if err := b.indexes(ctx, m.schema, m.keys, postgres.FoldIndexes); err != nil {
		return err
	}
	if err := b.fill(ctx, m.projection, goals, pageSize); err != nil {
		return fmt.Errorf("fill %s: %w", m.schema, err)
	}
	return b.indexes(ctx, m.schema, nil, queries)
}

// indexes makes keys and indexes.
func (b *build) indexes(ctx context.Context, schema string, keys []primaryKey, scripts ...string) error {
	began := time.Now()
	chores, err := b.e.chores(ctx, schema, keys, scripts...)
	if err != nil {
		return err
	}
	err = b.e.index(ctx, chores, b.o.Parallel, b.pace, func(done, total int64) {
		if !b.filled {
			b.stage(StageIndexing, done, total)
		}
	})
	if err != nil {
		return fmt.Errorf("index %s: %w", schema, err)
	}
	b.count(schema, 0, 0, time.Since(began))
	return nil
}

// count adds to the report what was done for the model of the rebuild.
func (b *build) count(schema string, events int64, filling, indexing time.Duration) {
	if b.filled || schema != b.next.schema {
		return
	}
	r := &b.report
	r.Events, r.Filling, r.Indexing = r.Events+events, r.Filling+filling, r.Indexing+indexing
	r.Rate = float64(r.Events) / max((r.Filling+r.Indexing).Seconds(), 1e-6)
}

// fillQuickly fills workspaces from their beginnings; see [quick].
func (b *build) fillQuickly(ctx context.Context, p *projection, goals []goal, pageSize int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began, total := time.Now(), left(goals)
	var done atomic.Int64
	stopTelling := b.telling(&done, total)
	next := make(chan *task)
	var wg sync.WaitGroup
	for range b.o.Parallel {
		q := &quick{
			e: b.e, p: p, fold: b.e.fold.(quickFolder), page: min(pageSize, pageFilled), most: int(b.o.Memory) / b.o.Parallel, done: &done, pace: b.pace,
		}
		wg.Go(func() {
			if err := q.run(ctx, next); err != nil {
				cancel(err)
			}
		})
	}
	for i := range goals {
		if goals[i].from > goals[i].until {
			continue
		}
		select {
		case next <- &task{goal: &goals[i]}:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	stopTelling()
	if err := b.refill(ctx, p, goals); err != nil {
		return err
	}
	b.count(p.schema, total-left(goals), time.Since(began), 0)
	return nil
}
