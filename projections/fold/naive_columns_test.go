package fold_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/annals-io/annals/domain"
)

// said keeps what is said of columns.
func (n *naive) said(c columnsOf) {
	if len(c.io.Columns) > 0 || slices.Contains(c.io.Deleted, "columnLineage") {
		n.columns = append(n.columns, c)
	}
}

// fields are lines of column lineage: of all that was said of an artifact in a pipeline, by runs that are of that one
// now, the last word by order.
func (n *naive) fields() []string {
	type place struct{ target, pipeline domain.Name }
	last := map[place]columnsOf{}
	for _, c := range n.columns {
		p := place{n.class(c.io.Artifact), c.pipeline}
		if c.pipeline == (domain.Name{}) {
			p.pipeline = n.pipelineOf(c.run)
		}
		if w, ok := last[p]; !ok || w.order.Compare(c.order) <= 0 {
			last[p] = c
		}
	}
	lines := map[string]bool{}
	for p, c := range last {
		for _, e := range c.io.Columns {
			line := fmt.Sprintf("%s %s %s %s %s %s %s", p.target, e.Field, n.class(e.From), e.FromField, p.pipeline, e.Kind, e.Subtype)
			lines[line] = lines[line] || e.Masking
		}
	}
	var out []string
	for _, line := range slices.Sorted(maps.Keys(lines)) {
		out = append(out, fmt.Sprintf("%s %v", line, lines[line]))
	}
	slices.Sort(out)
	return out
}
