package projections

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// A watch wakes those who wait for workspaces to move. What this process projects wakes them at once; what others
// project is found by one look for all of them, every few milliseconds while anybody waits. A wake-up says only that
// it is worth looking: who is woken reads the database.
type watch struct {
	e *Engine

	mu      sync.Mutex
	waiting map[string]*waiters // by slug
	polling bool
}

// waiters wait for one workspace. The channel is closed and replaced when it moved.
type waiters struct {
	count int
	moved chan struct{}
	seen  domain.Revision
}

const (
	// pollOthers is how often the progress of workspaces that another process projects is looked at.
	pollOthers = 15 * time.Millisecond
	// pollSafety is the same where this process projects them all.
	pollSafety = time.Second
)

func newWatch(e *Engine) *watch { return &watch{e: e, waiting: map[string]*waiters{}} }

// join counts a waiter in until leave is called. moved answers the channel that is closed at the next move: take it
// before looking.
func (w *watch) join(slug string) (moved func() <-chan struct{}, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.waiting[slug]
	if at == nil {
		at = &waiters{moved: make(chan struct{}), seen: domain.NoRevision}
		w.waiting[slug] = at
	}
	at.count++
	if !w.polling {
		w.polling = true
		go w.poll()
	}
	moved = func() <-chan struct{} {
		w.mu.Lock()
		defer w.mu.Unlock()
		return at.moved
	}
	leave = func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if at.count--; at.count == 0 {
			delete(w.waiting, slug)
		}
	}
	return moved, leave
}

// applied wakes who waits for the streams of a transaction that was committed here.
func (w *watch) applied(schema string, steps []step) {
	if live := w.e.live.Load(); len(steps) == 0 || live == nil || live.Schema != schema {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range steps {
		w.wakeLocked(s.name, s.now)
	}
}

// wake wakes who waits for a workspace whatever it did: it was paused, say.
func (w *watch) wake(slug string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at := w.waiting[slug]; at != nil {
		w.wakeLocked(slug, at.seen)
	}
}

// wakeAll wakes everybody: another model is live.
func (w *watch) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for slug, at := range w.waiting {
		w.wakeLocked(slug, at.seen)
	}
}

func (w *watch) wakeLocked(slug string, now domain.Revision) {
	if at := w.waiting[slug]; at != nil {
		at.seen = now
		close(at.moved)
		at.moved = make(chan struct{})
	}
}

// poll looks for what other processes applied, until nobody waits.
func (w *watch) poll() {
	ctx := context.Background()
	for {
		t := time.NewTimer(w.pause())
		<-t.C
		slugs := w.asked()
		if slugs == nil {
			return
		}
		if err := w.look(ctx, slugs); err != nil {
			w.e.Log.Debug("looking for what other processes projected failed; trying again", "error", err)
		}
	}
}

// pause is short unless this process holds all lanes of the live model.
func (w *watch) pause() time.Duration {
	live, held := w.e.live.Load(), w.e.held.Load()
	if live == nil || held == nil {
		return pollOthers
	}
	for i := range w.e.Lanes {
		if !(*held)[fmt.Sprintf("%s/%d", live.Schema, i)] {
			return pollOthers
		}
	}
	return pollSafety
}

// asked are the slugs that somebody waits for; nil ends the polling.
func (w *watch) asked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		w.polling = false
		return nil
	}
	slugs := make([]string, 0, len(w.waiting))
	for slug := range w.waiting {
		slugs = append(slugs, slug)
	}
	return slices.Clip(slugs)
}

const movedSQL = `
SELECT w.slug, p.applied, p.state = 'paused'
FROM log.workspaces w JOIN read.progress p ON p.ws = w.number
WHERE w.slug = ANY($1)`

func (w *watch) look(ctx context.Context, slugs []string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	m, err := w.e.liveModel(ctx)
	if err != nil {
		return err
	}
	rows, _ := w.e.Pool.Query(ctx, inSchema(movedSQL, m.Schema), slugs)
	var slug string
	var applied domain.Revision
	var paused bool
	_, err = pgx.ForEachRow(rows, []any{&slug, &applied, &paused}, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if at := w.waiting[slug]; at != nil && (at.seen != applied || paused) {
			w.wakeLocked(slug, applied)
		}
		return nil
	})
	return err
}
