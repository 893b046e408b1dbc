package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/access/session"
	"github.com/annals-io/annals/access/signin"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/erasure"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/fork"
	"github.com/annals-io/annals/internal/embedded"
	"github.com/annals-io/annals/operations"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
	"github.com/annals-io/annals/promotion"
	"github.com/annals-io/annals/rest/docs"
	"github.com/annals-io/annals/vault"
	"github.com/annals-io/annals/vault/kek"
)

// server is everything that runs behind the addresses, in the order in which it is started.
type server struct {
	log       *slog.Logger
	metrics   *metrics
	tracer    oteltrace.Tracer
	recording bool // whether spans go anywhere

	database   *embedded.Server          // nil: somebody else runs it
	up         *gate                     // whether requests may be let through
	pool       *pgxpool.Pool             // for projecting and keys
	answers    atomic.Pointer[read.DB]   // for questions
	logAnswers atomic.Pointer[walledLog] // the same, of the log; nil: there is no second wall
	owner      *pgxpool.Pool             // for schemas
	store      logStore
	engine     *projections.Engine
	commands   *eventstore.Executor
	begun      promotion.Lister
	model      *modelKeeper
	keys       *access.Keys
	rights     *access.Rights
	sealer     *vault.Keys
	history    *seal.Sealer
	desk       *people.Desk
	docs       docs.Site
	signIn     *signin.Handler
	gate       *session.Gate
	accounts   *account.Accounts
	operations *operations.Desk
	erasures   *erasure.Desk
	forks      *fork.Watch

	work   sync.WaitGroup  // what goes on beside requests
	living context.Context // of that work: it ends when the server stops
	stop   context.CancelFunc
	began  time.Time
}

// The connections to the database, at most.
const (
	readConns  = 16 // projections, keys, and questions where there is no second wall
	askConns   = 12 // questions, of each of two kinds
	storeConns = 10
	ownerConns = 4
)

// openServer starts the parts one after the other. What fails leaves nothing running.
func (a *app) openServer(ctx context.Context, f serveFlags, tracer oteltrace.Tracer, log *slog.Logger) (_ *server, err error) {
	s := &server{log: log, metrics: newMetrics(), tracer: tracer, recording: f.traces(), up: &gate{}, began: time.Now()}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	url, ownerURL, err := s.openDatabase(ctx, a, f)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx, url, ownerURL); err != nil {
		return nil, err
	}
	if err := s.openStores(ctx, url, f); err != nil {
		return nil, err
	}
	if err := s.warn(ctx); err != nil {
		return nil, err
	}
	if s.sealer, err = vault.OpenWith(vault.Config{Dir: vaultDir(f.data), KEK: f.kek, Service: kek.Open}); err != nil {
		return nil, err
	}
	told := a.stdout
	if f.past.bundle != nil {
		told = io.Discard // the key that counts is that of the instance which the export is of
	}
	if err := s.openAudit(f, told); err != nil {
		return nil, err
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.living, s.stop = work, stop
	if err := s.openFork(ctx, work); err != nil {
		return nil, err
	}
	s.background(work, f)
	s.openDesk(work, f)
	s.erasures = s.eraser()
	if f.past.bundle == nil {
		s.work.Go(func() { s.erasures.Run(work) })
	}
	select {
	case <-s.engine.Ready():
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := s.openAnswers(ctx, url); err != nil {
		return nil, err
	}
	if err := s.model.glance(ctx); err != nil {
		return nil, err
	}
	s.work.Go(func() { s.model.run(work) })
	s.up.open()
	return s, nil
}

// closeTimeout bounds each step of stopping.
const closeTimeout = 15 * time.Second

// close stops what was started, the last first. It is called once.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.commands != nil {
		if err := s.commands.Close(ctx); err != nil {
			s.log.Warn("commands under way were cut off", "err", err)
		}
	}
	if s.stop != nil {
		s.stop()
		s.work.Wait()
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Warn("close the event store", "err", err)
		}
	}
	if answers := s.answers.Load(); answers != nil {
		answers.Close()
	}
	if l := s.logAnswers.Load(); l != nil {
		l.Close()
	}
	for _, pool := range []*pgxpool.Pool{s.pool, s.owner} {
		if pool != nil {
			pool.Close()
		}
	}
	if s.database == nil {
		return
	}
	ctx, cancel = context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := s.database.Stop(ctx); err != nil {
		s.log.Error("stop the database", "err", err)
	}
}
