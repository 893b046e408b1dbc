package read

// What is told of what whoever asks may not see: that it is there, how near, and how much of it unless that is kept, too.

// An opaque is what is known of what cannot be seen, one way.
type opaque struct {
	nearest   int // level; 0: there is nothing
	uncounted bool
}

// speak notes that there is something of which not even the number is told. The node that says so takes up room: ok is
// false where there is none.
func (f *far) speak(to way, level int) (ok bool) {
	o := &f.opaque[to]
	if o.uncounted {
		return true
	}
	if f.dropped = f.dropped || f.taken() >= f.q.MaxNodes; f.dropped {
		return false
	}
	f.spoken++
	o.uncounted = true
	f.near(to, level)
	return true
}

func (f *far) near(to way, level int) {
	if o := &f.opaque[to]; o.nearest == 0 || level < o.nearest {
		o.nearest = level
	}
}

// count counts what was reached in a part that is not seen.
func (f *far) count(p *stretch, g *Graph) {
	if f.late {
		for _, o := range p.ways {
			for _, n := range o.frontier {
				p.more(n, o.to)
			}
		}
	}
	for _, n := range p.nodes {
		if n.MoreUp+n.MoreDown > 0 {
			g.Complete = false
			g.cut(CutByDepth)
		}
	}
	if p.cut || f.dropped {
		g.Complete = false
		g.cut(CutByNodes)
	}
}

// hide adds the nodes for what is not seen, and answers where they are, by way; -1: there is none.
func (f *far) hide(g *Graph) (at [2]int) {
	for _, to := range []way{up, down} {
		at[to] = -1
		o := f.opaque[to]
		if o.nearest == 0 {
			continue
		}
		count := 0
		for _, p := range f.parts {
			if p.walk == nil || !p.blind {
				continue
			}
			for _, w := range p.ways {
				if w.to == to {
					count += w.places()
				}
			}
		}
		n := GraphNode{Node: Node{Kind: KindOpaque, Key: int64(to) + 1}, Name: opaqueName(count, !o.uncounted), Distance: o.nearest, Place: -1}
		if !o.uncounted {
			n.Hidden = count
		}
		if to == up {
			n.Distance = -n.Distance
		}
		at[to] = len(g.Nodes)
		g.Nodes = append(g.Nodes, n)
	}
	return at
}
