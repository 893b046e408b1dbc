package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// carrying measures taking a history away, bringing it into a new workspace, and showing it: of a million events (20,000 in a
// short run, or as --events says) in one workspace. Each has a server that did nothing before, so that what it takes of
// memory is its own. The ceiling is reading, or writing, the same rows of the log as they are.
func (m *machine) carrying(ctx context.Context) error {
	events := m.scaled(1_000_000, 20_000)
	if m.Events > 0 {
		events = m.Events
	}
	t, _, err := m.serve(ctx)
	if err != nil {
		return err
	}
	err = m.fillOne(ctx, t, 0, max(1, events/1000), 1000)
	t.stop()
	if err != nil {
		return fmt.Errorf("fill a workspace: %w", err)
	}
	dir := filepath.Join(m.dir, "export")
	if err := m.exporting(ctx, dir); err != nil {
		return err
	}
	if err := m.importing(ctx, dir); err != nil {
		return err
	}
	return m.showing(ctx, dir)
}

// A carried is what a command said of what it carried, and what that took.
type carried struct {
	took   time.Duration
	memory int64 // of the command, at its highest, in bytes
	events int
	last   int64
}

// carry runs a command to its end.
func (m *machine) carry(ctx context.Context, t *target, args ...string) (c carried, err error) {
	cmd := exec.CommandContext(ctx, m.Binary, append(args, "--url", t.url, "--api-key", t.key)...)
	began := time.Now()
	out, err := cmd.Output()
	c.took = time.Since(began)
	if err != nil {
		return c, fmt.Errorf("annals %s: %w: %s", strings.Join(args, " "), err, out)
	}
	if used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.memory = used.Maxrss << 10
	}
	var said struct {
		Events, Revision, Last int64
		Counts                 struct{ Events int64 }
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return c, fmt.Errorf("read what annals %s said: %w: %s", args[0], err, out)
	}
	c.events, c.last = int(max(said.Events, said.Counts.Events)), max(said.Revision, said.Last)
	return c, nil
}

func (m *machine) exporting(ctx context.Context, dir string) error {
	t, _, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	before := m.spent(t)
	c, err := m.carry(ctx, t, "export", "filled-00", "--output", dir, "--json")
	if err != nil {
		return err
	}
	ceiling, err := m.readRaw(ctx, c.events)
	if err != nil {
		return err
	}
	_, highest := t.memory()
	figure := float64(c.events) / c.took.Seconds()
	m.add(Row{What: "export of a workspace", Figure: rate(figure), Ceiling: rate(ceiling) + " read by one SELECT", Ratio: figure / ceiling,
		Note: fmt.Sprintf("%d events in %.1f s, written, read again and checked; the server took %d MB at its highest, the command %d MB%s", c.events, c.took.Seconds(), highest>>20, c.memory>>20, m.spent(t).each(before, c.events))})
	return nil
}

func (m *machine) importing(ctx context.Context, dir string) error {
	t, _, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	before, began := m.spent(t), time.Now()
	c, err := m.carry(ctx, t, "import", "history", dir, "--as", "brought", "-o", "json")
	if err != nil {
		return err
	}
	_, highest := t.memory()
	cost := m.spent(t).each(before, c.events)
	if err := t.seen(ctx, "brought", c.last); err != nil {
		return fmt.Errorf("read what was imported: %w", err)
	}
	readable := time.Since(began)
	ceiling, err := m.writeRaw(ctx)
	if err != nil {
		return err
	}
	figure := float64(c.events) / c.took.Seconds()
	m.add(Row{What: "import of a history", Figure: rate(figure), Ceiling: rate(ceiling) + " copied from table to table", Ratio: figure / ceiling,
		Note: fmt.Sprintf("%d events in %.1f s, proven on both sides; all of it can be read after %.1f s; the server took %d MB at its highest, the command %d MB%s", c.events, c.took.Seconds(), readable.Seconds(), highest>>20, c.memory>>20, cost)})
	return nil
}

// showing starts a server on the export, with a database of its own that is made for it.
func (m *machine) showing(ctx context.Context, dir string) error {
	data := filepath.Join(m.dir, "shown")
	t := &target{cmd: exec.CommandContext(ctx, m.Binary, "serve", "--history", dir, "--data", data, "--listen", "127.0.0.1:0")}
	t.cmd.Cancel = func() error { return t.cmd.Process.Signal(syscall.SIGTERM) }
	began := time.Now()
	if err := t.cmd.Start(); err != nil {
		return fmt.Errorf("show the export: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- t.cmd.Wait() }()
	defer func() { <-ended }()
	defer t.stop()
	for {
		if found, _ := filepath.Glob(filepath.Join(data+"-history", "*", "address")); len(found) > 0 && read(found[0]) != "" {
			break
		}
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("show the export: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	took := time.Since(began)
	_, highest := t.memory()
	var manifest struct{ Counts struct{ Events int } }
	if err := json.Unmarshal([]byte(read(filepath.Join(dir, "manifest.json"))), &manifest); err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	n := manifest.Counts.Events
	var size int64
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("measure the export: %w", err)
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil {
			size += info.Size()
		}
	}
	m.add(Row{What: "serve --history, until it answers", Figure: fmt.Sprintf("%.1f s", took.Seconds()),
		Note: fmt.Sprintf("%d events, %d MB of files; proven, laid into a fresh database and made readable: %s; the server took %d MB at its highest", n, size>>20, rate(float64(n)/took.Seconds()), highest>>20)})
	return nil
}

// The ceilings: the rows of the log, read by one question and written by one command.
const (
	rawReadSQL  = `SELECT revision, event_id, type, data, meta, recorded_at, occurred_at, subject, kind, version FROM log.events ORDER BY position LIMIT $1`
	rawWriteSQL = `CREATE TABLE bench_copied AS SELECT * FROM log.events WHERE false`
	rawCopySQL  = `INSERT INTO bench_copied SELECT * FROM log.events`
)

func (m *machine) readRaw(ctx context.Context, n int) (float64, error) {
	pool, err := m.pool(ctx)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	began := time.Now()
	rows, err := pool.Query(ctx, rawReadSQL, n)
	if err != nil {
		return 0, fmt.Errorf("read the log: %w", err)
	}
	defer rows.Close()
	got := 0
	for rows.Next() {
		rows.RawValues()
		got++
	}
	return float64(got) / time.Since(began).Seconds(), rows.Err()
}

func (m *machine) writeRaw(ctx context.Context) (float64, error) {
	pool, err := m.pool(ctx)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, rawWriteSQL); err != nil {
		return 0, fmt.Errorf("make a table beside the log: %w", err)
	}
	began := time.Now()
	done, err := pool.Exec(ctx, rawCopySQL)
	if err != nil {
		return 0, fmt.Errorf("copy the log: %w", err)
	}
	return float64(done.RowsAffected()) / time.Since(began).Seconds(), nil
}
