package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/annals-io/annals/internal/bench/generate"
)

// rebuildLive measures a rebuild, and a verification, of a million events (20,000 in a short run, or as --events says)
// while 200 events a second are written and a reader in each of four workspaces asks all the time: no answer may fail, be put
// together from two models, or go back.
func (m *machine) rebuildLive(ctx context.Context) error {
	t, _, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	events := m.scaled(1_000_000, 20_000)
	if m.Events > 0 {
		events = m.Events
	}
	if err := m.filled(ctx, t, events); err != nil {
		return err
	}
	for _, command := range []string{"rebuild", "verify"} {
		args := []string{"projection", command, "-o", "json", "--url", t.url, "--api-key", t.key}
		if command == "verify" {
			args = append(args, "--all")
		}
		if err := m.beside(ctx, t, command, args, events); err != nil {
			return err
		}
	}
	return nil
}

// beside runs a command beside a crowd, and adds what both found.
func (m *machine) beside(ctx context.Context, t *target, what string, args []string, events int) error {
	crowd, leave := context.WithCancel(ctx)
	defer leave()
	type gathered struct {
		Crowded
		err error
	}
	done := make(chan gathered, 1)
	go func() {
		found, err := Crowd{URL: t.url, Key: t.key, Rate: 200, Places: 4, Name: what}.Run(crowd)
		done <- gathered{found, err}
	}()
	began := time.Now()
	out, err := exec.CommandContext(ctx, m.Binary, args...).Output()
	took := time.Since(began)
	leave()
	found := <-done
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%s: %w: %s%s", what, err, out, exit.Stderr)
	}
	if err = errors.Join(err, found.err); err != nil {
		return err
	}
	var report struct {
		Events         int64
		Equal, Swapped bool
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return fmt.Errorf("read the report: %w: %s", err, out)
	}
	m.add(Row{
		What:   what + " while all goes on: answers that failed, or were mixed",
		Figure: fmt.Sprintf("%d, %d", found.Failed, found.Mixed), Ceiling: fmt.Sprintf("of %d reads and %d writes", found.Read, found.Written), Budget: "0, 0",
		Met: verdict(found.Failed == 0 && found.Mixed == 0 && report.Equal && report.Swapped == (what == "rebuild")),
		Note: fmt.Sprintf("%d events at first and %d read, in %s, at the lowest priority (%s); p99 of reads %s, of writes %s; equal: %v, swapped: %v %q",
			events, report.Events, took.Round(time.Millisecond), rate(float64(report.Events)/took.Seconds()), found.ReadP99.Round(time.Microsecond), found.WriteP99.Round(time.Microsecond), report.Equal, report.Swapped, found.First),
	})
	return nil
}

// filled sends so many events into eight workspaces, four at a time, and waits until they are shown.
func (m *machine) filled(ctx context.Context, t *target, events int) error {
	const workspaces, page = 8, 1000
	each := max(1, events/workspaces/page)
	jobs := make(chan int, workspaces)
	for i := range workspaces {
		jobs <- i
	}
	close(jobs)
	fails := make(chan error, 4)
	for range cap(fails) {
		go func() {
			for i := range jobs {
				if err := m.fillOne(ctx, t, i, each, page); err != nil {
					fails <- err
					return
				}
			}
			fails <- nil
		}()
	}
	var err error
	for range cap(fails) {
		err = errors.Join(err, <-fails)
	}
	return err
}

func (m *machine) fillOne(ctx context.Context, t *target, i, pages, page int) error {
	slug := fmt.Sprintf("filled-%02d", i)
	if err := t.createWorkspace(ctx, slug); err != nil {
		return err
	}
	g := generate.NewNative(m.Seed+uint64(i), 200)
	var last int64
	for range pages {
		var b bytes.Buffer
		for range page {
			b.Write(g.Next())
			b.WriteByte('\n')
		}
		var answer struct{ Revision int64 }
		if err := t.post(ctx, "/v1/workspaces/"+slug+"/events", "application/x-ndjson", b.Bytes(), &answer); err != nil {
			return err
		}
		last = max(last, answer.Revision)
	}
	return t.seen(ctx, slug, last)
}
