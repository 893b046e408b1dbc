package fold

import (
	"cmp"
	"slices"
)

// changeRows are one row for each thing and each event that changed what is shown of it: its own row, or one of those
// that belong to it, such as its parameters and what it read. So what changed between two revisions is one range of an
// index, whatever table it changed in. The workspace itself has key 0, and so have its members and roles.
type changeRows struct{ list []change }

type change struct {
	ws               int32
	revision, entity int64
}

// add notes a change. The same one may be noted more than once.
func (c *changeRows) add(ws int32, revision, entity int64) {
	x := change{ws, revision, entity}
	if n := len(c.list); n > 0 && c.list[n-1] == x {
		return
	}
	c.list = append(c.list, x)
}

// take are the changes of the page, each once, in the order in which they are read.
func (c *changeRows) take() []change {
	list := c.list
	slices.SortFunc(list, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.ws, b.ws), cmp.Compare(a.revision, b.revision), cmp.Compare(a.entity, b.entity))
	})
	c.list = list[:0]
	return slices.Compact(list)
}

const (
	changeColumns    = "ws, revision, entity"
	insertChangesSQL = `
INSERT INTO read.changes (` + changeColumns + `) SELECT * FROM unnest($1::int4[], $2::int8[], $3::int8[])`
)

// flush queues the rows of the page.
func (c *changeRows) flush(t *trip) {
	list := c.take()
	if len(list) == 0 {
		return
	}
	args := []*array{{typ: tInt4}, {typ: tInt8}, {typ: tInt8}}
	for i := range list {
		for j, p := range [...]any{&list[i].ws, &list[i].revision, &list[i].entity} {
			args[j].add(false, p)
		}
	}
	t.add("changes", changeColumns, insertChangesSQL, args)
}

// fill writes the rows of what a Filler folded.
func (c *changeRows) fill(s *sheet) {
	for _, x := range c.take() {
		s.begin(3)
		s.add(tInt4, false, &x.ws)
		s.int8(x.revision)
		s.int8(x.entity)
	}
}
