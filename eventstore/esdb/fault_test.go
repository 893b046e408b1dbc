package esdb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
)

var kinds = map[string]esdbfake.Kind{
	"dropped before the commit": esdbfake.DropBefore, "dropped behind the commit": esdbfake.DropAfter, "dropped between events": esdbfake.DropDuring,
	"ended between events": esdbfake.EndDuring, "aborted before the commit": esdbfake.AbortedBefore, "aborted behind the commit": esdbfake.AbortedAfter,
	"no answer, not written": esdbfake.HangBefore, "no answer, written": esdbfake.HangAfter, "not ready": esdbfake.NotReady, "not the leader": esdbfake.NotLeader,
	"written when the caller has given up": esdbfake.Late,
}

// impatient gives up single calls early, so that a test of one that never answers does not take long.
func impatient(connection string) string { return connection + "&defaultDeadline=300" }

// faultCheck appends while the server fails in one way, several times over, and looks what is there afterwards.
func faultCheck(t *testing.T, s eventstore.Appender, r pager, server *esdbfake.Server, kind esdbfake.Kind) error {
	var written []eventstore.Slice
	expected := eventstore.NoStream
	for i := range 4 {
		sl := slice(stream, expected, 1+i)
		if i%2 == 1 {
			sl = command(stream, expected, fmt.Sprint("command-", i), 1+i)
		}
		server.Fail(esdbfake.Fault{On: esdbfake.OpAppend, Kind: kind, Times: 1 + i%2})
		if res := appendOne(t, s, sl); res.Err != nil {
			return fmt.Errorf("slice %d: %w", i, res.Err)
		}
		written = append(written, sl)
		expected += eventstore.Expected(len(sl.Events))
	}
	if n := server.Armed(); n > 0 {
		return fmt.Errorf("%d failures were not met: the check checks nothing", n)
	}
	return once(t, r, stream, written...)
}

func TestFailingAppendsAreWrittenOnce(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := esdbtest.Start(t, esdbfake.Options{})
			s := open(t, impatient(server.ConnectionString()), beside(t))
			if err := faultCheck(t, s, s, server, kind); err != nil {
				t.Error(err)
			}
		})
	}
}

// A naive appender takes an error for a failure: it tries again with new events, expecting anything.
type naive struct{ c *client.Client }

// Append appends, and appends.
func (n *naive) Append(ctx context.Context, sl []eventstore.Slice) ([]eventstore.SliceResult, error) {
	for try := 0; ; try++ {
		var events []client.EventData
		for _, e := range sl[0].Events {
			id := e.EventID
			if try > 0 {
				id = uuid.New()
			}
			events = append(events, client.EventData{EventID: id, EventType: e.Type, Data: e.Data, Metadata: []byte("{}")})
		}
		wait := 300 * time.Millisecond
		if _, err := n.c.AppendToStream(ctx, string(sl[0].Stream), client.AppendToStreamOptions{Deadline: &wait}, events...); err == nil || ctx.Err() != nil {
			return []eventstore.SliceResult{{}}, ctx.Err()
		}
	}
}

// Control of TestFailingAppendsAreWrittenOnce: where the server had committed, the naive one writes twice.
func TestTheCheckFindsDoubledAppends(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"dropped behind the commit", "aborted behind the commit", "no answer, written", "written when the caller has given up"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := esdbtest.Start(t, esdbfake.Options{})
			c := esdbtest.Client(t, server.ConnectionString())
			if err := faultCheck(t, &naive{c}, &counter{c}, server, kinds[name]); err == nil {
				t.Error("an appender that writes twice passed: the check checks nothing")
			}
		})
	}
}

// A counter reads what the naive one wrote.
type counter struct{ c *client.Client }

func (n *counter) ReadStream(ctx context.Context, of domain.Stream, _ domain.Revision, _ eventstore.Direction, _ int) (p eventstore.Page, err error) {
	r, err := n.c.ReadStream(ctx, string(of), client.ReadStreamOptions{}, 1000)
	if err != nil {
		return p, err
	}
	defer r.Close()
	for {
		e, err := r.Recv()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return p, err
		}
		p.Events = append(p.Events, domain.Recorded{Envelope: domain.Envelope{EventID: e.Event.EventID, Revision: domain.Revision(e.Event.EventNumber)}})
	}
}

func TestReadsOutliveFailures(t *testing.T) {
	t.Parallel()
	for _, kind := range []esdbfake.Kind{esdbfake.DropBefore, esdbfake.DropDuring, esdbfake.DropAfter, esdbfake.AbortedBefore, esdbfake.HangBefore, esdbfake.NotReady, esdbfake.NotLeader} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			t.Parallel()
			server := esdbtest.Start(t, esdbfake.Options{})
			s := open(t, impatient(server.ConnectionString()), beside(t))
			sl := slice(stream, eventstore.NoStream, 5)
			mustAppend(t, s, sl)
			server.Fail(esdbfake.Fault{On: esdbfake.OpRead, Kind: kind, Times: 2})
			if err := once(t, s, stream, sl); err != nil {
				t.Error(err)
			}
			server.Fail(esdbfake.Fault{On: esdbfake.OpRead, Kind: kind})
			if p, err := s.ReadAll(t.Context(), eventstore.Position{}, 10); err != nil || len(p.Events) != 5 || server.Armed() != 0 {
				t.Errorf("the log: %d events, %v, %d failures not met", len(p.Events), err, server.Armed())
			}
		})
	}
}

// hammer has writers append until they are told to stop, and checks that all that was acknowledged is there once.
func hammer(t *testing.T, s eventstore.Store, disturb func()) {
	t.Helper()
	const writers, each = 8, 25
	written := make([][]eventstore.Slice, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			of := domain.Stream(fmt.Sprint("workspace-", w))
			for i := range each {
				sl := command(of, eventstore.Expected(2*i-1), fmt.Sprint(i), 2)
				for {
					results, err := s.Append(t.Context(), []eventstore.Slice{sl})
					var unknown *eventstore.OutcomeUnknownError
					var away *eventstore.UnavailableError
					if errors.As(err, &unknown) || errors.As(err, &away) {
						continue
					}
					if err != nil || results[0].Err != nil {
						t.Errorf("writer %d, slice %d: %v, %+v", w, i, err, results)
						return
					}
					break
				}
				written[w] = append(written[w], sl)
			}
		})
	}
	disturb()
	wg.Wait()
	for w := range writers {
		if err := once(t, s, domain.Stream(fmt.Sprint("workspace-", w)), written[w]...); err != nil {
			t.Errorf("writer %d: %v", w, err)
		}
	}
	seen := 0
	for p, err := range s.Follow(t.Context(), eventstore.Position{}, 100) {
		if err != nil {
			t.Fatal(err)
		}
		if seen += len(p.Events); p.CaughtUp {
			break
		}
	}
	if seen != writers*each*2 {
		t.Errorf("the log has %d events, want %d", seen, writers*each*2)
	}
}

// grown waits until a stream has at least so many events.
func grown(t *testing.T, s eventstore.Store, of domain.Stream, n int) {
	t.Helper()
	for {
		info, err := s.Info(t.Context(), of)
		if err == nil && int(info.Last) >= n {
			return
		}
		if t.Context().Err() != nil {
			t.Error("the test ended first")
			return
		}
	}
}

func TestServerRestartsInMidAppend(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{})
	s := open(t, impatient(server.ConnectionString()), beside(t))
	hammer(t, s, func() {
		for i := range 4 {
			grown(t, s, "workspace-3", 10*i)
			if err := server.Restart(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestLeaderChangesInMidAppend(t *testing.T) {
	t.Parallel()
	a := esdbtest.Start(t, esdbfake.Options{})
	b := esdbtest.Start(t, esdbfake.Options{Join: a})
	s := open(t, impatient(a.ClusterString()), beside(t))
	hammer(t, s, func() {
		for i := range 4 {
			grown(t, s, "workspace-3", 10*i)
			[]*esdbfake.Server{b, a}[i%2].Lead()
		}
		grown(t, s, "workspace-3", 42)
		b.Lead()
		a.Stop() // the old leader is gone for good
	})
}

func TestFollowersOutliveRestarts(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{})
	s := open(t, impatient(server.ConnectionString()), beside(t))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	mustAppend(t, s, slice(stream, eventstore.NoStream, 3))
	seen, at := 0, eventstore.Position{}
	for round := 0; seen < 9; {
		for p, err := range s.Follow(ctx, at, 2) {
			if err != nil {
				if ctx.Err() != nil {
					t.Fatalf("after %d events: %v", seen, err)
				}
				break // go on from the last page
			}
			seen, at = seen+len(p.Events), p.Next
			if p.CaughtUp && round < 2 {
				round++
				if err := server.Restart(); err != nil {
					t.Fatal(err)
				}
				mustAppend(t, s, slice(stream, eventstore.Exists, 3))
			}
			if seen == 9 {
				break
			}
		}
	}
}
