package read

import (
	"context"
	"slices"
)

// end looks beyond what was reached, in all parts and through all walls.
func (f *far) end(ctx context.Context) error {
	for _, p := range f.parts {
		if p.walk == nil {
			continue
		}
		p.dropped = f.dropped
		if err := p.end(ctx); err != nil {
			return err
		}
	}
	for k := range f.parts[0].ways {
		for _, p := range slices.Clone(f.parts) {
			if p.walk == nil || len(p.ways[k].frontier) == 0 {
				continue
			}
			found, err := f.look(ctx, p, k)
			if err != nil {
				return err
			}
			if err := f.beyond(ctx, p, k, found); err != nil {
				return err
			}
		}
	}
	return nil
}

// beyond takes what lies behind the walls at nodes that were not expanded: edges to nodes of the answer belong to it, the
// others are counted.
func (f *far) beyond(ctx context.Context, p *stretch, k int, found []crossing) error {
	to := p.ways[k].to
	for _, c := range found {
		goal := f.by[c.ws]
		key := crossed{to, p, goal, c.from, c.version}
		if goal.uncounted {
			key.b = 0
		}
		if f.crossed[key] {
			continue
		}
		f.crossed[key] = true
		if goal.uncounted {
			if f.opaque[to].uncounted {
				f.edges = append(f.edges, farEdge(key))
				continue
			}
			p.more(c.from, to)
			continue
		}
		if i, ok := goal.index[c.version]; ok && (!goal.blind || goal.ways[k].saw(i)) {
			f.edges = append(f.edges, farEdge(key))
			continue
		}
		s := version
		if f.q.Granularity == ByArtifact {
			s = artifact
		}
		if err := goal.refuse(ctx, map[int64]side{c.version: s}); err != nil {
			return err
		}
		if !goal.refused[c.version] {
			p.more(c.from, to)
		}
	}
	return nil
}
