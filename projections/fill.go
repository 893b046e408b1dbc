package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A goal is a workspace to be filled up to a revision.
type goal struct {
	part
	from, until domain.Revision // from: the next one; until: inclusive
	compared    bool            // the live model has something of it to compare with
}

const goalsSQL = `
SELECT w.number, w.slug, coalesce(p.applied, -1)
FROM log.workspaces w LEFT JOIN read.progress p ON p.ws = w.number
ORDER BY 3 DESC, 1`

// goals are all workspaces, up to what the live model has applied: beyond it there is nothing to compare with. The
// longest come first, so that none is left alone at the end.
func (b *build) goals(ctx context.Context) ([]goal, error) {
	rows, _ := b.e.Pool.Query(ctx, inSchema(goalsSQL, b.live.schema))
	var goals []goal
	var g goal
	_, err := pgx.ForEachRow(rows, []any{&g.number, &g.name, &g.until}, func() error {
		g.stream = streamOf(domain.Slug(g.name))
		g.compared = g.until >= 0
		goals = append(goals, g)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the workspaces: %w", err)
	}
	return goals, nil
}

// left is how many events lie before the goals.
func left(goals []goal) int64 {
	var total int64
	for i := range goals {
		total += max(0, int64(goals[i].until-goals[i].from)+1)
	}
	return total
}

// telling tells how far filling is until the answered function is called.
func (b *build) telling(done *atomic.Int64, total int64) (stop func()) {
	if b.filled {
		return func() {}
	}
	began, before := time.Now(), done.Load()
	tell := func() {
		n := done.Load()
		b.progress(n, total, float64(n-before)/max(time.Since(began).Seconds(), 1e-6))
	}
	stopTelling := everySo(500*time.Millisecond, tell)
	return func() {
		stopTelling()
		tell()
	}
}

// fill brings workspaces to their goals page by page, several at a time, in tables that have their keys;
// goals[i].from moves along. The store is read ahead while a page is folded.
func (b *build) fill(ctx context.Context, p *projection, goals []goal, pageSize int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began, events := time.Now(), left(goals)
	var done atomic.Int64
	done.Store(b.report.Events)
	stopTelling := b.telling(&done, b.report.Events+events)
	rests := b.pace
	if b.filled { // what catches up with a workspace that is written to must not be slower than the writers
		rests = nil
	}
	next := make(chan *goal)
	var wg sync.WaitGroup
	for range b.o.Parallel {
		wg.Go(func() {
			if err := b.e.fillSome(ctx, p, next, pageSize, &done, rests); err != nil {
				cancel(err)
			}
		})
	}
	for i := range goals {
		if goals[i].from > goals[i].until {
			continue
		}
		select {
		case next <- &goals[i]:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	stopTelling()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	b.count(p.schema, events, time.Since(began), 0)
	return nil
}

// fillSome fills workspaces as they come. Small ones share a page.
func (e *Engine) fillSome(ctx context.Context, p *projection, goals <-chan *goal, pageSize int, done *atomic.Int64, pace *pace) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pages := make(chan []part) // one is read while one is folded
	go func() {
		defer close(pages)
		if err := e.readGoals(ctx, goals, pageSize, pages); err != nil {
			cancel(err)
		}
	}()
	for parts := range pages {
		began := time.Now()
		if err := p.insist(ctx, parts); err != nil {
			return err
		}
		for _, s := range parts {
			done.Add(int64(len(s.events)))
		}
		if err := pace.yield(ctx, time.Since(began)); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

func (e *Engine) readGoals(ctx context.Context, goals <-chan *goal, pageSize int, pages chan<- []part) error {
	var parts []part
	events := 0
	send := func() error {
		if events == 0 {
			return nil
		}
		select {
		case pages <- parts:
			parts, events = nil, 0
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for g := range goals {
		for g.from <= g.until {
			limit := min(int64(pageSize-events), int64(g.until-g.from)+1)
			page, err := e.Store.ReadStream(ctx, g.stream, g.from, eventstore.Forward, int(limit))
			if err != nil {
				return fmt.Errorf("read %s at revision %d: %w", g.stream, g.from, err)
			}
			if len(page.Events) == 0 {
				return fmt.Errorf("read %s at revision %d: %w", g.stream, g.from, errHole)
			}
			s := g.part
			s.events = page.Events
			g.from, events = s.last()+1, events+len(s.events)
			if n := len(parts); n > 0 && parts[n-1].number == s.number { // the store gave less than it was asked for
				parts[n-1].events = append(parts[n-1].events, s.events...)
			} else {
				parts = append(parts, s)
			}
			if events >= pageSize {
				if err := send(); err != nil {
					return err
				}
			}
		}
	}
	return send()
}

// insist applies parts, parks what cannot be folded, and tries passing failures again a few times.
func (p *projection) insist(ctx context.Context, parts []part) error {
	return persist(ctx, func() error {
		err := p.transact(ctx, work{parts: parts})
		if err != nil && (poisonous(err) || errors.As(err, new(*gapError))) {
			err = p.advanceAll(ctx, parts)
		}
		return err
	})
}

func (p *projection) advanceAll(ctx context.Context, parts []part) error {
	for _, s := range slices.Clone(parts) {
		if _, err := p.advance(ctx, s, work{}); err != nil {
			return err
		}
	}
	return nil
}

// everySo calls f now and then until the answered function returns.
func everySo(d time.Duration, f func()) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				f()
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}
