package model

import (
	"strings"

	"github.com/annals-io/annals/projections/read"
)

// A Lineage is a walk at one moment. The forms it can be asked in are made when they are asked for.
type Lineage struct {
	At    *Moment
	Graph read.Graph
}

// Complete is true when everything that can be reached is there.
func (l *Lineage) Complete() bool { return l.Graph.Complete }

// TruncatedBy is what cut the walk short.
func (l *Lineage) TruncatedBy() *LineageCut {
	cut, ok := map[read.Cut]LineageCut{read.CutByNodes: LineageCutMaxNodes, read.CutByDepth: LineageCutDepth, read.CutByTime: LineageCutTime, read.CutByWall: LineageCutWall}[l.Graph.TruncatedBy]
	if !ok {
		return nil
	}
	return &cut
}

// Revision is the revision the walk is true at.
func (l *Lineage) Revision() int64 { return l.At.Revision() }

// Workspaces are those that the walk came to and that may be seen.
func (l *Lineage) Workspaces() []*LineageWorkspace { return WorkspacesOf(l.Graph.Places) }

// WorkspacesOf are the moments of an answer about several workspaces.
func WorkspacesOf(places []read.Moment) []*LineageWorkspace {
	out := make([]*LineageWorkspace, len(places))
	for i, m := range places {
		out[i] = &LineageWorkspace{Slug: string(m.Slug), Revision: int64(m.Revision), Settled: m.Settled}
	}
	return out
}

// moments are those of the places of a walk: the first is the one that was asked for.
func (l *Lineage) moments() []*Moment { return MomentsOf(l.At, l.Graph.Places) }

// MomentsOf are the moments of the places that a walk from at came to.
func MomentsOf(at *Moment, places []read.Moment) []*Moment {
	out := []*Moment{at}
	for _, m := range places[min(1, len(places)):] {
		out = append(out, &Moment{At: m, Asked: at.Asked})
	}
	return out
}

// RefOf is what a node of a walk stands for; an opaque one is nowhere.
func RefOf(moments []*Moment, n read.GraphNode) Ref {
	r := Ref{Kind: KindOf(n.Kind), Key: n.Key}
	if n.Kind == read.KindOpaque {
		return Ref{Kind: EntityKindOpaque}
	}
	r.At = moments[n.Place]
	return r
}

// HiddenOf is how many nodes an opaque one stands for; nil for all others, and where that is not told.
func HiddenOf(n read.GraphNode) *int {
	if n.Kind != read.KindOpaque || n.Hidden == 0 {
		return nil
	}
	return &n.Hidden
}

// ids are those of all nodes, by index.
func (l *Lineage) ids() []string {
	out := make([]string, len(l.Graph.Nodes))
	moments := l.moments()
	for i, n := range l.Graph.Nodes {
		out[i] = idOf(RefOf(moments, n), n.Distance)
	}
	return out
}

// Nodes are what was reached, nearest first.
func (l *Lineage) Nodes() []*LineageNode {
	moments := l.moments()
	groups := make([]*Peers[LineageNode], len(moments)+1) // what is opaque comes last
	for i := range groups {
		groups[i] = &Peers[LineageNode]{At: moments[min(i, len(moments)-1)]}
	}
	out := make([]*LineageNode, len(l.Graph.Nodes))
	for i, n := range l.Graph.Nodes {
		group := groups[len(moments)]
		if n.Kind != read.KindOpaque {
			group = groups[n.Place]
		}
		out[i] = &LineageNode{
			Peers: group, Ref: RefOf(moments, n), Name: n.Name, Status: Word(strings.ToUpper(n.Status)), Distance: n.Distance, Tombstone: n.Deleted, Hidden: HiddenOf(n),
		}
		group.All = append(group.All, out[i])
	}
	return out
}

// Edges are what was read and written.
func (l *Lineage) Edges() []*LineageEdge {
	ids := l.ids()
	out := make([]*LineageEdge, len(l.Graph.Edges))
	for i, e := range l.Graph.Edges {
		out[i] = &LineageEdge{From: ids[e.From], To: ids[e.To], Role: Word(e.Role)}
	}
	return out
}

// Frontier are the nodes with neighbours that were not sent.
func (l *Lineage) Frontier() []*LineageFrontier {
	out := []*LineageFrontier{}
	moments := l.moments()
	for _, i := range l.Graph.Frontier() {
		n := l.Graph.Nodes[i]
		f := &LineageFrontier{ID: idOf(RefOf(moments, n), n.Distance), Direction: LineageDirectionBoth, MoreUp: n.MoreUp, MoreDown: n.MoreDown}
		switch {
		case n.MoreUp == 0:
			f.Direction = LineageDirectionDown
		case n.MoreDown == 0:
			f.Direction = LineageDirectionUp
		}
		out = append(out, f)
	}
	return out
}

// Compact is the walk as parallel arrays.
func (l *Lineage) Compact() *CompactLineage {
	nodes, edges := len(l.Graph.Nodes), len(l.Graph.Edges)
	out := &CompactLineage{
		Ids: l.ids(), Kinds: make([]EntityKind, nodes), Names: make([]string, nodes), Statuses: make([]*string, nodes), Distances: make([]int, nodes), Workspaces: make([]*string, nodes), Hidden: make([]*int, nodes),
		From: make([]int, edges), To: make([]int, edges), Roles: make([]*string, edges),
	}
	moments := l.moments()
	for i, n := range l.Graph.Nodes {
		out.Workspaces[i], out.Hidden[i] = placeOf(RefOf(moments, n)), HiddenOf(n)
		out.Kinds[i], out.Names[i], out.Statuses[i], out.Distances[i] = KindOf(n.Kind), n.Name, Word(strings.ToUpper(n.Status)), n.Distance
	}
	for i, e := range l.Graph.Edges {
		out.From[i], out.To[i], out.Roles[i] = e.From, e.To, Word(e.Role)
	}
	return out
}
