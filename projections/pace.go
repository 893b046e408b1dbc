package projections

import (
	"context"
	"sync"
	"time"
)

// A pace keeps work that nobody waits for, such as a rebuild or a verification, out of the way of work that somebody waits
// for. Now and then it looks how long a commit takes, and how late the live model is; while either is much worse than it
// was, the work rests after each piece of it, twice as long as the time before, up to twenty times as long as the piece
// took. So it never stops for good, and on a database at rest it never waits. A nil pace never waits.
type pace struct {
	e *Engine

	mu     sync.Mutex
	looked time.Time
	calm   time.Duration // the least that a commit took
	rest   float64       // for each second of work
}

const (
	lookAtLoad = 250 * time.Millisecond
	// A commit is slow that takes longer than this, and four times longer than the quickest one.
	slowCommit = 15 * time.Millisecond
	slowTimes  = 4
	// The live model is late when its last page was this old.
	lateModel = 300 * time.Millisecond
	leastRest = 0.5
	mostRest  = 20.0
	longPause = 2 * time.Second
	// A commit that changes nothing, and waits for the disk as every other one does.
	pulseSQL = `SELECT pg_logical_emit_message(true, 'annals', 'pulse')`
)

// lateness is how late a page of the live model was, and when.
type lateness struct {
	lag time.Duration
	at  time.Time
}

// yield rests after a piece of work that took so long.
func (p *pace) yield(ctx context.Context, worked time.Duration) error {
	if p == nil {
		return ctx.Err()
	}
	rest := min(time.Duration(p.factor(ctx)*float64(worked)), longPause)
	if rest < time.Millisecond {
		return ctx.Err()
	}
	return pauseFor(ctx, rest)
}

// factor is how long to rest for each second of work, after a look where it is time for one.
func (p *pace) factor(ctx context.Context) float64 {
	if !p.mu.TryLock() { // somebody is looking
		return leastRest
	}
	defer p.mu.Unlock()
	if time.Since(p.looked) < lookAtLoad {
		return p.rest
	}
	began := time.Now()
	if _, err := p.e.Pool.Exec(ctx, pulseSQL); err != nil {
		return p.rest // who works meets the same trouble
	}
	p.looked = time.Now()
	late := time.Duration(0)
	if l := p.e.lately.Load(); l != nil && time.Since(l.at) < 2*time.Second {
		late = l.lag
	}
	p.learn(p.looked.Sub(began), late)
	return p.rest
}

// learn changes the rest by what a look saw.
func (p *pace) learn(commit, late time.Duration) {
	if p.calm == 0 || commit < p.calm {
		p.calm = commit
	}
	busy := late > lateModel || commit > slowCommit && commit > slowTimes*p.calm
	switch {
	case busy:
		p.rest = min(max(2*p.rest, leastRest), mostRest)
	case p.rest > leastRest/2:
		p.rest /= 2
	default:
		p.rest = 0
	}
}
