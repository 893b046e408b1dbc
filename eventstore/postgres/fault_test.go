package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/eventstoretest"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

const ws = domain.Stream("workspace-ml")

func startedEvent(run string) eventstore.NewEvent {
	return newEvent(domain.RunReported{Phase: domain.Started, Run: domain.RunRef{ID: run}})
}

// one is a slice of one event with or without a command id.
func one(expected eventstore.Expected, command string) eventstore.Slice {
	return eventstore.Slice{Stream: ws, Expected: expected, CommandID: command, Events: []eventstore.NewEvent{startedEvent(command)}}
}

func mustAppend(t testing.TB, s eventstore.Store, sl eventstore.Slice) {
	t.Helper()
	results, err := s.Append(t.Context(), []eventstore.Slice{sl})
	if err != nil || results[0].Err != nil {
		t.Fatalf("append: %v, %+v", err, results)
	}
}

func read(t testing.TB, s eventstore.Store) []domain.Recorded {
	t.Helper()
	p, err := s.ReadStream(t.Context(), ws, 0, eventstore.Forward, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	return p.Events
}

// The connection breaks around the COMMIT: the outcome is unknown, and sending the same again settles it.
func TestCutAroundCommit(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(*proxy){
		"the answer is lost":  func(p *proxy) { p.cutAfter.Store(1) },
		"the request is lost": func(p *proxy) { p.cutBefore.Store(1) },
	} {
		for _, way := range []struct {
			command string
			copy    int
		}{{"c1", 1000}, {"", 1000}, {"c1", 1}, {"", 1}} {
			command := way.command
			t.Run(fmt.Sprintf("%s, command %q, by COPY from %d events on", name, command, way.copy), func(t *testing.T) {
				t.Parallel()
				url := migrated(t)
				direct := open(t, url, postgres.Options{})
				by, p := through(t, url)
				s := open(t, by, postgres.Options{PollOnly: true})
				s.CopyFrom(way.copy)
				mustAppend(t, s, one(eventstore.NoStream, "create"))
				mustAppend(t, s, one(0, "next")) // every statement is prepared now
				p.cutAfter.Store(0)
				cut(p)
				sl := one(1, command)
				_, err := s.Append(t.Context(), []eventstore.Slice{sl})
				var unknown *eventstore.OutcomeUnknownError
				if !errors.As(err, &unknown) {
					t.Fatalf("got %v, want the outcome unknown", err)
				}
				results, err := s.Append(t.Context(), []eventstore.Slice{sl})
				if err != nil || results[0].Err != nil || results[0].First != 2 || results[0].Last != 2 {
					t.Errorf("sent again: %+v, %v; want revision 2", results, err)
				}
				if n := len(read(t, direct)); n != 3 {
					t.Errorf("%d events, want 3", n)
				}
			})
		}
	}
}

// The same under an executor with many callers, with one answer in three lost.
func TestExecutorOverCuts(t *testing.T) {
	t.Parallel()
	all, told := cutCrowd(t, func(s eventstore.Store) eventstore.Store { return s })
	if err := onceError(all, told); err != nil {
		t.Error(err)
	}
}

// And on a store that recognises nothing, where the same check must fail.
func TestExecutorOverCutsControl(t *testing.T) {
	t.Parallel()
	all, told := cutCrowd(t, func(s eventstore.Store) eventstore.Store { return &eventstoretest.Forgetful{Store: s} })
	if err := onceError(all, told); err == nil {
		t.Error("a store that doubles what is sent again passed: the check checks nothing")
	}
}

// cutCrowd has callers report over a connection that is cut now and then; it answers what lies in the stream and what
// the callers were told.
func cutCrowd(t *testing.T, wrap func(eventstore.Store) eventstore.Store) ([]domain.Recorded, map[string]eventstore.Result) {
	url := migrated(t)
	direct := open(t, url, postgres.Options{})
	by, p := through(t, url)
	x := eventstore.New(wrap(open(t, by, postgres.Options{PollOnly: true})), eventstore.Config{Retries: 50})
	defer func() {
		if err := x.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	create := eventstore.Request{Stream: ws, CommandID: "create", Command: domain.CreateWorkspace{Slug: "mlab", Name: "ML", Organization: "personal"}}
	if _, err := x.Execute(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	p.every.Store(3)
	told := map[string]eventstore.Result{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c := range 12 {
		wg.Go(func() {
			for n := range 10 {
				id := fmt.Sprintf("%d-%d", c, n)
				res, err := x.Execute(t.Context(), reportRequest(id))
				if err != nil {
					t.Errorf("%s: %v", id, err)
					return
				}
				mu.Lock()
				told[id] = res
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if p.cuts.Load() == 0 {
		t.Error("nothing was cut")
	}
	return read(t, direct), told
}

func reportRequest(id string) eventstore.Request {
	return eventstore.Request{Stream: ws, CommandID: id, Forever: true, Command: domain.Record{Events: []domain.Event{
		domain.RunReported{Phase: domain.Progressed, Run: domain.RunRef{ID: id}},
	}}}
}

// onceError compares what callers were told with what lies in the stream: each command once, where they were told.
func onceError(all []domain.Recorded, told map[string]eventstore.Result) error {
	at := map[string]domain.Revision{}
	for i := range all {
		id := all[i].Meta.CommandID
		if before, twice := at[id]; twice {
			return fmt.Errorf("command %s lies at %d and %d", id, before, i)
		}
		at[id] = all[i].Revision
	}
	for id, res := range told {
		if got, ok := at[id]; !ok || got != res.First {
			return fmt.Errorf("command %s was told %+v and lies at %d, %v", id, res, got, ok)
		}
	}
	return nil
}

// Postgres is killed while events are appended: what was acknowledged is there, what is there is whole, and the
// executor goes on when the server is back.
func TestKilledServerLosesNothing(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t, pgtest.Durable)
	if err := postgres.Migrate(t.Context(), server.OwnerURL(), "annals_server"); err != nil {
		t.Fatal(err)
	}
	s := open(t, server.URL(), postgres.Options{})
	x := eventstore.New(s, eventstore.Config{Retries: 2})
	defer x.Close(context.Background())
	create := eventstore.Request{Stream: ws, CommandID: "create", Command: domain.CreateWorkspace{Slug: "mlab", Name: "ML", Organization: "personal"}}
	if _, err := x.Execute(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	told := map[string]eventstore.Result{}
	var mu sync.Mutex
	var answered atomic.Int64
	enough, failed := make(chan struct{}), make(chan struct{})
	var once, failedOnce sync.Once
	var wg sync.WaitGroup
	for c := range 16 {
		wg.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%d-%d", c, n)
				res, err := x.Execute(t.Context(), reportRequest(id))
				if err != nil {
					failedOnce.Do(func() { close(failed) })
					return
				}
				mu.Lock()
				told[id] = res
				mu.Unlock()
				if answered.Add(1) == 300 {
					once.Do(func() { close(enough) })
				}
			}
		})
	}
	<-enough
	if err := syscall.Kill(server.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-failed
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if err := onceError(read(t, s), told); err != nil {
		t.Error(err)
	}
	if _, err := x.Execute(ctx, reportRequest("afterwards")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	all := read(t, s)
	if !slices.ContainsFunc(all, func(r domain.Recorded) bool { return r.Meta.CommandID == "afterwards" }) {
		t.Error("what was appended afterwards is not there")
	}
}

// The connection that listens is ended again and again; followers get what other stores write all the same.
func TestListenLost(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	s, other := open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := 0
	for p, err := range s.Follow(ctx, eventstore.Position{}, 10) {
		if err != nil {
			t.Fatalf("after %d events: %v", seen, err)
		}
		if seen += len(p.Events); seen == 6 {
			return
		}
		_, err := other.Pool().Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`)
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, other, one(eventstore.Any, ""))
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	by, p := through(t, migrated(t))
	s := open(t, by, postgres.Options{PollOnly: true})
	mustAppend(t, s, one(eventstore.NoStream, "create"))
	_ = p.listener.Close()
	s.Pool().Reset()
	var away *eventstore.UnavailableError
	if _, err := s.Head(t.Context()); !errors.As(err, &away) {
		t.Errorf("reading: %v, want unavailable", err)
	}
	if _, err := postgres.Open(t.Context(), by, postgres.Options{}); !errors.As(err, &away) {
		t.Errorf("opening: %v, want unavailable", err)
	}
}
