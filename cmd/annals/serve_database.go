package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/embedded"
	"github.com/annals-io/annals/operations"
	"github.com/annals-io/annals/projections"
)

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
