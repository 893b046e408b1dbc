package eventstore

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/annals-io/annals/domain"
)

// chunk is how many commands are decided between two hand-overs to the group committer, so that it can begin while
// the actor goes on.
const chunk = 256

// longTail is the most events an actor reads to learn what others appended. Past it, it forgets its states and
// begins anew from where the stream is.
const longTail = 5_000

// An actor carries out the commands of one stream, one after the other. It has no goroutine while nothing is to be
// done: whoever brings work starts one, and it ends when there is none left.
//
// Decisions are made on optimistic states: those that will hold once everything in flight has landed. When a slice
// does not land where it should, nothing behind it may land either: the store leaves out those of the same append,
// and the committer calls back the rest. The actor waits until all have come back, forgets what it hoped for, reads
// what others wrote, and decides again in the old order.
type actor struct {
	x      *Executor
	stream domain.Stream
	queue  queue // of the committer

	mu      sync.Mutex
	waiting []*item
	settled []*flight
	depth   int // commands without an answer
	seq     uint64
	running bool
	retired bool

	// What follows belongs to the goroutine that runs the actor.
	loaded    bool
	paused    error           // not nil: an event this build does not know was met
	confirmed domain.Revision // of the last event known to lie in the stream
	known     domain.Revision // of the last event once everything in flight has landed
	at        time.Time       // recorded_at of that event
	sure      time.Time       // recorded_at of the confirmed one
	inflight  []*flight
	pending   map[string]*flight // the flights with a command id
	dirty     map[domain.Entity]dirtyState
	redo      []*item
	ahead     domain.Revision // where the stream is, as a conflict told; NoRevision: nobody did
	rewinding bool
	checked   bool // confirmed is where the stream was a moment ago, in this turn
	suspect   bool // a known command was met: the next ones may be known too
	decided   uint64
	view      domain.States
}

// A dirtyState is the optimistic state of an entity and the flight that it waits for.
type dirtyState struct {
	state  *domain.State
	flight uint64
}

func newActor(x *Executor, stream domain.Stream) *actor {
	a := &actor{
		x: x, stream: stream, confirmed: domain.NoRevision, known: domain.NoRevision, ahead: domain.NoRevision,
		pending: map[string]*flight{}, dirty: map[domain.Entity]dirtyState{}, view: domain.States{},
	}
	a.queue.actor = a
	return a
}

// post takes commands, or answers that there are too many already. A call is taken whole, so that the ones behind
// never overtake: a mailbox holds at most its size and one call more. It is false when the actor has retired.
func (a *actor) post(its []*item) bool {
	a.mu.Lock()
	if a.retired {
		a.mu.Unlock()
		return false
	}
	if a.depth >= a.x.cfg.Mailbox {
		a.mu.Unlock()
		for _, it := range its {
			a.x.answer(it, Answer{Err: &OverloadedError{Stream: a.stream, RetryAfter: overloadRetry}})
		}
		return true
	}
	for _, it := range its {
		a.seq++
		it.seq = a.seq
	}
	a.depth += len(its)
	a.waiting = append(a.waiting, its...)
	depth := a.depth
	a.start()
	a.mu.Unlock()
	if a.x.cfg.Observe.Mailbox != nil {
		a.x.cfg.Observe.Mailbox(depth)
	}
	return true
}

// settle brings back flights, in the order they were submitted.
func (a *actor) settle(fs []*flight) {
	a.mu.Lock()
	a.settled = append(a.settled, fs...)
	a.start()
	a.mu.Unlock()
}

// start is called with the lock held.
func (a *actor) start() {
	if !a.running {
		a.running = true
		a.x.workers.run(a)
	}
}

// retire is true when the actor had nothing to do: it takes nothing any more.
func (a *actor) retire() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running || a.depth > 0 {
		return false
	}
	a.retired = true
	return true
}

func (a *actor) run() {
	more, missing := true, false
	for more {
		more, missing = a.turn()
	}
	if missing {
		a.x.drop(a) // commands for streams that do not exist leave nothing behind
	}
}

// turn does what there is to do. more is false when there was nothing: then another goroutine may run the actor
// already, and missing says that there was no stream.
func (a *actor) turn() (more, missing bool) {
	a.mu.Lock()
	settled, waiting := a.settled, a.waiting
	a.settled = nil
	blocked := a.rewinding && len(a.inflight) > len(settled)
	if blocked {
		waiting = nil
	} else {
		a.waiting = nil
	}
	if len(settled) == 0 && len(waiting) == 0 && (blocked || len(a.redo) == 0) {
		missing = a.confirmed == domain.NoRevision
		a.running = false
		a.mu.Unlock()
		return false, missing
	}
	a.mu.Unlock()

	a.land(settled)
	if a.rewinding && len(a.inflight) > 0 {
		a.mu.Lock()
		a.waiting = append(waiting, a.waiting...)
		a.mu.Unlock()
		return true, false
	}
	slices.SortFunc(a.redo, func(x, y *item) int { return cmp.Compare(x.seq, y.seq) })
	work := append(a.redo, waiting...)
	a.redo, a.checked = nil, false
	if err := a.ready(work); err != nil {
		a.failAll(work, err)
		return true, false
	}
	for len(work) > 0 {
		if a.rewinding { // what was decided last rests on something old
			a.redo = append(a.redo, work...)
			break
		}
		n := min(chunk, len(work))
		a.decideAll(work[:n])
		work = work[n:]
	}
	return true, false
}

// ready makes the actor fit to decide on some work: it knows where its stream is.
func (a *actor) ready(work []*item) error {
	if a.paused != nil {
		return &PausedError{Stream: a.stream, Cause: a.paused}
	}
	var err error
	switch {
	case !a.loaded:
		err = a.load()
	case a.rewinding:
		a.backoff(work)
		err = a.rewind()
	}
	if errors.Is(err, domain.ErrUnknownEvent) {
		a.paused = err
		a.reset()
		return &PausedError{Stream: a.stream, Cause: err}
	}
	return err
}

// backoff waits before a decision is made again, longer each time, so that two executors on one stream do not go on
// getting in each other's way.
func (a *actor) backoff(work []*item) {
	conflicts := 0
	for _, it := range work {
		conflicts = max(conflicts, it.conflicts)
	}
	if conflicts < 2 {
		return
	}
	most := min(50*time.Millisecond, time.Millisecond<<min(conflicts/2, 10))
	select {
	case <-time.After(rand.N(most)):
	case <-a.x.ctx.Done():
	}
}

// failAll answers commands that could not be decided.
func (a *actor) failAll(its []*item, err error) {
	for _, it := range its {
		a.answer(it, Answer{Err: err})
	}
}

// answer gives a command back to its caller.
func (a *actor) answer(it *item, ans Answer) {
	a.mu.Lock()
	a.depth--
	a.mu.Unlock()
	a.x.answer(it, ans)
}

// answer leaves an answer and counts the call out with its last one.
func (x *Executor) answer(it *item, ans Answer) {
	if it.call.answer(it.index, ans) {
		x.calls.Done()
	}
}
