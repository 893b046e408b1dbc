package read

import (
	"context"
	"slices"
)

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
