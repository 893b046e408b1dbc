package read

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5/pgxpool"
)

func TestScaleRuns(t *testing.T) {
	url := os.Getenv("SCALE")
	if url == "" {
		t.Skip()
	}
	pool, err := pgxpool.New(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	db := New(pool)
	ctx := context.Background()
	head := Moment{Slug: "x", Number: 1, Schema: "read_9", Revision: 4000100}
	mid := head
	mid.Revision = 2000000
	early := head
	early.Revision = 40000
	rmse := Condition{Space: Metrics, Name: "rmse", Op: LT, Values: []domain.Value{domain.FloatValue(0.2)}}
	rare := Condition{Space: Metrics, Name: "rmse", Op: LT, Values: []domain.Value{domain.FloatValue(0.00001)}}
	lr := Condition{Space: Parameters, Name: "lr", Op: EQ, Values: []domain.Value{domain.FloatValue(0.07)}}
	for _, c := range []struct {
		name string
		q    RunQuery
	}{
		{"newest", RunQuery{}},
		{"succeeded", RunQuery{Statuses: []domain.Status{"succeeded"}}},
		{"failed", RunQuery{Statuses: []domain.Status{"failed"}}},
		{"running", RunQuery{Statuses: []domain.Status{"running"}}},
		{"queued", RunQuery{Statuses: []domain.Status{"queued"}}},
		{"not succeeded", RunQuery{ExcludeStatuses: []domain.Status{"succeeded"}}},
		{"pipeline", RunQuery{Pipelines: []int64{101}}},
		{"pipeline failed", RunQuery{Pipelines: []int64{118}, Statuses: []domain.Status{"failed"}}},
		{"pipeline running", RunQuery{Pipelines: []int64{118}, Statuses: []domain.Status{"running"}}},
		{"run id", RunQuery{RunID: "c4ca4238a0b923820dcc509a6f75849b"}},
		{"started asc", RunQuery{Order: RunOrder{By: ByStarted, Ascending: true}}},
		{"started desc", RunQuery{Order: RunOrder{By: ByStarted}}},
		{"ended desc", RunQuery{Order: RunOrder{By: ByEnded}}},
		{"duration desc", RunQuery{Order: RunOrder{By: ByDuration}}},
		{"rmse<.2 by rmse", RunQuery{Conditions: []Condition{rmse}, Order: RunOrder{By: ByMetric, Name: "rmse", Ascending: true}}},
		{"rmse<.2 by -rmse", RunQuery{Conditions: []Condition{rmse}, Order: RunOrder{By: ByMetric, Name: "rmse"}}},
		{"rmse<.2 newest", RunQuery{Conditions: []Condition{rmse}}},
		{"rmse rare", RunQuery{Conditions: []Condition{rare}}},
		{"failed by rmse", RunQuery{Statuses: []domain.Status{"failed"}, Order: RunOrder{By: ByMetric, Name: "rmse", Ascending: true}}},
		{"running by rmse", RunQuery{Statuses: []domain.Status{"running"}, Order: RunOrder{By: ByMetric, Name: "rmse", Ascending: true}}},
		{"lr=.07", RunQuery{Conditions: []Condition{lr}}},
		{"lr=.07 rmse<.2 by rmse", RunQuery{Conditions: []Condition{lr, rmse}, Order: RunOrder{By: ByMetric, Name: "rmse", Ascending: true}}},
		{"by -lr", RunQuery{Order: RunOrder{By: ByParameter, Name: "lr"}}},
	} {
		for _, at := range []struct {
			name string
			m    Moment
		}{{"now", head}, {"mid", mid}, {"early", early}} {
			var took []time.Duration
			var rows int
			for i := range 60 {
				m := at.m
				m.Revision -= domain.Revision(i * 37)
				start := time.Now()
				l, err := db.Runs(ctx, m, c.q)
				if err != nil {
					t.Fatal(c.name, err)
				}
				took = append(took, time.Since(start))
				rows = len(l.Rows)
				if time.Since(start) > time.Second && i > 3 {
					break
				}
			}
			first := took[0]
			slices.Sort(took)
			flag := ""
			if took[len(took)*99/100] > 10*time.Millisecond {
				flag = "  <<<<"
			}
			t.Logf("%-24s %-6s rows %3d p50 %8.2f p99 %8.2f first %8.2f%s", c.name, at.name, rows, ms(took[len(took)/2]), ms(took[len(took)*99/100]), ms(first), flag)
		}
	}
	for _, q := range []RunQuery{{}, {Statuses: []domain.Status{"failed"}}, {Conditions: []Condition{rmse}}} {
		for _, m := range []Moment{head, mid} {
			start := time.Now()
			n, err := db.CountRuns(ctx, m, q, 10000)
			t.Logf("count %d %v %.1f ms", n, err, ms(time.Since(start)))
			start = time.Now()
			_, b, err := db.RunFacets(ctx, m, q)
			t.Logf("facets %v %v %.1f ms", b, err, ms(time.Since(start)))
		}
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
