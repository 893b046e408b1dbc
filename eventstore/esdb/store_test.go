package esdb_test

import (
	"sync"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/eventstore/eventstoretest"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/pgtest"
)

// beside is the connection string of an empty database beside a log.
func beside(t testing.TB) string {
	t.Helper()
	url := pgtest.URL(t)
	if err := postgres.Migrate(t.Context(), url, ""); err != nil {
		t.Fatal(err)
	}
	return url
}

func fake(t testing.TB, opts esdbfake.Options) *esdbfake.Server {
	t.Helper()
	s, err := esdbfake.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func open(t testing.TB, connection, database string) *esdb.Store {
	t.Helper()
	s, err := esdb.Open(t.Context(), connection, database, esdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// servers remembers which server a store of a test is connected to.
type servers struct {
	mu sync.Mutex
	of map[eventstore.Store]*esdbfake.Server
}

func (s *servers) put(st eventstore.Store, server *esdbfake.Server) eventstore.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[st] = server
	return st
}

func (s *servers) get(st eventstore.Store) *esdbfake.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[st]
}

func backend(opts esdbfake.Options) eventstoretest.Backend {
	known := &servers{of: map[eventstore.Store]*esdbfake.Server{}}
	return eventstoretest.Backend{
		Open: func(t testing.TB) eventstore.Store {
			server := fake(t, opts)
			return known.put(open(t, server.ConnectionString(), beside(t)), server)
		},
		Reopen: func(t testing.TB, s eventstore.Store) eventstore.Store {
			server := known.get(s)
			return known.put(open(t, server.ConnectionString(), s.(*esdb.Store).Pool().Config().ConnString()), server)
		},
		Damage: func(t testing.TB, s eventstore.Store, stream domain.Stream, kind eventstoretest.Damage) {
			server := known.get(s)
			switch kind {
			case eventstoretest.CutTail:
				server.Cut(string(stream), 5)
			case eventstoretest.CutHead:
				server.Pierce(string(stream), 0)
			case eventstoretest.Pierced:
				server.Pierce(string(stream), 2)
			case eventstoretest.RemovedAll:
				server.Cut(string(stream), 0)
			}
		},
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	eventstoretest.Run(t, backend(esdbfake.Options{}))
}

// The two halves of positions differ, and only the second tells the events of one append apart.
func TestContractWithSharedCommits(t *testing.T) {
	t.Parallel()
	eventstoretest.Run(t, backend(esdbfake.Options{SharedCommit: true}))
}
