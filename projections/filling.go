package projections

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/projections/fold"
)

// Filling the quick way: a workspace is folded in memory from its first event on, and its rows are written once, by
// COPY, into tables without keys or indexes. Three goroutines share the work: one reads and decodes, one folds, one
// writes. The progress of a workspace is written in the transaction of its last rows, so a workspace with progress is
// complete up to there, and what there is of one without has to go: [build.refill] sees to both. Nothing is tried
// again here, since a lost connection does not tell what it wrote.

// A quickFolder is a folder whose rows can be made without reading any.
type quickFolder interface {
	folder
	// filler folds one workspace; its rows go to rows.
	filler(number int32, slug domain.Slug, rows *fold.Rows) filler
}

// A filler is a [fold.Filler].
type filler interface {
	Fold(ctx context.Context, events []domain.Recorded) error
	Kept() int
	Finish(room func() error) error
}

const (
	// pageFilled is how many events are read at a time: they need not fill a transaction.
	pageFilled = 2_000
	// chunkFilled is how many bytes of rows are written at a time.
	chunkFilled = 4 << 20
)

// A chunk is rows of one or more workspaces, and which of these are complete with it.
type chunk struct {
	load  fold.Load
	of    map[*task]bool
	ended []ended
}

type ended struct {
	*task
	applied domain.Revision
}

// A task is a goal being filled.
type task struct {
	*goal
	stopped atomic.Bool // nothing more of it is wanted
	lost    bool        // some of its rows were not written; known to the writer alone
}

// A filled page is what was read of a goal.
type filledPage struct {
	task   *task
	events []domain.Recorded
	last   bool // of the goal
}

// A quick is one share of quick filling.
type quick struct {
	e    *Engine
	p    *projection
	fold quickFolder
	page int           // events read at a time
	most int           // bytes kept of a workspace
	done *atomic.Int64 // events
	pace *pace

	pages  chan filledPage
	chunks chan chunk
	back   chan fold.Load // written, to be used again
	rows   fold.Rows
	now    chunk // being made
}

// run fills goals as they come. Its error is of the store alone, or that ctx ended.
func (q *quick) run(ctx context.Context, goals <-chan *task) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	q.pages, q.chunks, q.back = make(chan filledPage, 1), make(chan chunk, 1), make(chan fold.Load, 4)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(q.pages)
		if err := q.read(ctx, goals); err != nil {
			cancel(err)
		}
	})
	wg.Go(func() {
		for c := range q.chunks {
			q.write(ctx, c)
		}
	})
	err := q.foldAll(ctx)
	if err != nil {
		cancel(err)
	}
	close(q.chunks)
	for range q.pages { // the reader is not left waiting
	}
	wg.Wait()
	return context.Cause(ctx)
}

// read reads the events of the goals.
func (q *quick) read(ctx context.Context, goals <-chan *task) error {
	for g := range goals {
		for next := g.from; next <= g.until && !g.stopped.Load(); {
			began := time.Now()
			limit := min(int64(q.page), int64(g.until-next)+1)
			page, err := q.e.Store.ReadStream(ctx, g.stream, next, eventstore.Forward, int(limit))
			if err == nil && len(page.Events) == 0 {
				err = errHole
			}
			if err != nil {
				return fmt.Errorf("read %s at revision %d: %w", g.stream, next, err)
			}
			next = page.Events[len(page.Events)-1].Revision + 1
			select {
			case q.pages <- filledPage{g, page.Events, next > g.until}:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := q.pace.yield(ctx, time.Since(began)); err != nil { // folding and writing keep the reader waiting
				return err
			}
		}
	}
	return nil
}

// foldAll folds what is read.
func (q *quick) foldAll(ctx context.Context) error {
	var at *task
	var f filler
	for page := range q.pages {
		g := page.task
		if g != at {
			at, f = g, q.fold.filler(g.number, domain.Slug(g.name), &q.rows)
		}
		if g.stopped.Load() {
			continue
		}
		q.touch(g)
		if err := q.folded(ctx, f, page.events); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			// The live way finds out what is wrong, parks what it must, and tries again where that helps.
			q.e.Log.Debug("a workspace is filled again, page by page", "model", q.p.schema, "workspace", g.name, "error", err)
			g.stopped.Store(true)
			continue
		}
		q.done.Add(int64(len(page.events)))
		full := !page.last && f.Kept() > q.most
		if page.last || full {
			g.stopped.Store(true) // what memory does not hold goes on once there are keys
			if err := f.Finish(func() error { return q.room(ctx, g, chunkFilled) }); err != nil {
				return err
			}
			q.now.ended = append(q.now.ended, ended{g, page.events[len(page.events)-1].Revision})
			f = nil
		}
		if err := q.room(ctx, g, chunkFilled); err != nil {
			return err
		}
	}
	return q.room(ctx, nil, 0)
}

// folded folds events; a panic is an error.
func (q *quick) folded(ctx context.Context, f filler, events []domain.Recorded) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	return f.Fold(ctx, events)
}

func (q *quick) touch(g *task) {
	if q.now.of == nil {
		q.now.of = map[*task]bool{}
	}
	q.now.of[g] = true
}

// room sends what waits to be written, where that is enough.
func (q *quick) room(ctx context.Context, g *task, enough int) error {
	if q.rows.Size() < enough || q.now.of == nil {
		return nil
	}
	for reuse := true; reuse; {
		select {
		case l := <-q.back:
			q.rows.Reuse(l)
		default:
			reuse = false
		}
	}
	c := q.now
	c.load, q.now = q.rows.Take(), chunk{}
	if g != nil {
		q.touch(g)
	}
	select {
	case q.chunks <- c:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
