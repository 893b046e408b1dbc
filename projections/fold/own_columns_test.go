package fold_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/fold"
)

// fieldsByPipeline are the columns that count, each with the pipeline that says so.
const fieldsByPipeline = `SELECT coalesce(p.name, 'no pipeline'), c.target_field, s.name, c.source_field, c.since FROM read.column_lineage c
JOIN read.artifacts s ON s.key = c.source LEFT JOIN read.pipelines p ON p.key = c.pipeline`

func column(field, from string) domain.IO {
	out := io("out")
	out.Columns = []domain.ColumnEdge{{Field: field, From: data(from), FromField: field}}
	return out
}

// What a run says and where it goes may lie in one page: then what it leaves behind, said long before, counts again.
func TestColumnLineageIsLeftBehindWithinAPage(t *testing.T) {
	t.Parallel()
	m := newModel(t)
	a, b := native("a"), native("b")
	s := newStory()
	s.says(1, produced(a, domain.Started, column("f", "in"))) // 1
	m.project(s, 10, nil)
	s.says(2, produced(b, domain.Started, column("g", "other"))) // 2
	s.says(3, of(b, "p"))                                        // 3
	m.project(s, 10, nil)
	m.want("now", fieldsByPipeline, "no pipeline f in f 3", "p g other g 3")
}

// drawWords draws what runs and declarations say of the columns of a few artifacts, and runs that go from pipeline to
// pipeline: all that own_columns is about, and little else.
func drawWords(t *rapid.T, s *story) {
	name := rapid.SampledFrom([]string{"x", "y", "z"})
	runs := []domain.RunRef{run("a", "j1"), native("n"), native("m")}
	pipeline := rapid.SampledFrom([]string{"j1", "j3"})
	output := func() domain.IO {
		out := io(name.Draw(t, "output"))
		switch rapid.IntRange(0, 4).Draw(t, "says") {
		case 0:
			out.Deleted = []string{"columnLineage"}
		case 1:
			out.Aliases = []domain.Alias{{Name: data(name.Draw(t, "alias"))}}
		default:
			out.Columns = drawColumns(t, name)
		}
		return out
	}
	for range rapid.IntRange(4, 18).Draw(t, "messages") {
		when := float64(rapid.IntRange(1, 12).Draw(t, "when"))
		by := rapid.SampledFrom(runs).Draw(t, "run")
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0:
			s.says(when, domain.ArtifactAliased{Artifact: data(name.Draw(t, "artifact")), Alias: domain.Alias{Name: data(name.Draw(t, "alias"))}})
		case 1:
			s.says(when, domain.PipelineDeclared{Pipeline: job(pipeline.Draw(t, "pipeline")), Outputs: []domain.IO{output()}})
		case 2, 3:
			s.says(when, of(rapid.SampledFrom(runs[1:]).Draw(t, "native run"), pipeline.Draw(t, "pipeline")))
		default:
			s.says(when, produced(by, domain.Progressed, output(), output()))
		}
	}
}

func TestColumnLineageDoesNotDependOnPages(t *testing.T) {
	t.Parallel()
	single, paged := newModel(t), newModel(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := newStory()
		s.ws = 1000 + workspaceNumbers.Add(1)
		s.slug = domain.Slug(fmt.Sprint("w", s.ws))
		drawWords(rt, s)
		single.project(s, 1, nil)
		for paged.done[s.ws] < len(s.events) {
			cut := *s
			cut.events = s.events[:min(paged.done[s.ws]+rapid.IntRange(1, 7).Draw(rt, "page"), len(s.events))]
			if err := paged.apply(nil, fold.Page{Number: s.ws, Slug: s.slug, Events: cut.events[paged.done[s.ws]:]}); err != nil {
				rt.Fatalf("%v\n%s", err, s.told())
			}
			paged.done[s.ws] = len(cut.events)
		}
		a, b := single.rows("SELECT * FROM read.column_lineage WHERE ws = $1", s.ws), paged.rows("SELECT * FROM read.column_lineage WHERE ws = $1", s.ws)
		if !slices.Equal(a, b) {
			rt.Fatalf("column lineage differs:\n%s%s%s", onlyIn("event by event", a, b), onlyIn("in pages", b, a), s.told())
		}
	})
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
