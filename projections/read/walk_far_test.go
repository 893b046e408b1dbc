package read

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/annals-io/annals/domain"
)

// canary is in every name of a workspace that may not be seen.
const canary = "CANARY"

// A realm is three workspaces with promotions between them. Whoever asks may see some of them.
type realm struct {
	*rapid.T
	of       [3]lineage
	at       [3]domain.Revision // the moment that is asked of each
	seen     [3]bool
	counts   [3]bool // of those that are not seen: whether they tell how many things are there
	is       [3]Being
	promoted []promoted
}

type promoted struct {
	from, to   int
	sent, came int64 // keys
	began      [2]domain.Revision
}

func drawRealm(t *rapid.T) *realm {
	r := &realm{T: t}
	for i := range r.of {
		r.of[i] = drawLineage(t)
		r.seen[i] = i == 0 || rapid.Bool().Draw(t, "seen")
		r.counts[i] = rapid.IntRange(0, 3).Draw(t, "counts") > 0
		if i > 0 {
			r.is[i] = Being(max(0, rapid.IntRange(-9, 2).Draw(t, "is")))
		}
	}
	for range rapid.IntRange(0, 12).Draw(t, "promotions") {
		from := rapid.IntRange(0, 2).Draw(t, "from")
		to := (from + rapid.IntRange(1, 2).Draw(t, "to")) % 3
		a, b := r.of[from], r.of[to]
		if len(a.versions) == 0 || len(b.versions) == 0 {
			continue
		}
		p := promoted{from: from, to: to, sent: rapid.SampledFrom(a.versions).Draw(t, "sent"), came: rapid.SampledFrom(b.versions).Draw(t, "received")}
		id := uuid.New()
		for side, end := range []struct {
			in    lineage
			key   int64
			state string
		}{{a, p.sent, "open"}, {b, p.came, "received"}} {
			end.in.next()
			p.began[side] = end.in.head
			end.in.set("promotions", map[string]any{"promotion": id}, map[string]any{"direction": side, "version": end.key, "artifact": end.in.artifactOf(end.key),
				"began": int64(end.in.head), "state": end.state, "actor": "key:k", "at": recordedAt(end.in.head)})
		}
		r.promoted = append(r.promoted, p)
	}
	for i := range r.of {
		h := r.of[i]
		h.set("workspaces", map[string]any{}, map[string]any{"slug": string(h.moment(0).Slug), "name": "x", "organization": "x", "created_at": noon, "hides_counts": !r.counts[i]})
		if r.at[i] = h.head; rapid.IntRange(0, 2).Draw(t, "in the past") == 0 {
			r.at[i] = domain.Revision(rapid.IntRange(1, int(h.head)).Draw(t, "as of"))
		}
		if r.seen[i] {
			continue
		}
		for _, table := range []string{"runs", "steps", "artifacts"} {
			for _, l := range h.rows[table] {
				for _, s := range l.states {
					for _, name := range []string{"run_id", "name"} {
						if was, ok := s.cols[name].(string); ok {
							s.cols[name] = canary + was
						}
					}
				}
			}
		}
	}
	return r
}

func (h lineage) artifactOf(version int64) int64 {
	for _, l := range h.rows["artifact_versions"] {
		if l.id["key"] == version {
			return l.states[0].cols["artifact"].(int64)
		}
	}
	return 0
}

// Behind implements Walls.
func (r *realm) Behind(_ context.Context, slug domain.Slug) (Place, error) {
	for i, h := range r.of {
		if m := h.moment(r.at[i]); m.Slug == slug {
			return Place{Moment: m, Seen: r.seen[i], Is: r.is[i]}, nil
		}
	}
	return Place{}, fmt.Errorf("there is no %s", slug)
}

// A spot is a node of the realm.
type spot struct {
	ws  int
	key int64
}

// shut says that a walk does not go into a workspace.
func (r *realm) shut(ws int) bool { return r.is[ws] != Readable || !r.seen[ws] && !r.counts[ws] }

// leads are all arrows of the realm, and those among them that cross a wall into a workspace that cannot be walked.
func (r *realm) leads(q LineageQuery) (arrows [][2]spot) {
	for i, h := range r.of {
		for _, a := range h.arrows(r.at[i], q) {
			arrows = append(arrows, [2]spot{{i, a[0]}, {i, a[1]}})
		}
	}
	for _, p := range r.promoted {
		known := [2]bool{r.knows(p.from, p.began[0]), r.knows(p.to, p.began[1])}
		a, b := spot{p.from, p.sent}, spot{p.to, p.came}
		if q.Granularity == ByArtifact {
			a.key, b.key = r.of[p.from].artifactOf(p.sent), r.of[p.to].artifactOf(p.came)
		}
		if r.shut(p.from) {
			a.key = 0
		}
		if r.shut(p.to) {
			b.key = 0
		}
		if known[0] && known[1] {
			arrows = append(arrows, [2]spot{a, b})
		}
	}
	return arrows
}

// knows says whether a workspace has its side of a promotion. Of one that cannot be read nobody knows better.
func (r *realm) knows(ws int, began domain.Revision) bool {
	return r.is[ws] == Unreadable || r.is[ws] == Readable && began <= r.at[ws]
}

// A found is what breadth-first search over everything gives one way.
type foundFar struct {
	seen    map[spot]int
	hidden  int
	nearest int
	vague   bool // something lies in a workspace that tells no numbers
	lost    bool
}

func (r *realm) search(arrows [][2]spot, root spot, to way, q LineageQuery) foundFar {
	f := foundFar{seen: map[spot]int{}}
	dist := map[spot]int{root: 0}
	for level := 1; level <= q.Depth; level++ {
		for _, a := range arrows {
			from, next := a[0], a[1]
			if to == up {
				from, next = next, from
			}
			if d, ok := dist[from]; !ok || d != level-1 || r.shut(from.ws) {
				continue
			}
			if r.seen[next.ws] && !r.shut(next.ws) && !r.of[next.ws].allowed(q, r.at[next.ws])(next.key) {
				continue
			}
			if _, ok := dist[next]; !ok {
				dist[next] = level
			}
		}
	}
	for at, d := range dist {
		switch {
		case r.seen[at.ws] && r.is[at.ws] == Unreadable:
			f.lost = true
		case r.seen[at.ws]:
			f.seen[at] = d
			continue
		case r.shut(at.ws):
			f.vague = true
		default:
			f.hidden++
		}
		if !r.seen[at.ws] && (f.nearest == 0 || d < f.nearest) {
			f.nearest = d
		}
	}
	return f
}

func TestFarWalkAgainstBruteForce(t *testing.T) {
	t.Parallel()
	db, pool := newModel(t)
	walked, crossed, hidden, vague := 0, 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		r := drawRealm(rt)
		for i := range r.of {
			r.of[i].write(t, pool)
		}
		h := r.of[0]
		for range 4 {
			db.bounds.hops = rapid.SampledFrom([]int{8, 1000}).Draw(rt, "hops")
			q := LineageQuery{Up: rapid.Bool().Draw(rt, "up"), Depth: rapid.IntRange(1, 8).Draw(rt, "depth"), MaxNodes: 1000, Walls: r,
				Granularity: Granularity(rapid.IntRange(0, 1).Draw(rt, "granularity"))}
			q.Down = !q.Up || rapid.Bool().Draw(rt, "both")
			if rapid.IntRange(0, 3).Draw(rt, "filtered") == 0 {
				q.Statuses, q.Namespaces = []domain.Status{"succeeded"}, []string{"ns0"}
			}
			kind, keys := domain.KindArtifactVersion, h.versions
			if q.Granularity == ByArtifact {
				kind, keys = domain.KindArtifact, h.artifacts
			}
			if len(keys) == 0 {
				continue
			}
			root := rapid.SampledFrom(keys).Draw(rt, "root")
			m := h.moment(r.at[0])
			if KeyRevision(root) > m.Revision {
				continue
			}
			q.Roots = []Node{{kind, root}}
			g, err := db.Lineage(context.Background(), m, q)
			if err != nil {
				rt.Fatal(err)
			}
			walked++
			if len(g.Places) > 1 {
				crossed++
			}
			for _, n := range g.Nodes {
				if n.Kind == KindOpaque {
					hidden++
					if n.Hidden == 0 {
						vague++
					}
				}
			}
			r.compare(g, q, spot{0, root})
			q.MaxNodes = rapid.IntRange(1, 8).Draw(rt, "max nodes")
			r.narrow(db, m, q, g)
		}
	})
	if testing.Short() {
		return // too few to say how often which kind of walk came
	}
	if crossed < walked/20 || hidden < walked/20 || vague == 0 {
		t.Errorf("of %d walks %d crossed a wall that may be seen through, and %d came to one that may not, %d of those without a number: too few to say anything", walked, crossed, hidden, vague)
	}
}

func (r *realm) compare(g Graph, q LineageQuery, root spot) {
	arrows := r.leads(q)
	want, got := map[spot]int{root: 0}, map[spot]int{}
	opaque := map[int]string{}
	vague, lost := false, false
	for _, to := range []way{up, down} {
		if to == up && !q.Up || to == down && !q.Down {
			continue
		}
		sign := 1
		if to == up {
			sign = -1
		}
		f := r.search(arrows, root, to, q)
		vague, lost = vague || f.vague, lost || f.lost
		for at, d := range f.seen {
			if old, ok := want[at]; !ok || d < max(old, -old) || d == max(old, -old) && to == up {
				want[at] = sign * d
			}
		}
		if f.nearest > 0 {
			if f.vague {
				f.hidden = 0
			}
			opaque[sign*f.nearest] = opaqueName(f.hidden, !f.vague)
		}
	}
	place := map[domain.Slug]int{}
	for i, h := range r.of {
		place[h.moment(0).Slug] = i
	}
	for _, n := range g.Nodes {
		if n.Kind != KindOpaque {
			got[spot{place[g.Places[n.Place].Slug], n.Key}] = n.Distance
			continue
		}
		if opaque[n.Distance] != n.Name || (n.Hidden == 0) != strings.HasPrefix(n.Name, "more") || n.Place != -1 {
			r.Fatalf("%+v: an opaque node is %+v, want %v", q, n, opaque)
		}
		delete(opaque, n.Distance)
	}
	if len(opaque) > 0 && (len(opaque) > 1 || !q.Up || !q.Down) {
		r.Fatalf("%+v: there is no opaque node for %v", q, opaque)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.Fatalf("%+v, asked at %v, seen %v, promotions %+v\n got %v\nwant %v", q, r.at, r.seen, r.promoted, got, want)
	}
	if s := fmt.Sprintf("%+v", g); strings.Contains(s, canary) {
		r.Fatalf("a name of a workspace that may not be seen is in the answer: %s", s)
	}
	for i, h := range r.of {
		if slug := string(h.moment(0).Slug); !r.seen[i] && slices.ContainsFunc(g.Places, func(m Moment) bool { return string(m.Slug) == slug }) {
			r.Fatalf("%s may not be seen, and is named", slug)
		}
	}
	if (vague || lost) && g.Complete {
		r.Fatalf("%+v: the walk is complete, though something lies where nobody counts", q)
	}
	r.edges(g, q, arrows, place)
}

// edges holds that edges between what is seen are those of the rows.
func (r *realm) edges(g Graph, q LineageQuery, arrows [][2]spot, place map[domain.Slug]int) {
	at := map[spot]int{}
	for i, n := range g.Nodes {
		if n.Kind != KindOpaque {
			at[spot{place[g.Places[n.Place].Slug], n.Key}] = i
		}
	}
	have := map[[2]int]bool{}
	for _, e := range g.Edges {
		have[[2]int{e.From, e.To}] = true
		if g.Nodes[e.From].Place != g.Nodes[e.To].Place && e.Role != PromotedRole {
			r.Fatalf("an edge between workspaces has the role %q", e.Role)
		}
	}
	known := map[[2]int]bool{}
	for _, a := range arrows {
		from, ok := at[a[0]]
		to, also := at[a[1]]
		if !ok || !also {
			continue
		}
		known[[2]int{from, to}] = true
		if q.Up != q.Down && !have[[2]int{from, to}] {
			r.Fatalf("%+v: the edge %v is missing", q, a)
		}
	}
	for e := range have {
		if g.Nodes[e[0]].Place >= 0 && g.Nodes[e[1]].Place >= 0 && !known[e] {
			r.Fatalf("there is no edge %+v to %+v", g.Nodes[e[0]], g.Nodes[e[1]])
		}
	}
}

// narrow holds what a walk with little room promises: what is sent is of the whole walk, and what is cut is said.
func (r *realm) narrow(db *DB, m Moment, q LineageQuery, whole Graph) {
	g, err := db.Lineage(context.Background(), m, q)
	if err != nil {
		r.Fatal(err)
	}
	if seen := len(g.Nodes); seen > q.MaxNodes+1 {
		r.Fatalf("%d nodes, at most %d", seen, q.MaxNodes)
	}
	for _, n := range g.Nodes {
		if n.Kind == KindOpaque {
			continue
		}
		if !slices.ContainsFunc(whole.Nodes, func(w GraphNode) bool {
			return w.Key == n.Key && w.Kind == n.Kind && w.Place >= 0 && whole.Places[w.Place] == g.Places[n.Place] && w.Distance == n.Distance
		}) {
			r.Fatalf("%+v is not in the whole walk", n)
		}
	}
	if len(g.Nodes) < len(whole.Nodes) && (g.Complete || g.TruncatedBy != CutByNodes) {
		r.Fatalf("cut from %d to %d nodes: complete %v, truncated by %q", len(whole.Nodes), len(g.Nodes), g.Complete, g.TruncatedBy)
	}
}
