package fold

import "slices"

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
