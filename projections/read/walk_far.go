package read

import (
	"context"
	"slices"
	"time"
)

// A far walk is one walk over several workspaces: a walk in each, level by level together, so that what finds room is what
// is nearest, wherever it lies. A promotion is an edge like any other, and what lies in a workspace that whoever asks may
// not see takes up room like anything else: only it is not told.
//
// In such a workspace no filter of the query is asked. How many of the things there have a name, or failed, would tell
// what they are called, or that they failed.
type far struct {
	db       *DB
	q        LineageQuery
	deadline time.Time
	try      int
	parts    []*stretch // in the order the walk came to them; the first is where it began
	by       map[int32]*stretch
	crossed  map[crossed]bool
	edges    []farEdge
	opaque   [2]opaque // by way
	dropped  bool      // something found no room
	late     bool
	astray   bool // the other side of a promotion cannot be read
	spoken   int  // nodes that stand for what is not counted
}

// A stretch is a far walk in one workspace.
type stretch struct {
	*walk
	Place
	uncounted bool // whoever asks is not even told how many things are there: the walk does not go in
}

// crossed is a crossing that was seen.
type crossed struct {
	to         way
	from, goal *stretch
	a, b       int64
}

// A farEdge joins nodes of two parts, in the direction of the walk. There is no goal of which anything is told where the
// part is not counted.
type farEdge struct {
	to         way
	from, goal *stretch
	a, b       int64
}

// tryFar is one try at a far walk; see [DB.tryWalk].
func (d *DB) tryFar(ctx context.Context, m Moment, q LineageQuery, deadline time.Time, try int) (g Graph, holds bool, err error) {
	f := &far{db: d, q: q, deadline: deadline, try: try, by: map[int32]*stretch{}, crossed: map[crossed]bool{}}
	home, err := d.newWalk(ctx, m, q)
	if err != nil {
		return g, false, err
	}
	if err := f.join(ctx, &stretch{walk: home, Place: Place{Moment: m, Seen: true}}); err != nil {
		return g, false, err
	}
	if err = f.run(ctx); err == nil {
		g, err = f.graph(ctx)
	}
	if err != nil {
		return g, false, err
	}
	holds = true
	for _, p := range f.parts {
		if p.walk == nil {
			continue
		}
		ok, err := p.recall.holds(ctx)
		if err != nil {
			return g, false, err
		}
		holds = holds && ok
	}
	return g, holds, nil
}

// join takes a part in.
func (f *far) join(ctx context.Context, p *stretch) (err error) {
	f.parts = append(f.parts, p)
	f.by[p.Number] = p
	if p.walk != nil && f.try < 4 {
		p.recall, err = f.db.recall(ctx, p.Moment, f.try == 3)
	}
	return err
}

// run walks level by level, in all parts.
func (f *far) run(ctx context.Context) error {
	home := f.parts[0]
	for level := 1; level <= f.q.Depth; level++ {
		for k := range home.ways {
			if err := f.step(ctx, k, level); err != nil || f.late {
				return err
			}
		}
	}
	return f.end(ctx)
}

// step expands the frontiers of one way, and crosses the walls that they lie at.
func (f *far) step(ctx context.Context, k, level int) error {
	type leap struct {
		from *stretch
		crossing
	}
	var leaps []leap
	for _, p := range slices.Clone(f.parts) {
		if p.walk == nil || len(p.ways[k].frontier) == 0 || f.dropped {
			continue
		}
		if f.late = !f.deadline.IsZero() && time.Now().After(f.deadline); f.late {
			return nil
		}
		found, err := f.look(ctx, p, k)
		if err != nil {
			return err
		}
		for _, c := range found {
			leaps = append(leaps, leap{p, c})
		}
		p.elsewhere = f.taken() - len(p.nodes)
		before := p.ways[k].places()
		if err := p.step(ctx, p.ways[k], level); err != nil {
			return err
		}
		if p.blind && p.ways[k].places() > before {
			f.near(p.ways[k].to, level)
		}
		f.dropped = f.dropped || p.dropped
	}
	for _, l := range leaps {
		if err := f.leap(ctx, l.from, l.crossing, k, level); err != nil {
			return err
		}
	}
	return nil
}

// taken is how many nodes there are in all.
func (f *far) taken() int {
	n := f.spoken
	for _, p := range f.parts {
		if p.walk != nil {
			n += len(p.nodes)
		}
	}
	return n
}
