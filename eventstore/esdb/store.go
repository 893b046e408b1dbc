package esdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/klauspost/compress/zstd"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Options say how the store uses what it is connected to. A field left zero has its default.
type Options struct {
	MaxConns  int32         // most connections to Postgres; default 10
	MaxAppend int           // the server's limit on one append, in bytes; default 1 MiB, that of servers through 25.0
	PollEvery time.Duration // how often followers look although nobody woke them; default 1 s
	Prefix    string        // of all names of streams at the server, where several logs share one; "$" may not begin it
	Logger    *slog.Logger  // nil: silence
}

// Store is the log in an EventStoreDB. It is safe for concurrent use.
type Store struct {
	cluster *cluster
	config  *client.Configuration
	opts    Options
	pool    *pgxpool.Pool
	zstd    *zstd.Encoder
	unzstd  *zstd.Decoder
	maxTail int

	mu      sync.Mutex
	states  map[domain.Stream]*state
	seen    map[domain.Stream]mark
	top     eventstore.Position // of the last event of ours that was met
	foreign stretch             // at the end of the log, as it was last read
	audited bool                // every stream is as long as it is known to have been
	moved   chan struct{}       // closed and replaced when there may be more to read

	ctx    context.Context // of the store's life
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	watch  sync.Once
}

var _ eventstore.Store = (*Store)(nil)

// Open connects to the event store that a connection string names ("esdb://..."), and to the migrated database
// beside it. Errors: a connection string that cannot be read, *AccessDeniedError, *UnavailableError, and a database
// that holds a log of its own.
func Open(ctx context.Context, connection, databaseURL string, opts Options) (*Store, error) {
	opts.MaxConns = cmp.Or(opts.MaxConns, 10)
	opts.MaxAppend = cmp.Or(opts.MaxAppend, 1<<20)
	opts.PollEvery = cmp.Or(opts.PollEvery, time.Second)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	config, err := parse(connection)
	if err != nil {
		return nil, err
	}
	s := &Store{
		config: config, maxTail: maxTail, cluster: newCluster(config, opts.Prefix, opts.Logger), opts: opts,
		states: map[domain.Stream]*state{}, seen: map[domain.Stream]mark{}, moved: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.connect(ctx, databaseURL); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open the event store: %w", err)
	}
	return s, nil
}

func (s *Store) connect(ctx context.Context, databaseURL string) (err error) {
	if s.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest)); err != nil {
		return err
	}
	if s.unzstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(eventstore.MaxEvidence+1)); err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return err
	}
	config.MaxConns = s.opts.MaxConns
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	var foreign bool
	if err := s.pool.QueryRow(ctx, foreignSQL).Scan(&foreign); err != nil {
		return fmt.Errorf("look at the database beside it: %w", besides(err))
	}
	if foreign {
		return errors.New("the database beside it holds a log of its own: give this instance a database of its own")
	}
	_, err = s.Head(ctx)
	return err
}

// Pool is the store's pool, for others that use the same database.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Close ends followers and gives back the connections.
func (s *Store) Close() error {
	s.cancel()
	s.cluster.close()
	s.wake()
	s.tasks.Wait()
	if s.pool != nil {
		s.pool.Close()
	}
	return nil
}

// ready says whether anything can be asked for at all.
func (s *Store) ready(ctx context.Context) error {
	if s.ctx.Err() != nil {
		return &eventstore.UnavailableError{Cause: errClosed}
	}
	if err := ctx.Err(); err != nil {
		return &eventstore.UnavailableError{Cause: err}
	}
	return nil
}

func (s *Store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.moved)
	s.moved = make(chan struct{})
}
