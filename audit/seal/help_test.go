package seal_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

// A home is a log and what seals it.
type home struct {
	url    string
	store  *postgres.Store
	signer *checkpoint.Signer
	seal.Store
}

func newHome(t testing.TB) *home {
	t.Helper()
	h := &home{url: pgtest.URL(t)}
	if err := postgres.Migrate(t.Context(), h.url, ""); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing to do
		if err := seal.Migrate(t.Context(), h.url, ""); err != nil {
			t.Fatal(err)
		}
	}
	h.store = reopened(t, h.url)
	var err error
	if h.signer, err = checkpoint.Generate("annals.example"); err != nil {
		t.Fatal(err)
	}
	h.Pool = pgtest.Connect(t, h.url)
	return h
}

// sealer is one server that seals.
func (h *home) sealer(t testing.TB, with ...func(*seal.Config)) *seal.Sealer {
	t.Helper()
	c := seal.Config{Pool: h.Pool, Source: h.store, Signer: h.signer, Page: 7, Most: 5, Lease: time.Hour}
	for _, change := range with {
		change(&c)
	}
	s, err := seal.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// append adds n events to a stream.
func (h *home) append(t testing.TB, stream domain.Stream, n int) {
	t.Helper()
	h.appendAs(t, stream, n, "runs")
}

func (h *home) appendAs(t testing.TB, stream domain.Stream, n int, what string) {
	t.Helper()
	info, err := h.store.Info(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	s := eventstore.Slice{Stream: stream, Expected: eventstore.Expected(info.Last)}
	if info.Last == domain.NoRevision {
		s.Expected = eventstore.NoStream
	}
	for i := range n {
		e := eventstore.NewEvent{Data: fmt.Appendf(nil, `{"n":%d,"what":%q}`, int64(info.Last)+int64(i), what), MetaData: []byte(`{}`)}
		at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(int64(info.Last)+int64(i)) * time.Second)
		e.EventID, e.Type, e.Version, e.RecordedAt, e.OccurredAt = uuid.New(), "test.happened", 1, at, at
		e.Subject = domain.Entity{Kind: domain.KindRun, ID: uuid.New()}
		s.Events = append(s.Events, e)
	}
	results, err := h.store.Append(t.Context(), []eventstore.Slice{s})
	if err != nil || results[0].Err != nil {
		t.Fatalf("append to %s: %v %+v", stream, err, results)
	}
}

func sealNow(t testing.TB, s *seal.Sealer) {
	t.Helper()
	if err := s.Seal(t.Context()); err != nil {
		t.Fatalf("seal: %v", err)
	}
}

// all are the checkpoints of a stream, each of which must be signed.
func (h *home) all(t testing.TB, stream domain.Stream) (sizes []int64) {
	t.Helper()
	for c, err := range h.Checkpoints(context.Background(), stream) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := checkpoint.Open(c.Note, h.signer.Key()); err != nil {
			t.Error(err)
		}
		sizes = append(sizes, c.Size)
	}
	return sizes
}

// reopened is the log as a process that comes new sees it.
func reopened(t testing.TB, url string) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}
