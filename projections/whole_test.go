package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// training is what an orchestrator reports of one run: three steps, datasets in and a model out.
func training(n int) []domain.Event {
	run := domain.RunRef{ID: fmt.Sprintf("run-%d", n)}
	pipeline := domain.Name{Name: fmt.Sprintf("train-%d", n%5)}
	events := []domain.Event{domain.RunReported{Phase: domain.Started, Run: run, Pipeline: &pipeline}}
	for i := range 3 {
		x := domain.Execution{Run: run, Step: fmt.Sprintf("step-%d", i)}
		in := domain.IO{Artifact: domain.Name{Namespace: "lake", Name: fmt.Sprintf("table-%d", (n+i)%17)}}
		out := domain.IO{Artifact: domain.Name{Namespace: "lake", Name: fmt.Sprintf("table-%d", (n+i+1)%17)}}
		events = append(events,
			domain.StepReported{Execution: x, Phase: domain.Started},
			domain.ArtifactsConsumed{Execution: x, Phase: domain.Started, Inputs: []domain.IO{in}},
			domain.ArtifactsProduced{Execution: x, Phase: domain.Succeeded, Outputs: []domain.IO{out}},
			domain.StepReported{Execution: x, Phase: domain.Succeeded})
	}
	return append(events, domain.RunReported{Phase: domain.Succeeded, Run: run})
}

// whole is an engine with the real folding code.
func (r *rig) whole(with ...func(*Config)) *Engine {
	e := r.engine(with...)
	e.fold = readFold{r.store}
	return e
}

// The real read model, projected in pages of several sizes and rebuilt, is always the same.
func TestTheReadModelDoesNotDependOnPages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := map[domain.Slug]domain.Revision{}
	for n := range 40 {
		slug := domain.Slug(fmt.Sprintf("w%d", n%2))
		last[slug] = r.append(slug, training(n)...)
	}
	e := r.whole(func(c *Config) { c.PageSize = 37 })
	r.run(e)
	for slug, revision := range last {
		r.waitFor(e, slug, revision)
	}
	for _, size := range []int{211, 5000} {
		report, err := e.Rebuild(t.Context(), RebuildOptions{PageSize: size, Prove: true}, nil)
		if err != nil || !report.Equal {
			t.Fatalf("pages of %d: %+v, %v", size, report, err)
		}
	}
	list, err := e.Progress(t.Context())
	if err != nil || slices.ContainsFunc(list, func(s Standing) bool { return s.State != "live" || s.Lag != 0 }) {
		t.Errorf("Progress = %+v, %v", list, err)
	}
}

// An event of a newer build pauses its workspace alone, in the read model and in the decision states, and the next
// build goes on from there.
func TestAnEventOfANewerBuildPausesItsWorkspace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	before := r.append("ahead", training(1)...)
	other := r.append("other", training(2)...)
	stream := domain.WorkspaceStream("ahead")
	run := report("later")
	_, err := r.store.Append(t.Context(), []eventstore.Slice{{Stream: stream, Expected: eventstore.Expected(before), Events: []eventstore.NewEvent{{
		Data:     []byte("{}"),
		Envelope: domain.Envelope{EventID: domain.EventID(stream, "new", 0), Type: "run.dreamt", Version: 1, RecordedAt: r.clock.Add(time.Hour), Subject: run.Subject()},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	e := r.whole()
	r.run(e)
	r.waitFor(e, "other", other)
	var paused *PausedError
	eventually(t, "paused", func() bool { return errors.As(e.Wait(t.Context(), "ahead", before+1), &paused) })
	if paused.Applied != before {
		t.Errorf("paused after %d, want %d", paused.Applied, before)
	}
	eventually(t, "the decision states are paused too", func() bool {
		_, asOf, ok, err := e.State(t.Context(), stream, domain.WorkspaceEntity())
		var n int
		_ = r.pool.QueryRow(t.Context(), `SELECT count(*) FROM states.progress WHERE state = 'paused'`).Scan(&n)
		return err == nil && ok && asOf == before && n == 1
	})
	if err := e.Retry(t.Context(), "ahead"); !errors.As(err, &paused) {
		t.Errorf("Retry: %v", err)
	}
}

func BenchmarkRebuild(b *testing.B) {
	r := newRig(b)
	const runs, workspaces = 8_000, 8
	for w := range workspaces {
		var events []domain.Event
		for n := range runs / workspaces {
			events = append(events, training(n)...)
		}
		for chunk := range slices.Chunk(events, 500) {
			r.append(domain.Slug(fmt.Sprintf("w%d", w)), chunk...)
		}
	}
	e := r.whole()
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(ctx) })
	<-e.Ready()
	began := time.Now()
	for w := range workspaces {
		slug := domain.Slug(fmt.Sprintf("w%d", w))
		for e.Wait(ctx, slug, r.next[slug]-1) != nil {
		}
	}
	total := 0
	for _, n := range r.next {
		total += int(n)
	}
	projected := float64(total) / time.Since(began).Seconds()
	cancel()
	running.Wait()
	for b.Loop() {
		report, err := e.Rebuild(b.Context(), RebuildOptions{}, nil)
		if err != nil {
			b.Fatalf("%+v, %v", report, err)
		}
		b.ReportMetric(projected, "projected-ev/s")
		b.ReportMetric(report.Rate, "filled-ev/s")
		b.ReportMetric(float64(report.Events)/report.Took.Seconds(), "rebuilt-ev/s")
	}
}

// BenchmarkCommitToVisible appends one event and waits until a moment has it.
func BenchmarkCommitToVisible(b *testing.B) {
	r := newRig(b)
	e := r.whole()
	r.run(e)
	r.waitFor(e, "one", r.append("one", training(0)...))
	var took []time.Duration
	n := 1
	for b.Loop() {
		want := int64(r.append("one", training(n)...))
		n++
		began := time.Now()
		if _, err := e.Open(b.Context(), "one", AsOf{}, &want, patience); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}
