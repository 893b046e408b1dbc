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

// An opaque is what is known of what cannot be seen, one way.
type opaque struct {
	nearest   int // level; 0: there is nothing
	uncounted bool
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

// graph is the answer: what was reached where it may be seen, and one node each way for all the rest.
func (f *far) graph(ctx context.Context) (Graph, error) {
	g := Graph{Revision: f.parts[0].Moment.Revision, Complete: true}
	at := map[*stretch][]int{} // of a part that is seen: where its nodes are
	for _, p := range f.parts {
		if p.walk == nil {
			continue
		}
		p.late, p.dropped = f.late, f.dropped
		if p.blind {
			f.count(p, &g)
			continue
		}
		own, err := p.graph(ctx)
		if err != nil {
			return g, err
		}
		place := len(g.Places)
		g.Places = append(g.Places, p.Moment)
		g.Complete = g.Complete && own.Complete
		g.cut(own.TruncatedBy)
		base := len(g.Nodes)
		for i := range own.Nodes {
			n := own.Nodes[i]
			n.Place = place
			at[p] = append(at[p], base+i)
			g.Nodes = append(g.Nodes, n)
		}
		for _, e := range own.Edges {
			e.From, e.To = e.From+base, e.To+base
			g.Edges = append(g.Edges, e)
		}
	}
	g.Astray = f.astray
	hidden := f.hide(&g)
	f.bind(&g, at, hidden)
	if f.opaque[up].uncounted || f.opaque[down].uncounted || f.astray {
		g.Complete = false
		g.cut(CutByWall)
	}
	g.sort()
	return g, nil
}

// cut notes what cut the walk short: of several cuts, what weighs most.
func (g *Graph) cut(by Cut) {
	weight := []Cut{"", CutByWall, CutByDepth, CutByNodes, CutByTime}
	if slices.Index(weight, by) > slices.Index(weight, g.TruncatedBy) {
		g.TruncatedBy = by
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

// bind adds the edges between parts.
func (f *far) bind(g *Graph, at map[*stretch][]int, hidden [2]int) {
	seen := map[GraphEdge]bool{}
	end := func(p *stretch, key int64, to way) int {
		if places, ok := at[p]; ok {
			return places[p.index[key]]
		}
		return hidden[to]
	}
	for _, e := range f.edges {
		from, to := end(e.from, e.a, e.to), end(e.goal, e.b, e.to)
		if from == to || from < 0 || to < 0 {
			continue
		}
		if e.to == up {
			from, to = to, from
		}
		if edge := (GraphEdge{From: from, To: to, Role: PromotedRole}); !seen[edge] {
			seen[edge] = true
			g.Edges = append(g.Edges, edge)
		}
	}
}

// sort puts the nodes in the order of their distance.
func (g *Graph) sort() {
	order := make([]int, len(g.Nodes))
	for i := range order {
		order[i] = i
	}
	away := func(i int) int { return max(g.Nodes[i].Distance, -g.Nodes[i].Distance) }
	slices.SortStableFunc(order, func(a, b int) int { return away(a) - away(b) })
	nodes, now := make([]GraphNode, len(order)), make([]int, len(order))
	for to, from := range order {
		nodes[to], now[from] = g.Nodes[from], to
	}
	g.Nodes = nodes
	for i := range g.Edges {
		g.Edges[i].From, g.Edges[i].To = now[g.Edges[i].From], now[g.Edges[i].To]
	}
}
