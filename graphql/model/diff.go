package model

import (
	"strings"

	"github.com/annals-io/annals/projections/read"
)

// A Diff is what differs between two moments of a workspace. Both are of one model.
type Diff struct{ From, To *Moment }

// An EntityChange is a thing that differs between two moments.
type EntityChange struct {
	*Peers[EntityChange]
	Was *Moment // the earlier moment; that of the peers is the later one
	Row read.Difference
}

// Kind is what it is.
func (c *EntityChange) Kind() EntityKind { return KindOf(c.Row.Kind) }

// ID is the global id.
func (c *EntityChange) ID() string { return Ref{At: c.At, Kind: c.Kind(), Key: c.Row.Key}.ID() }

// Name is a name that can be given back.
func (c *EntityChange) Name() string { return c.Row.Name }

// Change is what became of it.
func (c *EntityChange) Change() DiffChange {
	return DiffChange(strings.ToUpper(string(c.Row.Change)))
}

// FirstRevision is that of its first change after the earlier moment.
func (c *EntityChange) FirstRevision() int64 { return int64(c.Row.First) }

// Revision is that of its last change up to the later moment.
func (c *EntityChange) Revision() int64 { return int64(c.Row.Last) }

// An EntityChangeConnection is a page of what differs.
type EntityChangeConnection struct{ List[EntityChange] }

// Edges are the rows with their cursors.
func (c *EntityChangeConnection) Edges() []*EntityChangeEdge {
	return edgesOf(&c.List, func(s string, n *EntityChange) *EntityChangeEdge { return &EntityChangeEdge{s, n} })
}
