package postgres

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/klauspost/compress/zstd"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Options say how the store uses its database. A field left zero has its default.
type Options struct {
	MaxConns    int32         // most connections for reading; default 10. Appending has four of its own
	NotifyEvery time.Duration // least time between two NOTIFYs; default 15ms
	PollOnly    bool          // no LISTEN and no NOTIFY, for poolers that cannot carry them
	Logger      *slog.Logger  // nil: silence
}

// Store is the log in one database. It is safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	appends *pgxpool.Pool
	opts    Options
	feed    *feed
	worth   int         // so many events of a transaction go by COPY
	noCopy  atomic.Bool // none does: the database refuses it to this role
	streams streamCache
	zstd    *zstd.Encoder
	unzstd  *zstd.Decoder

	ctx    context.Context // of the goroutines below
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	notify chan struct{}
	watch  sync.Once
}

var (
	_ eventstore.Store          = (*Store)(nil)
	_ eventstore.EntitiesReader = (*Store)(nil)
)

// Open connects to a migrated database. A database without the log's schema, or one that this role may not read, is
// an error.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	opts.MaxConns = cmp.Or(opts.MaxConns, 10)
	opts.NotifyEvery = cmp.Or(opts.NotifyEvery, 15*time.Millisecond)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open the event store: %w", err)
	}
	config.MaxConns = opts.MaxConns
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "annals"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the event store: %w", err)
	}
	config = config.Copy()
	config.MaxConns, config.MinConns, config.AfterConnect = appendConns, 0, planByIndex
	appends, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open the event store: %w", err)
	}
	s := &Store{pool: pool, appends: appends, opts: opts, feed: newFeed(), worth: worthCopy, notify: make(chan struct{}, 1)}
	if _, err := s.Head(ctx); err != nil {
		appends.Close()
		pool.Close()
		return nil, fmt.Errorf("open the event store: %w", err)
	}
	if err := s.sees(ctx); err != nil {
		appends.Close()
		pool.Close()
		return nil, fmt.Errorf("open the event store: %w", err)
	}
	if s.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest)); err != nil {
		return nil, fmt.Errorf("open the event store: %w", err)
	}
	if s.unzstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(eventstore.MaxEvidence+1)); err != nil {
		return nil, fmt.Errorf("open the event store: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if !opts.PollOnly {
		s.tasks.Go(s.notifyLoop)
	}
	return s, nil
}

// Row level security shows a role that no policy is made for an empty table, and no error.
const seesSQL = `SELECT current_user, NOT row_security_active('log.events') OR EXISTS (
	SELECT FROM pg_policy p, unnest(p.polroles) r WHERE p.polrelid = 'log.events'::regclass AND p.polname = 'keeps' AND (r = 0 OR pg_has_role(r, 'USAGE')))`

// sees fails where this role would find no event, however many there are.
func (s *Store) sees(ctx context.Context) error {
	var role string
	var all bool
	if err := s.pool.QueryRow(ctx, seesSQL).Scan(&role, &all); err != nil {
		return translate(err)
	}
	if !all {
		return &eventstore.AccessDeniedError{Cause: fmt.Errorf("row level security hides all events from %s: log in as the role of the server, or as one that has BYPASSRLS", role)}
	}
	return nil
}

// appendConns is how many connections append: one executor has one append under way, and other callers come rarely.
const appendConns = 4

// planByIndex keeps the planner of a session that appends from reading whole tables whatever its statistics say, and
// has rows locked in the order they are asked for. One plan of each statement serves lists of any length; planning
// anew for each length would cost more than writing a small group.
func planByIndex(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan`)
	return err
}

// Pool is the store's pool, for others that use the same database.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Close ends followers and closes the pool.
func (s *Store) Close() error {
	s.cancel()
	s.feed.close()
	s.tasks.Wait()
	s.appends.Close()
	s.pool.Close()
	return nil
}

// A streamCache remembers the ids of streams that were found sound when they were touched first. Ids never change.
type streamCache struct {
	mu    sync.RWMutex
	ids   map[domain.Stream]int32
	names map[int32]domain.Stream
}

// maxStreams bounds the cache; past it, it begins anew, which costs a look at each stream.
const maxStreams = 200_000

func (c *streamCache) id(name domain.Stream) (int32, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, ok := c.ids[name]
	return id, ok
}

func (c *streamCache) name(id int32) (domain.Stream, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	name, ok := c.names[id]
	return name, ok
}

// sound remembers a stream that was checked.
func (c *streamCache) sound(name domain.Stream, id int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil || len(c.ids) >= maxStreams {
		c.ids = map[domain.Stream]int32{}
	}
	c.ids[name] = id
	c.named(name, id)
}

// seen remembers the name of a stream, checked or not.
func (c *streamCache) seen(name domain.Stream, id int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.named(name, id)
}

func (c *streamCache) named(name domain.Stream, id int32) {
	if c.names == nil || len(c.names) >= maxStreams {
		c.names = map[int32]domain.Stream{}
	}
	c.names[id] = name
}

// suspect forgets that streams were found sound: they will be looked at again.
func (c *streamCache) suspect(names []domain.Stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		delete(c.ids, n)
	}
}
