package domain

import (
	"fmt"
	"strings"
)

// Summary is an event in one line for people: its type in words, and what it happened to.
func Summary(e *Recorded) string {
	words := strings.NewReplacer(".", " ", "_", " ").Replace(e.Type)
	of := ""
	switch ev := e.Event.(type) {
	case RunReported:
		of = ev.Run.String()
	case RunNested:
		of = ev.Run.String() + " in " + ev.Parent.String()
	case RunDeleted:
		of = ev.Run.String()
	case StepReported:
		of = ev.Step + " of " + ev.Run.String()
	case StepDeleted:
		of = ev.Step + " of " + ev.Run.String()
	case ArtifactsConsumed:
		of = plural(len(ev.Inputs), "artifact") + " by " + ev.Run.String()
	case ArtifactsProduced:
		of = plural(len(ev.Outputs), "artifact") + " by " + ev.Run.String()
	case MetricsLogged:
		of = plural(len(ev.Points), "point") + " by " + ev.Run.String()
	case PipelineRegistered:
		of = ev.Pipeline.String()
	case PipelineVersionRegistered:
		of = ev.Pipeline.String()
	case PipelineDescribed:
		of = ev.Pipeline.String()
	case PipelineTagged:
		of = ev.Pipeline.String()
	case PipelineDeclared:
		of = ev.Pipeline.String()
	case PipelineDeleted:
		of = ev.Pipeline.String()
	case ArtifactObserved:
		of = ev.Artifact.String()
	case ArtifactDescribed:
		of = ev.Artifact.String()
	case ArtifactTagged:
		of = ev.Artifact.String()
	case ArtifactAliased:
		of = ev.Artifact.String() + " as " + ev.Alias.Name.String()
	case ArtifactDeleted:
		of = ev.Artifact.String()
	case ArtifactVersionAnnotated:
		of = ev.Version.Artifact.String()
	case ArtifactVersionDeleted:
		of = ev.Version.Artifact.String()
	case WorkspaceCreated:
		of = string(ev.Slug)
	case HistoryImported:
		of = fmt.Sprintf("up to revision %d", ev.UpTo)
	case WorkspaceRenamed:
		of = ev.Name
	}
	if of == "" {
		return words
	}
	return words + ": " + of
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
