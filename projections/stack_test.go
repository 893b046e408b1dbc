package projections

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

// A stack is everything between a command and an answer, on one database.
type stack struct {
	*Engine
	executor *eventstore.Executor
}

func newStack(t testing.TB) *stack {
	t.Helper()
	address := pgtest.URL(t)
	if err := postgres.Migrate(t.Context(), address, ""); err != nil {
		t.Fatal(err)
	}
	store, err := postgres.Open(t.Context(), address, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	pool := pgtest.Connect(t, address)
	if err := Migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{Store: store, Pool: pool, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	<-e.Ready()
	executor := eventstore.New(store, eventstore.Config{States: e})
	t.Cleanup(func() { _ = executor.Close(context.Background()) })
	return &stack{e, executor}
}

func (s *stack) do(t testing.TB, slug domain.Slug, id string, c domain.Command) eventstore.Result {
	t.Helper()
	result, err := s.executor.Execute(context.Background(), eventstore.Request{
		Stream: domain.WorkspaceStream(slug), CommandID: id, Digest: domain.Digest{1}, OccurredAt: time.Now(), Command: c,
	})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// What a command answered can be read at once, at the revision that it answered.
func TestReadYourOwnWrite(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.do(t, "one", "create", domain.CreateWorkspace{Slug: "one", Name: "One", Organization: "personal"})
	for n := range 30 {
		result := s.do(t, "one", fmt.Sprint(n), domain.Record{Events: training(n)})
		want := int64(result.Revision)
		m, err := s.Open(t.Context(), "one", AsOf{}, &want, patience)
		if err != nil || m.Revision < result.Revision {
			t.Fatalf("Open = %+v, %v; want revision %d", m, err, want)
		}
		var steps int
		const sql = `SELECT count(*) FROM read.steps WHERE ws = $1 AND since <= $2`
		if err := s.Pool.QueryRow(t.Context(), inSchema(sql, m.Schema), m.Number, m.Revision).Scan(&steps); err != nil || steps != 3*(n+1) {
			t.Fatalf("%d steps as of %d, %v; want %d", steps, m.Revision, err, 3*(n+1))
		}
	}
}

// BenchmarkWriteToVisible carries out commands at about 1,000 events a second, and measures each from its answer to
// the moment that has it.
func BenchmarkWriteToVisible(b *testing.B) {
	s := newStack(b)
	const workspaces = 8
	for w := range workspaces {
		slug := domain.Slug(fmt.Sprintf("w%d", w))
		s.do(b, slug, "create", domain.CreateWorkspace{Slug: slug, Name: string(slug), Organization: "personal"})
	}
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	tick := time.NewTicker(14 * time.Millisecond) // 14 events each
	defer tick.Stop()
	n := 0
	for b.Loop() {
		<-tick.C
		n++
		n := n
		wg.Go(func() {
			slug := domain.Slug(fmt.Sprintf("w%d", n%workspaces))
			want := int64(s.do(b, slug, fmt.Sprint(n), domain.Record{Events: training(n)}).Revision)
			began := time.Now()
			if _, err := s.Open(context.Background(), slug, AsOf{}, &want, patience); err != nil {
				b.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(began))
		})
	}
	wg.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}
