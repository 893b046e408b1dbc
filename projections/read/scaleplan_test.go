package read

import (
	"context"
	"os"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5/pgxpool"
)

func TestScalePlan(t *testing.T) {
	url := os.Getenv("SCALE")
	if url == "" {
		t.Skip()
	}
	pool, err := pgxpool.New(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	db, rec := recorded(t, pool)
	m := Moment{Slug: "x", Number: 1, Schema: "read_9", Revision: 2000000}
	rmse := Condition{Space: Metrics, Name: "rmse", Op: LT, Values: []domain.Value{domain.FloatValue(0.2)}}
	lr := Condition{Space: Parameters, Name: "lr", Op: EQ, Values: []domain.Value{domain.FloatValue(0.07)}}
	q := map[string]RunQuery{
		"running":  {Statuses: []domain.Status{"running"}},
		"pipeline": {Pipelines: []int64{101}},
		"duration": {Order: RunOrder{By: ByDuration}},
		"rmse":     {Conditions: []Condition{rmse}, Order: RunOrder{By: ByMetric, Name: "rmse", Ascending: true}},
		"lr":       {Conditions: []Condition{lr}},
		"bylr":     {Order: RunOrder{By: ByParameter, Name: "lr"}},
	}[os.Getenv("Q")]
	if os.Getenv("NOW") != "" {
		m.Revision = 4000100
	}
	if _, err := db.Runs(context.Background(), m, q); err != nil {
		t.Fatal(err)
	}
	for _, p := range rec.plans(t, pool, "ANALYZE, COSTS ON, BUFFERS OFF") {
		t.Log("\n" + p)
	}
}
