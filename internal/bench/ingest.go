package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/annals-io/annals/ingest/openlineage"
	"github.com/annals-io/annals/internal/bench/generate"
)

// ingest measures events over HTTP, durable and projected, into workspaces of a running server, then how long the
// server needs to start with those data and how much memory it took.
func (m *machine) ingest(ctx context.Context) error {
	t, _, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	for _, measure := range []func(context.Context, *target) error{m.native, m.batched, m.single, m.visible, m.many, m.late, m.rebuild} {
		if err := measure(ctx, t); err != nil {
			return err
		}
	}
	return m.restart(ctx, t)
}

// A batch is a request with so many events in it.
type batch struct {
	body   []byte
	events int
}

// load sends batches over several connections until the time is over, each connection into a workspace of its own,
// and waits until all of it is shown. It answers the events, the time with and without the wait, and the latencies.
func (m *machine) load(ctx context.Context, t *target, name string, connections int, long time.Duration, path func(slug string) string, typ string, next func(connection int) batch) (n int, took time.Duration, all latencies, err error) {
	slugs := make([]string, connections)
	for i := range slugs {
		slugs[i] = fmt.Sprintf("%s-%02d", name, i)
		if err := t.createWorkspace(ctx, slugs[i]); err != nil {
			return 0, 0, nil, err
		}
	}
	batches := make([][]batch, connections) // made before, so that making them costs the measurement nothing
	for i := range batches {
		for range 64 {
			batches[i] = append(batches[i], next(i))
		}
	}
	began := time.Now()
	end := began.Add(long)
	var events atomic.Int64
	last := make([]int64, connections)
	var mu sync.Mutex
	var wait sync.WaitGroup
	for c := range connections {
		wait.Go(func() {
			var mine latencies
			for i := 0; time.Now().Before(end); i++ {
				var answer struct{ Revision int64 }
				var b batch
				if i < len(batches[c]) {
					b = batches[c][i]
				} else {
					b = next(c)
				}
				sent := time.Now()
				if e := t.post(ctx, path(slugs[c]), typ, b.body, &answer); e != nil {
					mu.Lock()
					err = e
					mu.Unlock()
					return
				}
				mine = append(mine, time.Since(sent))
				events.Add(int64(b.events))
				last[c] = max(last[c], answer.Revision)
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	wait.Wait()
	if err != nil {
		return 0, 0, nil, err
	}
	for c, slug := range slugs {
		if err := t.seen(ctx, slug, last[c]); err != nil {
			return 0, 0, nil, err
		}
	}
	return int(events.Load()), time.Since(began), all, nil
}

// native measures NDJSON, 1,000 rows a request over 4 connections.
func (m *machine) native(ctx context.Context, t *target) error {
	generators := make([]*generate.Native, 4)
	for i := range generators {
		generators[i] = generate.NewNative(m.Seed+uint64(i), 200)
	}
	before, err := m.counts(ctx)
	if err != nil {
		return err
	}
	n, took, all, err := m.load(ctx, t, "native", 4, time.Duration(m.scaled(30, 5))*time.Second, func(slug string) string { return "/v1/workspaces/" + slug + "/events" }, "application/x-ndjson",
		func(c int) batch {
			var b bytes.Buffer
			for range 1000 {
				b.Write(generators[c].Next())
				b.WriteByte('\n')
			}
			return batch{b.Bytes(), 1000}
		})
	if err != nil {
		return err
	}
	return m.ingested(ctx, "native NDJSON over HTTP, durable and projected", n, took, all, before, ">= 12,000/s, >= 25 % of COPY", func(figure, ratio float64) bool { return figure >= 12_000 && ratio >= 0.25 })
}

func (m *machine) batched(ctx context.Context, t *target) error {
	generators := make([]*generate.OpenLineage, 4)
	for i := range generators {
		generators[i] = generate.NewOpenLineage(m.Seed+uint64(i), 400)
	}
	before, err := m.counts(ctx)
	if err != nil {
		return err
	}
	n, took, all, err := m.load(ctx, t, "batched", 4, time.Duration(m.scaled(30, 5))*time.Second, func(slug string) string { return "/workspaces/" + slug + "/api/v1/lineage/batch" }, "application/json",
		func(c int) batch {
			b := bytes.NewBufferString("[")
			for i := range 200 {
				if i > 0 {
					b.WriteByte(',')
				}
				b.Write(generators[c].Next())
			}
			b.WriteByte(']')
			return batch{b.Bytes(), 200}
		})
	if err != nil {
		return err
	}
	return m.ingested(ctx, "OpenLineage over HTTP, batched", n, took, all, before, ">= 4,000/s", func(figure, _ float64) bool { return figure >= 4_000 })
}

func (m *machine) single(ctx context.Context, t *target) error {
	generators := make([]*generate.OpenLineage, 32)
	for i := range generators {
		generators[i] = generate.NewOpenLineage(m.Seed+100+uint64(i), 100)
	}
	before, err := m.counts(ctx)
	if err != nil {
		return err
	}
	n, took, all, err := m.load(ctx, t, "single", 32, time.Duration(m.scaled(30, 5))*time.Second, func(slug string) string { return "/workspaces/" + slug + "/api/v1/lineage" }, "application/json",
		func(c int) batch { return batch{generators[c].Next(), 1} })
	if err != nil {
		return err
	}
	return m.ingested(ctx, "OpenLineage over HTTP, one a request, 32 connections", n, took, all, before, ">= 2,500/s, p99 <= 50 ms",
		func(figure, _ float64) bool { return figure >= 2_500 && all.at(0.99) <= 50*time.Millisecond })
}

// counts are the events of the log and the rows of the tables.
type counts struct{ events, rows int64 }

func (m *machine) counts(ctx context.Context) (c counts, err error) {
	pool, err := m.pool(ctx)
	if err != nil {
		return c, err
	}
	defer pool.Close()
	if err := pool.QueryRow(ctx, `SELECT position FROM log.head`).Scan(&c.events); err != nil {
		return c, fmt.Errorf("count events: %w", err)
	}
	err = pool.QueryRow(ctx, `SELECT coalesce(sum(n_tup_ins), 0)::bigint FROM pg_stat_user_tables WHERE relname <> 'bench_again'`).Scan(&c.rows)
	return c, err
}

// ingested adds a row of ingest with its ceilings: COPY of all rows there are by now, as rows a second, and decoding.
func (m *machine) ingested(ctx context.Context, what string, n int, took time.Duration, all latencies, before counts, budget string, met func(figure, ratio float64) bool) error {
	after, err := m.counts(ctx)
	if err != nil {
		return err
	}
	pool, err := m.pool(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	schema, err := liveModel(ctx, pool)
	if err != nil {
		return fmt.Errorf("find the live model: %w", err)
	}
	var tables []string
	for _, s := range []string{schema, "log"} {
		some, err := tablesOf(ctx, pool, s)
		if err != nil {
			return err
		}
		tables = append(tables, some...)
	}
	c, err := copyAgain(ctx, pool, tables)
	if err != nil {
		return err
	}
	figure := perSecond(n, took)
	rowsPerEvent := float64(after.rows-before.rows) / float64(n)
	ceiling := float64(c.rows) / c.took.Seconds() / rowsPerEvent
	m.add(Row{What: what, Figure: fmt.Sprintf("%s, request p50 %s, p99 %s", rate(figure), ms(all.at(0.5)), ms(all.at(0.99))), Ceiling: rate(ceiling) + " by COPY", Ratio: figure / ceiling, Budget: budget,
		Met: verdict(met(figure, figure/ceiling)), Note: fmt.Sprintf("%d events in, %.2f domain events and %.1f rows written for each; the time includes until the last one was shown", n, float64(after.events-before.events)/float64(n), rowsPerEvent)})
	return nil
}

// visible measures from the answer of a write to its being shown, at 1,000 events a second.
func (m *machine) visible(ctx context.Context, t *target) error {
	slug := "visible"
	if err := t.createWorkspace(ctx, slug); err != nil {
		return err
	}
	background, stop := context.WithCancel(ctx)
	defer stop()
	var wait sync.WaitGroup
	wait.Go(func() { m.trickle(background, t) })
	g := generate.NewNative(m.Seed+7, 20)
	var all latencies
	for range m.scaled(2000, 300) {
		var a struct{ Revision int64 }
		if err := t.post(ctx, "/v1/workspaces/"+slug+"/events", "application/x-ndjson", g.Next(), &a); err != nil {
			return err
		}
		began := time.Now()
		if err := t.seen(ctx, slug, a.Revision); err != nil {
			return err
		}
		all = append(all, time.Since(began))
	}
	stop()
	wait.Wait()
	m.add(Row{What: "commit to visible in GraphQL, at 1,000 ev/s", Figure: fmt.Sprintf("p50 %s, p99 %s", ms(all.at(0.5)), ms(all.at(0.99))), Ceiling: "the query alone", Budget: "p99 <= 50 ms", Met: verdict(all.at(0.99) <= 50*time.Millisecond)})
	return nil
}

// trickle sends about 1,000 events a second into another workspace.
func (m *machine) trickle(ctx context.Context, t *target) {
	if t.createWorkspace(ctx, "trickle") != nil {
		return
	}
	g := generate.NewNative(m.Seed+8, 100)
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		var b bytes.Buffer
		for range 50 {
			b.Write(g.Next())
			b.WriteByte('\n')
		}
		_ = t.post(ctx, "/v1/workspaces/trickle/events", "application/x-ndjson", b.Bytes(), nil) // it only makes noise
	}
}

// many measures the server's memory while events go into 200 workspaces.
func (m *machine) many(ctx context.Context, t *target) error {
	total := m.scaled(400_000, 20_000)
	var wait sync.WaitGroup
	errs := make(chan error, 4)
	for c := range 4 {
		wait.Go(func() {
			for w := c; w < workspaces; w += 4 {
				slug := fmt.Sprintf("many-%03d", w)
				if err := t.createWorkspace(ctx, slug); err != nil {
					errs <- err
					return
				}
				g := generate.NewNative(m.Seed+uint64(w), 20)
				for sent := 0; sent < total/workspaces; sent += 500 {
					var b bytes.Buffer
					for range 500 {
						b.Write(g.Next())
						b.WriteByte('\n')
					}
					if err := t.post(ctx, "/v1/workspaces/"+slug+"/events", "application/x-ndjson", b.Bytes(), nil); err != nil {
						errs <- err
						return
					}
				}
			}
		})
	}
	wait.Wait()
	select {
	case err := <-errs:
		return err
	default:
	}
	_, highest := t.memory()
	m.add(Row{What: fmt.Sprintf("server memory while ingesting %d events into 200 workspaces", total), Figure: fmt.Sprintf("%d MB at its highest", highest>>20), Ceiling: "-", Budget: "<= 400 MB", Met: verdict(highest <= 400<<20)})
	return nil
}

// rebuild measures building all read models anew beside the live ones, and comparing the two.
func (m *machine) rebuild(ctx context.Context, t *target) error {
	pool, err := m.pool(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	schema, err := liveModel(ctx, pool)
	if err != nil {
		return fmt.Errorf("find the live model: %w", err)
	}
	tables, err := tablesOf(ctx, pool, schema)
	if err != nil {
		return err
	}
	c, err := copyAgain(ctx, pool, tables)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, m.Binary, "projection", "rebuild", "-o", "json", "--url", t.url, "--api-key", t.key).Output()
	if err != nil {
		return fmt.Errorf("rebuild: %w: %s", err, out)
	}
	var r struct {
		Events int64
		Rate   float64
		Equal  bool
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return fmt.Errorf("read the report of the rebuild: %w: %s", err, out)
	}
	ceiling := float64(r.Events) / c.fresh.Seconds()
	m.add(Row{What: "rebuild of all read models", Figure: rate(r.Rate), Ceiling: rate(ceiling) + " by COPY and indexing", Ratio: r.Rate / ceiling, Budget: ">= 60,000/s, >= 50 %", Met: verdict(r.Rate >= 60_000 && r.Rate >= ceiling/2),
		Note: fmt.Sprintf("%d events; the rebuilt model is equal: %v", r.Events, r.Equal)})
	return nil
}

// late measures one late write that moves many reads: a dataset was read by so many runs before anybody heard of the
// run that had written it first.
func (m *machine) late(ctx context.Context, t *target) error {
	readers := m.scaled(100_000, 5_000)
	slug := "late"
	if err := t.createWorkspace(ctx, slug); err != nil {
		return err
	}
	at := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	var answer struct{ Revision int64 }
	send := func() error {
		err := t.post(ctx, "/v1/workspaces/"+slug+"/events", "application/x-ndjson", b.Bytes(), &answer)
		b.Reset()
		return err
	}
	for i := range readers {
		at = at.Add(time.Second)
		fmt.Fprintf(&b, `{"id":"r-%d","run":"reader-%d","pipeline":{"name":"reader"},"at":"%s","body":{"type":"artifactsConsumed","artifacts":[{"artifact":{"name":"orders"}}]}}`+"\n", i, i, at.Format(time.RFC3339))
		if i%1000 == 999 {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if err := t.seen(ctx, slug, answer.Revision); err != nil {
		return err
	}
	early := "2026-01-01T00:00:00Z"
	fmt.Fprintf(&b, `{"id":"w-1","run":"writer","pipeline":{"name":"writer"},"at":"%s","body":{"type":"artifactsProduced","artifacts":[{"artifact":{"name":"orders"}}]}}`+"\n", early)
	if err := send(); err != nil {
		return err
	}
	if err := t.seen(ctx, slug, answer.Revision); err != nil {
		return err
	}
	fmt.Fprintf(&b, `{"id":"w-2","run":"writer","at":"%s","body":{"type":"runCompleted"}}`+"\n", "2026-01-01T00:00:01Z")
	if err := send(); err != nil {
		return err
	}
	began := time.Now()
	if err := t.seen(ctx, slug, answer.Revision); err != nil {
		return err
	}
	took := time.Since(began)
	m.add(Row{What: fmt.Sprintf("one late write that moves %d reads, until it is shown", readers), Figure: ms(took), Ceiling: "-", Budget: "<= 2 s", Met: verdict(took <= 2*time.Second)})
	return nil
}

// restart measures a cold start with the database as it is now.
func (m *machine) restart(ctx context.Context, t *target) error {
	t.stop()
	again, took, err := m.serve(ctx)
	if err != nil {
		return err
	}
	again.stop()
	m.add(Row{What: "cold start with an existing database", Figure: ms(took), Ceiling: "-", Budget: "<= 1 s", Met: verdict(took <= time.Second)})
	return m.decoding()
}

// decoding is the ceiling of OpenLineage ingest that no database can lift.
func (m *machine) decoding() error {
	g := generate.NewOpenLineage(m.Seed, 400)
	events := make([][]byte, 2000)
	for i := range events {
		events[i] = g.Next()
	}
	began := time.Now()
	for _, e := range events {
		if _, err := openlineage.Parse(e, time.Now()); err != nil {
			return err
		}
	}
	m.add(Row{What: "OpenLineage decoding alone, one core", Figure: rate(perSecond(len(events), time.Since(began))), Ceiling: "-", Budget: "-", Met: Unsaid})
	return nil
}
