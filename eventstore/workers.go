package eventstore

import (
	"context"
	"sync/atomic"
)

// maxIdle is how many goroutines are kept for actors that will have work again.
const maxIdle = 256

// workers run actors. A goroutine that has run one waits for the next: its stack has grown already, and growing it
// for each command costs more than the switch.
type workers struct {
	ctx  context.Context
	work chan *actor
	idle atomic.Int64
}

func newWorkers(ctx context.Context) *workers {
	return &workers{ctx: ctx, work: make(chan *actor)}
}

// run never waits.
func (w *workers) run(a *actor) {
	select {
	case w.work <- a:
	default:
		go w.loop(a)
	}
}

func (w *workers) loop(a *actor) {
	for {
		a.run()
		if w.idle.Add(1) > maxIdle {
			w.idle.Add(-1)
			return
		}
		select {
		case a = <-w.work:
			w.idle.Add(-1)
		case <-w.ctx.Done():
			return
		}
	}
}
