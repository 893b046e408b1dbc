package fold

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// lineage is what the page knows of executions and of the artifacts they read and write.
type lineage struct {
	executions      map[place[int64]]*execution
	stepExecutions  map[place[int64]][]*execution // of a run
	classes         map[place[int64]]*class
	dirtyExecutions []*execution
	dirtyClasses    []*class
	shaken          []*version // from outside, and their readers changed
	moves           []move
	deltas          []delta
	meantVersion    int64 // the version that the event at hand is about
	scratch         []domain.Write
	contents        map[place[uuid.UUID]]*says
	newSays         []newSays

	// of loading
	times         map[place[int64]]*times
	said          map[place[domain.Execution]][]moment // times of the page's facts
	timed         map[place[int64]]bool                // executions whose times were collected
	stepsOf       []stepOf
	pageUses      map[place[int64]][]pageUse // of an execution that is in the database
	newUses       []newUse
	pagePipelines map[domain.RunRef][]int64
	pageWords     map[domain.RunRef][]string   // what a run calls the version of its pipeline
	joined        map[place[domain.Name]]int64 // names that aliases of the page join to a class in the database
}

func (l *lineage) init() {
	l.executions, l.stepExecutions, l.classes = map[place[int64]]*execution{}, map[place[int64]][]*execution{}, map[place[int64]]*class{}
	l.contents = map[place[uuid.UUID]]*says{}
	l.joined = map[place[domain.Name]]int64{}
	l.pageUses, l.pagePipelines = map[place[int64]][]pageUse{}, map[domain.RunRef][]int64{}
	l.pageWords = map[domain.RunRef][]string{}
}

// reads: each read as it is resolved now.
type readKey struct {
	artifact, execution int64
	name                string
}

// A readRow says nothing of the version that is meant: what it was before the page is computed from the versions that
// the page loads, so that a fact which moves very many reads need not touch their rows.
type readRow struct {
	start time.Time
	twin  bool // the execution reads the same artifact by another name too
}

var readsTable = table[readKey, readRow]{
	name: "reads", keys: 3, plain: true,
	columns: []column{
		{name: "artifact", typ: tInt8}, {name: "execution", typ: tInt8}, {name: "name", typ: tText}, {name: "start", typ: tTime},
		{name: "twin", typ: tBool},
	},
	bind: func(k *readKey, r *readRow, to []any) []any {
		return append(to, &k.artifact, &k.execution, &k.name, &r.start, &r.twin)
	},
}

type edgeKey struct {
	execution int64
	direction int16
	version   int64
	role      string
}

type edgeRow struct{ position int32 }

var edgesTable = table[edgeKey, edgeRow]{
	name: "lineage_edges", keys: 4,
	of: func(k *edgeKey, _ *edgeRow) int64 { return k.execution },
	columns: []column{
		{name: "execution", typ: tInt8}, {name: "direction", typ: tInt2}, {name: "version", typ: tInt8}, {name: "role", typ: tText}, {name: "position", typ: tInt4},
	},
	bind: func(k *edgeKey, r *edgeRow, to []any) []any {
		return append(to, &k.execution, &k.direction, &k.version, &k.role, &r.position)
	},
}

// class is the class of that key, of the workspace at hand.
func (f *fold) class(key int64) *class {
	p := place[int64]{f.ws, key}
	c := f.classes[p]
	if c == nil {
		c = newClass(f.ws, key)
		f.classes[p] = c
	}
	return c
}

// canon is the class of an artifact.
func (f *fold) canon(artifact int64) int64 { return f.artifacts.get(artifact).canonical }

// settleLineage ends an event for lineage: what its executions read and write now, then what each read that may
// mean another version means, then the edges.
func (f *fold) settleLineage() error {
	executions := f.dirtyExecutions
	for _, ex := range executions {
		ex.dirty = false
		if err := f.use(ex, f.derive(ex)); err != nil {
			return err
		}
	}
	if err := f.resolve(); err != nil {
		return err
	}
	for _, ex := range f.dirtyExecutions { // resolving found more
		f.place(ex)
	}
	f.dirtyExecutions = f.dirtyExecutions[:0]
	return nil
}

// use compares what an execution reads and writes with what it did before.
func (f *fold) use(ex *execution, now uses) error {
	was := ex.uses
	ex.uses = now
	for i := range was.writes {
		w := &was.writes[i]
		if !slices.ContainsFunc(now.writes, func(x writeUse) bool { return x.class == w.class && x.attempt == w.attempt }) {
			c := f.class(w.class)
			if v := c.slots[slot{execution: ex.key, attempt: w.attempt}]; v != nil {
				c.change(f, v, func() { v.alive = false })
				f.show(v)
			}
		}
	}
	for i := range now.writes {
		w := &now.writes[i]
		v, err := f.wrote(ex, w)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(was.writes, func(x writeUse) bool {
			return x.class == w.class && x.attempt == w.attempt && slices.Equal(x.facts, w.facts)
		}) {
			f.describeVersion(ex, v, w.facts)
		}
	}
	for i := range was.reads {
		r := &was.reads[i]
		if !slices.ContainsFunc(now.reads, func(x readUse) bool { return x.class == r.class && x.name == r.name }) {
			f.dropRead(ex, r.class, r.name)
		}
	}
	for i := range now.reads {
		f.didRead(ex, &now.reads[i])
	}
	f.support(was.supports, now.supports)
	return nil
}

// wrote gives an attempt's version its state.
func (f *fold) wrote(ex *execution, w *writeUse) (*version, error) {
	c := f.class(w.class)
	s := slot{execution: ex.key, attempt: w.attempt}
	v := c.slots[s]
	if v == nil {
		by := ex.ref
		var err error
		if v, err = f.newVersion(c, s, w.artifact, domain.VersionRef{Producer: &by, Attempt: w.attempt}); err != nil {
			return nil, err
		}
	}
	attempt, _ := ex.life.Attempt(w.attempt)
	to := v.write
	to.Outcome, to.Completed, to.Name, to.Last = domain.OutcomeOf(attempt.Status), time.Time{}, w.name, w.last
	if to.Outcome == domain.Complete {
		to.Completed = attempt.EndedAt
	}
	if !v.alive || to != v.write {
		c.change(f, v, func() { v.alive, v.write = true, to })
		f.show(v)
	}
	return v, nil
}

// didRead puts a read where it belongs.
func (f *fold) didRead(ex *execution, u *readUse) {
	c := f.class(u.class)
	twin := false
	for i := range ex.uses.reads {
		twin = twin || ex.uses.reads[i].class == u.class && ex.uses.reads[i].name != u.name
	}
	k := readKey{u.class, ex.key, u.name}
	r := c.byKey[k]
	switch {
	case r == nil:
		r = &read{execution: ex.key, name: u.name, start: ex.uses.start}
		c.addRead(r)
		c.mark(f, []*read{r})
	case !r.start.Equal(ex.uses.start):
		c.removeRead(r)
		r.start = ex.uses.start
		c.addRead(r)
		c.mark(f, []*read{r})
	}
	if row := f.reads.get(k); row == nil || row.twin != twin || !row.start.Equal(r.start) {
		row := f.reads.edit(k)
		row.start, row.twin = r.start, twin
	}
}

func (f *fold) dropRead(ex *execution, class int64, name string) {
	c, k := f.class(class), readKey{class, ex.key, name}
	r := c.byKey[k]
	if r == nil {
		return
	}
	c.removeRead(r)
	f.lose(r.version)
	f.reads.drop(k)
}

// resolve finds out what the reads that were marked mean now.
func (f *fold) resolve() error {
	slices.SortFunc(f.dirtyClasses, func(a, b *class) int { return cmp.Compare(a.key, b.key) })
	for _, c := range f.dirtyClasses {
		slices.SortFunc(c.dirty, func(a, b *read) int {
			return cmp.Or(compareReads(a, b), cmp.Compare(a.name, b.name))
		})
		for _, r := range c.dirty {
			r.dirty = false
			v := c.meant(r, f.scratch)
			if v == nil {
				var err error
				if v, err = f.outside(c, r.name); err != nil {
					return err
				}
			}
			f.move(r, v)
		}
		c.dirty = c.dirty[:0]
	}
	f.dirtyClasses = f.dirtyClasses[:0]
	for _, v := range f.shaken {
		f.show(v)
	}
	f.shaken = f.shaken[:0]
	return nil
}

// move lets a read mean a version.
func (f *fold) move(r *read, to *version) {
	from := r.version
	if from == to {
		return
	}
	f.lose(from)
	r.version = to
	if to.slot.execution == 0 {
		to.readers++
		f.shaken = append(f.shaken, to)
	}
	if ex := f.executions[place[int64]{f.ws, r.execution}]; ex != nil {
		f.toPlace(ex)
		return
	}
	f.moves = append(f.moves, move{f.clock, r.execution, from.key, to.key})
}

// lose says that a read means a version no more.
func (f *fold) lose(v *version) {
	if v != nil && v.slot.execution == 0 {
		v.readers--
		f.shaken = append(f.shaken, v)
	}
}

// toPlace has the edges of an execution compared at the end of the event.
func (f *fold) toPlace(ex *execution) {
	if !ex.dirty && !slices.Contains(f.dirtyExecutions, ex) {
		f.dirtyExecutions = append(f.dirtyExecutions, ex)
	}
}

// place makes the edges of an execution what it reads and writes.
func (f *fold) place(ex *execution) {
	want := map[edgeKey]int32{}
	var order []edgeKey
	add := func(k edgeKey, position int32) {
		if at, ok := want[k]; !ok {
			order = append(order, k)
		} else if at <= position {
			return
		}
		want[k] = position
	}
	for _, r := range ex.uses.reads {
		v := f.class(r.class).byKey[readKey{r.class, ex.key, r.name}].version
		for _, role := range r.roles {
			add(edgeKey{ex.key, directionRead, v.key, role.role}, role.position)
		}
	}
	for _, w := range ex.uses.writes {
		v := f.class(w.class).slots[slot{execution: ex.key, attempt: w.attempt}]
		for _, role := range w.roles {
			add(edgeKey{ex.key, directionWrite, v.key, role.role}, role.position)
		}
	}
	for _, k := range ex.edges {
		if _, ok := want[k]; !ok {
			f.edges.drop(k)
		}
	}
	for _, k := range order {
		if row := f.edges.get(k); row == nil || row.position != want[k] {
			f.edges.edit(k).position = want[k]
		}
	}
	ex.edges = order
}
