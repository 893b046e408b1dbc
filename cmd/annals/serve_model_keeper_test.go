package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/annals-io/annals/projections"
)

// fakeModel is an engine whose models are as it is told. What it builds differs from the live one where it is told so.
type fakeModel struct {
	status   projections.ModelStatus
	beside   *projections.Waiting
	differs  bool
	err      error // of rebuilding
	rebuilds []time.Time
	swaps    int
}

func (f *fakeModel) Model(context.Context) (projections.ModelStatus, error) { return f.status, nil }

func (f *fakeModel) Waiting(context.Context) (projections.Waiting, error) {
	if f.beside == nil {
		return projections.Waiting{}, projections.ErrNoModel
	}
	return *f.beside, nil
}

func (f *fakeModel) Rebuild(_ context.Context, o projections.RebuildOptions, progress func(done, total int64, rate float64)) (projections.Report, error) {
	f.rebuilds = append(f.rebuilds, time.Now())
	progress(1, 2, 3)
	if f.err != nil {
		return projections.Report{}, f.err
	}
	r := projections.Report{To: "read_2", Equal: !f.differs}
	if f.differs {
		r.Tables = 3
	}
	if f.differs && !o.AcceptDifferences {
		f.beside = &projections.Waiting{Schema: r.To, MadeBy: f.status.Code, Projecting: 1, Complete: true, Report: &r}
		return r, &projections.DifferentError{Schema: r.To, Tables: 3}
	}
	f.status.MadeBy, f.beside = f.status.Code, nil
	return r, nil
}

func (f *fakeModel) Swap(_ context.Context, accept bool, _ time.Duration) (projections.Waiting, error) {
	f.swaps++
	w := *f.beside
	if w.Differs() && !accept {
		return w, &projections.DifferentError{Schema: w.Schema, Tables: w.Report.Tables}
	}
	f.status.MadeBy, f.beside = f.status.Code, nil
	return w, nil
}

// keeping runs a keeper of that engine until stop.
func keeping(t *testing.T, engine *fakeModel, mode string) (k *modelKeeper, log *buffer, stop func()) {
	log = &buffer{}
	k = &modelKeeper{engine: engine, log: slog.New(slog.NewTextHandler(log, nil)), metrics: newMetrics(), mode: mode}
	ctx, stop := context.WithCancel(t.Context())
	go k.run(ctx)
	return k, log, stop
}

func TestTheKeeperOfTheReadModel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeModel{status: projections.ModelStatus{Schema: "read_1", MadeBy: "old", Code: "new", Projecting: 1}}
		k, log, stop := keeping(t, engine, rebuildAuto)
		defer stop()
		// Given servers of the version that made the model: they keep it up, and it is left to them.
		passes(time.Hour)
		if r := k.report(); len(engine.rebuilds) != 0 || r.State != modelElsewhere || r.Outdated {
			t.Errorf("beside servers that project it: %+v after %d rebuilds", r, len(engine.rebuilds))
		}
		// When they are gone, it is rebuilt; what fails is tried again, ever less often, and the cause is told.
		engine.status.Projecting, engine.err = 0, errors.New("the disk is full")
		passes(10 * time.Minute)
		if r := k.report(); len(engine.rebuilds) != 4 || r.State != modelOutdated || !strings.Contains(r.Detail, "the disk is full") || r.Do == "" {
			t.Errorf("after failures: %+v after %d rebuilds", r, len(engine.rebuilds))
		}
		// When somebody else is at it, it waits.
		engine.err = projections.ErrRebuilding
		passes(10 * time.Minute)
		if r := k.report(); r.State != modelRebuilding || r.Do != "" {
			t.Errorf("while another one rebuilds: %+v", r)
		}
		// When the cause is mended, then it is current, and nothing more is done.
		engine.err = nil
		passes(time.Hour)
		done := len(engine.rebuilds)
		passes(time.Hour)
		if r := k.report(); r.State != modelCurrent || r.Outdated || len(engine.rebuilds) != done {
			t.Errorf("at the end: %+v", r)
		}
		if n := strings.Count(log.String(), "kept up by 1 other servers"); n != 1 {
			t.Errorf("it is told %d times that others keep it up:\n%s", n, log)
		}
	})
}

// What differs is built once, told once, and waits: over hours, and over restarts.
func TestTheKeeperWaitsWhereModelsDiffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeModel{status: projections.ModelStatus{Schema: "read_1", MadeBy: "old", Code: "new"}, differs: true}
		for range 3 {
			k, log, stop := keeping(t, engine, rebuildAuto)
			passes(time.Hour)
			r := k.report()
			if len(engine.rebuilds) != 1 || engine.swaps != 0 || r.State != modelWaiting || !r.Outdated || !strings.Contains(r.Detail, "differs from it in 3 tables") ||
				!strings.Contains(r.Do, "`annals projection swap --accept-differences`") || r.Waiting == nil || r.Waiting.Schema != "read_2" {
				t.Errorf("%+v after %d rebuilds and %d swaps", r, len(engine.rebuilds), engine.swaps)
			}
			if n := strings.Count(log.String(), "waits for somebody to look"); n != 1 {
				t.Errorf("that it waits is told %d times:\n%s", n, log)
			}
			stop()
		}
		// When the server is told to accept, then what waits is taken, and not built again.
		k, _, stop := keeping(t, engine, rebuildAccept)
		defer stop()
		passes(time.Minute)
		if r := k.report(); len(engine.rebuilds) != 1 || engine.swaps != 1 || r.State != modelCurrent {
			t.Errorf("with accept: %+v after %d rebuilds and %d swaps", r, len(engine.rebuilds), engine.swaps)
		}
	})
}

func TestWhatIsToBeDoneAboutAReadModel(t *testing.T) {
	t.Parallel()
	old := projections.ModelStatus{Schema: "read_1", MadeBy: "old", Code: "new"}
	current, elsewhere, discarded := old, old, old
	current.MadeBy, elsewhere.Projecting, discarded.Discarded = "new", 2, true
	beside := func(by string, projecting int, complete, equal bool) *projections.Waiting {
		w := &projections.Waiting{Schema: "read_2", MadeBy: by, Projecting: projecting, Complete: complete}
		if complete {
			w.Report = &projections.Report{Equal: equal}
		}
		return w
	}
	for name, tt := range map[string]struct {
		model  projections.ModelStatus
		beside *projections.Waiting
		state  string
		todo   map[string]deed // by mode
	}{
		"our own":               {current, nil, modelCurrent, map[string]deed{}},
		"that of others":        {elsewhere, nil, modelElsewhere, map[string]deed{}},
		"nobody's":              {old, nil, modelRebuilding, map[string]deed{rebuildAuto: doRebuild, rebuildAccept: doRebuild}},
		"one that was cut off":  {old, beside("new", 1, false, false), modelRebuilding, map[string]deed{rebuildAuto: doRebuild, rebuildAccept: doRebuild}},
		"one that differs":      {old, beside("new", 1, true, false), modelWaiting, map[string]deed{rebuildAccept: doSwap}},
		"one that is equal":     {old, beside("new", 1, true, true), modelRebuilding, map[string]deed{rebuildAuto: doSwap, rebuildAccept: doSwap}},
		"a third version's":     {old, beside("third", 1, true, true), modelWaiting, map[string]deed{}},
		"one that nobody keeps": {old, beside("third", 0, true, true), modelRebuilding, map[string]deed{rebuildAuto: doRebuild, rebuildAccept: doRebuild}},
		"one that was dropped":  {discarded, nil, modelOutdated, map[string]deed{}},
		"another since":         {discarded, beside("new", 1, true, false), modelWaiting, map[string]deed{rebuildAccept: doSwap}},
	} {
		for _, mode := range []string{rebuildAuto, rebuildAccept, rebuildManual} {
			r, do := judge(mode, tt.model, tt.beside)
			if do != tt.todo[mode] {
				t.Errorf("%s, %s: %d is done, want %d", name, mode, do, tt.todo[mode])
			}
			if mode == rebuildAuto && r.State != tt.state {
				t.Errorf("%s: the state is %s, want %s", name, r.State, tt.state)
			}
			if r.Outdated && do == doNothing && r.Do == "" {
				t.Errorf("%s, %s: nothing is done, and nobody is told what to do: %+v", name, mode, r)
			}
			if mode == rebuildManual && do != doNothing {
				t.Errorf("%s: something is done although that is left to a person", name)
			}
		}
	}
}
