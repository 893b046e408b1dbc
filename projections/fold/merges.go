package fold

import (
	"cmp"
	"slices"
	"time"

	"github.com/annals-io/annals/domain"
)

// unite makes one artifact of two: the smaller key stands for both. Everything of the other one goes over, and
// every read is resolved again.
func (f *fold) unite(a, b int64) error {
	if a == b {
		return nil
	}
	keep, lose := min(a, b), max(a, b)
	to, from := f.class(keep), f.class(lose)
	for _, m := range f.members[place[int64]{f.ws, lose}] {
		f.artifacts.edit(m).canonical = keep
	}
	f.members[place[int64]{f.ws, keep}] = append(f.members[place[int64]{f.ws, keep}], f.members[place[int64]{f.ws, lose}]...)
	delete(f.members, place[int64]{f.ws, lose})
	f.uniteVersions(to, from)
	f.uniteReads(to, from)
	f.deltas = append(f.deltas, delta{clock: f.clock, keep: keep, lose: lose})
	f.uniteUses(keep, lose)
	f.uniteDeclared(keep, lose)
	f.uniteColumns(keep, lose)
	delete(f.classes, place[int64]{f.ws, lose})
	return nil
}

// uniteVersions moves versions. Where both artifacts have a version of one attempt, or from outside by one name, the
// one that exists goes on, or else the one that was named first.
func (f *fold) uniteVersions(to, from *class) {
	var keys []int64
	for p, r := range f.versions.rows {
		if p.ws == f.ws && r.will && r.next.artifact == from.key {
			keys = append(keys, p.key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		row := f.versions.edit(key)
		row.artifact, row.number = to.key, f.count(to.key, "artifact_version")
	}
	for _, v := range from.gone {
		v.class = to
	}
	to.gone = append(to.gone, from.gone...)
	var moved []*version
	for _, v := range from.slots {
		moved = append(moved, v)
	}
	slices.SortFunc(moved, func(a, b *version) int { return cmp.Compare(a.key, b.key) })
	for _, v := range moved {
		v.class = to
		other := to.slots[v.slot]
		if other == nil {
			to.slots[v.slot] = v
			continue
		}
		on, off := v, other
		if other.alive && !v.alive || other.alive == v.alive && other.key < v.key {
			on, off = other, v
		}
		to.slots[v.slot] = on
		to.gone = append(to.gone, off)
		if on.alive && off.alive && on.write.Last.Compare(off.write.Last) < 0 {
			on.write.Last = off.write.Last
		}
		on.write.DeletedAt = earlier(on.write.DeletedAt, off.write.DeletedAt)
		off.alive = false
		f.show(on)
		f.show(off)
		gone := f.versions.edit(off.key)
		gone.sameAs = on.key
		if gone.deleted {
			row := f.versions.edit(on.key)
			row.deleted, row.reason = true, gone.reason
		}
	}
	to.done, to.named = nil, map[string][]*version{}
	all := make([]*version, 0, len(to.slots))
	for _, v := range to.slots {
		if v.alive {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b *version) int { return cmp.Compare(a.key, b.key) })
	for _, v := range all {
		if v.pickable() {
			to.done = append(to.done, v)
		}
		if v.write.Name != "" {
			to.named[v.write.Name] = append(to.named[v.write.Name], v)
		}
	}
	slices.SortFunc(to.done, (*version).compare)
}

// earlier is the earlier of two times, of which either may be missing.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (f *fold) uniteReads(to, from *class) {
	var moved []*read
	for _, r := range from.byKey {
		moved = append(moved, r)
	}
	slices.SortFunc(moved, func(a, b *read) int { return cmp.Or(compareReads(a, b), cmp.Compare(a.name, b.name)) })
	for _, r := range moved {
		f.reads.drop(readKey{from.key, r.execution, r.name})
		k := readKey{to.key, r.execution, r.name}
		if to.byKey[k] != nil {
			f.lose(r.version)
			continue
		}
		r.dirty = false
		to.addRead(r)
		row := f.reads.edit(k)
		row.start, row.twin = r.start, false
	}
	from.dirty = nil
	to.mark(f, to.reads)
	for _, reads := range to.byName {
		to.mark(f, reads)
	}
}

// uniteUses renames the class in what executions are known to read and write, so that only real differences show.
func (f *fold) uniteUses(keep, lose int64) {
	var touched []*execution
	for p, ex := range f.executions {
		if p.ws != f.ws {
			continue
		}
		found := false
		for i := range ex.uses.reads {
			if u := &ex.uses.reads[i]; u.class == lose {
				u.class, found = keep, true
			}
		}
		for i := range ex.uses.writes {
			if u := &ex.uses.writes[i]; u.class == lose {
				u.class, found = keep, true
			}
		}
		if supports, renamed := f.renameSupports(ex.uses.supports, keep, lose); renamed {
			ex.uses.supports, found = supports, true
		}
		if found {
			touched = append(touched, ex)
		}
	}
	slices.SortFunc(touched, func(a, b *execution) int { return cmp.Compare(a.key, b.key) })
	for _, ex := range touched {
		f.executionChanged(ex, ex.ref)
	}
}

// renameSupports are the supports of one execution or declaration under the name that stays. Where two become one,
// only one is left.
func (f *fold) renameSupports(list []artifactEdgeKey, keep, lose int64) (renamed []artifactEdgeKey, any bool) {
	for _, k := range list {
		to := k.renamed(keep, lose)
		any = any || to != k
		if slices.Contains(renamed, to) {
			f.deltas = append(f.deltas, delta{clock: f.clock, edge: to, by: -1})
			continue
		}
		renamed = append(renamed, to)
	}
	return renamed, any
}

// uniteDeclared moves declarations.
func (f *fold) uniteDeclared(keep, lose int64) {
	for p, supports := range f.declarations {
		if p.ws == f.ws {
			f.declarations[p], _ = f.renameSupports(supports, keep, lose)
		}
	}
	var keys []declaredKey
	for p, r := range f.declared.rows {
		if p.ws == f.ws && r.will && p.key.artifact == lose {
			keys = append(keys, p.key)
		}
	}
	slices.SortFunc(keys, func(a, b declaredKey) int {
		return cmp.Or(cmp.Compare(a.pipeline, b.pipeline), cmp.Compare(a.direction, b.direction))
	})
	for _, k := range keys {
		to := k
		to.artifact = keep
		row := *f.declared.get(k)
		if other := f.declared.get(to); other != nil {
			row.sources = unitedSources(row.sources, other.sources)
		}
		f.setDeclared(to, row)
		f.declared.drop(k)
	}
	for _, k := range keys {
		f.declarationChanged(k.pipeline)
	}
}

// orderFrom puts an order together from its columns.
func orderFrom(at time.Time, rank int16, digest domain.Digest) domain.Order {
	return domain.Order{At: at, Rank: int(rank), Digest: digest}
}
