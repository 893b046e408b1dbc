package fold

import (
	"cmp"
	"slices"
	"time"
)

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
