package fold

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// A class is an artifact under all its names, with those of its versions and reads that the page can touch. Its key
// is the smallest of the keys of its names.
type class struct {
	ws     int32
	key    int64
	slots  map[slot]*version
	done   []*version            // those that a read without a name may mean, by completion
	named  map[string][]*version // those that exist, by name
	reads  []*read               // without a name, by start
	byName map[string][]*read
	byKey  map[readKey]*read
	dirty  []*read    // to be resolved again
	gone   []*version // those that turned out to be others; reads may mean them until they are resolved again
}

// A slot is what makes a version one: the attempt that wrote it, or the promotion that it came with, or, where there is
// neither, its name.
type slot struct {
	execution int64
	attempt   int
	name      string
	promotion uuid.UUID
}

// A version is a version of an artifact, as the function of the facts sees it.
type version struct {
	key     int64
	class   *class
	slot    slot
	alive   bool // a fact says that it was written or seen
	write   domain.Write
	by      domain.Execution // only its address matters: it is the identity of write
	readers int32            // how many reads mean it; kept where nobody wrote it
}

// A read is a read as it is resolved now.
type read struct {
	class     *class
	execution int64
	name      string
	start     time.Time
	version   *version
	dirty     bool
}

func newClass(ws int32, key int64) *class {
	return &class{ws: ws, key: key, slots: map[slot]*version{}, named: map[string][]*version{}, byName: map[string][]*read{}, byKey: map[readKey]*read{}}
}

// executionEntity stands for an execution in package domain, which only asks whether two are the same.
func executionEntity(key int64) domain.Entity {
	if key == 0 {
		return domain.Entity{}
	}
	e := domain.Entity{Kind: domain.KindRun}
	binary.BigEndian.PutUint64(e.ID[8:], uint64(key))
	return e
}

// pickable says whether a read that names no version may mean this one.
func (v *version) pickable() bool {
	return v.alive && (v.slot.execution != 0 || v.slot.promotion != uuid.Nil) && v.write.Outcome == domain.Complete && !v.write.Completed.IsZero()
}

// compare orders versions by completion, as package domain does, and by key where that sees no difference.
func (v *version) compare(w *version) int {
	return cmp.Or(v.write.Completed.Compare(w.write.Completed), v.write.Last.Compare(w.write.Last), cmp.Compare(v.key, w.key))
}

// change alters a version and finds the reads that may mean another one for it.
func (c *class) change(f *fold, v *version, alter func()) {
	c.leave(f, v)
	alter()
	c.enter(f, v)
}

// leave takes a version out of what reads may mean.
func (c *class) leave(f *fold, v *version) {
	if !v.alive {
		return
	}
	if v.pickable() {
		i, found := slices.BinarySearchFunc(c.done, v, (*version).compare)
		if found {
			c.done = slices.Delete(c.done, i, i+1)
		}
		c.stir(f, v.write.Completed)
	}
	if name := v.write.Name; name != "" {
		c.named[name] = slices.DeleteFunc(c.named[name], func(x *version) bool { return x == v })
		c.mark(f, c.byName[name])
	}
}

// enter puts a version among what reads may mean.
func (c *class) enter(f *fold, v *version) {
	if !v.alive {
		return
	}
	if v.pickable() {
		c.stir(f, v.write.Completed)
		c.put(v)
	}
	if name := v.write.Name; name != "" {
		c.named[name] = append(c.named[name], v)
		c.mark(f, c.byName[name])
	}
}

func (c *class) put(v *version) {
	i, _ := slices.BinarySearchFunc(c.done, v, (*version).compare)
	c.done = slices.Insert(c.done, i, v)
}

// stir marks the reads that a version completed at t can matter to: those that start at t or later, up to where two
// other executions have written since. Two, since a read never means what its own execution wrote; what was received is
// nobody's own.
func (c *class) stir(f *fold, t time.Time) {
	from := sort.Search(len(c.reads), func(i int) bool { return !c.reads[i].start.Before(t) })
	if from == len(c.reads) {
		return
	}
	to := len(c.reads)
	first := int64(0)
	for i := sort.Search(len(c.done), func(i int) bool { return c.done[i].write.Completed.After(t) }); i < len(c.done); i++ {
		v := c.done[i]
		if !v.write.DeletedAt.IsZero() || v.slot.execution != 0 && v.slot.execution == first {
			continue
		}
		if first == 0 && v.slot.execution != 0 {
			first = v.slot.execution
			continue
		}
		to = sort.Search(len(c.reads), func(i int) bool { return !c.reads[i].start.Before(v.write.Completed) })
		break
	}
	if f.most > 0 {
		to = min(to, from+f.most)
	}
	if from < to {
		c.mark(f, c.reads[from:to])
	}
}

// mark has reads resolved again.
func (c *class) mark(f *fold, reads []*read) {
	if len(reads) > 0 && len(c.dirty) == 0 {
		f.dirtyClasses = append(f.dirtyClasses, c)
	}
	for _, r := range reads {
		if !r.dirty {
			r.dirty = true
			c.dirty = append(c.dirty, r)
		}
	}
}

// addRead puts a read among the others.
func (c *class) addRead(r *read) {
	r.class = c
	c.byKey[readKey{c.key, r.execution, r.name}] = r
	if r.name != "" {
		c.byName[r.name] = append(c.byName[r.name], r)
		return
	}
	i, _ := slices.BinarySearchFunc(c.reads, r, compareReads)
	c.reads = slices.Insert(c.reads, i, r)
}

// removeRead takes a read out.
func (c *class) removeRead(r *read) {
	delete(c.byKey, readKey{c.key, r.execution, r.name})
	if r.name != "" {
		c.byName[r.name] = slices.DeleteFunc(c.byName[r.name], func(x *read) bool { return x == r })
	} else if i, found := slices.BinarySearchFunc(c.reads, r, compareReads); found {
		c.reads = slices.Delete(c.reads, i, i+1)
	}
	if r.dirty {
		r.dirty = false
		c.dirty = slices.DeleteFunc(c.dirty, func(x *read) bool { return x == r })
	}
}

func compareReads(a, b *read) int {
	return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.execution, b.execution))
}

// meant is the version that a read means, nil for the one from outside. The function is domain.Meant; here only
// those writes are looked up that can matter to it: back from the start of the read to the first one that every
// read after it sees.
func (c *class) meant(r *read, scratch []domain.Write) *version {
	var from []*version
	if r.name != "" {
		from = c.named[r.name]
	} else {
		i := sort.Search(len(c.done), func(i int) bool { return c.done[i].write.Completed.After(r.start) })
		j := i
		for j > 0 {
			j--
			if v := c.done[j]; v.slot.execution != r.execution && (v.write.DeletedAt.IsZero() || r.start.Before(v.write.DeletedAt)) {
				break
			}
		}
		from = c.done[j:i]
	}
	writes := scratch[:0]
	for _, v := range from {
		writes = append(writes, v.write)
	}
	ref := domain.Meant(domain.Name{}, writes, domain.Read{Execution: executionEntity(r.execution), Start: r.start, Name: r.name})
	for _, v := range from {
		if v.write.By.Producer == ref.Producer {
			return v
		}
	}
	return nil
}
