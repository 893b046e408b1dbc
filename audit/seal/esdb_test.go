package seal_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
)

// The same events are sealed by the same roots on both backends: nothing of where they lie is in a leaf.
func TestBothBackendsHaveTheSameRoots(t *testing.T) {
	t.Parallel()
	here, there := newHome(t), newHome(t)
	server := esdbtest.Start(t, esdbfake.Options{})
	store, err := esdb.Open(t.Context(), server.ConnectionString(), there.url, esdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	slice := eventstore.Slice{Stream: fraud, Expected: eventstore.NoStream}
	for i := range 20 {
		e := eventstore.NewEvent{Data: []byte(`{"n":1}`), MetaData: []byte(`{}`)}
		at := time.Date(2026, 3, 1, 12, 0, i, 0, time.UTC)
		e.EventID, e.Type, e.Version, e.RecordedAt, e.OccurredAt = uuid.New(), "test.happened", 1, at, at
		e.Subject = domain.Entity{Kind: domain.KindRun, ID: uuid.New()}
		slice.Events = append(slice.Events, e)
	}
	for name, s := range map[string]eventstore.Appender{"postgres": here.store, "esdb": store} {
		own := slice
		own.Events = append([]eventstore.NewEvent{}, slice.Events...)
		results, err := s.Append(t.Context(), []eventstore.Slice{own})
		if err != nil || results[0].Err != nil {
			t.Fatalf("%s: %v %v", name, err, results)
		}
	}
	there.signer = here.signer
	sealNow(t, here.sealer(t))
	other := there.sealer(t, func(c *seal.Config) { c.Source = store })
	sealNow(t, other)
	sealNow(t, other) // nothing new
	a, _, err := here.Latest(t.Context(), fraud)
	if err != nil {
		t.Fatal(err)
	}
	b, ok, err := there.Latest(t.Context(), fraud)
	if err != nil || !ok || a.Root != b.Root || a.Size != 20 || b.Size != 20 {
		t.Fatalf("%d leaves with the root %s, and %d with %s: %v", a.Size, a.Root, b.Size, b.Root, err)
	}
	page, err := store.ReadRawStream(t.Context(), fraud, 7, 1)
	if err != nil {
		t.Fatal(err)
	}
	l := leaf.Of(&page.Events[0])
	p, err := there.Prove(t.Context(), fraud, 7)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Check(l.Hash(), there.signer.Key()); err != nil {
		t.Error(err)
	}
}
