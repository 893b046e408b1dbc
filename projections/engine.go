package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Config says what is projected and how. A field left zero has its default; Store and Pool are needed.
type Config struct {
	Store eventstore.Store
	// Pool is what rows are read and written through. Each lane keeps one connection busy while it applies a page;
	// a rebuild uses as many more as it is told to.
	Pool *pgxpool.Pool
	// OwnerPool creates and drops schemas, and grants the role of Pool what it needs. Default: Pool.
	OwnerPool *pgxpool.Pool

	Lanes          int           // shares of the workspaces, projected in parallel; default 2; equal in all processes
	PageSize       int           // most events in one transaction; default 5,000
	PageTimeout    time.Duration // for one page; default 1 minute
	Lease          time.Duration // how long a lane stays with a process that is not heard of; default 10 s
	Rest           time.Duration // how long a lane rests between pages at most; default 100 ms
	StatesLinger   time.Duration // how long decision states may wait for more events to share a page; default 250 ms
	KeepOld        time.Duration // how long a model that was swapped out stays, to go back to; default 1 h
	LongestRequest time.Duration // no request reads longer than this: an old model outlives it; default 30 s
	Hooks          Hooks
	Log            *slog.Logger     // nil: silence
	Now            func() time.Time // default time.Now; tells settled times and times ahead, nothing that is stored
}

// Hooks are told what happens; a nil function is not called. They are called while pages wait: they count, they do
// not wait.
type Hooks struct {
	// Page is called after each page: committed, or failed with err. Lag is how long ago the page's last event was
	// recorded.
	Page func(p PageInfo)
	// Parked is called when an event was parked and its stream paused.
	Parked func(model string, stream domain.Stream, revision domain.Revision, cause error)
	// Lane is called when this process begins (true) or ends projecting a lane.
	Lane func(model string, lane int, held bool)
}

// PageInfo is what became of one page.
type PageInfo struct {
	Model   string // schema of the model, or "states"
	Lane    int
	Events  int
	Streams int
	Took    time.Duration
	Lag     time.Duration
	Err     error
}

func (c Config) complete() (Config, error) {
	if c.OwnerPool == nil {
		c.OwnerPool = c.Pool
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Lanes = cmp.Or(c.Lanes, 2)
	c.PageSize = cmp.Or(c.PageSize, 5_000)
	c.PageTimeout = cmp.Or(c.PageTimeout, time.Minute)
	c.Lease = cmp.Or(c.Lease, 10*time.Second)
	c.Rest = cmp.Or(c.Rest, 100*time.Millisecond)
	c.StatesLinger = cmp.Or(c.StatesLinger, 250*time.Millisecond)
	c.KeepOld = cmp.Or(c.KeepOld, time.Hour)
	c.LongestRequest = cmp.Or(c.LongestRequest, 30*time.Second)
	var faults []error
	if c.Store == nil || c.Pool == nil {
		faults = append(faults, errors.New("projections need a Store and a Pool"))
	}
	if c.Lanes < 1 || c.Lanes > maxLanes {
		faults = append(faults, fmt.Errorf("projections: Lanes is %d, not 1 to %d", c.Lanes, maxLanes))
	}
	if c.PageSize < 1 || c.PageSize > 100_000 {
		faults = append(faults, fmt.Errorf("projections: PageSize is %d, not 1 to 100,000", c.PageSize))
	}
	for name, d := range map[string]time.Duration{"PageTimeout": c.PageTimeout, "Lease": c.Lease, "Rest": c.Rest, "StatesLinger": c.StatesLinger, "KeepOld": c.KeepOld, "LongestRequest": c.LongestRequest} {
		if d < 0 {
			faults = append(faults, fmt.Errorf("projections: %s is %s, below zero", name, d))
		}
	}
	return c, errors.Join(faults...)
}

// An Engine projects the log and opens moments of what was projected. One per process; it serves questions and waits
// whether or not [Engine.Run] is under way, or runs in another process.
type Engine struct {
	Config
	version string // of the folding code and its tables
	fold    folder
	watch   *watch
	live    atomic.Pointer[model] // the last live model seen; every use checks it
	foreign atomic.Pointer[foreign]
	states  *projection

	mu     sync.Mutex
	models map[string]*projection // by schema
	slugs  *numbers               // of workspaces, shared by all models

	nudged chan struct{} // look at leases and models now
	ready  chan struct{}
	once   sync.Once
	drops  atomic.Bool                     // dropped models are being cleared away
	held   atomic.Pointer[map[string]bool] // lanes that this process projects
	walled atomic.Bool                     // the roles of the wall are there
	lately atomic.Pointer[lateness]        // of the last page of the live model that this process projected
}

// New makes an engine. It touches nothing yet.
func New(c Config) (*Engine, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		Config: c, fold: readFold{c.Store}, models: map[string]*projection{},
		nudged: make(chan struct{}, 1), ready: make(chan struct{}),
	}
	e.version = codeVersion()
	e.slugs = newNumbers(c.Pool, numberWorkspaces)
	e.states = e.newStates()
	e.watch = newWatch(e)
	return e, nil
}

// Run projects until ctx ends, then stops: transactions under way are rolled back or committed, leases given up. It
// creates the first model where there is none. Its error is of starting alone; what fails later is logged and tried
// again, for lag is not unreadiness.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.Prepare(ctx); err != nil {
		return err
	}
	var resuming sync.WaitGroup
	defer resuming.Wait()
	resuming.Go(func() { e.resumeStates(ctx) })
	resuming.Go(func() { e.adoptAll(ctx) })
	return e.keep(ctx, nil)
}

// Ready is closed when there is a live model to ask.
func (e *Engine) Ready() <-chan struct{} { return e.ready }

// nudge has the keeper of leases look now.
func (e *Engine) nudge() {
	select {
	case e.nudged <- struct{}{}:
	default: // it is going to look anyway
	}
}

// projected is the projection into a model's schema.
func (e *Engine) projected(schema string) *projection {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.models[schema]
	if p == nil {
		p = e.newModel(schema)
		e.models[schema] = p
	}
	return p
}
