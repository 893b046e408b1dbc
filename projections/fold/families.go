package fold

import (
	"slices"

	"github.com/annals-io/annals/domain"
)

// Families are the runs inside runs and the steps in runs that the page can touch. A run without an end is
// unfinished where the run it is part of, or any run above that, has ended by its own facts; so are the steps of a
// run that has ended.
type families struct {
	kids       map[place[int64]][]int64
	stepsIn    map[place[int64]][]int64
	dirtyRuns  []dirtyRun
	dirtySteps []int64
}

// A dirtyRun may have another status than its row says; where it turned, so may all beneath it.
type dirtyRun struct {
	key    int64
	turned bool
}

func (s *families) init() {
	s.kids, s.stepsIn = map[place[int64]][]int64{}, map[place[int64]][]int64{}
}

// nest moves a run from one parent to another, 0 for none.
func (f *fold) nest(run, from, to int64) {
	if from != 0 {
		p := place[int64]{f.ws, from}
		f.kids[p] = slices.DeleteFunc(f.kids[p], func(k int64) bool { return k == run })
	}
	if to != 0 {
		p := place[int64]{f.ws, to}
		f.kids[p] = append(f.kids[p], run)
	}
	f.dirtyRuns = append(f.dirtyRuns, dirtyRun{run, true})
}

// joinSteps adds a step to its run's.
func (f *fold) joinSteps(run, step int64) {
	p := place[int64]{f.ws, run}
	f.stepsIn[p] = append(f.stepsIn[p], step)
}

// gatherFamilies notes who belongs to whom among the loaded rows.
func (f *fold) gatherFamilies() {
	for p, r := range f.runs.rows {
		if r.now.parent != 0 {
			up := place[int64]{p.ws, r.now.parent}
			f.kids[up] = append(f.kids[up], p.key)
		}
	}
	for p, s := range f.steps.rows {
		up := place[int64]{p.ws, s.now.run}
		f.stepsIn[up] = append(f.stepsIn[up], p.key)
	}
}

// settleLives gives every run and step that the event touched the status it shows.
func (f *fold) settleLives() {
	for _, d := range f.dirtyRuns {
		f.showRun(d.key, d.turned, nil)
	}
	for _, key := range f.dirtySteps {
		s := f.steps.get(key)
		r := f.runs.get(s.run)
		f.showStep(key, domain.Status(r.own).Ended() || f.covered(s.run))
	}
	f.dirtyRuns, f.dirtySteps = f.dirtyRuns[:0], f.dirtySteps[:0]
}

// showRun sets the status a run shows and, where asked, of all beneath it. way is how it was come to.
func (f *fold) showRun(key int64, deep bool, way []int64) {
	r := f.runs.get(key)
	if r == nil || slices.Contains(way, key) {
		return
	}
	covered := f.covered(key)
	status := string(domain.Life{Status: domain.Status(r.own)}.Under(covered))
	if r.status != status {
		f.runs.edit(key).status = status
	}
	if !deep {
		return
	}
	ended := covered || domain.Status(r.own).Ended()
	p := place[int64]{f.ws, key}
	for _, s := range f.stepsIn[p] {
		f.showStep(s, ended)
	}
	way = append(way, key)
	for _, kid := range f.kids[p] {
		f.showRun(kid, true, way)
	}
}

func (f *fold) showStep(key int64, ended bool) {
	s := f.steps.get(key)
	if status := string(domain.Life{Status: domain.Status(s.own)}.Under(ended)); s.status != status {
		f.steps.edit(key).status = status
	}
}

// covered says whether a run above this one has ended by its own facts.
func (f *fold) covered(key int64) bool {
	var seen []int64
	for r := f.runs.get(key); r != nil && r.parent != 0 && !slices.Contains(seen, r.parent); {
		seen = append(seen, r.parent)
		if r.parent == key {
			return false
		}
		if r = f.runs.get(r.parent); r != nil && domain.Status(r.own).Ended() {
			return true
		}
	}
	return false
}

// Loading. Upward go all runs that are named, with every run above them; downward those whose end may come or go,
// with what has no end beneath them.
const (
	runsUpSQL = `
WITH RECURSIVE up AS (
    SELECT ws, key FROM unnest($1::int4[], $2::int8[]) AS x (ws, key)
    UNION
    SELECT r.ws, coalesce(r.parent, r.refused_parent) FROM up JOIN read.runs r ON r.ws = up.ws AND r.key = up.key WHERE coalesce(r.parent, r.refused_parent) IS NOT NULL
) SELECT %s FROM up JOIN read.runs t ON t.ws = up.ws AND t.key = up.key`

	downSQL = `
WITH RECURSIVE down AS (
    SELECT x.ws, x.key FROM unnest($1::int4[], $2::int8[], $3::bool[]) AS x (ws, key, surely) JOIN read.runs r ON r.ws = x.ws AND r.key = x.key
    WHERE x.surely OR r.own_status IN ('succeeded', 'failed', 'cancelled', 'skipped', 'cached', 'lost')
    UNION
    SELECT r.ws, r.key FROM down JOIN read.runs r ON r.ws = down.ws AND r.parent = down.key
    WHERE r.own_status IN ('unknown', 'queued', 'initializing', 'running', 'cancelling', 'retrying')
)`
	runsDownSQL  = downSQL + ` SELECT %s FROM down JOIN read.runs t ON t.ws = down.ws AND t.key = down.key`
	stepsDownSQL = downSQL + ` SELECT %s FROM down JOIN read.steps t ON t.ws = down.ws AND t.run = down.key
WHERE t.own_status IN ('queued', 'initializing', 'running', 'cancelling', 'retrying')`
)
