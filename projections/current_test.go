package projections

import "testing"

func TestWhoProjectsTheLiveModel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	before := r.engine()
	stop := r.run(before)
	r.waitFor(before, "w", r.write("w", 3))

	is := func(e *Engine, current, outdated bool) func() bool {
		return func() bool {
			m, err := e.Model(t.Context())
			return err == nil && m.Schema == "read_1" && m.MadeBy == before.version && m.Code == e.version && m.Current() == current && m.Outdated() == outdated
		}
	}
	eventually(t, "its own code made it", is(before, true, false))
	// given a process of newer code beside the one that projects
	newer := r.engine()
	newer.version = "newer"
	r.run(newer)
	eventually(t, "others keep it up", is(newer, false, false))
	// when that one ends, then nobody does
	stop()
	eventually(t, "it is outdated", is(newer, false, true))
	// when it is rebuilt, then all is well
	if report, err := newer.Rebuild(t.Context(), RebuildOptions{AcceptDifferences: true}, nil); err != nil || !report.Swapped {
		t.Fatalf("Rebuild = %+v, %v", report, err)
	}
	if m, err := newer.Model(t.Context()); err != nil || !m.Current() || m.Outdated() || m.Schema != "read_2" {
		t.Errorf("after the rebuild: %+v, %v", m, err)
	}
}
