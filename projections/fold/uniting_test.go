package fold_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/fold"
)

// unitedBytes is how many bytes folding an alias may allocate for each version and each read of the two artifacts that
// become one, and unitedRuns how many of either there are. What the runs that made them say besides is not read.
const (
	unitedBytes = 5 << 10
	unitedRuns  = 2000
)

// Not parallel: it counts what the process allocates.
func TestUnitingLongHistoriesReadsVersionsAndReadsAlone(t *testing.T) {
	s, m := newStory(), newModel(t)
	for i := range unitedRuns {
		at := float64(i * 10)
		wide := io(fmt.Sprint("wide-", i%7)) // what else a run says would be most of what is read
		for c := range 20 {
			wide.Schema = append(wide.Schema, domain.Field{Name: fmt.Sprint("column-", c), Type: "text"})
		}
		s.writes(run(fmt.Sprint("w", i), fmt.Sprint("write-", i%3)), at, at+1, []domain.IO{io("path"), io("table")}[i%2], wide)
		s.reads(run(fmt.Sprint("r", i), "read"), at+5, at+6, []domain.IO{io("table"), io("path")}[i%2])
	}
	m.project(s, pageSize, nil)
	s.says(1, domain.ArtifactAliased{Artifact: data("path"), Alias: domain.Alias{Name: data("table")}})
	page := []fold.Page{{Number: ws, Slug: slug, Events: s.events[len(s.events)-1:]}}
	var before, after runtime.MemStats
	err := pgx.BeginFunc(context.Background(), m.pool, func(tx pgx.Tx) error {
		runtime.ReadMemStats(&before)
		err := fold.Apply(context.Background(), tx, m.schema, page, nil)
		runtime.ReadMemStats(&after)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m.done[ws]++
	each := (after.TotalAlloc - before.TotalAlloc) / (2 * unitedRuns)
	t.Logf("%d bytes for each version and read", each)
	if each > unitedBytes {
		t.Errorf("%d bytes for each version and read, want %d at most", each, unitedBytes)
	}
	m.want("each run reads what the one before it wrote", `
SELECT count(*) FROM read.lineage_edges e JOIN read.runs r ON r.key = e.execution JOIN read.artifact_versions v ON v.key = e.version JOIN read.runs w ON w.key = v.producer
WHERE e.direction = 0 AND substr(r.run_id, 2) = substr(w.run_id, 2)`, fmt.Sprint(unitedRuns))
	m.want("edges between artifacts", `SELECT count(*), sum(supports) FROM read.artifact_edges`, "0 -")
}
