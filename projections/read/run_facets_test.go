package read

import (
	"context"
	"testing"

	"github.com/annals-io/annals/domain"
)

// Runs that fit an unselective condition are counted as far as the bound goes, the newest ones: what it costs has a
// limit, and that there were more is said.
func TestFacetsOfVeryManyRunsAreBounded(t *testing.T) {
	t.Parallel()
	db, pool := newModel(t)
	h := newHistory()
	h.next()
	for i := range 60 {
		h.next()
		key, status := h.key(), "succeeded"
		if i >= 45 {
			status = "failed"
		}
		h.set("runs", map[string]any{"key": key}, map[string]any{"run_id": "r", "foreign_run": false, "status": status, "own_status": status})
		h.set("metrics", map[string]any{"entity": key, "name": "rmse"}, map[string]any{
			"kind": "run", "last": float64(i), "last_step": 0, "last_at": noon, "last_digest": []byte{}, "min": 0.0, "max": 1.0, "points": 1,
		})
	}
	h.write(t, pool)
	below := func(n int64) RunQuery {
		return RunQuery{Conditions: []Condition{{Space: Metrics, Name: "rmse", Op: LT, Values: []domain.Value{domain.IntValue(n)}}}}
	}
	tests := map[string]struct {
		bound   int
		query   RunQuery
		bounded bool
		counts  map[string]int
	}{
		"all of them":                       {20_000, below(1000), false, map[string]int{"succeeded": 45, "failed": 15}},
		"few":                               {20, below(10), false, map[string]int{"succeeded": 10}},
		"many, the newest":                  {20, below(1000), true, map[string]int{"succeeded": 5, "failed": 15}},
		"many, but none among the newest":   {10, below(40), true, map[string]int{"succeeded": 11}},
		"many, and all newest of one state": {10, below(1000), true, map[string]int{"failed": 10}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bounds := db.bounds
			defer func() { db.bounds = bounds }()
			db.bounds.facets = tt.bound
			facets, bounded, err := db.RunFacets(context.Background(), h.moment(h.head), tt.query)
			if err != nil || bounded != tt.bounded {
				t.Fatalf("bounded = %v, %v; want %v", bounded, err, tt.bounded)
			}
			got := map[string]int{}
			for _, c := range facets[0].Counts {
				got[c.Value] = c.Count
			}
			if len(got) != len(tt.counts) {
				t.Errorf("counts %v, want %v", got, tt.counts)
			}
			for status, n := range tt.counts {
				if got[status] != n {
					t.Errorf("counts %v, want %v", got, tt.counts)
				}
			}
		})
	}
}
