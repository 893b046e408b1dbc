package graphql

import (
	"context"
	"strconv"

	gql "github.com/99designs/gqlgen/graphql"

	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// A lineageWriter writes one part of one walk. Its methods say false where they cannot write what was asked.
type lineageWriter struct {
	plain
	*model.Lineage
	ids  []byte // of all nodes, quoted, one behind the other
	ends []int  // of the ids
}

// part writes a field of the walk.
func (w *lineageWriter) part(ctx context.Context, field gql.CollectedField) ([]byte, bool) {
	const node, edge, each = 112, 16, 192 // bytes that one usually takes: in the compact form, and as an object
	fields := func(typ string) []gql.CollectedField {
		return gql.CollectFields(gql.GetOperationContext(ctx), field.Selections, []string{typ})
	}
	switch field.Name {
	case "compact":
		w.out = make([]byte, 0, 256+node*len(w.Graph.Nodes)+edge*len(w.Graph.Edges))
		ok := w.object("CompactLineage", fields("CompactLineage"), func(f *gql.CollectedField) bool { return w.column(f.Name) })
		return w.out, ok
	case "nodes":
		asked := fields("LineageNode")
		return w.list(len(w.Graph.Nodes), each, func(i int) bool {
			return w.object("LineageNode", asked, func(f *gql.CollectedField) bool { return w.node(f.Name, i) })
		})
	case "edges":
		asked := fields("LineageEdge")
		return w.list(len(w.Graph.Edges), each, func(i int) bool {
			return w.object("LineageEdge", asked, func(f *gql.CollectedField) bool { return w.edge(f.Name, w.Graph.Edges[i]) })
		})
	}
	return nil, false
}

// column writes one array of the compact form.
func (w *lineageWriter) column(name string) bool {
	nodes, edges := w.Graph.Nodes, w.Graph.Edges
	w.out = append(w.out, '[')
	switch name {
	case "ids", "kinds", "names", "statuses", "distances", "workspaces", "hidden":
		of := map[string]string{"ids": "id", "kinds": "kind", "names": "name", "statuses": "status", "distances": "distance", "workspaces": "workspace", "hidden": "hidden"}[name]
		for i := range nodes {
			w.comma(i)
			w.node(of, i)
		}
	case "from":
		for i := range edges {
			w.comma(i)
			w.number(edges[i].From)
		}
	case "to":
		for i := range edges {
			w.comma(i)
			w.number(edges[i].To)
		}
	case "roles":
		for i := range edges {
			w.comma(i)
			w.word(edges[i].Role)
		}
	default:
		return false
	}
	w.out = append(w.out, ']')
	return true
}

// node writes a field of the node at an index.
func (w *lineageWriter) node(field string, i int) bool {
	n := &w.Graph.Nodes[i]
	switch field {
	case "id":
		w.id(i)
	case "kind":
		w.text(w.upper(string(n.Kind)))
	case "name":
		w.text(n.Name)
	case "status":
		w.word(w.upper(n.Status))
	case "distance":
		w.number(n.Distance)
	case "tombstone":
		w.out = strconv.AppendBool(w.out, n.Deleted)
	case "workspace":
		slug := ""
		if n.Place >= 0 {
			slug = string(w.Graph.Places[n.Place].Slug)
		}
		w.word(slug)
	case "hidden":
		if n.Hidden == 0 {
			w.out = append(w.out, "null"...)
		} else {
			w.number(n.Hidden)
		}
	default:
		return false
	}
	return true
}

// edge writes a field of an edge.
func (w *lineageWriter) edge(field string, e read.GraphEdge) bool {
	switch field {
	case "from":
		w.id(e.From)
	case "to":
		w.id(e.To)
	case "role":
		w.word(e.Role)
	default:
		return false
	}
	return true
}

// id writes the id of the node at an index. All are made at the first: edges name each several times.
func (w *lineageWriter) id(i int) {
	if w.ends == nil {
		const each = 56
		w.ends, w.ids = append(make([]int, 0, len(w.Graph.Nodes)+1), 0), make([]byte, 0, each*len(w.Graph.Nodes))
		moments := model.MomentsOf(w.At, w.Graph.Places)
		for _, n := range w.Graph.Nodes {
			w.ids = append(w.ids, '"')
			if n.Place < 0 {
				w.ids = append(w.ids, model.OpaqueID(n.Distance)...)
			} else {
				w.ids = moments[n.Place].AppendID(w.ids, model.Prefix(model.EntityKind(w.upper(string(n.Kind)))), n.Key)
			}
			w.ids = append(w.ids, '"')
			w.ends = append(w.ends, len(w.ids))
		}
	}
	w.out = append(w.out, w.ids[w.ends[i]:w.ends[i+1]]...)
}
