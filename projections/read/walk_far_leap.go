package read

import "context"

// leap takes a crossing, and the node that it leads to, where there is room.
func (f *far) leap(ctx context.Context, from *stretch, c crossing, k, level int) error {
	goal, to := f.by[c.ws], from.ways[k].to
	key := crossed{to, from, goal, c.from, c.version}
	if goal.uncounted {
		key.b = 0
	}
	if f.crossed[key] {
		return nil
	}
	f.crossed[key] = true
	if goal.uncounted {
		if !f.speak(to, level) {
			from.more(c.from, to)
			return nil
		}
		f.edges = append(f.edges, farEdge(key))
		return nil
	}
	_, known := goal.index[c.version]
	if !known {
		s := version
		if f.q.Granularity == ByArtifact {
			s = artifact
		}
		if err := goal.refuse(ctx, map[int64]side{c.version: s}); err != nil {
			return err
		}
		if goal.refused[c.version] {
			return nil
		}
		if goal.elsewhere = f.taken() - len(goal.nodes); f.dropped {
			goal.elsewhere = f.q.MaxNodes // what comes after something that found no room is farther away
		}
		distance := level
		if to == up {
			distance = -level
		}
		if _, ok := goal.place(c.version, s, distance); !ok {
			f.dropped = true
			from.more(c.from, to)
			return nil
		}
	}
	f.edges = append(f.edges, farEdge(key))
	if o := goal.ways[k]; o.see(goal.index[c.version]) {
		o.frontier = append(o.frontier, c.version)
		if goal.blind {
			f.near(to, level)
		}
	}
	return nil
}
