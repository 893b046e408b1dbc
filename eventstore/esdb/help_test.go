package esdb_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

const stream = domain.Stream("workspace-a")

// slice is n events that a run started.
func slice(of domain.Stream, expected eventstore.Expected, n int) eventstore.Slice {
	s := eventstore.Slice{Stream: of, Expected: expected}
	for i := range n {
		e := domain.RunReported{Phase: domain.Started, Run: domain.RunRef{ID: fmt.Sprint("run-", i)}, Pipeline: &domain.Name{Name: "train"}}
		data, err := domain.Encode(e)
		if err != nil {
			panic(err)
		}
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		s.Events = append(s.Events, eventstore.NewEvent{Event: e, Data: data, Envelope: domain.Envelope{
			EventID: uuid.New(), Type: e.EventType(), Version: 1, RecordedAt: now, OccurredAt: now, Subject: e.Subject(),
			Meta: domain.Meta{Actor: domain.Actor{Kind: "key", ID: "k"}, CorrelationID: "c"},
		}})
	}
	return s
}

func command(of domain.Stream, expected eventstore.Expected, id string, n int) eventstore.Slice {
	s := slice(of, expected, n)
	s.CommandID = id
	copy(s.RequestDigest[:], id)
	return s
}

// appendOne is the result of one slice, with the error of the whole append where there is one.
func appendOne(t testing.TB, s eventstore.Appender, sl eventstore.Slice) eventstore.SliceResult {
	t.Helper()
	results, err := s.Append(t.Context(), []eventstore.Slice{sl})
	if err != nil {
		return eventstore.SliceResult{Err: err}
	}
	return results[0]
}

func mustAppend(t testing.TB, s eventstore.Appender, sl ...eventstore.Slice) {
	t.Helper()
	for i := range sl {
		if r := appendOne(t, s, sl[i]); r.Err != nil || r.Duplicate {
			t.Fatalf("slice %d: %+v; want it written", i, r)
		}
	}
}

// A pager reads streams.
type pager interface {
	ReadStream(ctx context.Context, of domain.Stream, from domain.Revision, dir eventstore.Direction, limit int) (eventstore.Page, error)
}

// once checks that a stream holds the events of slices, each once and in order.
func once(t testing.TB, s pager, of domain.Stream, written ...eventstore.Slice) error {
	t.Helper()
	p, err := s.ReadStream(t.Context(), of, 0, eventstore.Forward, 10_000)
	if err != nil {
		return err
	}
	var want, got []uuid.UUID
	for _, sl := range written {
		for i := range sl.Events {
			want = append(want, sl.Events[i].EventID)
		}
	}
	for i := range p.Events {
		if p.Events[i].Revision != domain.Revision(i) {
			return fmt.Errorf("event %d has revision %d", i, p.Events[i].Revision)
		}
		got = append(got, p.Events[i].EventID)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("the stream has %d events, want the %d that were sent, once each", len(got), len(want))
	}
	return nil
}

func wantDamaged(t testing.TB, err error, of domain.Stream) {
	t.Helper()
	var d *eventstore.DamagedError
	if !errors.As(err, &d) || d.Stream != of || d.Reason == "" {
		t.Errorf("got %v, want stream %s damaged, with a reason", err, of)
	}
}
