package fold_test

import (
	"testing"

	"github.com/annals-io/annals/domain"
)

// fieldsByPipeline are the columns that count, each with the pipeline that says so.
const fieldsByPipeline = `SELECT coalesce(p.name, 'no pipeline'), c.target_field, s.name, c.source_field, c.since FROM read.column_lineage c
JOIN read.artifacts s ON s.key = c.source LEFT JOIN read.pipelines p ON p.key = c.pipeline`

func column(field, from string) domain.IO {
	out := io("out")
	out.Columns = []domain.ColumnEdge{{Field: field, From: data(from), FromField: field}}
	return out
}

func of(r domain.RunRef, pipeline string) domain.RunReported {
	name := job(pipeline)
	return domain.RunReported{Phase: domain.Annotated, Run: r, Pipeline: &name}
}

func TestColumnLineageGoesWithItsRun(t *testing.T) {
	t.Parallel()
	a, b := native("a"), native("b")
	tests := map[string]struct {
		given func(s *story)
		now   []string
		was   []string // with until
	}{
		"said before the run has a pipeline": {func(s *story) {
			s.says(1, produced(a, domain.Started, column("f", "in"))) // 1
			s.says(2, of(a, "p"))                                     // 2
		}, []string{"p f in f 2"}, []string{"no pipeline f in f 1 2"}},
		"a run that changes its pipeline": {func(s *story) {
			s.says(1, of(a, "p"))                                     // 1
			s.says(2, produced(a, domain.Started, column("f", "in"))) // 2
			s.says(3, of(a, "q"))                                     // 3
		}, []string{"q f in f 3"}, []string{"p f in f 2 3"}},
		"what the others say counts again": {func(s *story) {
			s.says(1, of(a, "p"))                                        // 1
			s.says(1, of(b, "p"))                                        // 2
			s.says(2, produced(a, domain.Started, column("f", "in")))    // 3
			s.says(5, produced(b, domain.Started, column("g", "other"))) // 4
			s.says(6, of(b, "q"))                                        // 5
		}, []string{"p f in f 5", "q g other g 5"}, []string{"p f in f 3 4", "p g other g 4 5"}},
		"the later word stays where an earlier one comes to it": {func(s *story) {
			s.says(1, of(a, "p"))                                        // 1
			s.says(5, produced(a, domain.Started, column("f", "in")))    // 2
			s.says(3, produced(b, domain.Started, column("g", "other"))) // 3
			s.says(6, of(b, "p"))                                        // 4
		}, []string{"p f in f 2"}, []string{"no pipeline g other g 3 4"}},
		"the last word is that there is none": {func(s *story) {
			s.says(1, of(a, "p"))                                     // 1
			s.says(2, produced(a, domain.Started, column("f", "in"))) // 2
			none := io("out")
			none.Deleted = []string{"columnLineage"}
			s.says(3, of(b, "p"), produced(b, domain.Started, none)) // 3, 4
			s.says(4, of(b, "q"))                                    // 5
		}, []string{"p f in f 5"}, []string{"p f in f 2 4"}},
		"of a step": {func(s *story) {
			x := domain.Execution{Run: a, Step: "s"}
			s.says(1, domain.ArtifactsProduced{Execution: x, Phase: domain.Started, Outputs: []domain.IO{column("f", "in")}}) // 1
			s.says(2, of(a, "p"))                                                                                             // 2
		}, []string{"p f in f 2"}, []string{"no pipeline f in f 1 2"}},
		"by another name of the artifact": {func(s *story) {
			s.says(1, of(a, "p"), of(b, "p"))                         // 1, 2
			s.says(2, produced(a, domain.Started, column("f", "in"))) // 3
			other := column("g", "in")
			other.Artifact = data("alias")
			s.says(3, produced(b, domain.Started, other))                                                                  // 4
			s.says(4, domain.ArtifactAliased{Artifact: data("alias"), Alias: domain.Alias{Name: data("out")}}, of(b, "q")) // 5, 6
		}, []string{"p f in f 6", "q g in g 6"}, []string{"p f in f 3 5", "p g in g 4 5", "p g in g 5 6"}},
		"a declaration is a word too": {func(s *story) {
			s.says(5, domain.PipelineDeclared{Pipeline: job("p"), Outputs: []domain.IO{column("d", "in")}}) // 1
			s.says(3, of(a, "p"), produced(a, domain.Started, column("f", "in")))                           // 2, 3
			s.says(7, produced(a, domain.Succeeded, column("g", "in")))                                     // 4
			s.says(8, of(a, "q"))                                                                           // 5
		}, []string{"p d in d 5", "q g in g 5"}, []string{"p d in d 1 4", "p g in g 4 5"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory()
			tt.given(s)
			eachWay(t, s, nil, func(m *model) {
				m.want("now", fieldsByPipeline, tt.now...)
				m.want("before", `SELECT coalesce(p.name, 'no pipeline'), c.target_field, s.name, c.source_field, c.since, c.until FROM read.column_lineage_was c
					JOIN read.artifacts s ON s.key = c.source LEFT JOIN read.pipelines p ON p.key = c.pipeline`, tt.was...)
			})
		})
	}
}
