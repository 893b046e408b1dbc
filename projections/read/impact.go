package read

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
)

// An Impact is a page of everything that a walk one way reaches, as a table: nearest first, then by key. The roots
// are not in it.
type Impact struct {
	List[GraphNode]
	Total       int          // rows of the table, of all pages
	ByDistance  []AtDistance // nearest first
	Complete    bool         // everything that can be reached is in the table
	TruncatedBy Cut          // empty when complete
	Places      []Moment     // see Graph
	Astray      bool         // see Graph
}

// AtDistance is how many rows are at one distance.
type AtDistance struct{ Distance, Count int }

// Impact walks one way, and answers a page of what it reached. MaxNodes 0 means as far as a walk goes; distances are
// above 0 whichever way.
func (d *DB) Impact(ctx context.Context, m Moment, q LineageQuery, p Page) (Impact, error) {
	if q.Up == q.Down {
		return Impact{}, invalid("a table of what depends on a thing is of one direction")
	}
	if q.MaxNodes <= 0 {
		q.MaxNodes = MaxWalkNodes
	}
	if q.Depth <= 0 {
		q.Depth = MaxDepth
	}
	g, err := d.Lineage(ctx, m, q)
	if err != nil {
		return Impact{}, err
	}
	out := Impact{Complete: g.Complete, TruncatedBy: g.TruncatedBy, Places: g.Places, Astray: g.Astray}
	var rows []Sorted[GraphNode]
	for _, n := range g.Nodes {
		if n.Distance == 0 {
			continue
		}
		n.Distance = max(n.Distance, -n.Distance)
		rows = append(rows, Sorted[GraphNode]{Row: n})
		if k := len(out.ByDistance); k > 0 && out.ByDistance[k-1].Distance == n.Distance {
			out.ByDistance[k-1].Count++
			continue
		}
		out.ByDistance = append(out.ByDistance, AtDistance{n.Distance, 1})
	}
	slices.SortFunc(rows, func(a, b Sorted[GraphNode]) int {
		return cmp.Or(a.Row.Distance-b.Row.Distance, strings.Compare(g.word(a.Row), g.word(b.Row)), cmp.Compare(a.Row.Key, b.Row.Key))
	})
	for i := range rows {
		rows[i].Mark = Mark{Value: strconv.Itoa(rows[i].Row.Distance) + g.word(rows[i].Row), Key: rows[i].Row.Key}
	}
	out.Total = len(rows)
	if out.List, err = cutOut(p, rows); err != nil {
		return Impact{}, err
	}
	return out, nil
}

// word sorts rows of several workspaces: first those of the workspace that was asked, then by slug, then what is opaque.
func (g *Graph) word(n GraphNode) string {
	switch {
	case n.Kind == KindOpaque:
		return "/~"
	case n.Place > 0:
		return "/" + string(g.Places[n.Place].Slug)
	}
	return ""
}

// cutOut is a page of a table that is there as a whole.
func cutOut(p Page, rows []Sorted[GraphNode]) (List[GraphNode], error) {
	if p.Back {
		slices.Reverse(rows)
	}
	from := 0
	if p.After != nil {
		value, word, other := strings.Cut(p.After.Value, "/")
		if other {
			word = "/" + word
		}
		distance, err := strconv.Atoi(value)
		if err != nil {
			return List[GraphNode]{}, invalid("the cursor is of another list")
		}
		from = len(rows)
		for i, r := range rows {
			if c := cmp.Or(r.Row.Distance-distance, strings.Compare(strings.TrimPrefix(r.Mark.Value, strconv.Itoa(r.Row.Distance)), word), cmp.Compare(r.Row.Key, p.After.Key)); c > 0 && !p.Back || c < 0 && p.Back {
				from = i
				break
			}
		}
	}
	rows = rows[from:]
	return pageOf(p, rows[:min(len(rows), p.limit()+1)]), nil
}
