package read

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"pgregory.net/rapid"
)

// drawRuns is a random history of runs: born, changed, nested, deleted, with attributes and metrics that change.
func drawRuns(t *rapid.T) (h *history, keys []int64, pipelines []int64) {
	h = newHistory()
	h.next() // the workspace itself: key 0 is none of ours
	h.next()
	for _, name := range []string{"train", "score"} {
		k := h.key()
		pipelines = append(pipelines, k)
		h.set("pipelines", map[string]any{"key": k}, map[string]any{"namespace": "", "name": name})
	}
	at := rapid.SampledFrom([]any{nil, noon, noon.Add(time.Minute), noon.Add(time.Hour)})
	status := rapid.SampledFrom([]string{"queued", "running", "succeeded", "failed"})
	value := rapid.SampledFrom([]domain.Value{domain.IntValue(1), domain.IntValue(2), domain.FloatValue(2.5), domain.StringValue("x"), domain.StringValue("Xyz"), domain.BoolValue(true), domain.Value("9007199254740993"), domain.Value("9007199254740992"), domain.Value("null"), domain.StringValue("xÄrger Σς")})
	number := rapid.SampledFrom([]float64{-1, 0.1, 0.2, 0.2, 3, math.NaN(), math.Inf(1)})
	for range rapid.IntRange(1, 40).Draw(t, "events") {
		h.next()
		what := rapid.IntRange(0, 9).Draw(t, "what")
		if len(keys) == 0 || what < 3 {
			k := h.key()
			keys = append(keys, k)
			h.set("runs", map[string]any{"key": k}, map[string]any{
				"run_id": "run-" + strconv.Itoa(rapid.IntRange(1, 3).Draw(t, "id")), "foreign_run": false, "number": 1,
				"pipeline": rapid.SampledFrom([]any{nil, pipelines[0], pipelines[1]}).Draw(t, "pipeline"),
				"status":   status.Draw(t, "status"), "own_status": "running", "started_at": at.Draw(t, "started"),
			})
			continue
		}
		k := rapid.SampledFrom(keys).Draw(t, "run")
		id := map[string]any{"key": k}
		switch what {
		case 3, 4:
			started := at.Draw(t, "started")
			ended := at.Draw(t, "ended")
			h.set("runs", id, map[string]any{"status": status.Draw(t, "status"), "started_at": started, "ended_at": ended})
		case 5:
			h.set("runs", id, map[string]any{"parent": rapid.SampledFrom(keys).Draw(t, "parent"), "pipeline": pipelines[1]})
		case 6:
			h.set("runs", id, map[string]any{"deleted": rapid.Bool().Draw(t, "deleted")})
		case 7:
			h.set("run_details", id, map[string]any{"name": rapid.SampledFrom([]string{"Nightly", "Nächtlich"}).Draw(t, "name")})
		case 8:
			v := value.Draw(t, "value")
			cols := map[string]any{"kind": "run", "type": v.Type(), "text": v.Text(), "num": nil, "value": []byte(v), "at": noon, "rank": 0, "digest": []byte{}, "gone": rapid.IntRange(0, 5).Draw(t, "gone") == 0}
			if f, ok := v.Number(); ok {
				cols["num"] = f
			}
			h.set("attributes", map[string]any{"entity": k, "space": rapid.IntRange(1, 3).Draw(t, "space"), "name": rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name")}, cols)
		default:
			f := number.Draw(t, "number")
			h.set("metrics", map[string]any{"entity": k, "name": rapid.SampledFrom([]string{"rmse", "acc"}).Draw(t, "metric")},
				map[string]any{"kind": "run", "last": f, "last_step": 0, "last_at": noon, "last_digest": []byte{}, "min": f - 1, "max": f, "points": 1})
		}
	}
	return h, keys, pipelines
}

func drawCondition(t *rapid.T, space Space) Condition {
	c := Condition{Space: space, Name: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name")}
	c.Op = rapid.SampledFrom([]Op{EQ, NE, LT, LTE, GT, GTE, IN, CONTAINS, EXISTS}).Draw(t, "op")
	value := rapid.SampledFrom([]domain.Value{domain.IntValue(1), domain.FloatValue(2.5), domain.StringValue("x"), domain.Value("9007199254740993")})
	if space == Metrics {
		c.Name = rapid.SampledFrom([]string{"rmse", "acc"}).Draw(t, "name")
		c.Of = rapid.SampledFrom([]Aggregate{"", Min, Max}).Draw(t, "of")
		value = rapid.SampledFrom([]domain.Value{domain.FloatValue(0.2), domain.FloatValue(-1)})
	}
	switch c.Op {
	case EXISTS:
		c.Values = rapid.SampledFrom([][]domain.Value{nil, {domain.BoolValue(false)}}).Draw(t, "exists")
	case IN:
		c.Values = rapid.SliceOfN(value, 0, 2).Draw(t, "values")
	case CONTAINS:
		c.Values = []domain.Value{domain.StringValue(rapid.SampledFrom([]string{"x", "är", "ΣΣ"}).Draw(t, "contained"))}
	default:
		c.Values = []domain.Value{value.Draw(t, "value")}
	}
	if c.validate() != nil {
		c.Op, c.Values = EXISTS, nil
	}
	return c
}

func drawRunQuery(t *rapid.T, h *history, keys, pipelines []int64) RunQuery {
	var q RunQuery
	some := func(label string) bool { return rapid.IntRange(0, 4).Draw(t, label) == 0 }
	status := rapid.SliceOfN(rapid.SampledFrom([]domain.Status{"running", "succeeded", "failed"}), 1, 2)
	if some("by status") {
		q.Statuses = status.Draw(t, "statuses")
	}
	if some("not status") {
		q.ExcludeStatuses = status.Draw(t, "not statuses")
	}
	if some("by pipeline") {
		q.Pipelines = []int64{rapid.SampledFrom(pipelines).Draw(t, "pipeline")}
	}
	if some("not pipeline") {
		q.ExcludePipelines = []int64{pipelines[0]}
	}
	q.Nested = rapid.Bool().Draw(t, "nested")
	if len(keys) > 0 && some("by parent") {
		q.Parent = rapid.SampledFrom(keys).Draw(t, "parent")
	}
	if some("by id") {
		q.RunID = "run-1"
	}
	if some("by text") {
		q.Text = rapid.SampledFrom([]string{"NIGHT", "NÄCHT", "-2", "score"}).Draw(t, "text")
	}
	if some("by start") {
		q.StartedAfter = noon.Add(time.Minute)
	}
	if some("by end") {
		q.EndedBefore = noon.Add(time.Hour)
	}
	if some("by creation") {
		q.CreatedAfter = recordedAt(domain.Revision(rapid.IntRange(0, int(h.head)+1).Draw(t, "from"))).Add(-time.Duration(rapid.IntRange(0, 1).Draw(t, "off")) * time.Millisecond)
		q.CreatedBefore = recordedAt(h.head - 1)
	}
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "conditions") {
		q.Conditions = append(q.Conditions, drawCondition(t, Space(rapid.IntRange(0, 3).Draw(t, "space"))))
	}
	if some("without") {
		q.Without = append(q.Without, drawCondition(t, Tags))
	}
	q.Order = RunOrder{By: OrderBy(rapid.IntRange(0, int(ByMetric)).Draw(t, "by")), Name: "a", Ascending: rapid.Bool().Draw(t, "ascending")}
	if q.Order.By == ByMetric {
		q.Order.Name = "rmse"
		q.Order.Of = rapid.SampledFrom([]Aggregate{Last, Max}).Draw(t, "order of")
	}
	return q
}

// TestRunsAsOf compares every list, at every revision, with what the rows in memory say.
func TestRunsAsOf(t *testing.T) {
	t.Parallel()
	db, pool := newModel(t)
	rapid.Check(t, func(rt *rapid.T) {
		h, keys, pipelines := drawRuns(rt)
		h.write(t, pool)
		for range 6 {
			db.bounds = bounds{
				walk: rapid.SampledFrom([]int{1, 2, 2000}).Draw(rt, "walk"),
				past: rapid.SampledFrom([]int{0, 1, 5000}).Draw(rt, "past"),
			}
			q := drawRunQuery(rt, h, keys, pipelines)
			m := h.moment(domain.Revision(rapid.IntRange(0, int(h.head)).Draw(rt, "as of")))
			want := naiveRuns(h, q, m.Revision)
			for _, back := range []bool{false, true} {
				q.Page = Page{Limit: rapid.IntRange(1, 4).Draw(rt, "limit"), Back: back}
				got := pageThrough(rt, db, m, q)
				if !slices.Equal(got, want) {
					rt.Fatalf("as of %d, %+v\n got %v\nwant %v", m.Revision, q, got, want)
				}
			}
			n, err := db.CountRuns(context.Background(), m, q, 3)
			if err != nil || n != min(len(want), 4) {
				rt.Fatalf("as of %d, %+v: count %d of %d, %v", m.Revision, q, n, len(want), err)
			}
			facets, _, err := db.RunFacets(context.Background(), m, q)
			if err != nil {
				rt.Fatal(err)
			}
			free := q
			free.Statuses, free.ExcludeStatuses = nil, nil
			if sum, all := facetSum(facets[0]), len(naiveRuns(h, free, m.Revision)); sum != all {
				rt.Fatalf("as of %d, %+v: the facet counts %d of %d", m.Revision, q, sum, all)
			}
		}
	})
}

func facetSum(f Facet) (n int) {
	for _, c := range f.Counts {
		n += c.Count
	}
	return n
}

// pageThrough reads all pages, and answers the keys in the list's order.
func pageThrough(t *rapid.T, db *DB, m Moment, q RunQuery) []int64 {
	keys := []int64{}
	for {
		l, err := db.Runs(context.Background(), m, q)
		if err != nil {
			t.Fatalf("as of %d, %+v: %v", m.Revision, q, err)
		}
		page := []int64{}
		for _, r := range l.Rows {
			page = append(page, r.Row.Key)
		}
		if q.Page.Back {
			keys = append(page, keys...)
		} else {
			keys = append(keys, page...)
		}
		if !l.More {
			return keys
		}
		next := l.Rows[len(l.Rows)-1].Mark
		if q.Page.Back {
			next = l.Rows[0].Mark
		}
		parsed, err := ParseMark(next.String())
		if err != nil || parsed != next {
			t.Fatalf("the mark %+v becomes %+v, %v", next, parsed, err)
		}
		q.Page.After = &next
	}
}

// naiveRuns is the answer by definition.
func naiveRuns(h *history, q RunQuery, n domain.Revision) []int64 {
	type found struct {
		key  int64
		rank int // numbers, texts, none
		num  float64
		text string
	}
	var all []found
	for _, l := range h.rows["runs"] {
		s, ok := l.at(n)
		if !ok || !naiveFits(h, q, n, l.id["key"].(int64), s.cols) {
			continue
		}
		f := found{key: l.id["key"].(int64)}
		f.rank, f.num, f.text = naiveSort(h, q.Order, n, f.key, s.cols)
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b found) int {
		if (a.rank == 2) != (b.rank == 2) {
			return a.rank - b.rank
		}
		c := cmp.Or(a.rank-b.rank, cmp.Compare(a.num, b.num), strings.Compare(a.text, b.text), cmp.Compare(a.key, b.key))
		if !q.Order.Ascending {
			return -c
		}
		return c
	})
	keys := []int64{}
	for _, f := range all {
		keys = append(keys, f.key)
	}
	return keys
}

func naiveSort(h *history, o RunOrder, n domain.Revision, key int64, cols map[string]any) (rank int, num float64, text string) {
	us := func(v any) float64 { return float64(v.(time.Time).UnixMicro()) }
	start, end := cols["started_at"], cols["ended_at"]
	switch o.By {
	case ByStarted:
		if start != nil {
			return 0, us(start), ""
		}
	case ByEnded:
		if end != nil {
			return 0, us(end), ""
		}
	case ByDuration:
		if start != nil && end != nil {
			return 0, us(end) - us(start), ""
		}
	case ByMetric:
		if v := naiveValue(h, Metrics, o.Name, n, key); v != nil && !math.IsNaN(v[o.Of.column()].(float64)) {
			return 0, v[o.Of.column()].(float64), ""
		}
	case ByParameter, ByMetadata:
		space := Parameters
		if o.By == ByMetadata {
			space = Metadata
		}
		if v := naiveValue(h, space, o.Name, n, key); v != nil && v["num"] != nil {
			return 0, v["num"].(float64), ""
		} else if v != nil && v["type"] != "null" {
			return 1, 0, v["text"].(string)
		}
	default:
		return 0, 0, ""
	}
	return 2, 0, ""
}

// naiveValue is the row of a named value as of n; nil where there is none.
func naiveValue(h *history, space Space, name string, n domain.Revision, key int64) map[string]any {
	table, _ := space.table()
	for _, l := range h.rows[table] {
		if l.id["entity"] != key || l.id["name"] != name || space != Metrics && l.id["space"] != int(space) {
			continue
		}
		if s, ok := l.at(n); ok && s.cols["gone"] != true {
			return s.cols
		}
	}
	return nil
}

func naiveFits(h *history, q RunQuery, n domain.Revision, key int64, cols map[string]any) bool {
	status := domain.Status(cols["status"].(string))
	pipeline, _ := cols["pipeline"].(int64)
	parent, nested := cols["parent"].(int64)
	start, started := cols["started_at"].(time.Time)
	end, ended := cols["ended_at"].(time.Time)
	created := recordedAt(KeyRevision(key))
	switch {
	case cols["deleted"] == true,
		len(q.Statuses) > 0 && !slices.Contains(q.Statuses, status),
		slices.Contains(q.ExcludeStatuses, status),
		len(q.Pipelines) > 0 && !slices.Contains(q.Pipelines, pipeline),
		slices.Contains(q.ExcludePipelines, pipeline),
		q.RunID != "" && cols["run_id"] != q.RunID,
		q.Parent != 0 && parent != q.Parent,
		q.Parent == 0 && !q.Nested && nested,
		!q.StartedAfter.IsZero() && (!started || start.Before(q.StartedAfter)),
		!q.EndedBefore.IsZero() && (!ended || !end.Before(q.EndedBefore)),
		!q.CreatedAfter.IsZero() && created.Before(q.CreatedAfter),
		!q.CreatedBefore.IsZero() && !created.Before(q.CreatedBefore):
		return false
	}
	if q.Text != "" {
		names := cols["run_id"].(string)
		for _, l := range h.rows["pipelines"] {
			if l.id["key"] == pipeline {
				names += "\n" + l.states[0].cols["name"].(string)
			}
		}
		for _, l := range h.rows["run_details"] {
			if s, ok := l.at(n); ok && l.id["key"] == key {
				names += "\n" + s.cols["name"].(string)
			}
		}
		if !strings.Contains(sameCase(names), sameCase(q.Text)) {
			return false
		}
	}
	for _, c := range q.Conditions {
		if !naiveHolds(c, naiveValue(h, c.Space, c.Name, n, key)) {
			return false
		}
	}
	for _, c := range q.Without {
		if naiveHolds(c, naiveValue(h, c.Space, c.Name, n, key)) {
			return false
		}
	}
	return true
}

// sameCase is a text without regard to case: upper first, since some small letters have one large one.
func sameCase(s string) string { return strings.ToLower(strings.ToUpper(s)) }

func naiveHolds(c Condition, row map[string]any) bool {
	if c.Op == EXISTS {
		return (row == nil) == c.absent()
	}
	if row == nil {
		return false
	}
	return slices.ContainsFunc(c.Values, func(v domain.Value) bool { return naiveCompare(c, row, v) })
}

func naiveCompare(c Condition, row map[string]any, v domain.Value) bool {
	have := domain.Value(nil)
	var f float64
	if c.Space == Metrics {
		f = row[c.Of.column()].(float64)
	} else if have = domain.Value(row["value"].([]byte)); have.Type() != v.Type() {
		return false
	} else if f, _ = have.Number(); v.Type() == "string" {
		if c.Op == CONTAINS {
			return strings.Contains(sameCase(have.Text()), sameCase(v.Text()))
		}
		return opHolds(c.Op, strings.Compare(have.Text(), v.Text()))
	} else if len(v) > 15 && (c.Op == EQ || c.Op == NE || c.Op == IN) {
		return opHolds(c.Op, strings.Compare(string(have), string(v)))
	}
	x, _ := v.Number()
	return !math.IsNaN(f) && opHolds(c.Op, cmp.Compare(f, x))
}

func opHolds(op Op, c int) bool {
	switch op {
	case NE:
		return c != 0
	case LT:
		return c < 0
	case LTE:
		return c <= 0
	case GT:
		return c > 0
	case GTE:
		return c >= 0
	}
	return c == 0
}
