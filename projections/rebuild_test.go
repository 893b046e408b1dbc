package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
)

// several writes a few workspaces of different lengths.
func (r *rig) several(n int) map[domain.Slug]domain.Revision {
	last := map[domain.Slug]domain.Revision{}
	for i := range n {
		slug := domain.Slug(fmt.Sprintf("w%d", i))
		last[slug] = r.write(slug, 3+i*i)
	}
	return last
}

func TestRebuildEqual(t *testing.T) {
	t.Parallel()
	for name, running := range map[string]bool{"beside a running engine": true, "alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			last := r.several(6)
			e := r.engine()
			stop := r.run(e)
			for slug, revision := range last {
				r.waitFor(e, slug, revision)
			}
			if !running {
				stop()
				for slug := range last { // nobody projects these: the rebuild must find them
					last[slug] = r.write(slug, 2)
				}
				last["late"] = r.write("late", 4)
			}
			var told int64
			report, err := e.Rebuild(t.Context(), RebuildOptions{PageSize: 7, Prove: true}, func(done, total int64, _ float64) { told = done })
			if err != nil {
				t.Fatalf("Rebuild: %v", err)
			}
			if !report.Equal || !report.SameCode || !report.Swapped || report.Workspaces != 6 || report.Events != told || report.From != "read_1" {
				t.Errorf("report %+v, told of %d events", report, told)
			}
			m, err := e.Open(t.Context(), "w3", AsOf{}, nil, patience)
			if err != nil || m.Schema != report.To {
				t.Errorf("Open = %+v, %v; want %s", m, err, report.To)
			}
			if !running {
				r.run(r.engine())
			}
			for slug := range last {
				last[slug] = r.write(slug, 3)
				r.waitFor(e, slug, last[slug])
				if got := r.rows(report.To, slug); got != all(last[slug]) {
					t.Errorf("%s has rows %s, want %s", slug, got, all(last[slug]))
				}
			}
			// The old model goes on being projected, so that one can go back to it.
			if err := e.Rollback(t.Context(), 0); err != nil {
				t.Fatalf("Rollback: %v", err)
			}
			for slug, revision := range last {
				r.waitFor(e, slug, revision)
				if got := r.rows("read_1", slug); got != all(revision) {
					t.Errorf("after going back %s has rows %s, want %s", slug, got, all(revision))
				}
			}
		})
	}
}

func TestRebuildWhileWritingGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.several(3)
	e := r.engine(func(c *Config) { c.PageSize = 5 })
	r.run(e)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var last [3]domain.Revision
	wg.Go(func() { // a busy workspace, and one that appears meanwhile
		for i := 0; ctx.Err() == nil; i++ {
			for j := range last {
				last[j] = r.write(domain.Slug(fmt.Sprintf("w%d", j*2)), 1)
			}
			_ = e.Wait(ctx, "w0", last[0]-25) // no faster than it can be projected
		}
	})
	wg.Go(func() { // readers are never blocked, and never see less than before
		seen := domain.NoRevision
		for ctx.Err() == nil {
			want := int64(seen)
			m, err := e.Open(context.Background(), "w0", AsOf{}, &want, patience)
			if err != nil || m.Revision < seen {
				t.Errorf("Open = %+v, %v after revision %d", m, err, seen)
				return
			}
			seen = m.Revision
		}
	})
	for range 2 {
		report, err := e.Rebuild(t.Context(), RebuildOptions{PageSize: 11}, nil)
		if err != nil || !report.Equal || !report.Swapped {
			t.Errorf("Rebuild = %+v, %v", report, err)
		}
	}
	cancel()
	wg.Wait()
	m, err := e.liveModel(t.Context())
	if err != nil || m.Schema != "read_3" {
		t.Fatalf("live is %+v, %v", m, err)
	}
	for j := range last {
		slug := domain.Slug(fmt.Sprintf("w%d", j*2))
		r.waitFor(e, slug, last[j])
		if got := r.rows("read_3", slug); got != all(last[j]) {
			t.Errorf("%s has rows %s, want %s", slug, got, all(last[j]))
		}
	}
}

func TestRebuildOfTheSameCodeRefusesDifferences(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.several(3)
	e := r.engine()
	r.run(e)
	for slug, revision := range last {
		r.waitFor(e, slug, revision)
	}
	r.exec(`UPDATE read_1.audit_entries SET kind = 'forged' WHERE revision = 1 AND ws = (SELECT number FROM log.workspaces WHERE slug = 'w2')`)
	report, err := e.Rebuild(t.Context(), RebuildOptions{AcceptDifferences: true}, nil)
	var different *DifferentError
	if !errors.As(err, &different) || !different.SameCode || report.Swapped || report.Equal {
		t.Fatalf("Rebuild = %+v, %v; want a refusal", report, err)
	}
	if len(report.Differences) != 1 {
		t.Fatalf("differences %+v, want one", report.Differences)
	}
	d := report.Differences[0]
	if d.Workspace != "w2" || d.Table != "audit_entries" || d.Rows != 1 || len(d.First) != 1 || d.First[0].Field != "kind" || d.First[0].Old != `"forged"` || d.First[0].New != `"run"` {
		t.Errorf("difference %+v", d)
	}
	if m, err := e.liveModel(t.Context()); err != nil || m.Schema != "read_1" {
		t.Errorf("live is %+v, %v", m, err)
	}
}

func TestRebuildOfNewCode(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.several(3)
	before := r.engine()
	stop := r.run(before)
	for slug, revision := range last {
		r.waitFor(before, slug, revision)
	}
	stop()
	// given a new build that folds otherwise: it answers from the old model and does not touch it
	e := r.engine()
	e.version = "newer"
	r.fold.twisted.Store(true)
	r.run(e)
	r.waitFor(e, "w1", last["w1"])
	for slug := range last {
		r.write(slug, 1)
	}
	// when it rebuilds, then what differs is listed and nothing is swapped
	report, err := e.Rebuild(t.Context(), RebuildOptions{}, nil)
	var different *DifferentError
	if !errors.As(err, &different) || different.SameCode || report.Swapped || len(report.Differences) != 3 || report.Workspaces != 3 {
		t.Fatalf("Rebuild = %+v, %v; want three tables that differ", report, err)
	}
	if got := r.rows("read_1", "w1"); got != all(last["w1"]) {
		t.Errorf("the old model has rows %s, want %s", got, all(last["w1"]))
	}
	// when nobody accepts it, then it is not swapped in
	if _, err := e.Swap(t.Context(), false, 0); !errors.As(err, &different) || different.Tables != 3 {
		t.Errorf("Swap without accepting: %v; want three tables that differ", err)
	}
	if m, err := e.liveModel(t.Context()); err != nil || m.Schema != "read_1" {
		t.Errorf("live is %+v, %v", m, err)
	}
	// when it is accepted, then it is swapped in and level
	if w, err := e.Swap(t.Context(), true, 0); err != nil || w.Schema != report.To || !w.Report.Swapped {
		t.Fatalf("Swap = %+v, %v", w, err)
	}
	for slug, revision := range last {
		r.waitFor(e, slug, revision+1)
		if got := r.rows(report.To, slug); got != all(revision+1) {
			t.Errorf("%s has rows %s, want %s", slug, got, all(revision+1))
		}
	}
	// and there is no way back to a model that nobody projects any more
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var behind *NotLevelError
	if err := e.Rollback(ctx, 0); !errors.As(err, &behind) || behind.Workspaces != 3 {
		t.Errorf("Rollback: %v; want that it is behind in 3 workspaces", err)
	}
	// when it builds again and differences are accepted at once, then it is swapped in
	report, err = e.Rebuild(t.Context(), RebuildOptions{}, nil)
	if err != nil || !report.Equal || !report.Swapped {
		t.Errorf("Rebuild = %+v, %v", report, err)
	}
}

func TestTheOldModelIsDroppedAfterTheLongestRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.write("one", 5)
	e := r.engine(func(c *Config) { c.KeepOld, c.LongestRequest = time.Hour, 50*time.Millisecond })
	r.run(e)
	r.waitFor(e, "one", last)
	if _, err := e.Rebuild(t.Context(), RebuildOptions{}, nil); err != nil {
		t.Fatal(err)
	}
	there := func(schema string) (there bool) {
		_ = r.pool.QueryRow(t.Context(), `SELECT to_regnamespace($1) IS NOT NULL`, schema).Scan(&there)
		return there
	}
	if !there("read_1") {
		t.Error("the old model is gone at once")
	}
	if err := e.DropOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the old model is dropped", func() bool { return !there("read_1") })
	if err := e.Rollback(t.Context(), 0); !errors.Is(err, ErrNoModel) {
		t.Errorf("Rollback to a dropped model: %v", err)
	}
	last = r.write("one", 5)
	r.waitFor(e, "one", last)
	if got := r.rows("read_2", "one"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
}

func TestAPoisonEventDoesNotStopARebuild(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	bad := r.append("ill", report("a"), report("poison"), report("b")) - 1
	last := r.write("well", 6)
	e := r.engine()
	r.run(e)
	r.waitFor(e, "well", last)
	eventually(t, "paused", func() bool { return errors.As(e.Wait(t.Context(), "ill", bad), new(*PausedError)) })
	report, err := e.Rebuild(t.Context(), RebuildOptions{}, nil)
	if err != nil || !report.Equal || !report.Swapped {
		t.Fatalf("Rebuild = %+v, %v", report, err)
	}
	if got := r.rows(report.To, "ill"); got != all(bad-1) {
		t.Errorf("rows %s, want %s", got, all(bad-1))
	}
	r.fold.mended.Store(true)
	if err := e.Retry(t.Context(), "ill"); err != nil {
		t.Fatal(err)
	}
	for _, schema := range []string{report.From, report.To} { // in every model that is projected
		if got := r.rows(schema, "ill"); got != all(bad+1) {
			t.Errorf("%s has rows %s, want %s", schema, got, all(bad+1))
		}
	}
}

func TestOneRebuildAtATime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e, other := r.engine(), r.engine()
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	unlock, err := e.lockRebuild(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Rebuild(t.Context(), RebuildOptions{}, nil); !errors.Is(err, ErrRebuilding) {
		t.Errorf("a second rebuild: %v", err)
	}
	unlock()
	free, err := other.lockRebuild(t.Context())
	if err != nil {
		t.Fatalf("the lock is not free: %v", err)
	}
	free()
}

// How long the model before is kept is said by the rebuild, and holds over restarts: whoever runs then drops it.
func TestTheOldModelIsKeptAsLongAsTheRebuildSaid(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.write("one", 5)
	first := r.engine(func(c *Config) { c.LongestRequest = 50 * time.Millisecond })
	stop := r.run(first)
	r.waitFor(first, "one", last)
	if _, err := first.Rebuild(t.Context(), RebuildOptions{KeepOld: 48 * time.Hour, Gentle: true}, nil); err != nil {
		t.Fatal(err)
	}
	stop()
	var left time.Duration
	if err := r.pool.QueryRow(t.Context(), `SELECT drop_after - now() FROM log.models WHERE state = 'old'`).Scan(&left); err != nil || left < 47*time.Hour || left > 48*time.Hour {
		t.Errorf("it is kept for %s, %v", left, err)
	}
	// given another server, then it is projected on
	second := r.engine(func(c *Config) { c.LongestRequest = 50 * time.Millisecond })
	r.run(second)
	last = r.write("one", 5)
	r.waitFor(second, "one", last)
	eventually(t, "the old model is level", func() bool { return r.rows("read_1", "one") == all(last) })
	// when its time is over, then that server drops it
	r.exec(`UPDATE log.models SET drop_after = now() WHERE state = 'old'`)
	eventually(t, "the old model is dropped", func() bool {
		var there bool
		err := r.pool.QueryRow(t.Context(), `SELECT to_regnamespace('read_1') IS NOT NULL`).Scan(&there)
		return err == nil && !there
	})
}
