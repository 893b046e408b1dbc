package fold_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/fold"
)

// pageSize is that of the engine.
const pageSize = 5000

// benchProject measures the folding of b.N or more events that write adds run by run, after as many of them again as
// a warm-up.
func benchProject(b *testing.B, write func(s *story, i int)) {
	m, s := newModel(b), newStory()
	for i := 0; len(s.events) < 20_000+b.N; i++ {
		write(s, i)
	}
	whole := s.events
	s.events = whole[:20_000]
	m.project(s, pageSize, nil)
	s.events = whole
	b.ResetTimer()
	began := time.Now()
	m.project(s, pageSize, nil)
	b.StopTimer()
	b.ReportMetric(float64(len(whole)-20_000)/time.Since(began).Seconds(), "events/s")
	rows := 0
	for table, d := range m.digest(ws) {
		var n int
		if _, err := fmt.Sscanf(d, "%d:", &n); err != nil {
			b.Fatalf("%s: %v", table, err)
		}
		rows += n
	}
	b.ReportMetric(float64(rows)/float64(len(whole)), "rows/event")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkRuns folds runs of native pipelines: start, progress, metrics, end; four events each.
func BenchmarkRuns(b *testing.B) {
	benchProject(b, func(s *story, i int) {
		r := native(fmt.Sprintf("run-%d", i))
		p := domain.Name{Name: fmt.Sprintf("train-%d", i%50)}
		s.says(float64(i), domain.RunReported{Phase: domain.Started, Run: r, Pipeline: &p, Parameters: []domain.Attribute{{Name: "lr", Value: domain.FloatValue(float64(i))}}})
		s.says(float64(i)+1, domain.RunReported{Phase: domain.Progressed, Run: r})
		s.says(float64(i)+2, domain.MetricsLogged{Execution: domain.Execution{Run: r}, Points: []domain.Metric{{Name: "rmse", Value: domain.Float(i)}}})
		s.says(float64(i)+3, domain.RunReported{Phase: domain.Succeeded, Run: r})
	})
}

// BenchmarkOpenLineage folds runs as OpenLineage's producers tell them: each message is a report with what it reads
// and writes, the outputs with schema and column lineage.
func BenchmarkOpenLineage(b *testing.B) {
	benchProject(b, func(s *story, i int) {
		r, parent := run(fmt.Sprintf("run-%d", i), fmt.Sprintf("job-%d", i%200)), run(fmt.Sprintf("dag-%d", i/20), "dag")
		in1, in2, out := io(fmt.Sprintf("t-%d", i%200)), io(fmt.Sprintf("t-%d", (i+7)%200)), io(fmt.Sprintf("t-%d", (i+1)%200))
		for c := range 8 {
			name := fmt.Sprintf("c%d", c)
			out.Schema = append(out.Schema, domain.Field{Name: name, Type: "int"})
			out.Columns = append(out.Columns, domain.ColumnEdge{Field: name, From: in1.Artifact, FromField: name, Kind: "DIRECT", Subtype: "IDENTITY"})
		}
		info := &domain.JobInfo{Type: "MODEL", Integration: "DBT", Processing: "BATCH"}
		for at, phase := range []domain.Phase{domain.Started, domain.Progressed, domain.Succeeded} {
			s.says(float64(i)+float64(at)/4, domain.RunReported{Phase: phase, Run: r, Job: info}, domain.RunNested{Run: r, Parent: parent},
				consumed(r, phase, in1, in2), produced(r, phase, out))
		}
	})
}

// TestLateWriteMovesManyReads is the bound of DESIGN 8: one late fact that moves 100,000 reads, in one page.
func TestLateWriteMovesManyReads(t *testing.T) {
	t.Parallel()
	reads := 100_000
	if testing.Short() {
		reads = 10_000
	}
	s, m := newStory(), newModel(t)
	s.writes(run("w1", "write"), 1, 2, io("x"))
	for i := range reads {
		r := run(fmt.Sprintf("r%d", i), "read")
		s.says(100+float64(i), reported(r, domain.Started), consumed(r, domain.Started, io("x")))
	}
	m.project(s, pageSize, nil)
	s.writes(run("w2", "write"), 3, 50, io("x"))
	late := fold.Page{Number: s.ws, Slug: s.slug, Events: s.events[m.done[s.ws]:]}
	if _, err := m.pool.Exec(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := m.apply(nil, late); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d reads moved in %s", reads, time.Since(began).Round(time.Millisecond))
	m.want("reads of the late version", `SELECT count(*) FROM read.lineage_edges e JOIN read.artifact_versions v ON v.key = e.version AND v.ws = e.ws
		JOIN read.runs p ON p.ws = v.ws AND p.key = v.producer WHERE e.direction = 0 AND p.run_id = 'w2'`, fmt.Sprint(reads))
	m.want("edges that were", `SELECT count(*) FROM read.lineage_edges_was WHERE direction = 0`, fmt.Sprint(reads))
}
