package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
)

// rebuild measures building all read models anew beside the live ones, keys and indexes included, by a server that did
// nothing before: native events and OpenLineage's, in four workspaces each, sent for equal times.
func (m *machine) rebuild(ctx context.Context) error {
	if err := m.written(ctx); err != nil {
		return err
	}
	c, err := m.liveCopied(ctx)
	if err != nil {
		return err
	}
	t, _, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	before := m.spent(t)
	out, err := exec.CommandContext(ctx, m.Binary, "projection", "rebuild", "--full-speed", "-o", "json", "--url", t.url, "--api-key", t.key).Output()
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
	_, highest := t.memory()
	m.add(Row{What: "rebuild of all read models", Figure: rate(r.Rate), Ceiling: rate(ceiling) + " by COPY and indexing", Ratio: r.Rate / ceiling, Budget: ">= 60,000/s, >= 50 %", Met: verdict(r.Rate >= 60_000 && r.Rate >= ceiling/2),
		Note: fmt.Sprintf("%d events of %.1f rows each; the time is that of filling and of making keys and indexes; the rebuilt model is equal: %v; the server took %d MB at its highest%s, comparing included",
			r.Events, float64(c.rows)/float64(r.Events), r.Equal, highest>>20, m.spent(t).each(before, int(r.Events)))})
	return m.verify(ctx, t, c)
}

// written has a server take events.
func (m *machine) written(ctx context.Context) error {
	t, _, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	if _, err := m.load(ctx, t, "native", 4, m.scaled(64, 16), nativePath, "application/x-ndjson", m.nativeRows()); err != nil {
		return err
	}
	_, err = m.load(ctx, t, "batched", 4, 64, batchPath, "application/json", m.openLineageEvents())
	return err
}

// liveCopied writes the rows of the live model once more.
func (m *machine) liveCopied(ctx context.Context) (c copied, err error) {
	pool, err := m.pool(ctx)
	if err != nil {
		return c, err
	}
	defer pool.Close()
	schema, err := liveModel(ctx, pool)
	if err != nil {
		return c, fmt.Errorf("find the live model: %w", err)
	}
	tables, err := tablesOf(ctx, pool, schema)
	if err != nil {
		return c, err
	}
	return copyAgain(ctx, pool, tables)
}
