package read

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/domain"
	"pgregory.net/rapid"
)

// A lineage is a random history of executions, versions and the edges between them, cycles, hubs and all.
type lineage struct {
	*history
	executions, versions, artifacts []int64
}

func drawLineage(t *rapid.T) lineage {
	h := lineage{history: newHistory()}
	h.next()
	h.next()
	pipeline := h.key()
	h.set("pipelines", map[string]any{"key": pipeline}, map[string]any{"namespace": "", "name": "p"})
	for i := range 3 {
		k := h.key()
		h.artifacts = append(h.artifacts, k)
		h.set("artifacts", map[string]any{"key": k}, map[string]any{"namespace": fmt.Sprint("ns", i%2), "name": fmt.Sprint("a", i), "canonical": k})
	}
	for range rapid.IntRange(1, 50).Draw(t, "events") {
		h.next()
		switch what := rapid.IntRange(0, 12).Draw(t, "what"); {
		case len(h.executions) == 0 || what == 0:
			k := h.key()
			h.executions = append(h.executions, k)
			h.set("runs", map[string]any{"key": k}, map[string]any{"run_id": fmt.Sprint("r", k), "foreign_run": false, "number": 1, "pipeline": pipeline,
				"status": rapid.SampledFrom([]string{"succeeded", "failed"}).Draw(t, "status"), "own_status": "succeeded"})
		case what == 1:
			run := rapid.SampledFrom(h.executions).Draw(t, "run")
			if h.isStep(run) {
				continue
			}
			k := h.key()
			h.executions = append(h.executions, k)
			h.set("steps", map[string]any{"key": k}, map[string]any{"run": run, "name": fmt.Sprint("s", k), "status": "succeeded", "own_status": "succeeded"})
		case len(h.versions) == 0 || what == 2:
			k := h.key()
			h.versions = append(h.versions, k)
			a := rapid.SampledFrom(h.artifacts).Draw(t, "artifact")
			h.set("artifact_versions", map[string]any{"key": k}, map[string]any{"artifact": a, "named_as": a, "number": len(h.versions), "kind": "produced", "outcome": "complete"})
		case what == 10:
			run := rapid.SampledFrom(h.executions).Draw(t, "execution")
			table := "runs"
			if h.isStep(run) {
				table = "steps"
			}
			h.set(table, map[string]any{"key": run}, map[string]any{"status": rapid.SampledFrom([]string{"succeeded", "failed"}).Draw(t, "status"), "deleted": rapid.Bool().Draw(t, "deleted")})
		case what == 11:
			name := rapid.SampledFrom([]any{nil, "one", "two"}).Draw(t, "name")
			h.set("run_details", map[string]any{"key": rapid.SampledFrom(h.executions).Draw(t, "execution")}, map[string]any{"name": name})
		case what == 12:
			h.set("artifact_versions", map[string]any{"key": rapid.SampledFrom(h.versions).Draw(t, "version")},
				map[string]any{"deleted": rapid.Bool().Draw(t, "deleted"), "outcome": rapid.SampledFrom([]string{"complete", "failed"}).Draw(t, "outcome")})
		default:
			id := map[string]any{"execution": rapid.SampledFrom(h.executions).Draw(t, "execution"), "direction": rapid.IntRange(0, 1).Draw(t, "direction"),
				"version": rapid.SampledFrom(h.versions).Draw(t, "version"), "role": rapid.SampledFrom([]string{"", "x"}).Draw(t, "role")}
			if what == 9 {
				h.unset("lineage_edges", id)
				continue
			}
			h.set("lineage_edges", id, map[string]any{"position": 0})
			edge := map[string]any{"source": rapid.SampledFrom(h.artifacts).Draw(t, "source"), "target": rapid.SampledFrom(h.artifacts).Draw(t, "target"), "pipeline": pipeline}
			if what == 8 {
				h.unset("artifact_edges", edge)
				continue
			}
			h.set("artifact_edges", edge, map[string]any{"supports": 1})
		}
	}
	return h
}

func (h lineage) isStep(key int64) bool {
	return slices.ContainsFunc(h.rows["steps"], func(l *line) bool { return l.id["key"] == key })
}

// shown is the execution that one is shown as.
func (h lineage) shown(key int64, collapse bool) int64 {
	for _, l := range h.rows["steps"] {
		if collapse && l.id["key"] == key {
			return l.states[0].cols["run"].(int64)
		}
	}
	return key
}

// arrows are all edges at n, from where the data left to where they went.
func (h lineage) arrows(n domain.Revision, q LineageQuery) [][2]int64 {
	var out [][2]int64
	if q.Granularity == ByArtifact {
		for _, l := range h.rows["artifact_edges"] {
			if _, ok := l.at(n); ok {
				out = append(out, [2]int64{l.id["source"].(int64), l.id["target"].(int64)})
			}
		}
		return out
	}
	for _, l := range h.rows["lineage_edges"] {
		if _, ok := l.at(n); !ok {
			continue
		}
		e, v := h.shown(l.id["execution"].(int64), q.Collapse), l.id["version"].(int64)
		if l.id["direction"] == 0 {
			e, v = v, e
		}
		out = append(out, [2]int64{e, v})
	}
	return out
}

// naiveDistances are the distances of everything that can be reached one way.
func naiveDistances(arrows [][2]int64, roots []int64, to way, depth int, allowed func(int64) bool) map[int64]int {
	dist := map[int64]int{}
	for _, r := range roots {
		dist[r] = 0
	}
	for level := 1; level <= depth; level++ {
		for _, a := range arrows {
			from, next := a[0], a[1]
			if to == up {
				from, next = next, from
			}
			if d, ok := dist[from]; ok && d == level-1 && allowed(next) {
				if _, seen := dist[next]; !seen {
					dist[next] = level
				}
			}
		}
	}
	return dist
}

// TestLineageAsOf compares walks at random moments with breadth-first search over the rows in memory.
func TestLineageAsOf(t *testing.T) {
	t.Parallel()
	db, pool := newModel(t)
	rapid.Check(t, func(rt *rapid.T) {
		h := drawLineage(rt)
		h.write(t, pool)
		for range 6 {
			db.bounds.hops = rapid.SampledFrom([]int{4, 1000}).Draw(rt, "hops")
			q := LineageQuery{Up: rapid.Bool().Draw(rt, "up"), Down: rapid.Bool().Draw(rt, "down"), Depth: rapid.IntRange(1, 5).Draw(rt, "depth"),
				Collapse: rapid.Bool().Draw(rt, "collapse"), Granularity: Granularity(rapid.IntRange(0, 1).Draw(rt, "granularity"))}
			q.Down = q.Down || !q.Up
			m := h.moment(domain.Revision(rapid.IntRange(1, int(h.head)).Draw(rt, "as of")))
			kind, pool := domain.KindArtifactVersion, h.versions
			if q.Granularity == ByArtifact {
				kind, pool = domain.KindArtifact, h.artifacts
			}
			if len(pool) == 0 {
				continue
			}
			root := rapid.SampledFrom(pool).Draw(rt, "root")
			if KeyRevision(root) > m.Revision {
				continue
			}
			q.Roots = []Node{{kind, root}}
			if rapid.IntRange(0, 3).Draw(rt, "filtered") == 0 {
				q.Statuses, q.Namespaces = []domain.Status{"succeeded"}, []string{"ns0"}
			}
			h.compare(rt, db, m, q)
			q.MaxNodes = rapid.IntRange(1, 6).Draw(rt, "max nodes")
			h.bounded(rt, db, m, q)
		}
	})
}

func (h lineage) allowed(q LineageQuery, n domain.Revision) func(int64) bool {
	return func(key int64) bool {
		if len(q.Statuses) == 0 {
			return true
		}
		for _, table := range []string{"runs", "steps", "artifacts", "artifact_versions"} {
			for _, l := range h.rows[table] {
				s, _ := l.at(n)
				if l.id["key"] != key {
					continue
				}
				switch table {
				case "artifacts":
					return s.cols["namespace"] == "ns0"
				case "artifact_versions":
					return s.cols["artifact"] != h.artifacts[1]
				}
				return s.cols["status"] == "succeeded"
			}
		}
		return false
	}
}

func (h lineage) compare(t *rapid.T, db *DB, m Moment, q LineageQuery) {
	g, err := db.Lineage(context.Background(), m, q)
	if err != nil {
		t.Fatal(err)
	}
	arrows, allowed, root := h.arrows(m.Revision, q), h.allowed(q, m.Revision), []int64{q.Roots[0].Key}
	want := map[int64]int{root[0]: 0}
	complete := true
	for _, to := range []way{up, down} {
		if to == up && !q.Up || to == down && !q.Down {
			continue
		}
		dist := naiveDistances(arrows, root, to, q.Depth, allowed)
		complete = complete && len(naiveDistances(arrows, root, to, q.Depth+1, allowed)) == len(dist)
		for key, d := range dist {
			if to == up {
				d = -d
			}
			if old, ok := want[key]; !ok || d*d < old*old || d*d == old*old && d < old {
				want[key] = d
			}
		}
	}
	got := map[int64]int{}
	for i, n := range g.Nodes {
		got[n.Key] = n.Distance
		if i > 0 && n.Distance*n.Distance < g.Nodes[i-1].Distance*g.Nodes[i-1].Distance {
			t.Fatalf("node %d is nearer than the one before", i)
		}
		if n.Name == "" || n.Kind == "" {
			t.Fatalf("node %d has no name: %+v", i, n)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("as of %d, %+v\n got %v\nwant %v", m.Revision, q, got, want)
	}
	// Where both ways are walked, what one of them has is not beyond the answer of the other.
	if q.Up != q.Down && g.Complete != complete {
		t.Fatalf("as of %d, %+v: complete is %v, truncated by %q, frontier %v", m.Revision, q, g.Complete, g.TruncatedBy, g.Frontier())
	}
	for _, e := range g.Edges {
		a := [2]int64{g.Nodes[e.From].Key, g.Nodes[e.To].Key}
		if !slices.Contains(arrows, a) {
			t.Fatalf("there is no edge %v", a)
		}
	}
	if q.Up != q.Down {
		h.edges(t, g, arrows, q)
	}
}

// edges holds that a walk one way has every edge between its nodes.
func (h lineage) edges(t *rapid.T, g Graph, arrows [][2]int64, q LineageQuery) {
	index := map[int64]int{}
	for i, n := range g.Nodes {
		index[n.Key] = i
	}
	for _, a := range arrows {
		from, ok := index[a[0]]
		to, also := index[a[1]]
		if ok && also && !slices.ContainsFunc(g.Edges, func(e GraphEdge) bool { return e.From == from && e.To == to }) {
			t.Fatalf("%+v: the edge %v is missing", q, a)
		}
	}
}

// bounded holds what a walk with little room promises: the nearest are kept, and what is cut is said.
func (h lineage) bounded(t *rapid.T, db *DB, m Moment, q LineageQuery) {
	all, small := q, q
	all.MaxNodes = 0
	whole, err := db.Lineage(context.Background(), m, all)
	if err != nil {
		t.Fatal(err)
	}
	g, err := db.Lineage(context.Background(), m, small)
	if err != nil {
		t.Fatal(err)
	}
	n := min(q.MaxNodes, len(whole.Nodes))
	if db.bounds.hops < 1000 && g.TruncatedBy == CutByNodes {
		n = len(g.Nodes) // a hub may have been cut before the room was used up
	}
	if len(g.Nodes) != n {
		t.Fatalf("%d nodes of %d, at most %d", len(g.Nodes), len(whole.Nodes), q.MaxNodes)
	}
	for i := range g.Nodes {
		if g.Nodes[i].Key != whole.Nodes[i].Key {
			t.Fatalf("node %d is %v, in the whole walk %v", i, g.Nodes[i], whole.Nodes[i])
		}
	}
	if len(g.Nodes) < len(whole.Nodes) && (g.Complete || g.TruncatedBy != CutByNodes || len(g.Frontier()) == 0) {
		t.Fatalf("cut from %d to %d nodes: complete %v, truncated by %q, frontier %v", len(whole.Nodes), len(g.Nodes), g.Complete, g.TruncatedBy, g.Frontier())
	}
	for _, i := range g.Frontier() {
		if strings.TrimSpace(g.Nodes[i].Name) == "" {
			t.Fatal("a node of the frontier has no name")
		}
	}
}
