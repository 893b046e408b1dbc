package bench

import (
	"bytes"
	"context"
	"time"

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
	for _, measure := range []func(context.Context, *target) error{m.native, m.batched, m.single, m.visible, m.late} {
		if err := measure(ctx, t); err != nil {
			return err
		}
	}
	if err := m.restart(ctx, t); err != nil {
		return err
	}
	return m.many(ctx)
}

// native measures NDJSON, 1,000 rows a request over 4 connections.
func (m *machine) native(ctx context.Context, t *target) error {
	before, err := m.counts(ctx)
	if err != nil {
		return err
	}
	l, err := m.load(ctx, t, "native", 4, m.scaled(120, 32), nativePath, "application/x-ndjson", m.nativeRows())
	if err != nil {
		return err
	}
	return m.ingested(ctx, "native NDJSON over HTTP, durable and projected", l, before, ">= 12,000/s, >= 25 % of COPY", func(figure, ratio float64) bool { return figure >= 12_000 && ratio >= 0.25 })
}

func (m *machine) batched(ctx context.Context, t *target) error {
	before, err := m.counts(ctx)
	if err != nil {
		return err
	}
	l, err := m.load(ctx, t, "batched", 4, m.scaled(180, 32), batchPath, "application/json", m.openLineageEvents())
	if err != nil {
		return err
	}
	return m.ingested(ctx, "OpenLineage over HTTP, batched", l, before, ">= 4,000/s", func(figure, _ float64) bool { return figure >= 4_000 })
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
	l, err := m.load(ctx, t, "single", 32, m.scaled(3000, 250), func(slug string) string { return "/workspaces/" + slug + "/api/v1/lineage" }, "application/json",
		func(c int) batch { return batch{generators[c].Next(), 1} })
	if err != nil {
		return err
	}
	return m.ingested(ctx, "OpenLineage over HTTP, one a request, 32 connections", l, before, ">= 2,500/s, p99 <= 50 ms",
		func(figure, _ float64) bool { return figure >= 2_500 && l.all.at(0.99) <= 50*time.Millisecond })
}

// nativeRows makes requests of 1,000 rows for each of 4 connections.
func (m *machine) nativeRows() func(c int) batch {
	generators := make([]*generate.Native, 4)
	for i := range generators {
		generators[i] = generate.NewNative(m.Seed+uint64(i), 200)
	}
	return func(c int) batch {
		var b bytes.Buffer
		for range 1000 {
			b.Write(generators[c].Next())
			b.WriteByte('\n')
		}
		return batch{b.Bytes(), 1000}
	}
}

// openLineageEvents makes requests of 200 events for each of 4 connections.
func (m *machine) openLineageEvents() func(c int) batch {
	generators := make([]*generate.OpenLineage, 4)
	for i := range generators {
		generators[i] = generate.NewOpenLineage(m.Seed+uint64(i), 400)
	}
	return func(c int) batch {
		b := bytes.NewBufferString("[")
		for i := range 200 {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(generators[c].Next())
		}
		b.WriteByte(']')
		return batch{b.Bytes(), 200}
	}
}

func nativePath(slug string) string { return "/v1/workspaces/" + slug + "/events" }

func batchPath(slug string) string { return "/workspaces/" + slug + "/api/v1/lineage/batch" }
