package projections

import (
	"errors"
	"strings"
	"testing"

	"github.com/annals-io/annals/domain"
)

func TestAPoisonEventPausesItsWorkspaceAlone(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]string{
		"named by its error": "poison",
		"found by halves":    "nameless poison",
		"a panic":            "panic",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			// given a workspace whose 14th event cannot be folded, between two others
			r.write("ill", 12)
			r.write("well", 5)
			bad := r.append("ill", report(run))
			after := r.write("ill", 9)
			well := r.write("well", 5)
			e := r.engine(func(c *Config) { c.Lanes = 1 })
			// when it is projected
			r.run(e)
			// then everything before it is applied, and the other workspace whole
			r.waitFor(e, "well", well)
			r.waitFor(e, "ill", bad-1)
			var paused *PausedError
			eventually(t, "paused", func() bool { return errors.As(e.Wait(t.Context(), "ill", bad), &paused) })
			if paused.Applied != bad-1 || !strings.Contains(paused.Reason, "cannot be folded") {
				t.Errorf("paused = %+v, want after %d", paused, bad-1)
			}
			if got := r.rows("read_1", "ill"); got != all(bad-1) {
				t.Errorf("rows %s, want %s", got, all(bad-1))
			}
			if got := r.rows("read_1", "well"); got != all(well) {
				t.Errorf("the other workspace has rows %s, want %s", got, all(well))
			}
			// and the other workspace goes on, and what is asked of before it is answered
			well = r.write("well", 3)
			r.waitFor(e, "well", well)
			if _, err := e.Open(t.Context(), "ill", AsOf{}, nil, 0+patience); err != nil {
				t.Errorf("now, of a paused workspace: %v", err)
			}
			list, err := e.Progress(t.Context())
			if err != nil || len(list) != 2 || list[0].State != "paused" || list[0].Applied != bad-1 || list[0].Head != after ||
				list[0].Lag != int64(after-bad)+1 || len(list[0].Parked) != 1 || list[0].Parked[0].Revision != bad || list[1].Lag != 0 {
				t.Errorf("Progress = %+v, %v", list, err)
			}
			// when it is tried again in vain, then it stays parked
			if err := e.Retry(t.Context(), "ill"); !errors.As(err, &paused) || paused.Applied != bad-1 {
				t.Errorf("Retry in vain: %v", err)
			}
			if one, err := e.ProgressOf(t.Context(), "ill"); err != nil || one.Parked[0].Tries != 2 {
				t.Errorf("ProgressOf = %+v, %v; want two tries", one, err)
			}
			// when it is mended and tried again, then it goes on in order, and so does what comes later
			r.fold.mended.Store(true)
			if err := e.Retry(t.Context(), "ill"); err != nil {
				t.Fatalf("Retry: %v", err)
			}
			r.waitFor(e, "ill", after)
			last := r.write("ill", 4)
			r.waitFor(e, "ill", last)
			if got := r.rows("read_1", "ill"); got != all(last) {
				t.Errorf("rows %s, want %s", got, all(last))
			}
			if one, err := e.ProgressOf(t.Context(), "ill"); err != nil || one.State != "live" || len(one.Parked) != 0 {
				t.Errorf("ProgressOf = %+v, %v; want nothing parked", one, err)
			}
		})
	}
}

func TestRetryWhileWritingGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	bad := r.append("ill", report("poison"))
	e := r.engine(func(c *Config) { c.PageSize = 3 })
	r.run(e)
	eventually(t, "paused", func() bool { return errors.As(e.Wait(t.Context(), "ill", bad), new(*PausedError)) })
	r.fold.mended.Store(true)
	var last domain.Revision
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			last = r.write("ill", 1)
		}
	}()
	if err := e.Retry(t.Context(), "ill"); err != nil {
		t.Fatal(err)
	}
	<-done
	r.waitFor(e, "ill", last)
	if got := r.rows("read_1", "ill"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
}

func TestPassingErrorsParkNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.write("one", 10)
	fails := newFailures(
		pgError("40001"), // serialization
		pgError("40P01"), // deadlock
		errors.Join(errors.New("dial"), errConnReset),
		pgError("53300"), // too many connections
		pgError("57P01"), // the server is going down
	)
	r.fold.before = fails.next
	e := r.engine()
	r.run(e)
	r.waitFor(e, "one", last)
	if got := r.rows("read_1", "one"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
	if left := fails.left(); left != 0 {
		t.Errorf("%d failures did not happen", left)
	}
	if one, err := e.ProgressOf(t.Context(), "one"); err != nil || len(one.Parked) != 0 || one.State != "live" {
		t.Errorf("ProgressOf = %+v, %v", one, err)
	}
}

func TestAModelThatIsNotAsExpectedPausesNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.write("one", 4)
	e := r.engine()
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.exec(`ALTER TABLE read_1.counters RENAME TO hidden`)
	failed := make(chan struct{}, 100)
	e.Hooks.Page = func(p PageInfo) {
		if p.Err != nil {
			signal(failed)
		}
	}
	r.run(e)
	<-failed
	r.exec(`ALTER TABLE read_1.hidden RENAME TO counters`)
	r.waitFor(e, "one", last)
	if got := r.rows("read_1", "one"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
}

func TestAPageThatTakesTooLongIsTakenApart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.write("one", 20)
	r.fold.before = slowOver(4)
	e := r.engine(func(c *Config) { c.PageTimeout = 300 * 1e6 })
	r.run(e)
	r.waitFor(e, "one", last)
	if got := r.rows("read_1", "one"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
}
