package fold

import (
	"slices"
	"time"

	"github.com/annals-io/annals/domain"
)

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
