package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/access/session"
	"github.com/annals-io/annals/access/signin"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/erasure"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/eventstore/postgres"
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

// openDatabase answers the addresses of the database for the server and for migrations.
func (s *server) openDatabase(ctx context.Context, a *app, f serveFlags) (url, ownerURL string, err error) {
	if f.databaseURL != "" {
		ownerURL = f.ownerURL
		if ownerURL == "" {
			ownerURL = f.databaseURL
		}
		return f.databaseURL, ownerURL, nil
	}
	s.database, err = embedded.Start(ctx, embedded.Config{
		DataDir: f.data, CacheDir: f.cache, BinDir: f.postgresBin, Logger: s.log,
		Progress: func(msg string) { fmt.Fprintf(a.stderr, "annals: %s\n", msg) },
	})
	if errors.Is(err, embedded.ErrInUse) {
		return "", "", (&failure{Exit: exitConflict, Code: "in_use", Message: fmt.Sprintf("another server already runs on the data in %s", f.data)}).
			with("stop it first, or choose another directory by --data")
	}
	if err != nil {
		return "", "", fmt.Errorf("start the database: %w", err)
	}
	for _, note := range s.database.Notes() {
		fmt.Fprintf(a.stderr, "annals: %s\n", note)
	}
	return s.database.URL(), s.database.OwnerURL(), nil
}

// migrate brings the schemas to their newest shape as their owner.
func (s *server) migrate(ctx context.Context, url, ownerURL string) error {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("read the address of the database: %w", err)
	}
	role := config.ConnConfig.User
	if s.owner, err = connect(ctx, ownerURL, ownerConns, nil); err != nil {
		return err
	}
	if s.owner.Config().ConnConfig.User == role {
		role = ""
	}
	if err := postgres.Migrate(ctx, ownerURL, role); err != nil {
		return err
	}
	if err := projections.Migrate(ctx, s.owner); err != nil {
		return err
	}
	if err := operations.Migrate(ctx, s.owner, role); err != nil {
		return err
	}
	if err := seal.Migrate(ctx, ownerURL, role); err != nil {
		return err
	}
	return access.Migrate(ctx, ownerURL, role)
}

func connect(ctx context.Context, url string, most int32, tracer pgx.QueryTracer) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the address of the database: %w", err)
	}
	config.MaxConns = most
	config.ConnConfig.Tracer = tracer
	config.ConnConfig.RuntimeParams["application_name"] = "annals"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return pool, nil
}

func (s *server) openStores(ctx context.Context, url string, f serveFlags) error {
	var err error
	if s.pool, err = connect(ctx, url, readConns, s.sqlTracer()); err != nil {
		return err
	}
	if s.store, err = s.openLog(ctx, url, f.eventstore, f.eventstorePrefix); err != nil {
		return err
	}
	s.engine, err = projections.New(projections.Config{
		Store: s.store, Pool: s.pool, OwnerPool: s.owner, Log: s.log, Hooks: s.projecting(),
		LongestRequest: max(30*time.Second, f.limits.Timeout+10*time.Second), // an old model outlives whoever reads it
	})
	if err != nil {
		return fmt.Errorf("set up projections: %w", err)
	}
	s.commands = eventstore.New(s.store, eventstore.Config{States: s.engine, Logger: s.log, Observe: s.appending()})
	s.model = &modelKeeper{engine: s.engine, log: s.log, metrics: s.metrics, mode: f.rebuild}
	s.keys = access.NewKeys(s.pool, nil)
	s.keys.Commands, s.keys.Standing = s.commands, access.NewStanding(s.store, s.engine)
	s.rights = access.NewRights(s.store, s.engine, firstOrganization)
	veil := history.NewVeil(s.store.Pool())
	s.rights.Hides = veil.Hides
	if f.past.bundle != nil {
		s.rights.Overlay = looksOnly(f.past.looker)
	}
	s.begun = unveiled{s.engine, veil}
	s.openOperations()
	s.metrics.watch(s)
	return nil
}

const unsafeSettingsSQL = `SELECT name FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name`

// unsafeSettings are those of the database with which it may forget what it acknowledged.
func (s *server) unsafeSettings(ctx context.Context) ([]string, error) {
	rows, _ := s.pool.Query(ctx, unsafeSettingsSQL)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look at the settings of the database: %w", err)
	}
	return names, nil
}

// warn says what an operator should change before he relies on this server.
func (s *server) warn(ctx context.Context) error {
	names, err := s.unsafeSettings(ctx)
	for _, name := range names {
		s.log.Warn("the database may lose acknowledged events in a crash", "setting", name, "value", "off", "do", "set it to on")
	}
	return err
}

// background runs what goes on beside requests, until stop.
func (s *server) background(ctx context.Context, f serveFlags) {
	s.work.Go(func() { tuneGC(ctx) })
	s.work.Go(func() { s.project(ctx) })
	if f.past.bundle == nil { // else it was sealed where it comes from
		s.work.Go(func() { s.history.Run(ctx) })
	}
	s.work.Go(func() {
		s.keys.Run(ctx, func(err error) { s.log.Warn("keys", "err", err) })
	})
	sweep := sweeper{keep: f.commandRetention, jitter: rand.N[time.Duration], log: s.log}
	if f.commandRetention > 0 {
		sweep.forget = s.store.ForgetCommands
	}
	if besides, ok := s.store.(*esdb.Store); ok {
		sweep.clear = besides.SweepEvidence
	}
	s.work.Go(func() { sweep.run(ctx) })
	promotions := &promotion.Desk{Commands: s.rights.Watch(s.commander()), Log: s.store, Begun: s.begun, Logger: s.log}
	s.work.Go(func() {
		select {
		case <-s.engine.Ready(): // before, nobody can say which ones are open
			if f.past.bundle == nil { // what an export leaves open is open where it comes from
				promotions.Run(ctx)
			}
		case <-ctx.Done():
		}
	})
	s.work.Go(func() {
		select {
		case <-s.engine.Ready():
			s.operations.Run(ctx)
		case <-ctx.Done():
		}
	})
	if s.database != nil {
		s.work.Go(func() { s.keepDatabase(ctx) })
	}
}

// project runs the projections. They are only given up when that is asked for: what is read gets old, and nothing is
// lost.
func (s *server) project(ctx context.Context) {
	for {
		err := s.engine.Run(ctx)
		if ctx.Err() != nil {
			return
		}
		s.log.Error("projections could not start; trying again", "err", err)
		if sleep(ctx, time.Second) != nil {
			return
		}
	}
}

// keepDatabase starts the embedded PostgreSQL again when it died. Until it is back, requests are told to come again.
func (s *server) keepDatabase(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.database.Exited():
		}
		if ctx.Err() != nil {
			return
		}
		s.up.shut()
		began := time.Now()
		s.log.Error("the database died: starting it again")
		for {
			err := s.database.Restart(ctx)
			if err == nil {
				break
			}
			s.log.Error("the database could not be started; trying again", "err", err)
			if sleep(ctx, time.Second) != nil {
				return
			}
		}
		s.pool.Reset() // what is left in the pools is connected to the dead
		if answers := s.answers.Load(); answers != nil {
			answers.Reset()
		}
		if l := s.logAnswers.Load(); l != nil {
			l.Reset()
		}
		s.owner.Reset()
		s.store.Pool().Reset()
		s.up.open()
		s.log.Info("the database is back", "took", time.Since(began))
	}
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

// unveiled lists promotions of workspaces that are there: those of a history that is being imported were another
// instance's, and end with the import.
type unveiled struct {
	promotion.Lister
	veil *history.Veil
}

// OpenPromotions leaves out those of workspaces that are hidden.
func (u unveiled) OpenPromotions(ctx context.Context, limit int) ([]projections.OpenPromotion, error) {
	all, err := u.Lister.OpenPromotions(ctx, limit)
	if err != nil {
		return nil, err
	}
	there := all[:0]
	for _, p := range all {
		hidden, err := u.veil.Hides(ctx, p.Source)
		if err != nil {
			return nil, err
		}
		if !hidden {
			there = append(there, p)
		}
	}
	return there, nil
}
