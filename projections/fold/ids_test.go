package fold

import (
	"fmt"
	"testing"

	"github.com/annals-io/annals/domain"
)

// What is remembered is what would be derived, however many others came between.
func TestIdsRememberedAreThoseDerived(t *testing.T) {
	t.Parallel()
	var d derived
	for i := range 200 {
		run := domain.RunRef{ID: fmt.Sprint("r", i*7%23), Job: domain.Name{Namespace: "jobs", Name: fmt.Sprint(i % 3)}}
		step := domain.Execution{Run: run, Step: fmt.Sprint("s", i%5)}
		name := domain.Name{Namespace: "db", Name: fmt.Sprint("t", i%11)}
		for _, e := range []domain.Event{
			domain.RunReported{Run: run, Phase: domain.Started}, domain.RunReported{Run: domain.RunRef{ID: run.ID}}, domain.RunReported{},
			domain.RunNested{Run: run, Parent: domain.RunRef{ID: "p"}}, domain.StepReported{Execution: step}, domain.StepReported{Execution: domain.Execution{Run: run}},
			domain.MetricsLogged{Execution: step}, domain.ArtifactsConsumed{Execution: step}, domain.ArtifactsProduced{Execution: domain.Execution{Run: run}},
			domain.ArtifactTagged{Artifact: name}, domain.PipelineTagged{Pipeline: name}, domain.RunDeleted{Run: run}, domain.WorkspaceArchived{},
		} {
			if got, want := d.subject(e), e.Subject(); got != want {
				t.Fatalf("%T is about %v, want %v", e, got, want)
			}
		}
		if got, want := d.artifact(name), domain.ArtifactEntity(name); got != want {
			t.Fatalf("artifact %v is %v, want %v", name, got, want)
		}
		if got, want := d.pipeline(name), domain.PipelineEntity(name); got != want {
			t.Fatalf("pipeline %v is %v, want %v", name, got, want)
		}
	}
}
