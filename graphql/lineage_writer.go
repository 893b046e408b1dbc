package graphql

import (
	"context"
	"io"
	"strconv"
	"strings"

	gql "github.com/99designs/gqlgen/graphql"

	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// wholeLineage writes the parts of a walk at once. The executor makes a value, a closure and a context of each field
// of each node: for a thousand nodes that costs more than finding them. Where everything that was asked of a part is
// plain, its JSON is written straight from the walk; anything else, such as `entity`, is left to the executor. Who reads
// the JSON gets the same values either way, in the same order; how a text is escaped is not promised.
func wholeLineage(ctx context.Context, next gql.Resolver) (any, error) {
	fc := gql.GetFieldContext(ctx)
	if fc.Object != "Lineage" || fc.Parent == nil {
		return next(ctx)
	}
	l, ok := fc.Parent.Result.(*model.Lineage)
	if !ok {
		return next(ctx)
	}
	w := lineageWriter{Lineage: l}
	var out []byte
	fields := func(typ string) []gql.CollectedField {
		return gql.CollectFields(gql.GetOperationContext(ctx), fc.Field.Selections, []string{typ})
	}
	switch fc.Field.Name {
	case "compact":
		out, ok = w.object("CompactLineage", fields("CompactLineage"), w.column)
	case "nodes":
		asked := fields("LineageNode")
		out, ok = w.list(len(l.Graph.Nodes), func(i int) bool {
			return w.append("LineageNode", asked, func(name string) bool { return w.node(name, i) })
		})
	case "edges":
		asked := fields("LineageEdge")
		out, ok = w.list(len(l.Graph.Edges), func(i int) bool {
			return w.append("LineageEdge", asked, func(name string) bool { return w.edge(name, l.Graph.Edges[i]) })
		})
	default:
		ok = false
	}
	if !ok {
		return next(ctx)
	}
	return gql.WriterFunc(func(to io.Writer) { _, _ = to.Write(out) }), nil
}

// A lineageWriter writes one part of one walk. Its methods say false where they cannot write what was asked.
type lineageWriter struct {
	*model.Lineage
	out   []byte
	ids   []byte // of all nodes, quoted, one behind the other
	ends  []int  // of the ids
	words map[string]string
}

// object is one object with the fields that were asked.
func (w *lineageWriter) object(typ string, asked []gql.CollectedField, field func(name string) bool) ([]byte, bool) {
	const node, edge = 112, 16 // bytes that one usually takes
	w.out = make([]byte, 0, 256+node*len(w.Graph.Nodes)+edge*len(w.Graph.Edges))
	ok := w.append(typ, asked, field)
	return w.out, ok
}

// list is a list of n objects.
func (w *lineageWriter) list(n int, object func(i int) bool) ([]byte, bool) {
	const each = 192
	w.out = append(make([]byte, 0, 2+each*n), '[')
	for i := range n {
		w.comma(i)
		if !object(i) {
			return nil, false
		}
	}
	return append(w.out, ']'), true
}

func (w *lineageWriter) append(typ string, asked []gql.CollectedField, field func(name string) bool) bool {
	w.out = append(w.out, '{')
	for i, f := range asked {
		if len(f.Deferrables) > 0 && !f.IsNonDeferrable {
			return false
		}
		w.comma(i)
		w.text(f.Alias)
		w.out = append(w.out, ':')
		if f.Name == "__typename" {
			w.text(typ)
		} else if !field(f.Name) {
			return false
		}
	}
	w.out = append(w.out, '}')
	return true
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

// upper is a word of few in capitals, each made once.
func (w *lineageWriter) upper(word string) string {
	if up, ok := w.words[word]; ok {
		return up
	}
	if w.words == nil {
		w.words = map[string]string{}
	}
	w.words[word] = strings.ToUpper(word)
	return w.words[word]
}

func (w *lineageWriter) comma(i int) {
	if i > 0 {
		w.out = append(w.out, ',')
	}
}

func (w *lineageWriter) number(n int) { w.out = strconv.AppendInt(w.out, int64(n), 10) }

// word writes a text that may be missing.
func (w *lineageWriter) word(s string) {
	if s == "" {
		w.out = append(w.out, "null"...)
		return
	}
	w.text(s)
}

// text writes a text in quotes, as the executor does.
func (w *lineageWriter) text(s string) {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '"' || s[i] == '\\' {
			var b strings.Builder
			gql.MarshalString(s).MarshalGQL(&b)
			w.out = append(w.out, b.String()...)
			return
		}
	}
	w.out = append(w.out, '"')
	w.out = append(w.out, s...)
	w.out = append(w.out, '"')
}
