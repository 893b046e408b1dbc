package openlineage

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
)

// laboratory is a store with one workspace, and the executor over it.
func laboratory(t testing.TB, cfg eventstore.Config) (*memory.Store, *eventstore.Executor) {
	t.Helper()
	store := memory.New()
	x := eventstore.New(store, cfg)
	t.Cleanup(func() {
		if err := x.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	create := domain.CreateWorkspace{Slug: "lab", Name: "Laboratory", Organization: "org", Owner: uuid.New()}
	if _, err := x.Execute(t.Context(), eventstore.Request{Stream: domain.WorkspaceStream("lab"), Command: create}); err != nil {
		t.Fatal(err)
	}
	return store, x
}

// The real events, sent twice: each is recorded once, its body is evidence, and its facts bear its time and digest.
func TestRealEventsAreRecordedOnce(t *testing.T) {
	t.Parallel()
	store, x := laboratory(t, eventstore.Config{Mailbox: 5_000})
	events := shared(t, "events/*/real.ndjson")
	var requests []eventstore.Request
	for _, body := range events {
		requests = append(requests, parse(t, string(body)).Request(domain.WorkspaceStream("lab"), domain.Actor{Kind: "key", ID: "k"}))
	}
	var first []eventstore.Answer
	for turn := range 2 {
		answers := x.ExecuteAll(t.Context(), requests)
		for i, a := range answers {
			if a.Err != nil || a.Duplicate != (turn == 1) {
				t.Fatalf("turn %d, event %d: %+v\n%s", turn, i, a, events[i])
			}
			if turn == 1 && (a.First != first[i].First || a.Last != first[i].Last) {
				t.Errorf("event %d was recorded at %d to %d, and again at %d to %d", i, first[i].First, first[i].Last, a.First, a.Last)
			}
		}
		first = answers
	}
	for i, a := range first {
		page, err := store.ReadStream(t.Context(), "workspace-lab", a.First, eventstore.Forward, int(a.Last-a.First)+1)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if e.Meta.CommandID != requests[i].CommandID || !e.OccurredAt.Equal(requests[i].OccurredAt.Truncate(time.Microsecond)) && !e.OccurredAt.Equal(requests[i].OccurredAt) || e.Meta.Evidence == nil {
				t.Fatalf("event %d of message %d: %+v", e.Revision, i, e.Envelope)
			}
			kept, err := store.Evidence(t.Context(), "workspace-lab", []domain.Digest{*e.Meta.Evidence})
			if err != nil || string(kept[*e.Meta.Evidence]) != string(requests[i].Evidence[0].Bytes) {
				t.Fatalf("the body of message %d is not what was sent: %v", i, err)
			}
		}
	}
}
