package projections

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	start := r.clock // event n of the workspace is recorded n+1 seconds after it
	last := r.write("one", 9)
	now := start.Add(time.Hour)
	e := r.engine(func(c *Config) { c.Now = func() time.Time { return now } })
	r.run(e)
	r.waitFor(e, "one", last)
	at := func(d time.Duration) AsOf { t := start.Add(d); return AsOf{Time: &t} }
	rev := func(n int64) AsOf { return AsOf{Revision: &n} }
	for name, tt := range map[string]struct {
		asOf    AsOf
		want    domain.Revision
		settled bool
		err     any
	}{
		"now":                              {AsOf{}, last, false, nil},
		"a revision":                       {rev(4), 4, true, nil},
		"the first revision":               {rev(0), 0, true, nil},
		"a revision below the first":       {rev(-1), 0, false, new(*BeforeFirstError)},
		"a revision that is not there yet": {rev(50), 0, false, new(*TimeoutError)},
		"the time of an event":             {at(5 * time.Second), 4, true, nil},
		"just before an event":             {at(5*time.Second - time.Microsecond), 3, true, nil},
		"between two events":               {at(5500 * time.Millisecond), 4, true, nil},
		"after the last event":             {at(30 * time.Minute), last, true, nil},
		"nine seconds ago":                 {at(time.Hour - 9*time.Second), last, false, nil},
		"half a minute ahead":              {at(time.Hour + 30*time.Second), last, false, nil},
		"two minutes ahead":                {at(time.Hour + 2*time.Minute), 0, false, new(*FutureError)},
		"before the first event":           {at(0), 0, false, new(*BeforeFirstError)},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := e.Open(t.Context(), "one", tt.asOf, nil, 50*time.Millisecond)
			if tt.err != nil {
				if !errors.As(err, tt.err) {
					t.Errorf("Open = %+v, %v; want a %T", m, err, tt.err)
				}
				return
			}
			if err != nil || m.Revision != tt.want || m.Settled != tt.settled || m.Schema != "read_1" || m.Slug != "one" ||
				!m.Time.Equal(start.Add(time.Duration(tt.want+1)*time.Second)) {
				t.Errorf("Open = %+v, %v; want revision %d, settled %v", m, err, tt.want, tt.settled)
			}
		})
	}
	t.Run("an unknown workspace", func(t *testing.T) {
		var none *NotFoundError
		if _, err := e.Open(t.Context(), "nobody", AsOf{}, nil, patience); !errors.As(err, &none) || none.Slug != "nobody" {
			t.Errorf("Open: %v", err)
		}
		early := start
		if _, err := e.Open(t.Context(), "nobody", AsOf{Time: &early}, nil, patience); !errors.As(err, &none) {
			t.Errorf("Open as of a time: %v", err)
		}
	})
	t.Run("before the first event says when it was", func(t *testing.T) {
		var early *BeforeFirstError
		if _, err := e.Open(t.Context(), "one", at(0), nil, patience); !errors.As(err, &early) || !early.First.Equal(start.Add(time.Second)) {
			t.Errorf("Open: %+v, %v", early, err)
		}
	})
	t.Run("a revision that is not there says where the head is", func(t *testing.T) {
		var late *TimeoutError
		if _, err := e.Open(t.Context(), "one", rev(50), nil, time.Millisecond); !errors.As(err, &late) || late.Want != 50 || late.Have != last || late.Head != last {
			t.Errorf("Open: %+v, %v", late, err)
		}
	})
	t.Run("both a time and a revision", func(t *testing.T) {
		both := at(0)
		both.Revision = new(int64)
		if _, err := e.Open(t.Context(), "one", both, nil, patience); !errors.Is(err, domain.Invalid) {
			t.Errorf("Open: %v", err)
		}
	})
}

// A time is not settled while the stream holds events that are not applied: one of them may have been recorded by
// then, on a machine whose clock was behind.
func TestATimeIsNotSettledBeforeTheHeadIsApplied(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	start := r.clock
	r.append("one", report("a"), report("b"))
	bad := r.append("one", report("poison"))
	e := r.engine(func(c *Config) { c.Now = func() time.Time { return start.Add(time.Hour) } })
	r.run(e)
	r.waitFor(e, "one", bad-1)
	eventually(t, "paused", func() bool { return errors.As(e.Wait(t.Context(), "one", bad), new(*PausedError)) })
	old := start.Add(10 * time.Minute)
	m, err := e.Open(t.Context(), "one", AsOf{Time: &old}, nil, patience)
	if err != nil || m.Settled || m.Revision != bad-1 {
		t.Errorf("Open = %+v, %v; want revision %d, not settled", m, err, bad-1)
	}
	r.fold.mended.Store(true)
	if err := e.Retry(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	m, err = e.Open(t.Context(), "one", AsOf{Time: &old}, nil, patience)
	if err != nil || !m.Settled || m.Revision != bad {
		t.Errorf("Open = %+v, %v; want revision %d, settled", m, err, bad)
	}
}

// The recorder's clock was an hour ahead and was set back: recorded times creep on by microseconds, and every time
// still has one answer.
func TestAsOfAClockThatWasSetBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	start := r.clock
	r.append("one", report("a"))
	r.clock = start.Add(time.Hour)
	r.append("one", report("b"))
	peak := r.clock
	creep := func() { r.clock = r.clock.Add(time.Microsecond - time.Second) }
	for range 3 {
		creep()
		r.append("one", report("c"))
	}
	e := r.engine(func(c *Config) { c.Now = func() time.Time { return start.Add(2 * time.Hour) } })
	r.run(e)
	r.waitFor(e, "one", 5)
	for _, tt := range []struct {
		t    time.Time
		want domain.Revision
	}{
		{peak.Add(-time.Second), 1}, {peak, 2}, {peak.Add(time.Microsecond), 3}, {peak.Add(2 * time.Microsecond), 4},
		{peak.Add(3 * time.Microsecond), 5}, {peak.Add(time.Minute), 5},
	} {
		m, err := e.Open(t.Context(), "one", AsOf{Time: &tt.t}, nil, patience)
		if err != nil || m.Revision != tt.want || !m.Settled {
			t.Errorf("as of %s: %+v, %v; want revision %d", tt.t, m, err, tt.want)
		}
	}
}

func TestAtLeastWaits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("one", 3)
	e, bystander := r.engine(), r.engine() // the second one does not project
	release := make(chan struct{})
	r.fold.before = holdFrom(6, release)
	r.run(e)
	r.waitFor(e, "one", 3)
	want := int64(r.write("one", 5))
	var late *TimeoutError
	if _, err := e.Open(t.Context(), "one", AsOf{}, &want, 20*time.Millisecond); !errors.As(err, &late) || late.Want != 8 || late.Have >= 8 || late.Head != 8 {
		t.Errorf("Open = %+v, %v; want a timeout", late, err)
	}
	answers := make(chan error, 2)
	for _, asked := range []*Engine{e, bystander} {
		go func() {
			m, err := asked.Open(context.Background(), "one", AsOf{}, &want, patience)
			if err == nil && int64(m.Revision) < want {
				err = errors.New("a stale answer")
			}
			answers <- err
		}()
	}
	eventually(t, "both wait", func() bool { return e.watch.waits("one") == 1 && bystander.watch.waits("one") == 1 })
	close(release)
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if n := e.watch.waits("one") + bystander.watch.waits("one"); n != 0 {
		t.Errorf("%d waiters are left", n)
	}
}

// A workspace that the log has and no model knows yet is waited for, not denied.
func TestOpenWaitsForAWorkspaceThatIsNew(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.engine()
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := r.write("new", 2)
	var late *TimeoutError
	if _, err := e.Open(t.Context(), "new", AsOf{}, nil, time.Millisecond); !errors.As(err, &late) || late.Have != domain.NoRevision || late.Head != last {
		t.Errorf("Open = %v; want a timeout", err)
	}
	r.run(e)
	if m, err := e.Open(t.Context(), "new", AsOf{}, nil, patience); err != nil || m.Revision < 0 {
		t.Errorf("Open = %+v, %v", m, err)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e, bystander := r.engine(), r.engine()
	r.run(e)
	last := r.write("one", 3)
	r.waitFor(e, "one", last)
	for name, asked := range map[string]*Engine{"here": e, "projected by another": bystander} {
		ctx, cancel := context.WithCancel(t.Context())
		changes := asked.Changes(ctx, "one", last-1)
		if got := <-changes; got != last {
			t.Errorf("%s: first change %d, want %d", name, got, last)
		}
		seen := last
		last = r.write("one", 40)
		for seen < last {
			select {
			case got := <-changes:
				if got <= seen {
					t.Errorf("%s: %d came after %d", name, got, seen)
				}
				seen = got
			case <-time.After(patience):
				t.Fatalf("%s: stuck at %d of %d", name, seen, last)
			}
		}
		cancel()
		for range changes { // closed
		}
	}
}
