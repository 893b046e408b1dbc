package eventstore

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// overloadRetry is when to come again after an overload: by then a mailbox has been emptied many times over.
const overloadRetry = time.Second

var errClosing = errors.New("the server is shutting down")

// An Executor carries out commands. It is safe for concurrent use.
type Executor struct {
	store   Store
	cfg     Config
	states  *stateCache
	recent  *recentCommands
	loads   *loads
	workers *workers
	group   *committer

	ctx    context.Context // of all work of the executor, whoever asked for it
	cancel context.CancelFunc

	mu      sync.Mutex
	closing bool
	calls   sync.WaitGroup
	actors  map[domain.Stream]*list.Element // of *actor
	used    *list.List                      // the actor used last is in front
}

var _ Commander = (*Executor)(nil)

// New starts an executor over a store. Close it before the store. A wrong configuration is a bug of the caller, so
// it panics.
func New(store Store, cfg Config) *Executor {
	cfg, err := cfg.complete()
	if err != nil {
		panic(fmt.Sprintf("eventstore.New: %v", err))
	}
	ctx, cancel := context.WithCancel(context.Background())
	x := &Executor{
		store:   store,
		cfg:     cfg,
		states:  newStateCache(cfg.MaxStates),
		recent:  newRecentCommands(cfg.MaxCommands),
		loads:   newLoads(store),
		workers: newWorkers(ctx),
		ctx:     ctx,
		cancel:  cancel,
		actors:  map[domain.Stream]*list.Element{},
		used:    list.New(),
	}
	x.group = newCommitter(ctx, store, cfg)
	return x
}

// Execute carries out one command. See [Commander].
func (x *Executor) Execute(ctx context.Context, r Request) (Result, error) {
	a := x.ExecuteAll(ctx, []Request{r})[0]
	return a.Result, a.Err
}

// ExecuteAll carries out several commands. See [Commander]. When ctx ends first, commands without an answer yet are
// answered *[OutcomeUnknownError]: those already decided are still carried out.
func (x *Executor) ExecuteAll(ctx context.Context, rs []Request) []Answer {
	if len(rs) == 0 {
		return nil
	}
	if err := x.enter(); err != nil {
		return allFailed(len(rs), err)
	}
	c := newCall(len(rs))
	go1 := len(rs) == 1
	items := make([]item, len(rs))
	byStream := make([][]*item, 0, 1)
	index := map[domain.Stream]int{}
	for i := range rs {
		it := &items[i]
		*it = item{req: rs[i], call: c, index: i, id: rs[i].CommandID}
		if it.id == "" {
			it.id = uuid.NewString() // a retry of ours makes the same event ids
		}
		if go1 {
			byStream = append(byStream, []*item{it})
			break
		}
		at, ok := index[it.req.Stream]
		if !ok {
			at = len(byStream)
			index[it.req.Stream] = at
			byStream = append(byStream, nil)
		}
		byStream[at] = append(byStream[at], it)
	}
	for _, its := range byStream {
		x.post(its)
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		c.abandon(&OutcomeUnknownError{Cause: ctx.Err()})
	}
	return c.answers
}

// enter counts a call, so that Close waits for it; whoever finishes the call's last command counts it out.
func (x *Executor) enter() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closing {
		return &UnavailableError{Cause: errClosing}
	}
	x.calls.Add(1)
	return nil
}

// post hands commands of one stream to its actor.
func (x *Executor) post(its []*item) {
	for {
		a := x.actor(its[0].req.Stream)
		if a.post(its) {
			return
		} // else it retired in between: the next one takes them
	}
}

// actor is the actor of a stream, new or not. The one unused for the longest time retires when there are too many.
func (x *Executor) actor(stream domain.Stream) *actor {
	x.mu.Lock()
	defer x.mu.Unlock()
	if el := x.actors[stream]; el != nil {
		x.used.MoveToFront(el)
		return el.Value.(*actor)
	}
	a := newActor(x, stream)
	x.actors[stream] = x.used.PushFront(a)
	x.thin()
	return a
}

// thin retires the actors unused for the longest time when there are too many. Busy ones stay: it tries a few only,
// since there will be another occasion.
func (x *Executor) thin() {
	el := x.used.Back()
	for tries := 0; len(x.actors) > x.cfg.MaxStreams && el != x.used.Front() && tries < 16; tries++ {
		old := el.Value.(*actor)
		el = el.Prev()
		if old.retire() {
			x.forget(old.stream)
		}
	}
}

// drop retires an actor that has nothing worth keeping.
func (x *Executor) drop(a *actor) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if el := x.actors[a.stream]; el != nil && el.Value.(*actor) == a && a.retire() {
		x.forget(a.stream)
	}
}

func (x *Executor) forget(stream domain.Stream) {
	x.used.Remove(x.actors[stream])
	delete(x.actors, stream)
	x.states.drop(stream)
}

// Close takes no more commands and waits until those that were taken are answered, or until ctx ends: then they are
// answered *[OutcomeUnknownError] or *[UnavailableError], and the error is ctx's. The store stays open.
func (x *Executor) Close(ctx context.Context) error {
	x.mu.Lock()
	x.closing = true
	x.mu.Unlock()
	drained := make(chan struct{})
	go func() {
		x.calls.Wait()
		close(drained)
	}()
	var err error
	select {
	case <-drained:
	case <-ctx.Done():
		err = fmt.Errorf("drain the executor: %w", ctx.Err())
	}
	x.cancel()
	<-drained
	x.group.wait()
	return err
}

func allFailed(n int, err error) []Answer {
	answers := make([]Answer, n)
	for i := range answers {
		answers[i].Err = err
	}
	return answers
}
