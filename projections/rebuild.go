package projections

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/schema/postgres"
)

// RebuildOptions says how a model is rebuilt. A field left zero has its default.
type RebuildOptions struct {
	PageSize int // most events in one transaction; default 8,000
	Parallel int // workspaces filled at a time, and tables indexed; default 2
	// Memory is about how many bytes of rows are kept in memory while workspaces are filled, in all; default 192 MiB.
	// A workspace that needs more is filled page by page from there on, several times slower.
	Memory int64
	// Gentle has it rest while commits are slow or the live model is late: the last of all that is done.
	Gentle bool
	// KeepOld is how long the model that was live stays, projected, to go back to; default Config.KeepOld.
	KeepOld time.Duration
	// Stage is told what is done after filling, and how much of it; nil is not called. Calls may overlap.
	Stage func(s Stage, done, total int64)
	// AcceptDifferences swaps a model of new code in although it differs. Models of the same code must be equal.
	AcceptDifferences bool
	// Prove builds a second time, with pages of another size, and refuses where the two differ.
	Prove bool
}

// A Stage is a part of a rebuild, after filling.
type Stage string

// The stages: keys and indexes are made, counted in statements; the two models are compared, workspace by workspace.
const (
	StageIndexing  Stage = "indexing"
	StageComparing Stage = "comparing"
)

// Report is what a rebuild did and found.
type Report struct {
	From, To    string // schemas: the live model and the one built
	SameCode    bool   // both were folded by the same code
	Workspaces  int    // compared
	Events      int64  // folded while filling
	Filling     time.Duration
	Indexing    time.Duration // making keys and indexes afterwards
	Took        time.Duration
	Rate        float64 // events a second while filling and indexing
	Equal       bool
	Tables      int               // how many tables differ, over all workspaces
	Differences []TableDifference // the first 1,000 of them, with the first 20 rows of each
	Paused      []domain.Slug     // in the new model alone
	Swapped     bool              // the new model is the live one now
}

// Rebuild fills a new model beside the live one from the log, compares the two at one revision of each workspace, and
// makes the new one live. Readers are never blocked, and neither are writers; the old model goes on being projected
// for Config.KeepOld, so that [Engine.Rollback] can go back. Progress is called now and then while the model is filled,
// with the events folded, their number in all, and the rate per second; it may be nil.
//
// Where the models differ the error is a *DifferentError, beside the report: models of one code must be equal; one of
// new code stays beside the live one, projected, to be looked at and taken by [Engine.Swap] or thrown away by
// [Engine.Discard]. ErrRebuilding: one at a time.
func (e *Engine) Rebuild(ctx context.Context, o RebuildOptions, progress func(done, total int64, rate float64)) (Report, error) {
	o.PageSize, o.Parallel, o.Memory = cmp.Or(o.PageSize, 8_000), cmp.Or(o.Parallel, 2), cmp.Or(o.Memory, 192<<20)
	if progress == nil {
		progress = func(int64, int64, float64) {}
	}
	began := time.Now()
	unlock, err := e.lockRebuild(ctx)
	if err != nil {
		return Report{}, err
	}
	defer unlock()
	b, err := e.newBuild(ctx, o)
	if err != nil {
		return Report{}, err
	}
	b.progress = progress
	report, err := b.run(ctx)
	report.Took = time.Since(began)
	return report, err
}

// A build is one rebuild under way.
type build struct {
	e        *Engine
	o        RebuildOptions
	progress func(done, total int64, rate float64)
	pace     *pace                       // nil: at full speed
	compared func(g *goal, events int64) // told of each workspace that was compared; nil is not called
	from     *model
	live     *projection
	next     emptyModel
	start    eventstore.Position // every workspace with events up to here has a number
	mu       sync.Mutex          // of report, while workspaces are compared
	report   Report
	filled   bool // filling what little was written meanwhile is no progress to tell
}

func (e *Engine) newBuild(ctx context.Context, o RebuildOptions) (*build, error) {
	from, err := e.liveModel(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.dropBuilding(ctx); err != nil {
		return nil, fmt.Errorf("drop what an earlier rebuild left: %w", err)
	}
	b := &build{e: e, o: o, from: from, live: e.projected(from.Schema)}
	if o.Gentle {
		b.pace = &pace{e: e}
	}
	// Read before the streams are: what lies behind it is found by the lanes, which begin here.
	if b.start, err = b.live.from(ctx, -1); err != nil {
		return nil, err
	}
	if b.next, err = e.createEmpty(ctx, building); err != nil {
		return nil, err
	}
	b.report = Report{From: from.Schema, To: b.next.schema, SameCode: from.Version == e.version}
	return b, nil
}

// An emptyModel is a model to be filled.
type emptyModel struct {
	*projection
	bare bool         // it has neither keys nor indexes yet
	keys []primaryKey // to be made
}

// createEmpty creates a model to be filled. Where the quick way is known it has neither keys nor indexes: a rebuild that
// ends before it has them leaves a model that nobody projects into, and that the next rebuild drops.
func (e *Engine) createEmpty(ctx context.Context, state modelState) (m emptyModel, err error) {
	_, m.bare = e.fold.(quickFolder)
	err = pgx.BeginFunc(ctx, e.OwnerPool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockModels); err != nil {
			return err
		}
		schema, err := e.createModel(ctx, tx, state)
		if err != nil {
			return err
		}
		m.projection = e.projected(schema)
		if m.bare {
			m.keys, err = dropKeys(ctx, tx, schema)
			return err
		}
		_, err = tx.Exec(ctx, inSchema(postgres.FoldIndexes, schema))
		return err
	})
	if err != nil {
		return m, fmt.Errorf("create a model: %w", err)
	}
	return m, nil
}

// stage tells how far what comes after filling is.
func (b *build) stage(s Stage, done, total int64) {
	if b.o.Stage != nil {
		b.o.Stage(s, done, total)
	}
}

func (b *build) run(ctx context.Context) (Report, error) {
	goals, err := b.goals(ctx)
	if err != nil {
		return b.report, err
	}
	if err := b.fillNew(ctx, b.next, goals, b.o.PageSize, postgres.Indexes); err != nil {
		return b.report, err
	}
	b.filled = true
	if err := b.e.raise(ctx, b.next.schema); err != nil {
		return b.report, err
	}
	if err := b.e.analyze(ctx, b.next.schema, b.o.Parallel); err != nil {
		return b.report, fmt.Errorf("analyze %s: %w", b.next.schema, err)
	}
	if b.o.Prove {
		if err := b.prove(ctx, goals); err != nil {
			return b.report, err
		}
	}
	if err := b.compare(ctx, goals); err != nil {
		return b.report, fmt.Errorf("compare %s with %s: %w", b.next.schema, b.live.schema, err)
	}
	if err := b.e.note(ctx, b.report); err != nil {
		return b.report, err
	}
	different := &DifferentError{b.next.schema, b.report.SameCode, b.report.Tables}
	if !b.report.Equal && b.report.SameCode {
		return b.report, different
	}
	if err := b.topUp(ctx, goals); err != nil {
		return b.report, err
	}
	if !b.report.Equal && !b.o.AcceptDifferences {
		return b.report, different
	}
	if err := b.catchUp(ctx); err != nil {
		return b.report, fmt.Errorf("let %s catch up: %w", b.next.schema, err)
	}
	if err := b.e.swap(ctx, b.next.schema, b.o.KeepOld); err != nil {
		return b.report, err
	}
	b.report.Swapped = true
	return b.report, nil
}

// lockRebuild allows one rebuild at a time, over all processes: the lock ends with its connection.
func (e *Engine) lockRebuild(ctx context.Context) (unlock func(), err error) {
	conn, err := e.OwnerPool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock rebuilding: %w", err)
	}
	var got bool
	const lockSQL = `SELECT pg_try_advisory_lock(hashtextextended('annals rebuild', 0))`
	if err := conn.QueryRow(ctx, lockSQL).Scan(&got); err != nil || !got {
		conn.Release()
		return nil, cmp.Or(err, ErrRebuilding)
	}
	return func() { unlockRebuild(conn) }, nil
}

// unlockRebuild gives the lock up; where that fails the connection ends, and the lock with it.
func unlockRebuild(conn *pgxpool.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	const unlockSQL = `SELECT pg_advisory_unlock(hashtextextended('annals rebuild', 0))`
	if _, err := conn.Exec(ctx, unlockSQL); err != nil {
		_ = conn.Hijack().Close(ctx)
		return
	}
	conn.Release()
}

// topUp applies what the streams hold beyond the revisions that were compared, and hands the model to the lanes.
func (b *build) topUp(ctx context.Context, goals []goal) error {
	for i := range goals {
		info, err := b.e.Store.Info(ctx, goals[i].stream)
		if err != nil && !isNoStream(err) {
			return err
		}
		goals[i].until = info.Last
	}
	if err := b.fill(ctx, b.next.projection, goals, b.o.PageSize); err != nil {
		return fmt.Errorf("fill %s to the head: %w", b.next.schema, err)
	}
	for i := range b.next.lanes {
		if _, err := b.e.Pool.Exec(ctx, b.next.sql.seed, laneRow(b.next.lanes, i), b.start.Commit, b.start.Prepare); err != nil {
			return fmt.Errorf("place the lanes of %s: %w", b.next.schema, err)
		}
	}
	if _, err := b.e.Pool.Exec(ctx, `UPDATE log.models SET filled = true, changed_at = now() WHERE schema = $1`, b.next.schema); err != nil {
		return fmt.Errorf("hand %s to the lanes: %w", b.next.schema, err)
	}
	b.e.nudge()
	return nil
}

// catchUp waits until the new model has what the live one had when the waiting began. This process projects it
// meanwhile, unless others do.
func (b *build) catchUp(ctx context.Context) error {
	own, stop := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() { _ = b.e.keep(own, b.next.projection) })
	defer keeping.Wait()
	defer stop()
	_, err := b.e.level(ctx, b.next.projection, b.live, true)
	return err
}
