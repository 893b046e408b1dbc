package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/annals-io/annals/domain"
)

// upgraded is a rig whose live model an engine of older code made, and the engine of newer code, that folds otherwise,
// beside it; nobody projects the live model any more.
func upgraded(t *testing.T) (r *rig, newer *Engine, last map[domain.Slug]domain.Revision) {
	t.Helper()
	r = newRig(t)
	last = r.several(3)
	before := r.engine()
	stop := r.run(before)
	for slug, revision := range last {
		r.waitFor(before, slug, revision)
	}
	stop()
	r.fold.twisted.Store(true)
	newer = r.engine()
	newer.version = "newer"
	return r, newer, last
}

// A model that was left because it differs is found by the next process, with what was found, goes on being projected,
// and is level when somebody accepts it.
func TestAModelThatDiffersWaitsForAPerson(t *testing.T) {
	t.Parallel()
	r, e, last := upgraded(t)
	stop := r.run(e)
	if w, err := e.Waiting(t.Context()); !errors.Is(err, ErrNoModel) {
		t.Errorf("before any rebuild: %+v, %v", w, err)
	}
	report, err := e.Rebuild(t.Context(), RebuildOptions{}, nil)
	if !errors.As(err, new(*DifferentError)) {
		t.Fatalf("Rebuild: %v", err)
	}
	stop()
	// given a restart, and writes while nobody projected
	for slug := range last {
		last[slug] = r.write(slug, 2)
	}
	again := r.engine()
	again.version = "newer"
	r.run(again)
	w, err := again.Waiting(t.Context())
	if err != nil || w.Schema != report.To || w.MadeBy != "newer" || !w.Complete || !w.Differs() || w.Report.Tables != 3 || !slices.EqualFunc(w.Report.Differences, report.Differences, func(a, b TableDifference) bool {
		return fmt.Sprint(a) == fmt.Sprint(b)
	}) {
		t.Fatalf("after a restart: %+v, %v; want what the rebuild found", w, err)
	}
	eventually(t, "the new process is heard of", func() bool {
		w, err := again.Waiting(t.Context())
		return err == nil && w.Projecting == 1
	})
	// when it is accepted, then it has all that was written
	if _, err := again.Swap(t.Context(), true, 0); err != nil {
		t.Fatal(err)
	}
	for slug, revision := range last {
		r.waitFor(again, slug, revision)
		if got := r.rows(report.To, slug); got != all(revision) {
			t.Errorf("%s has rows %s, want %s", slug, got, all(revision))
		}
	}
	if w, err := again.Waiting(t.Context()); !errors.Is(err, ErrNoModel) {
		t.Errorf("after the swap: %+v, %v", w, err)
	}
}

// What a person discards is gone, and it is known that he did.
func TestDiscarding(t *testing.T) {
	t.Parallel()
	r, e, _ := upgraded(t)
	r.run(e)
	if err := e.Discard(t.Context()); !errors.Is(err, ErrNoModel) {
		t.Errorf("Discard of nothing: %v", err)
	}
	report, err := e.Rebuild(t.Context(), RebuildOptions{}, nil)
	if !errors.As(err, new(*DifferentError)) {
		t.Fatalf("Rebuild: %v", err)
	}
	if m, err := e.Model(t.Context()); err != nil || m.Discarded {
		t.Errorf("before: %+v, %v", m, err)
	}
	if err := e.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m, err := e.Model(t.Context()); err != nil || m.Schema != "read_1" || !m.Discarded {
		t.Errorf("after: %+v, %v", m, err)
	}
	var there bool
	if err := r.pool.QueryRow(t.Context(), `SELECT to_regnamespace($1) IS NOT NULL`, report.To).Scan(&there); err != nil || there {
		t.Errorf("the schema is there: %t, %v", there, err)
	}
	if _, err := e.Swap(t.Context(), true, 0); !errors.Is(err, ErrNoModel) {
		t.Errorf("Swap of nothing: %v", err)
	}
	// Another rebuild is a decision too, and what it brings in is not discarded.
	if _, err := e.Rebuild(t.Context(), RebuildOptions{AcceptDifferences: true}, nil); err != nil {
		t.Fatal(err)
	}
	if m, err := e.Model(t.Context()); err != nil || !m.Current() || m.Discarded {
		t.Errorf("after another rebuild: %+v, %v", m, err)
	}
}

// Nothing is swapped in that is not whole, that the same code made differently, or that nobody projects.
func TestWhatCannotBeSwappedIn(t *testing.T) {
	t.Parallel()
	r, e, _ := upgraded(t)
	stop := r.run(e)
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	b, err := e.newBuild(t.Context(), RebuildOptions{PageSize: 8, Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	b.progress = func(int64, int64, float64) {}
	if _, err := b.run(cut); err == nil {
		t.Fatal("a rebuild goes on after its end")
	}
	if w, err := e.Waiting(t.Context()); err != nil || w.Complete || w.Report != nil || !w.Differs() {
		t.Errorf("of a rebuild that was cut off: %+v, %v", w, err)
	}
	if _, err := e.Swap(t.Context(), true, 0); !errors.Is(err, ErrIncomplete) {
		t.Errorf("Swap of half a model: %v", err)
	}
	if _, err := e.Rebuild(t.Context(), RebuildOptions{}, nil); !errors.As(err, new(*DifferentError)) {
		t.Fatalf("Rebuild: %v", err)
	}
	unlock, err := e.lockRebuild(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"Swap": second(e.Swap(t.Context(), true, 0)), "Discard": e.Discard(t.Context()), "Rollback": e.Rollback(t.Context(), 0)} {
		if !errors.Is(err, ErrRebuilding) {
			t.Errorf("%s during a rebuild: %v", name, err)
		}
	}
	unlock()
	stop()
	third := r.engine()
	third.version = "a third"
	r.run(third)
	var other *OtherCodeError
	eventually(t, "nobody projects it", func() bool {
		return errors.As(second(third.Swap(t.Context(), true, 0)), &other) && other.Have == "newer"
	})
	if m, err := third.liveModel(t.Context()); err != nil || m.Schema != "read_1" {
		t.Errorf("live is %+v, %v", m, err)
	}
}

func second[T any](_ T, err error) error { return err }

// What a table lacks is told from other faults, as long as other code's model is read.
func TestMisfits(t *testing.T) {
	t.Parallel()
	r, e, _ := upgraded(t)
	own := r.engine()
	r.run(e)
	if err := own.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask := func(sql string, into any) error { return r.pool.QueryRow(t.Context(), sql).Scan(into) }
	var n int
	for name, tt := range map[string]struct {
		err    error
		misfit bool
	}{
		"a column":        {ask(`SELECT nothing FROM read_1.runs`, &n), true},
		"a table":         {ask(`SELECT 1 FROM read_1.nothing`, &n), true},
		"a type":          {ask(`SELECT key || '{}'::jsonb FROM read_1.runs`, &n), true},
		"a value":         {ask(`SELECT NULL::int`, &n), true},
		"no row":          {ask(`SELECT 1 WHERE false`, &n), false},
		"a fault of ours": {errors.New("nil"), false},
		"no time":         {fmt.Errorf("read: %w", context.DeadlineExceeded), false},
		"division":        {ask(`SELECT 1 / 0`, &n), false},
	} {
		if tt.err == nil {
			t.Errorf("%s: no error", name)
		}
		var other *OtherCodeError
		if err := e.Misfit(fmt.Errorf("read runs: %w", tt.err)); errors.As(err, &other) != tt.misfit || tt.misfit && other.Schema != "read_1" {
			t.Errorf("%s (%v): Misfit = %v, want one: %t", name, tt.err, err, tt.misfit)
		}
		if err := own.Misfit(tt.err); err != nil {
			t.Errorf("%s, in a model of its own code: %v", name, err)
		}
	}
	// After a swap, whoever began before goes on reading the old model; a while later nobody does.
	if _, err := e.Rebuild(t.Context(), RebuildOptions{AcceptDifferences: true}, nil); err != nil {
		t.Fatal(err)
	}
	column := ask(`SELECT nothing FROM read_1.runs`, &n)
	if err := e.Misfit(column); err == nil {
		t.Error("just after the swap it is a fault of ours")
	}
	e.LongestRequest = 0
	if err := e.Misfit(column); err != nil {
		t.Errorf("long after the swap: %v", err)
	}
}
