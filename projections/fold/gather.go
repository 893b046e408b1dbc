package fold

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/annals-io/annals/domain"
)

// gather puts the loaded rows together into what the fold works on.
func (f *fold) gather() error {
	f.gatherFamilies()
	for p, a := range f.artifacts.rows {
		c := place[int64]{p.ws, a.now.canonical}
		f.members[c] = append(f.members[c], p.key)
	}
	for p := range f.members {
		slices.Sort(f.members[p])
	}
	f.gatherColumns()
	for p := range f.declared.rows {
		at := place[int64]{p.ws, p.key.pipeline}
		f.declaredAt[at] = append(f.declaredAt[at], p.key)
	}
	for p := range f.declaredAt {
		f.ws = p.ws
		f.declarations[p] = f.declaredSupports(p.key)
	}
	f.gatherVersions()
	if err := f.gatherReads(); err != nil {
		return err
	}
	for p, ex := range f.executions {
		f.ws = p.ws
		if s := f.steps.get(p.key); s != nil {
			ex.run = s.run
		}
		f.joinRun(ex)
		ex.life = domain.FoldLife(ex.facts)
		if len(ex.io) > 0 {
			ex.uses = f.derive(ex)
		}
	}
	for p := range f.edges.rows {
		if ex := f.executions[place[int64]{p.ws, p.key.execution}]; ex != nil {
			ex.edges = append(ex.edges, p.key)
		}
	}
	return nil
}

func (f *fold) gatherVersions() {
	type loaded struct {
		place[int64]
		row *versionRow
	}
	var list []loaded
	for p, r := range f.versions.rows {
		list = append(list, loaded{p, &r.now})
	}
	slices.SortFunc(list, func(a, b loaded) int {
		return cmp.Or(cmp.Compare(a.ws, b.ws), a.row.completedAt.Compare(b.row.completedAt), cmp.Compare(a.key, b.key))
	})
	for _, v := range list {
		f.ws = v.ws
		f.gatherVersion(v.key, v.row)
	}
}

func (f *fold) gatherReads() error {
	type loaded struct {
		place[readKey]
		row *readRow
	}
	var list []loaded
	for p, r := range f.reads.rows {
		list = append(list, loaded{p, &r.now})
	}
	slices.SortFunc(list, func(a, b loaded) int {
		return cmp.Or(cmp.Compare(a.ws, b.ws), a.row.start.Compare(b.row.start), cmp.Compare(a.key.execution, b.key.execution), strings.Compare(a.key.name, b.key.name))
	})
	for _, l := range list {
		f.ws = l.ws
		c := f.class(l.key.artifact)
		r := &read{execution: l.key.execution, name: l.key.name, start: l.row.start}
		c.addRead(r)
		if r.version = c.meant(r, f.scratch); r.version == nil {
			r.version = c.slots[slot{name: r.name}]
		}
		if r.version == nil {
			return fmt.Errorf("workspace %d: execution %d reads artifact %d, and the version it means is not there", l.ws, l.key.execution, l.key.artifact)
		}
	}
	return nil
}
