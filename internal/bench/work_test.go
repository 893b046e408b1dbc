package bench

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/ingest/openlineage"
	"github.com/annals-io/annals/internal/bench/generate"
	"github.com/annals-io/annals/internal/embedded"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/fold"
)

// The stages of one OpenLineage message, each alone, in microseconds of processor time: of this process (go-us) and
// of PostgreSQL (pg-us). Unlike rates these hardly depend on what else the machine does:
//
//	go test ./internal/bench -run '^$' -bench Message -benchtime 8000x

func BenchmarkMessage(b *testing.B) {
	b.Run("read", func(b *testing.B) {
		w := newWork(b, 4)
		bodies := w.bodies(b.N)
		w.measured(func() { w.read(bodies) })
	})
	for _, shape := range []struct{ streams, callers, batch int }{{4, 4, 200}, {32, 16, 1}} {
		b.Run(fmt.Sprintf("append %d callers of %d", shape.callers, shape.batch), func(b *testing.B) {
			w := newWork(b, shape.streams)
			w.append(w.requests(2000), shape.callers, shape.batch)
			rs := w.requests(b.N)
			w.measured(func() { w.append(rs, shape.callers, shape.batch) })
		})
		for _, page := range []int{300, 1000, 5000} {
			b.Run(fmt.Sprintf("project %d streams in pages of %d", shape.streams, page), func(b *testing.B) {
				w := newWork(b, shape.streams)
				w.append(w.requests(2000), 4, 200)
				w.project(page)
				w.append(w.requests(b.N), 4, 200)
				w.measured(func() { w.project(page) })
			})
		}
	}
}

// A work is a log and a read model on a server of their own.
type work struct {
	b       *testing.B
	server  *embedded.Server
	pool    *pgxpool.Pool
	store   *postgres.Store
	streams []domain.Stream
	numbers map[domain.Stream]int32
	sources []*generate.OpenLineage
	next    int
	done    eventstore.Position
}

func newWork(b *testing.B, streams int) *work {
	b.Helper()
	ctx := b.Context()
	w := &work{b: b, server: pgtest.Private(b, pgtest.Durable), numbers: map[domain.Stream]int32{}}
	check := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	check(postgres.Migrate(ctx, w.server.OwnerURL(), "annals_server"))
	var err error
	w.pool, err = pgxpool.New(ctx, w.server.OwnerURL())
	check(err)
	b.Cleanup(w.pool.Close)
	check(projections.Migrate(ctx, w.pool))
	w.store, err = postgres.Open(ctx, w.server.URL(), postgres.Options{})
	check(err)
	b.Cleanup(func() { _ = w.store.Close() })
	engine, err := projections.New(projections.Config{Store: w.store, Pool: w.pool})
	check(err)
	check(engine.Prepare(ctx))
	x := eventstore.New(w.store, eventstore.Config{})
	defer x.Close(ctx)
	for i := range streams {
		slug := domain.Slug(fmt.Sprintf("bench-%02d", i))
		_, err := x.Execute(ctx, eventstore.Request{Stream: domain.WorkspaceStream(slug), Command: domain.CreateWorkspace{Slug: slug, Name: "Bench", Organization: "personal"}})
		check(err)
		w.streams, w.numbers[domain.WorkspaceStream(slug)] = append(w.streams, domain.WorkspaceStream(slug)), int32(i+1)
		w.sources = append(w.sources, generate.NewOpenLineage(uint64(i+1), 400*4/streams))
	}
	return w
}

// measured reports what a stage costs for each message.
func (w *work) measured(stage func()) {
	spent := func() (ours, theirs time.Duration) {
		var own syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
			w.b.Fatal(err)
		}
		for pid, p := range processes() {
			if pid == w.server.PID() || p.parent == w.server.PID() {
				theirs += p.own
			}
		}
		return time.Duration(own.Utime.Nano() + own.Stime.Nano()), theirs
	}
	w.b.ReportAllocs()
	ours, theirs := spent()
	w.b.ResetTimer()
	stage()
	w.b.StopTimer()
	oursNow, theirsNow := spent()
	w.b.ReportMetric(float64((oursNow-ours).Microseconds())/float64(w.b.N), "go-us")
	w.b.ReportMetric(float64((theirsNow-theirs).Microseconds())/float64(w.b.N), "pg-us")
	w.b.ReportMetric(0, "ns/op")
}

// A body is a message on its way into a stream.
type body struct {
	stream domain.Stream
	bytes  []byte
}

// bodies are the next n messages of the streams in turn, up to 200 from each.
func (w *work) bodies(n int) []body {
	all := make([]body, n)
	for i := range all {
		s := w.next / min(200, max(1, n/len(w.streams))) % len(w.streams)
		w.next++
		all[i] = body{w.streams[s], w.sources[s].Next()}
	}
	return all
}

// read makes requests of messages.
func (w *work) read(bodies []body) []eventstore.Request {
	rs := make([]eventstore.Request, len(bodies))
	for i := range bodies {
		m, err := openlineage.Parse(bodies[i].bytes, time.Now())
		if err != nil {
			w.b.Fatal(err)
		}
		rs[i] = m.Request(bodies[i].stream, domain.Actor{Kind: "key", ID: "bench"})
	}
	return rs
}

func (w *work) requests(n int) []eventstore.Request { return w.read(w.bodies(n)) }

// append carries requests out, by so many callers, each a batch at a time.
func (w *work) append(rs []eventstore.Request, callers, batch int) {
	x := eventstore.New(w.store, eventstore.Config{})
	defer x.Close(context.Background())
	batches := make(chan []eventstore.Request, len(rs))
	for i := 0; i < len(rs); i += batch {
		batches <- rs[i:min(len(rs), i+batch)]
	}
	close(batches)
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			for some := range batches {
				for _, a := range x.ExecuteAll(w.b.Context(), some) {
					if a.Err != nil {
						w.b.Error(a.Err)
						return
					}
				}
			}
		})
	}
	wait.Wait()
}

// project folds what was appended since it was last called.
func (w *work) project(size int) {
	for {
		page, err := w.store.ReadAll(w.b.Context(), w.done, size)
		if err != nil {
			w.b.Fatal(err)
		}
		byStream := map[domain.Stream]*fold.Page{}
		var pages []fold.Page
		for i := range page.Events {
			e := &page.Events[i]
			p := byStream[e.Stream]
			if p == nil {
				slug, _ := e.Stream.Workspace()
				p = &fold.Page{Number: w.numbers[e.Stream], Slug: slug}
				byStream[e.Stream] = p
			}
			p.Events = append(p.Events, *e)
		}
		for _, p := range byStream {
			pages = append(pages, *p)
		}
		err = pgx.BeginFunc(w.b.Context(), w.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(w.b.Context(), `SET LOCAL synchronous_commit = off`); err != nil {
				return err
			}
			return fold.Apply(w.b.Context(), tx, "read_1", pages, w.store)
		})
		if err != nil {
			w.b.Fatal(err)
		}
		if w.done = page.Next; page.CaughtUp {
			return
		}
	}
}
