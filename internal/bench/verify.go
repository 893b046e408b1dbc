package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
)

// verify measures comparing every row of the read models with the events, at full speed, by the server that is there.
// The ceiling is that of a rebuild: the rows have to be written once, beside the live ones; comparing comes on top.
func (m *machine) verify(ctx context.Context, t *target, c copied) error {
	out, err := exec.CommandContext(ctx, m.Binary, "projection", "verify", "--all", "--full-speed", "-o", "json", "--url", t.url, "--api-key", t.key).Output()
	if err != nil {
		return fmt.Errorf("verify: %w: %s", err, out)
	}
	var r struct {
		Events        int64
		Rate, Seconds float64
		Equal         bool
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return fmt.Errorf("read the report of the verification: %w: %s", err, out)
	}
	ceiling := float64(r.Events) / c.fresh.Seconds()
	m.add(Row{
		What: "verification of all read models", Figure: rate(r.Rate), Ceiling: rate(ceiling) + " by COPY and indexing", Ratio: r.Rate / ceiling, Budget: ">= 30,000/s, >= 25 %", Met: verdict(r.Rate >= 30_000 && r.Rate >= ceiling/4 && r.Equal),
		Note: fmt.Sprintf("%d events folded, %d rows, each compared, in %.1f s; equal: %v", r.Events, c.rows, r.Seconds, r.Equal),
	})
	return nil
}
