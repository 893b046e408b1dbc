package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/eventstore/postgres"
)

// logStore is a backend as the server uses it: the log, and the database that it lies in or beside.
type logStore interface {
	eventstore.Store
	Pool() *pgxpool.Pool
	ForgetCommands(ctx context.Context, before time.Time) (forgotten int64, err error)
}

// checkEventstore refuses a connection string that cannot be meant.
func checkEventstore(connection string) error {
	if connection == "" {
		return nil
	}
	if err := esdb.Check(connection); err != nil {
		return usage("--eventstore: %s", err).with("leave it out to keep events in PostgreSQL")
	}
	return nil
}

// openEventstoreTimeout bounds the first look at an event store: a server that starts beside a cluster that does not
// answer says so, instead of waiting in silence.
const openEventstoreTimeout = 30 * time.Second

// openLog opens the log: in the database, or in the event store that a connection string names.
func (s *server) openLog(ctx context.Context, databaseURL, connection string) (logStore, error) {
	if connection == "" {
		store, err := postgres.Open(ctx, databaseURL, postgres.Options{MaxConns: storeConns, Logger: s.log})
		if err != nil {
			return nil, err
		}
		return store, nil
	}
	ctx, cancel := context.WithTimeout(ctx, openEventstoreTimeout)
	defer cancel()
	store, err := esdb.Open(ctx, connection, databaseURL, esdb.Options{MaxConns: storeConns, Logger: s.log})
	if err != nil {
		return nil, err
	}
	return store, nil
}
