package esdb_test

import (
	"sync"
	"testing"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/eventstore/eventstoretest"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
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
			server := esdbtest.Start(t, opts)
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

// Several logs in one server do not see each other.
func TestContractInASharedServer(t *testing.T) {
	t.Parallel()
	shared := esdbtest.Start(t, esdbfake.Options{})
	eventstoretest.Run(t, guest(shared.ConnectionString()))
}

// guest is a backend in a server that others use, too: each log has a prefix of its own, and damage is what a client
// or the operator of the database beside it can do.
func guest(connection string) eventstoretest.Backend {
	var mu sync.Mutex
	prefixes := map[eventstore.Store]string{}
	join := func(t testing.TB, prefix, database string) eventstore.Store {
		t.Helper()
		s, err := esdb.Open(t.Context(), connection, database, esdb.Options{Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		mu.Lock()
		defer mu.Unlock()
		prefixes[s] = prefix
		return s
	}
	prefixOf := func(s eventstore.Store) string {
		mu.Lock()
		defer mu.Unlock()
		return prefixes[s]
	}
	return eventstoretest.Backend{
		Open: func(t testing.TB) eventstore.Store { return join(t, "test-"+uuid.NewString()+"-", beside(t)) },
		Reopen: func(t testing.TB, s eventstore.Store) eventstore.Store {
			return join(t, prefixOf(s), s.(*esdb.Store).Pool().Config().ConnString())
		},
		Damage: func(t testing.TB, s eventstore.Store, stream domain.Stream, kind eventstoretest.Damage) {
			name := prefixOf(s) + string(stream)
			switch kind {
			case eventstoretest.CutTail: // what is gone is known to have been there
				if _, err := s.(*esdb.Store).Pool().Exec(t.Context(), `UPDATE log.streams SET revision = revision + 1 WHERE name = $1`, stream); err != nil {
					t.Fatal(err)
				}
			case eventstoretest.CutHead:
				setBefore(t, connection, name, 1)
			case eventstoretest.Pierced:
				setBefore(t, connection, name, 3)
			case eventstoretest.RemovedAll:
				if _, err := esdbtest.Client(t, connection).DeleteStream(t.Context(), name, client.DeleteStreamOptions{}); err != nil {
					t.Fatal(err)
				}
			}
		},
	}
}

func setBefore(t testing.TB, connection, name string, revision uint64) {
	t.Helper()
	var meta client.StreamMetadata
	meta.SetTruncateBefore(revision)
	if _, err := esdbtest.Client(t, connection).SetStreamMetadata(t.Context(), name, client.AppendToStreamOptions{}, meta); err != nil {
		t.Fatal(err)
	}
}

// The two halves of positions differ, and only the second tells the events of one append apart.
func TestContractWithSharedCommits(t *testing.T) {
	t.Parallel()
	eventstoretest.Run(t, backend(esdbfake.Options{SharedCommit: true}))
}
