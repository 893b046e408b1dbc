package esdb_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
)

// A hopeful appender sends once and takes whatever comes for success: it resends nothing whose outcome is unknown.
type hopeful struct {
	c      *client.Client
	server *esdbfake.Server
}

// Append appends, and hopes.
func (h *hopeful) Append(ctx context.Context, sl []eventstore.Slice) ([]eventstore.SliceResult, error) {
	var events []client.EventData
	for _, e := range sl[0].Events {
		events = append(events, client.EventData{EventID: e.EventID, EventType: e.Type, Data: e.Data, Metadata: []byte("{}")})
	}
	wait := 300 * time.Millisecond
	_, _ = h.c.AppendToStream(ctx, string(sl[0].Stream), client.AppendToStreamOptions{Deadline: &wait}, events...)
	for h.server.Armed() > 0 { // the failures that its sending again would have met
		_, _ = h.c.AppendToStream(ctx, "elsewhere", client.AppendToStreamOptions{Deadline: &wait}, events...)
	}
	return []eventstore.SliceResult{{}}, nil
}

// Control of TestFailingAppendsAreWrittenOnce: where the server had not committed, who does not send again has lost it.
func TestTheCheckFindsLostAppends(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"dropped before the commit", "aborted before the commit", "no answer, not written"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := esdbtest.Start(t, esdbfake.Options{})
			c := esdbtest.Client(t, server.ConnectionString())
			err := faultCheck(t, &hopeful{c, server}, &counter{c}, server, kinds[name])
			if err == nil || strings.Contains(err.Error(), "were not met") {
				t.Errorf("an appender that loses events: %v; want it found out", err)
			}
		})
	}
}

// followCheck follows a log over two breaks, with events that come while nobody follows, and compares what was seen
// with what was written. resume says where to go on after a break.
func followCheck(t *testing.T, s *esdb.Store, server *esdbfake.Server, resume func(last eventstore.Position) eventstore.Position) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var want, got []uuid.UUID
	write := func(n int) {
		sl := slice(stream, eventstore.Any, n)
		mustAppend(t, s, sl)
		for i := range sl.Events {
			want = append(want, sl.Events[i].EventID)
		}
	}
	write(3)
	at, breaks, last := eventstore.Position{}, 0, false
	for {
		for p, err := range s.Follow(ctx, at, 2) {
			if ctx.Err() != nil {
				return fmt.Errorf("after %d events: %w", len(got), ctx.Err())
			}
			if err != nil {
				break
			}
			for i := range p.Events {
				got = append(got, p.Events[i].EventID)
			}
			at = p.Next
			if last && slices.Contains(got, want[len(want)-1]) {
				if !slices.Equal(got, want) {
					return fmt.Errorf("%d events were seen of %d, or not once each in order", len(got), len(want))
				}
				return nil
			}
			if !p.CaughtUp || last {
				continue
			}
			if breaks == 2 {
				last = true
				write(1)
				continue
			}
			breaks++
			if err := server.Restart(); err != nil {
				return err
			}
			write(3)
			break
		}
		at = resume(at)
	}
}

func TestFollowingGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{})
	s := open(t, impatient(server.ConnectionString()), beside(t))
	if err := followCheck(t, s, server, func(last eventstore.Position) eventstore.Position { return last }); err != nil {
		t.Error(err)
	}
}

// Controls of TestFollowingGoesOnWhereItBroke: who goes on at the end loses what came meanwhile, who goes on with the
// first half of a position, or from the beginning, sees events twice.
func TestTheCheckFindsBadFollowers(t *testing.T) {
	t.Parallel()
	for name, resume := range map[string]func(s *esdb.Store, last eventstore.Position) eventstore.Position{
		"at the end": func(s *esdb.Store, last eventstore.Position) eventstore.Position {
			head, err := s.Head(context.Background())
			if err != nil {
				return last
			}
			return head
		},
		"from the beginning": func(*esdb.Store, eventstore.Position) eventstore.Position { return eventstore.Position{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := esdbtest.Start(t, esdbfake.Options{})
			s := open(t, impatient(server.ConnectionString()), beside(t))
			err := followCheck(t, s, server, func(last eventstore.Position) eventstore.Position { return resume(s, last) })
			if err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a follower that goes on %s: %v; want it found out", name, err)
			}
		})
	}
}

// One name stands for a whole cluster: whoever answers there tells who leads. As often as the connection string says.
func TestDiscoveryByOneName(t *testing.T) {
	t.Parallel()
	leader := esdbtest.Start(t, esdbfake.Options{})
	follower := esdbtest.Start(t, esdbfake.Options{Join: leader})
	byName := func(s *esdbfake.Server) string {
		return strings.Replace(s.ConnectionString(), "esdb://", "esdb+discover://", 1)
	}
	s := open(t, byName(follower), beside(t))
	sl := slice(stream, eventstore.NoStream, 2)
	mustAppend(t, s, sl)
	follower.Lead()
	mustAppend(t, s, slice(stream, 1, 1))
	if p, err := s.ReadStream(t.Context(), stream, 0, eventstore.Forward, 10); err != nil || len(p.Events) != 3 {
		t.Errorf("%d events, %v", len(p.Events), err)
	}
	half := esdbtest.Start(t, esdbfake.Options{})
	for attempts := 1; attempts <= 3; attempts += 2 {
		half.Fail(esdbfake.Fault{On: esdbfake.OpGossip, Kind: esdbfake.NotReady, Times: 1000})
		before := half.Armed()
		_, err := esdb.Open(t.Context(), fmt.Sprintf("%s&discoveryInterval=1&maxDiscoverAttempts=%d", byName(half), attempts), beside(t), esdb.Options{})
		var away *eventstore.UnavailableError
		if asked := before - half.Armed(); !errors.As(err, &away) || asked%attempts != 0 || asked < attempts || asked > 10*attempts {
			t.Errorf("%d attempts: it was asked %d times, %v", attempts, asked, err)
		}
	}
}
