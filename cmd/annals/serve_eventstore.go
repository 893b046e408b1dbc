package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/eventstore/postgres"
)

// logStore is a backend as the server uses it: the log, and the database that it lies in or beside.
type logStore interface {
	eventstore.Store
	eventstore.RawReader
	eventstore.RawStreamReader
	Pool() *pgxpool.Pool
	ForgetCommands(ctx context.Context, before time.Time) (forgotten int64, err error)
}

// plainPrefix is what may stand before the names of streams: nothing that the server keeps for itself ("$"), and
// nothing that has to be quoted anywhere.
var plainPrefix = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$`)

// checkEventstore refuses a connection string or a prefix that cannot be meant.
func checkEventstore(connection, prefix string) error {
	if connection == "" && prefix != "" {
		return usage("--eventstore-prefix says which streams of an event store are this instance's, and none is named").with("give --eventstore too, or leave the prefix out")
	}
	if connection == "" {
		return nil
	}
	if !plainPrefix.MatchString(prefix) {
		return usage("--eventstore-prefix %q is no prefix", prefix).with("up to 64 of a-z, A-Z, 0-9, \".\", \"_\" and \"-\", beginning with a letter or digit, such as team-a.")
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
func (s *server) openLog(ctx context.Context, databaseURL, connection, prefix string) (logStore, error) {
	if connection == "" {
		store, err := postgres.Open(ctx, databaseURL, postgres.Options{MaxConns: storeConns, Logger: s.log})
		if err != nil {
			return nil, err
		}
		return store, nil
	}
	ctx, cancel := context.WithTimeout(ctx, openEventstoreTimeout)
	defer cancel()
	store, err := esdb.Open(ctx, connection, databaseURL, esdb.Options{MaxConns: storeConns, Prefix: prefix, Logger: s.log})
	if err != nil {
		return nil, storeFailure(fmt.Errorf("the event store at %s: %w", hostOf(connection), err))
	}
	return store, nil
}

// hostOf is where a connection string leads, without user and password.
func hostOf(connection string) string {
	_, rest, _ := strings.Cut(connection, "://")
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return rest[strings.LastIndex(rest, "@")+1:]
}
