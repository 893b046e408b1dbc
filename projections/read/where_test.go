package read

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
)

func TestParseWhere(t *testing.T) {
	t.Parallel()
	num := func(s string) []domain.Value { return []domain.Value{domain.Value(s)} }
	str := func(s ...string) (out []domain.Value) {
		for _, x := range s {
			out = append(out, domain.StringValue(x))
		}
		return out
	}
	yes := true
	for text, want := range map[string]Where{
		`metrics.rmse < 0.2`: {Query: RunQuery{Conditions: []Condition{{Space: Metrics, Name: "rmse", Op: LT, Values: num("0.2")}}}},
		`metrics.rmse < 0.2 and params.lr >= 0.1 and status = failed and pipeline = "x"`: {
			Query: RunQuery{Statuses: []domain.Status{"failed"}, Conditions: []Condition{
				{Space: Metrics, Name: "rmse", Op: LT, Values: num("0.2")}, {Space: Parameters, Name: "lr", Op: GTE, Values: num("0.1")}}},
			Pipelines: []string{"x"}},
		`status in (Failed, cancelled) AND tags.team=ml`: {Query: RunQuery{Statuses: []domain.Status{"failed", "cancelled"},
			Conditions: []Condition{{Space: Tags, Name: "team", Op: EQ, Values: str("ml")}}}},
		`tags.n = 5`:                               {Query: RunQuery{Conditions: []Condition{{Space: Tags, Name: "n", Op: EQ, Values: str("5")}}}},
		`metadata."git branch" contains 5`:         {Query: RunQuery{Conditions: []Condition{{Space: Metadata, Name: "git branch", Op: CONTAINS, Values: str("5")}}}},
		`max(metrics.val.acc) > -1e-3`:             {Query: RunQuery{Conditions: []Condition{{Space: Metrics, Name: "val.acc", Of: Max, Op: GT, Values: num("-1e-3")}}}},
		`params.seed exists`:                       {Query: RunQuery{Conditions: []Condition{{Space: Parameters, Name: "seed", Op: EXISTS}}}},
		`params.seed not exists`:                   {Query: RunQuery{Conditions: []Condition{{Space: Parameters, Name: "seed", Op: EXISTS, Values: num("false")}}}},
		`params.kind = 'it''s'`:                    {Query: RunQuery{Conditions: []Condition{{Space: Parameters, Name: "kind", Op: EQ, Values: str("it's")}}}},
		`params.a not in (1, "1", true)`:           {Query: RunQuery{Without: []Condition{{Space: Parameters, Name: "a", Op: IN, Values: append(append(num("1"), str("1")...), num("true")...)}}}},
		`pipeline != a and nested = true`:          {Query: RunQuery{Nested: true}, NotPipelines: []string{"a"}},
		`contradictory = true and id = r1`:         {Query: RunQuery{Contradictory: &yes, RunID: "r1"}},
		`started >= 2026-01-01 and text ~ nightly`: {Query: RunQuery{StartedAfter: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Text: "nightly"}},
		`ended <= 2026-01-01T10:00:00+01:00`:       {Query: RunQuery{EndedBefore: time.Date(2026, 1, 1, 9, 0, 0, 1000, time.UTC)}},
	} {
		got, err := ParseWhere(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", text, got, want)
		}
	}
}

func TestParseWhereRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text   string
		column int
		about  string
	}{
		{``, 1, "no condition"},
		{`status`, 7, "operator"},
		{`status = `, 10, "a value"},
		{`status = faild`, 10, "no status"},
		{`status = failed or status = lost`, 17, "and"},
		{`status = failed and status = lost`, 21, "twice"},
		{`rmse < 0.2`, 1, "no field"},
		{`metric.rmse < "x"`, 15, "numbers only"},
		{`stats.rmse < 1`, 1, "holds no values"},
		{`metrics. < 1`, 1, "behind the dot"},
		{`min(params.lr) < 1`, 5, "only metrics"},
		{`min metrics.lr < 1`, 5, "expected ("},
		{`params.a in (1`, 15, ", or )"},
		{`params.a in 1`, 13, "expected ("},
		{`params.a not 1`, 14, "behind not"},
		{`params.a ! 1`, 10, "no operator"},
		{`params.a = "x`, 12, "no closing"},
		{`params.ü = "x`, 12, "no closing"},
		{`params.a contains 1 and`, 24, "a field"},
		{`started = 2026-01-01`, 9, "times are compared"},
		{`started > yesterday`, 11, "no time"},
		{`started > 2026-01-01 and started > 2026-01-02`, 26, "bounded twice"},
		{`nested > true`, 8, "cannot be compared"},
		{`nested = maybe`, 10, "true or false"},
	} {
		_, err := ParseWhere(tt.text)
		var where *WhereError
		if !errors.As(err, &where) || where.Column != tt.column || !strings.Contains(where.Message, tt.about) {
			t.Errorf("%s: %v, want column %d about %q", tt.text, err, tt.column, tt.about)
		}
	}
}

func TestParseSort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]RunOrder{
		`-metrics.rmse`:        {By: ByMetric, Name: "rmse"},
		`metrics.rmse`:         {By: ByMetric, Name: "rmse", Ascending: true},
		` -max(metrics."a b")`: {By: ByMetric, Name: "a b", Of: Max},
		`+params.lr`:           {By: ByParameter, Name: "lr", Ascending: true},
		`-metadata.x.y`:        {By: ByMetadata, Name: "x.y"},
		`-created`:             {},
		`Duration`:             {By: ByDuration, Ascending: true},
	} {
		if got, err := ParseSort(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{``, `-`, `tags.x`, `rmse`, `created desc`, `min(params.x)`, `metrics.`, `min(created)`} {
		var where *WhereError
		if got, err := ParseSort(text); !errors.As(err, &where) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// FuzzWhere looks for a text that crashes the parser, or that it takes and the query refuses.
func FuzzWhere(f *testing.F) {
	f.Add(`metrics.rmse < 0.2 and params.lr >= 0.1 and status = failed and pipeline = "x"`)
	f.Add(`max(metrics."a b") in (1, 2) and started >= 2026-01-01 and tags.x not exists`)
	f.Fuzz(func(t *testing.T, text string) {
		w, err := ParseWhere(text)
		if err != nil {
			var where *WhereError
			if !errors.As(err, &where) || where.Column < 1 || where.Column > len([]rune(where.Text))+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if err := w.Query.validate(); err != nil {
			t.Fatalf("%q is taken, but %v", text, err)
		}
		if o, err := ParseSort(text); err == nil && o.By > ByMetric {
			t.Fatalf("%q sorts by %+v", text, o)
		}
	})
}

// FuzzMark holds that a cursor is read back as it was written, and that nothing else crashes.
func FuzzMark(f *testing.F) {
	f.Add(Mark{Value: "0.2", Key: 1024}.String())
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMark(text)
		if err != nil {
			return
		}
		if again, err := ParseMark(m.String()); err != nil || again != m {
			t.Fatalf("%q: %+v becomes %+v, %v", text, m, again, err)
		}
	})
}
