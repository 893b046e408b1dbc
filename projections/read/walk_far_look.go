package read

import (
	"context"
	"slices"
	"time"
)

// What a far walk finds at the walls of its parts: the crossings, and the workspaces behind them.

// look finds the crossings from the frontier of a part, each to a node of a part that is known by then.
func (f *far) look(ctx context.Context, p *stretch, k int) ([]crossing, error) {
	s := version
	if f.q.Granularity == ByArtifact {
		s = artifact
	}
	nodes := p.onSide(p.ways[k].frontier, s)
	if len(nodes) == 0 {
		return nil, nil
	}
	found, cut, err := f.db.crossings(ctx, p.Moment, f.q.Granularity, p.ways[k].to, nodes, f.q.MaxNodes+f.db.bounds.hops)
	if err != nil {
		return nil, err
	}
	p.cut = p.cut || cut
	if err := f.open(ctx, found); err != nil {
		return nil, err
	}
	versions := map[*stretch][]int64{}
	out := found[:0]
	for _, c := range found {
		goal := f.by[c.ws]
		switch {
		case goal == nil || goal.Is == NotYet || goal.Is == Readable && c.began > goal.Revision:
			// The other side is not there: not yet, unless this one says that it is, and then it cannot be read.
			f.astray = f.astray || c.promised
			continue
		case goal.Is == Unreadable && goal.Seen:
			f.astray = true
			continue
		}
		if goal.walk != nil && f.q.Granularity == ByArtifact {
			versions[goal] = append(versions[goal], c.version)
		}
		out = append(out, c)
	}
	for goal, keys := range versions {
		artifacts, err := f.db.artifactOfEach(ctx, goal.Moment, keys)
		if err != nil {
			return nil, err
		}
		for i := range out {
			if c := &out[i]; f.by[c.ws] == goal {
				c.version = artifacts[c.version]
			}
		}
	}
	return out, nil
}

// open makes parts of the workspaces that the walk comes to for the first time.
func (f *far) open(ctx context.Context, found []crossing) error {
	var fresh []int32
	for _, c := range found {
		if c.ws != 0 && f.by[c.ws] == nil && !slices.Contains(fresh, c.ws) {
			fresh = append(fresh, c.ws)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	walls, err := f.db.walls(ctx, f.parts[0].Moment, fresh)
	if err != nil {
		return err
	}
	for _, n := range fresh {
		w, ok := walls[n]
		if !ok {
			continue
		}
		p := &stretch{}
		if p.Place, err = f.q.Walls.Behind(ctx, w.slug); err != nil {
			return err
		}
		p.Number = n
		if !p.Seen {
			p.Moment = p.Moment.blindly()
		}
		p.uncounted = !p.Seen && (w.hidesCounts || p.Is == Unreadable)
		if p.Is == Readable && !p.uncounted {
			if p.walk, err = f.enter(ctx, p.Place); err != nil {
				return err
			}
		}
		if err := f.join(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// enter is a walk in another workspace, that has nowhere to begin yet.
func (f *far) enter(ctx context.Context, at Place) (*walk, error) {
	q := f.q
	q.Roots = nil
	if !at.Seen {
		q.Statuses, q.Pipelines, q.Namespaces, q.CreatedAfter, q.CreatedBefore = nil, nil, nil, time.Time{}, time.Time{}
	}
	if len(q.Pipelines) > 0 {
		var err error
		if q.Pipelines, err = f.namesakes(ctx, at.Moment); err != nil {
			return nil, err
		}
	}
	w := f.db.emptyWalk(at.Moment, q)
	if err := w.bounded(ctx); err != nil {
		return nil, err
	}
	w.blind = !at.Seen
	for _, o := range f.parts[0].ways {
		w.ways = append(w.ways, &oneWay{to: o.to})
	}
	return w, nil
}

// namesakes are the pipelines of another workspace that have the names of those the query asks for.
func (f *far) namesakes(ctx context.Context, m Moment) ([]int64, error) {
	asked, err := f.db.PipelinesByKey(ctx, f.parts[0].Moment, f.q.Pipelines)
	if err != nil {
		return nil, err
	}
	names := make([]NameRef, len(asked))
	for i, p := range asked {
		names[i] = NameRef{Namespace: &p.Namespace, Name: p.Name}
	}
	found, err := f.db.PipelinesNamed(ctx, m, names, len(names))
	keys := []int64{0} // no pipeline's: where none has the name, nothing is of it
	for _, p := range found {
		keys = append(keys, p.Key)
	}
	return keys, err
}
