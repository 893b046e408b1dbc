package eventstoretest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A Backend is what the suite needs to know of one.
type Backend struct {
	// Open is an empty store, closed when the test ends.
	Open func(t testing.TB) eventstore.Store
	// Reopen is another store on the same log, as after a restart. Where a log does not outlive its store, it is the
	// same store.
	Reopen func(t testing.TB, s eventstore.Store) eventstore.Store
	// Damage does to a stream what an operator with a knife would, behind the store's back.
	Damage func(t testing.TB, s eventstore.Store, stream domain.Stream, kind Damage)
	// Stall makes appends wait at random times between their beginning and their commit. Nil: they cannot.
	Stall func(t testing.TB, s eventstore.Store)
}

// Damage is a kind of damage to a stream.
type Damage int

// The kinds of damage.
const (
	CutTail    Damage = iota // the last event is gone
	CutHead                  // the first event is gone
	Pierced                  // an event in the middle is gone
	RemovedAll               // all events are gone
)

// A promise is one test of the contract.
type promise struct {
	name string
	test func(t *testing.T, b Backend)
}

// Run holds a backend to the contract, all of it.
func Run(t *testing.T, b Backend) {
	for _, p := range slices.Concat(appendPromises, commandPromises, readPromises, rawPromises, logPromises, followPromises, damagePromises, faultPromises) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.test(t, b)
		})
	}
}

// noon is when everything in the suite happens; recorded times follow it by the microsecond.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// run is the subject of the suite's events: the n-th run.
func run(n int) domain.RunRef { return domain.RunRef{ID: fmt.Sprintf("run-%d", n)} }

// started is the event that the n-th run started, encoded.
func started(n int) eventstore.NewEvent {
	return event(domain.RunReported{Phase: domain.Started, Run: run(n), Pipeline: &domain.Name{Name: "train"}})
}

func event(e domain.Event) eventstore.NewEvent {
	data, err := domain.Encode(e)
	if err != nil {
		panic(err)
	}
	return eventstore.NewEvent{
		Envelope: domain.Envelope{
			EventID: uuid.New(), Type: e.EventType(), Version: 1, RecordedAt: noon, OccurredAt: noon.Add(-time.Hour),
			Subject: e.Subject(), Meta: domain.Meta{Actor: domain.Actor{Kind: "key", ID: "k1"}},
		},
		Event: e,
		Data:  data,
	}
}

// slice is n events for a stream without a command id.
func slice(stream domain.Stream, expected eventstore.Expected, n int) eventstore.Slice {
	s := eventstore.Slice{Stream: stream, Expected: expected}
	for i := range n {
		s.Events = append(s.Events, started(i))
	}
	return s
}

// command is n events of a command.
func command(stream domain.Stream, expected eventstore.Expected, id string, n int) eventstore.Slice {
	s := slice(stream, expected, n)
	s.CommandID, s.RequestDigest = id, digest(id)
	return s
}

func digest(s string) (d domain.Digest) {
	copy(d[:], s)
	d[31] = 1
	return d
}

// streamOf is a stream of the test's own.
func streamOf(t testing.TB) domain.Stream {
	return domain.Stream("workspace-" + strings.ToLower(uuid.NewString()))
}

// mustAppend appends slices that all must be written.
func mustAppend(t testing.TB, s eventstore.Store, slices ...eventstore.Slice) []eventstore.SliceResult {
	t.Helper()
	results := tryAppend(t, s, slices...)
	for i, r := range results {
		if r.Err != nil || r.Duplicate {
			t.Fatalf("slice %d for %s: %+v; want it written", i, slices[i].Stream, r)
		}
	}
	return results
}

// tryAppend appends slices of which each has its own result.
func tryAppend(t testing.TB, s eventstore.Store, slices ...eventstore.Slice) []eventstore.SliceResult {
	t.Helper()
	results, err := s.Append(t.Context(), slices)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	if len(results) != len(slices) {
		t.Fatalf("%d results for %d slices", len(results), len(slices))
	}
	return results
}

// readAll reads a whole stream, which may have no event.
func readAll(t testing.TB, s eventstore.Store, stream domain.Stream) []domain.Recorded {
	t.Helper()
	info, err := s.Info(t.Context(), stream)
	if err != nil {
		t.Fatalf("look at %s: %v", stream, err)
	}
	if info.Last == domain.NoRevision {
		return nil
	}
	var events []domain.Recorded
	for {
		p, err := s.ReadStream(t.Context(), stream, domain.Revision(len(events)), eventstore.Forward, 1000)
		if err != nil {
			t.Fatalf("read %s: %v", stream, err)
		}
		events = append(events, p.Events...)
		if p.CaughtUp {
			return events
		}
	}
}

// readLog reads the whole log.
func readLog(ctx context.Context, s eventstore.Store, limit int) ([]domain.Recorded, error) {
	var events []domain.Recorded
	var at eventstore.Position
	for {
		p, err := s.ReadAll(ctx, at, limit)
		if err != nil {
			return nil, fmt.Errorf("read the log after %s: %w", at, err)
		}
		events, at = append(events, p.Events...), p.Next
		if p.CaughtUp {
			return events, nil
		}
	}
}

// dense fails where the revisions are not 0, 1, 2, ...
func dense(t testing.TB, events []domain.Recorded) {
	t.Helper()
	for i := range events {
		if events[i].Revision != domain.Revision(i) {
			t.Fatalf("event %d has revision %d", i, events[i].Revision)
		}
	}
}

// ids are the ids of recorded events.
func ids(events []domain.Recorded) []uuid.UUID {
	out := make([]uuid.UUID, len(events))
	for i := range events {
		out[i] = events[i].EventID
	}
	return out
}

// newIDs are the ids of events of slices.
func newIDs(slices ...eventstore.Slice) []uuid.UUID {
	var out []uuid.UUID
	for _, s := range slices {
		for i := range s.Events {
			out = append(out, s.Events[i].EventID)
		}
	}
	return out
}
