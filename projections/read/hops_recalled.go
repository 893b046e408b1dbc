package read

import (
	"context"
	"encoding/binary"

	"github.com/annals-io/annals/domain"
)

func hopsOf(from side, to way) question { return asksHops + 2*question(from) + question(to) }

// lists are the neighbours of nodes: all hops in the order of the nodes, then by key, and where those of each end.
type lists struct {
	hops []hop
	ends []int
}

// first are the hops of the first nodes, as [DB.hops] answers them.
func (l lists) first(bound int) (hops []hop, next int, cut bool) {
	if len(l.hops) < bound {
		return l.hops, len(l.ends), false
	}
	for next < len(l.ends) && l.ends[next] < bound {
		next++
	}
	if next == 0 {
		return l.hops[:bound], 1, true
	}
	return l.hops[:l.ends[next-1]], next, false
}

// some are the hops of all nodes, as [DB.someHops] answers them.
func (l lists) some(bound, perNode int) []hop {
	if len(l.hops) < bound {
		return l.hops
	}
	var out []hop
	begin := 0
	for _, end := range l.ends {
		out = append(out, l.hops[begin:min(end, begin+perNode)]...)
		begin = end
	}
	return out
}

// hops is [DB.hops], from memory where that is possible.
func (w *walk) hops(ctx context.Context, from side, to way, nodes []int64, bound int) (hops []hop, next int, cut bool, err error) {
	l, ok, err := w.recall.lists(ctx, from, to, nodes, bound)
	if err != nil {
		return nil, 0, false, err
	}
	if !ok {
		return w.db.hops(ctx, w.m, from, to, nodes, bound)
	}
	hops, next, cut = l.first(bound)
	return hops, next, cut, nil
}

// someHops is [DB.someHops], from memory where that is possible.
func (w *walk) someHops(ctx context.Context, from side, to way, nodes []int64, bound, perNode int) ([]hop, error) {
	l, ok, err := w.recall.lists(ctx, from, to, nodes, bound)
	if err != nil {
		return nil, err
	}
	if !ok {
		return w.db.someHops(ctx, w.m, from, to, nodes, bound, perNode)
	}
	return l.some(bound, perNode), nil
}

// lists finds the neighbours of nodes in memory; those of nodes that are not there are read and remembered. ok is
// false where there is a hub among them, or much to read.
func (r *recall) lists(ctx context.Context, from side, to way, nodes []int64, bound int) (l lists, ok bool, err error) {
	if r == nil {
		return l, false, nil
	}
	l.ends = make([]int, len(nodes))
	found := make([]hop, 0, 2*len(nodes))
	var missing []int64
	var places []int // of the missing nodes
	hub := false
	r.each(hopsOf(from, to), nodes, func(i int, data []byte, known bool) {
		if !known {
			missing, places = append(missing, nodes[i]), append(places, i)
		} else if len(data) == 0 {
			hub = true
		} else {
			found = appendHops(found, nodes[i], data, r.m.Revision)
		}
		l.ends[i] = len(found)
	})
	if hub {
		return l, false, nil
	}
	l.hops = found
	if len(missing) == 0 {
		return l, true, nil
	}
	read, ok, err := r.readPast(ctx, from, to, missing, 2*bound)
	if err != nil || !ok {
		return l, false, err
	}
	return l.with(read, places), true, nil
}

// with puts lists of other nodes into their places.
func (l lists) with(read lists, places []int) lists {
	all := lists{hops: make([]hop, 0, len(l.hops)+len(read.hops)), ends: l.ends}
	begin, readBegin, next := 0, 0, 0
	for i, end := range l.ends {
		if next < len(places) && places[next] == i {
			all.hops = append(all.hops, read.hops[readBegin:read.ends[next]]...)
			readBegin = read.ends[next]
			next++
		} else {
			all.hops = append(all.hops, l.hops[begin:end]...)
		}
		begin = end
		all.ends[i] = len(all.hops)
	}
	return all
}

// readPast reads and remembers all edges of nodes up to the moment, and answers those that were there at it. ok is
// false where there are more rows than the bound.
func (r *recall) readPast(ctx context.Context, from side, to way, nodes []int64, bound int) (l lists, ok bool, err error) {
	way := routeOf(from, to)
	rows, err := r.db.readHops(ctx, r.m, "walk lineage", way.past, nodes, way.direction, bound)
	if err != nil {
		return l, false, err
	}
	past, ends := sortHops(rows, nodes)
	whole := len(rows) < bound
	l.hops, l.ends = past[:0:len(past)], ends
	r.puts(func(put putter) {
		on, begin := r.on(hopsOf(from, to)), 0
		var data []byte
		for i, end := range ends {
			of := past[begin:end]
			begin = end
			switch {
			case len(of) > r.db.bounds.kept:
				put(on, nodes[i], nil, always) // a hub: its edges are read each time, so they need not be known
			case whole:
				data = encodeHops(data[:0], of)
				put(on, nodes[i], data, r.m.Revision)
			}
		}
	})
	begin := 0
	for i, end := range ends {
		for _, h := range past[begin:end] { // they are moved to the left
			if h.at(r.m.Revision) {
				l.hops = append(l.hops, h)
			}
		}
		begin, l.ends[i] = end, len(l.hops)
	}
	return l, whole, nil
}

// at says whether the edge was there at a moment.
func (h hop) at(n domain.Revision) bool { return h.since <= n && (h.until == 0 || h.until > n) }

// encodeHops writes the edges of a node, which are sorted by key: how many there are and one, then of each how far its
// neighbour's key is from the one before, since when it is there, how long it was there or 0, the pipeline, the role.
func encodeHops(to []byte, hops []hop) []byte {
	to = binary.AppendUvarint(to, uint64(len(hops))+1)
	last := int64(0)
	for _, h := range hops {
		to = binary.AppendUvarint(to, uint64(h.to-last))
		to = binary.AppendUvarint(to, uint64(h.since))
		length := uint64(0)
		if h.until > 0 {
			length = uint64(h.until - h.since)
		}
		to = binary.AppendUvarint(to, length)
		to = binary.AppendUvarint(to, uint64(h.pipeline))
		to = appendText(to, h.role)
		last = h.to
	}
	return to
}

// appendHops reads what encodeHops wrote: the edges from a node that were there at a moment.
func appendHops(to []hop, node int64, data []byte, n domain.Revision) []hop {
	from := decoder{data: data}
	h := hop{from: node}
	for range from.number() - 1 {
		h.to += from.number()
		h.since = domain.Revision(from.number())
		h.until = 0
		if length := from.number(); length > 0 {
			h.until = h.since + domain.Revision(length)
		}
		h.pipeline = from.number()
		if role := from.text(); string(role) != h.role {
			h.role = string(role)
		}
		if h.at(n) {
			to = append(to, h)
		}
	}
	return to
}

// A decoder reads numbers and texts that lie one behind the other.
type decoder struct{ data []byte }

func (d *decoder) number() int64 {
	n, size := binary.Uvarint(d.data)
	d.data = d.data[size:]
	return int64(n)
}

func (d *decoder) signed() int64 {
	n, size := binary.Varint(d.data)
	d.data = d.data[size:]
	return n
}

func (d *decoder) text() []byte {
	size := d.number()
	text := d.data[:size]
	d.data = d.data[size:]
	return text
}

func appendText[T string | []byte](to []byte, text T) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}
