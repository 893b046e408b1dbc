package bench

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
)

// replay measures `annals replay`: events printed a second, through the server and the command line. The ceiling is
// reading the same log as it is stored, a page after the other.
func (m *machine) replay(ctx context.Context) error {
	t, _, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	if _, err := m.load(ctx, t, "replayed", 1, m.scaled(64, 16), nativePath, "application/x-ndjson", m.nativeRows()); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, m.Binary, "replay", "replayed-00", "--url", t.url, "--api-key", t.key)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	lines := 0
	for s := bufio.NewScanner(out); s.Scan(); lines++ {
	}
	took := time.Since(began)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	store, err := postgres.Open(ctx, m.pg.URL(), postgres.Options{MaxConns: 4})
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer store.Close()
	read, reading := 0, time.Now()
	for at := (eventstore.Position{}); ; {
		page, err := store.ReadRaw(ctx, at, 1000)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if read += len(page.Events); page.CaughtUp {
			break
		}
		at = page.Next
	}
	printed, ceiling := float64(lines)/took.Seconds(), float64(read)/time.Since(reading).Seconds()
	m.add(Row{What: "replay of a workspace", Figure: rate(printed), Ceiling: rate(ceiling) + " read as they are stored", Ratio: printed / ceiling,
		Note: fmt.Sprintf("%d events printed, %d read; starting the command included", lines, read)})
	return nil
}
