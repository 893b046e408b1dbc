package read

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/domain"
	"pgregory.net/rapid"
)

// drawNames is a random history of pipelines with runs and artifacts with versions.
func drawNames(t *rapid.T) *history {
	h := newHistory()
	h.next()
	var pipelines, artifacts, runs, versions []int64
	for range rapid.IntRange(2, 40).Draw(t, "events") {
		h.next()
		name := rapid.SampledFrom([]string{"a", "b", "Café", "z/y"}).Draw(t, "name") + fmt.Sprint(len(pipelines)+len(artifacts))
		namespace := rapid.SampledFrom([]string{"", "ns", "s3://x"}).Draw(t, "namespace")
		switch what := rapid.IntRange(0, 7).Draw(t, "what"); {
		case len(pipelines) == 0 || what == 0:
			k := h.key()
			pipelines = append(pipelines, k)
			h.set("pipelines", map[string]any{"key": k}, map[string]any{"namespace": namespace, "name": name})
		case len(artifacts) == 0 || what == 1:
			k := h.key()
			artifacts = append(artifacts, k)
			h.set("artifacts", map[string]any{"key": k}, map[string]any{"namespace": namespace, "name": name, "canonical": k, "type": rapid.SampledFrom([]any{nil, "TABLE"}).Draw(t, "type")})
		case what == 2 || len(runs) == 0:
			k := h.key()
			runs = append(runs, k)
			h.set("runs", map[string]any{"key": k}, map[string]any{"run_id": "r", "foreign_run": false, "pipeline": rapid.SampledFrom(pipelines).Draw(t, "pipeline"), "number": 1, "status": "running", "own_status": "running"})
		case what == 3 || len(versions) == 0:
			k := h.key()
			versions = append(versions, k)
			a := rapid.SampledFrom(artifacts).Draw(t, "artifact")
			h.set("artifact_versions", map[string]any{"key": k}, map[string]any{"artifact": h.canonical(a), "named_as": a, "number": 1, "kind": "produced", "producer": int64(len(versions)), "outcome": rapid.SampledFrom([]string{"complete", "failed"}).Draw(t, "outcome"), "exists_now": true})
		case what == 4:
			h.set("runs", map[string]any{"key": rapid.SampledFrom(runs).Draw(t, "run")}, map[string]any{"deleted": rapid.Bool().Draw(t, "deleted"), "status": "failed"})
		case what == 5:
			h.set("artifact_versions", map[string]any{"key": rapid.SampledFrom(versions).Draw(t, "version")}, map[string]any{"exists_now": rapid.Bool().Draw(t, "exists")})
		case what == 6:
			h.unite(rapid.SampledFrom(artifacts).Draw(t, "one"), rapid.SampledFrom(artifacts).Draw(t, "other"))
		default:
			h.set("pipelines", map[string]any{"key": rapid.SampledFrom(pipelines).Draw(t, "pipeline")}, map[string]any{"deleted": true})
		}
	}
	return h
}

func (h *history) column(table string, key int64, n domain.Revision, column string) any {
	for _, l := range h.rows[table] {
		if s, ok := l.at(n); ok && l.id["key"] == key {
			return s.cols[column]
		}
	}
	return nil
}

func (h *history) canonical(artifact int64) int64 {
	return h.column("artifacts", artifact, h.head, "canonical").(int64)
}

// unite makes two artifacts one, as the fold does: the smaller key stands for both, and versions go over.
func (h *history) unite(a, b int64) {
	a, b = h.canonical(a), h.canonical(b)
	keep, lose := min(a, b), max(a, b)
	if keep == lose {
		return
	}
	for _, l := range slices.Clone(h.rows["artifacts"]) {
		if s, _ := l.at(h.head); s.cols["canonical"] == lose {
			h.set("artifacts", l.id, map[string]any{"canonical": keep})
		}
	}
	for _, l := range slices.Clone(h.rows["artifact_versions"]) {
		if s, _ := l.at(h.head); s.cols["artifact"] == lose {
			h.set("artifact_versions", l.id, map[string]any{"artifact": keep})
		}
	}
}

// A namedThing is what a list shows of a thing.
type namedThing struct {
	key, latest     int64
	namespace, name string
}

func (h *history) naiveNames(table string, n domain.Revision, q NameQuery) []namedThing {
	var out []namedThing
	for _, l := range h.rows[table] {
		s, ok := l.at(n)
		if !ok || s.cols["deleted"] == true {
			continue
		}
		x := namedThing{key: l.id["key"].(int64), namespace: s.cols["namespace"].(string), name: s.cols["name"].(string)}
		var other int64 // newest of any outcome
		for _, table := range []string{"runs", "artifact_versions"} {
			for _, r := range h.rows[table] {
				c, ok := r.at(n)
				key := r.id["key"].(int64)
				switch {
				case !ok || c.cols["deleted"] == true || c.cols["exists_now"] == false:
				case table == "runs" && c.cols["pipeline"] == x.key, c.cols["artifact"] == s.cols["canonical"] && c.cols["outcome"] == "complete":
					x.latest = max(x.latest, key)
				case c.cols["artifact"] != nil && c.cols["artifact"] == s.cols["canonical"]:
					other = max(other, key)
				}
			}
		}
		if x.latest == 0 {
			x.latest = other
		}
		if q.Text != "" && !strings.Contains(sameCase(x.name), sameCase(q.Text)) || len(q.Namespaces) > 0 && !slices.Contains(q.Namespaces, x.namespace) ||
			len(q.Types) > 0 && s.cols["type"] != q.Types[0] {
			continue
		}
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b namedThing) int {
		sign := 1
		if q.Descending {
			sign = -1
		}
		switch q.Order {
		case ByNaming:
			return sign * cmp.Compare(a.key, b.key)
		case ByLatest:
			if (a.latest == 0) != (b.latest == 0) {
				return cmp.Compare(b.latest, a.latest)
			}
			return sign * cmp.Or(cmp.Compare(a.latest, b.latest), cmp.Compare(a.key, b.key))
		}
		return sign * cmp.Or(strings.Compare(a.namespace, b.namespace), strings.Compare(a.name, b.name), cmp.Compare(a.key, b.key))
	})
	return out
}

// TestNamesAsOf compares lists of pipelines and artifacts, with what is newest of each, with the rows in memory.
func TestNamesAsOf(t *testing.T) {
	t.Parallel()
	db, pool := newModel(t)
	ctx := context.Background()
	rapid.Check(t, func(rt *rapid.T) {
		h := drawNames(rt)
		h.write(t, pool)
		for range 5 {
			db.bounds.walk = rapid.SampledFrom([]int{1, 3, 2000}).Draw(rt, "walk")
			m := h.moment(domain.Revision(rapid.IntRange(0, int(h.head)).Draw(rt, "as of")))
			q := NameQuery{Order: NameOrder(rapid.IntRange(0, 2).Draw(rt, "order")), Descending: rapid.Bool().Draw(rt, "descending")}
			if rapid.IntRange(0, 2).Draw(rt, "filtered") == 0 {
				q.Text, q.Namespaces = rapid.SampledFrom([]string{"a", "É"}).Draw(rt, "text"), []string{"", "ns"}
			}
			back := rapid.Bool().Draw(rt, "back")
			q.Page = Page{Limit: rapid.IntRange(1, 3).Draw(rt, "limit"), Back: back}
			want := h.naiveNames("pipelines", m.Revision, q)
			got := allPages(rt, q.Page, func(p Page) (List[Pipeline], error) { q.Page = p; return db.Pipelines(ctx, m, q) },
				func(p Pipeline) namedThing { return namedThing{p.Key, p.LastRun, p.Namespace, p.Name} })
			if !slices.Equal(got, want) {
				rt.Fatalf("pipelines as of %d, %+v\n got %v\nwant %v", m.Revision, q, got, want)
			}
			if n, err := db.CountPipelines(ctx, m, q, 2); err != nil || n != min(len(want), 3) {
				rt.Fatalf("count %d of %d, %v", n, len(want), err)
			}
			if rapid.IntRange(0, 2).Draw(rt, "typed") == 0 {
				q.Types = []string{"TABLE"}
			}
			q.Page = Page{Limit: 2, Back: back}
			want = h.naiveNames("artifacts", m.Revision, q)
			got = allPages(rt, q.Page, func(p Page) (List[Artifact], error) { q.Page = p; return db.Artifacts(ctx, m, q) },
				func(a Artifact) namedThing { return namedThing{a.Key, a.Latest, a.Namespace, a.Name} })
			if !slices.Equal(got, want) {
				rt.Fatalf("artifacts as of %d, %+v\n got %v\nwant %v", m.Revision, q, got, want)
			}
			for _, a := range want {
				h.checkVersions(rt, db, m, a)
			}
		}
	})
}

// checkVersions compares the list of an artifact's versions.
func (h *history) checkVersions(t *rapid.T, db *DB, m Moment, a namedThing) {
	ctx := context.Background()
	want := []int64{}
	for _, l := range h.rows["artifact_versions"] {
		if s, ok := l.at(m.Revision); ok && s.cols["exists_now"] == true && s.cols["artifact"] == h.column("artifacts", a.key, m.Revision, "canonical") {
			want = append(want, l.id["key"].(int64))
		}
	}
	slices.Sort(want)
	slices.Reverse(want)
	got := allPages(t, Page{Limit: 2}, func(p Page) (List[Version], error) { return db.Versions(ctx, m, a.key, p) }, func(v Version) int64 { return v.Key })
	if !slices.Equal(got, want) {
		t.Fatalf("versions of %d as of %d: got %v, want %v", a.key, m.Revision, got, want)
	}
	latest, ok, err := db.VersionNamed(ctx, m, a.key, 0, "")
	if err != nil || ok != (a.latest != 0) || latest.Key != a.latest {
		t.Fatalf("the latest version of %d is %d, %v, want %d", a.key, latest.Key, err, a.latest)
	}
}

// allPages reads a list page by page, in its own order.
func allPages[T any, V any](t *rapid.T, p Page, read func(Page) (List[T], error), view func(T) V) []V {
	var out []V
	for {
		l, err := read(p)
		if err != nil {
			t.Fatal(err)
		}
		var page []V
		for _, r := range l.Rows {
			page = append(page, view(r.Row))
		}
		if p.Back {
			out = append(page, out...)
		} else {
			out = append(out, page...)
		}
		if !l.More {
			return out
		}
		next := l.Rows[len(l.Rows)-1].Mark
		if p.Back {
			next = l.Rows[0].Mark
		}
		p.After = &next
	}
}
