package read

// What a walk has reached: nodes as far as there is room for them, and the edges between them.

// place is the index of a node, which is taken in where it is new and there is room.
func (w *walk) place(key int64, s side, distance int) (i int, ok bool) {
	if i, ok = w.index[key]; ok {
		return i, true
	}
	if len(w.nodes)+w.elsewhere >= w.q.MaxNodes {
		w.dropped = true
		return 0, false
	}
	i = len(w.nodes)
	w.index[key] = i
	w.sides = append(w.sides, s)
	w.nodes = append(w.nodes, GraphNode{Node: Node{Key: key}, Distance: distance})
	return i, true
}

// see notes that the walk was at a node; fresh says that it had not been there.
func (o *oneWay) see(i int) (fresh bool) {
	if i >= len(o.seen) {
		o.seen = append(o.seen, make([]bool, i+1-len(o.seen))...)
	}
	fresh = !o.seen[i]
	o.seen[i] = true
	return fresh
}

// saw says whether the walk was at a node.
func (o *oneWay) saw(i int) bool { return i < len(o.seen) && o.seen[i] }

// places is how many nodes the walk was at.
func (o *oneWay) places() (n int) {
	for _, was := range o.seen {
		if was {
			n++
		}
	}
	return n
}

// take adds a hop from the node at an index, and what it leads to; fresh says that the walk had not been there.
func (w *walk) take(o *oneWay, h hop, from, distance int) (fresh bool) {
	to, ok := w.place(h.to, w.sides[from].opposite(), distance)
	if !ok {
		o.beyond = append(o.beyond, h)
		return false
	}
	w.join(from, to, h, o.to)
	return o.see(to)
}

// join adds an edge in the direction the data went, unless it is there: both ways may have seen it.
func (w *walk) join(from, to int, h hop, way way) {
	if way == up {
		from, to = to, from
	}
	e, pair := GraphEdge{From: from, To: to, Role: h.role, Pipeline: h.pipeline}, [2]int32{int32(from), int32(to)}
	last, ok := w.joined[pair]
	if !ok {
		last = -1
	}
	for i := last; i >= 0; i = w.before[i] {
		if w.edges[i] == e {
			return
		}
	}
	w.joined[pair] = len(w.edges)
	w.edges, w.before = append(w.edges, e), append(w.before, last)
}

func (w *walk) onSide(nodes []int64, s side) []int64 {
	var out []int64
	for _, n := range nodes {
		if w.sides[w.index[n]] == s {
			out = append(out, n)
		}
	}
	return out
}

// opposite is the side of a node's neighbours.
func (s side) opposite() side {
	switch s {
	case execution:
		return version
	case version:
		return execution
	}
	return artifact
}
