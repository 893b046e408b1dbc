package fold

import (
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// times are the times of one class that matter: of ends of writers, and of starts of readers.
type times struct {
	writes, reads []time.Time
	all           bool // everything: its names become one with another's
}

func (f *fold) timesOf(p place[int64]) *times {
	t := f.times[p]
	if t == nil {
		t = &times{}
		f.times[p] = t
	}
	return t
}

// A moment is a time that matters; ends says that an attempt may be complete then.
type moment struct {
	at   time.Time
	ends bool
}

// timesOfPage finds the times of the page's own facts.
func (f *fold) timesOfPage() {
	f.said, f.timed = map[place[domain.Execution]][]moment{}, map[place[int64]]bool{}
	for i := range f.events {
		e := &f.events[i]
		if x, phase, ok := spokenOf(e.Event); ok {
			p := place[domain.Execution]{e.ws, x}
			f.said[p] = append(f.said[p], moment{e.order.At, phase == domain.Succeeded || phase == domain.Cached})
		}
		switch x := e.Event.(type) {
		case domain.ArtifactVersionDeleted:
			f.deletedTimes(e, x.Version)
		case domain.ArtifactVersionReceived:
			f.receivedTime(e, x.Artifact)
		}
	}
	for _, u := range f.newUses {
		f.addTimes(u.ws, u.class, u.write, f.said[place[domain.Execution]{u.ws, u.execution}])
	}
}

func (f *fold) addTimes(ws int32, class int64, write bool, moments []moment) {
	t := f.timesOf(place[int64]{ws, class})
	for _, m := range moments {
		if !write {
			t.reads = append(t.reads, m.at)
		} else if m.ends {
			t.writes = append(t.writes, m.at)
		}
	}
}

// timesOfExecutions adds the times of the executions that were loaded since it was last asked: when they began to
// read, and, where the page adds to their facts, when those and the stored ones may end.
func (f *fold) timesOfExecutions(w *wants) {
	byKey := map[place[int64]][]moment{}
	for p, moments := range f.said {
		f.ws = p.ws
		if key := f.key(p.key.Entity()); key != 0 {
			k := place[int64]{p.ws, key}
			byKey[k] = append(byKey[k], moments...)
		}
	}
	for p, ex := range f.executions {
		if f.timed[p] {
			continue
		}
		f.timed[p] = true
		f.ws = p.ws
		moments, changes := byKey[p]
		var start time.Time
		earliest := func(t time.Time) {
			if start.IsZero() || t.Before(start) {
				start = t
			}
		}
		for _, fact := range ex.facts {
			earliest(fact.Order.At)
			if changes && (fact.Phase == domain.Succeeded || fact.Phase == domain.Cached) {
				moments = append(moments, moment{fact.Order.At, true})
			}
		}
		used := map[pageUse]bool{}
		for i := range ex.io {
			earliest(ex.io[i].order.At)
			used[pageUse{f.canon(ex.io[i].artifact), ex.io[i].direction == directionWrite}] = true
			if ex.io[i].name != "" {
				w.named.want(p.ws, namedVersion{f.canon(ex.io[i].artifact), ex.io[i].name})
			}
		}
		for _, u := range f.pageUses[p] {
			used[u] = true
		}
		if !start.IsZero() {
			moments = append(moments, moment{start, false})
		}
		for u := range used {
			w.outside.want(p.ws, u.class)
			w.counters.want(p.ws, counterKey{u.class, "artifact_version"})
			f.addTimes(p.ws, u.class, u.write, moments)
		}
	}
}

// spokenOf is the execution whose facts an event adds to.
func spokenOf(e domain.Event) (x domain.Execution, phase domain.Phase, ok bool) {
	switch e := e.(type) {
	case domain.RunReported:
		return domain.Execution{Run: e.Run}, e.Phase, true
	case domain.StepReported:
		return e.Execution, e.Phase, true
	case domain.ArtifactsConsumed:
		return e.Execution, "", true
	case domain.ArtifactsProduced:
		return e.Execution, "", true
	}
	return x, "", false
}

// deletedTimes adds the completion of versions that a deletion may mean.
func (f *fold) deletedTimes(e *happening, ref domain.VersionRef) {
	f.ws = e.ws
	class := f.stored(ref.Artifact)
	if class == 0 {
		return
	}
	producer := int64(0)
	if ref.Producer != nil {
		producer = f.key(ref.Producer.Entity())
	}
	for p, r := range f.versions.rows {
		v := &r.now
		if p.ws == e.ws && v.artifact == class && !v.completedAt.IsZero() && isRef(v, producer, ref) {
			t := f.timesOf(place[int64]{e.ws, class})
			t.writes = append(t.writes, v.completedAt)
		}
	}
}

// isRef says whether a reference may mean the version of a row.
func isRef(v *versionRow, producer int64, ref domain.VersionRef) bool {
	switch {
	case producer != 0:
		return v.producer == producer
	case ref.Promotion != uuid.Nil:
		return v.promotion == ref.Promotion
	}
	return v.name == keyText(ref.Name)
}

// receivedTime adds when a version was received: for reads it is complete then.
func (f *fold) receivedTime(e *happening, artifact domain.Name) {
	f.ws = e.ws
	if class := f.stored(artifact); class != 0 {
		t := f.timesOf(place[int64]{e.ws, class})
		t.writes = append(t.writes, e.order.At)
	}
}
