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
	cut, ok := map[read.Cut]LineageCut{read.CutByNodes: LineageCutMaxNodes, read.CutByDepth: LineageCutDepth, read.CutByTime: LineageCutTime}[l.Graph.TruncatedBy]
	if !ok {
		return nil
	}
	return &cut
}

// Revision is the revision the walk is true at.
func (l *Lineage) Revision() int64 { return l.At.Revision() }

func (l *Lineage) id(i int) string {
	n := l.Graph.Nodes[i]
	return l.At.ID(Prefix(KindOf(n.Kind)), n.Key)
}

// ids are those of all nodes, by index.
func (l *Lineage) ids() []string {
	out := make([]string, len(l.Graph.Nodes))
	for i := range out {
		out[i] = l.id(i)
	}
	return out
}

// Nodes are what was reached, nearest first.
func (l *Lineage) Nodes() []*LineageNode {
	peers := &Peers[LineageNode]{At: l.At, All: make([]*LineageNode, len(l.Graph.Nodes))}
	for i, n := range l.Graph.Nodes {
		peers.All[i] = &LineageNode{
			Peers: peers, Ref: Ref{At: l.At, Kind: KindOf(n.Kind), Key: n.Key},
			Name: n.Name, Status: Word(strings.ToUpper(n.Status)), Distance: n.Distance, Tombstone: n.Deleted,
		}
	}
	return peers.All
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
	for _, i := range l.Graph.Frontier() {
		n := l.Graph.Nodes[i]
		f := &LineageFrontier{ID: l.id(i), Direction: LineageDirectionBoth, MoreUp: n.MoreUp, MoreDown: n.MoreDown}
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
		Ids: l.ids(), Kinds: make([]EntityKind, nodes), Names: make([]string, nodes), Statuses: make([]*string, nodes), Distances: make([]int, nodes),
		From: make([]int, edges), To: make([]int, edges), Roles: make([]*string, edges),
	}
	for i, n := range l.Graph.Nodes {
		out.Kinds[i], out.Names[i], out.Statuses[i], out.Distances[i] = KindOf(n.Kind), n.Name, Word(strings.ToUpper(n.Status)), n.Distance
	}
	for i, e := range l.Graph.Edges {
		out.From[i], out.To[i], out.Roles[i] = e.From, e.To, Word(e.Role)
	}
	return out
}
