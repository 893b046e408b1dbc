package bench

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/annals-io/annals/ingest/openlineage"
	"github.com/annals-io/annals/internal/bench/generate"
)

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
	for range m.scaled(2000, 150) {
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

// many measures the memory of a server that does nothing but take events into 200 workspaces.
func (m *machine) many(ctx context.Context) error {
	t, _, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	total := m.scaled(400_000, 20_000)
	each := min(500, total/workspaces)
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
				for sent := 0; sent < total/workspaces; sent += each {
					var b bytes.Buffer
					for range each {
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
