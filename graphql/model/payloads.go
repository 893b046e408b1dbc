package model

import "context"

// An Outcome is what every mutation answers.
type Outcome struct {
	UserErrors       []UserError
	Revision         int64
	Duplicate        bool
	ClientMutationID *string
}

// IsMutationPayload marks the answers of mutations.
func (Outcome) IsMutationPayload() {}

// A Written is an outcome and the thing it is about, read where the caller asks for it. Read answers nil where
// nothing was done, or where it cannot be read yet.
type Written[T any] struct {
	Outcome
	Read func(ctx context.Context) (T, error)
}

func (w *Written[T]) read(ctx context.Context) (thing T, err error) {
	if w.Read == nil {
		return thing, nil
	}
	return w.Read(ctx)
}

// A WorkspaceWritten is the answer of a mutation of a Workspace.
type WorkspaceWritten struct{ Written[*Workspace] }

// Workspace is the thing as it is now.
func (w *WorkspaceWritten) Workspace(ctx context.Context) (*Workspace, error) { return w.read(ctx) }

// A PipelineWritten is the answer of a mutation of a Pipeline.
type PipelineWritten struct{ Written[*Pipeline] }

// Pipeline is the thing as it is now.
func (w *PipelineWritten) Pipeline(ctx context.Context) (*Pipeline, error) { return w.read(ctx) }

// A PipelineVersionWritten is the answer of a mutation of a PipelineVersion.
type PipelineVersionWritten struct{ Written[*PipelineVersion] }

// PipelineVersion is the thing as it is now.
func (w *PipelineVersionWritten) PipelineVersion(ctx context.Context) (*PipelineVersion, error) {
	return w.read(ctx)
}

// A RunWritten is the answer of a mutation of a Run.
type RunWritten struct{ Written[*Run] }

// Run is the thing as it is now.
func (w *RunWritten) Run(ctx context.Context) (*Run, error) { return w.read(ctx) }

// A StepWritten is the answer of a mutation of a Step.
type StepWritten struct{ Written[*Step] }

// Step is the thing as it is now.
func (w *StepWritten) Step(ctx context.Context) (*Step, error) { return w.read(ctx) }

// An ExecutionWritten is the answer of a mutation of a Execution.
type ExecutionWritten struct{ Written[Execution] }

// Execution is the thing as it is now.
func (w *ExecutionWritten) Execution(ctx context.Context) (Execution, error) { return w.read(ctx) }

// An ArtifactWritten is the answer of a mutation of a Artifact.
type ArtifactWritten struct{ Written[*Artifact] }

// Artifact is the thing as it is now.
func (w *ArtifactWritten) Artifact(ctx context.Context) (*Artifact, error) { return w.read(ctx) }

// An ArtifactVersionWritten is the answer of a mutation of a ArtifactVersion.
type ArtifactVersionWritten struct{ Written[*ArtifactVersion] }

// ArtifactVersion is the thing as it is now.
func (w *ArtifactVersionWritten) ArtifactVersion(ctx context.Context) (*ArtifactVersion, error) {
	return w.read(ctx)
}

// The answers of the mutations: each is the one of its thing, under the name the schema has for it.
type (
	CreateWorkspacePayload   struct{ WorkspaceWritten }
	RenameWorkspacePayload   struct{ WorkspaceWritten }
	DescribeWorkspacePayload struct{ WorkspaceWritten }
	SetWorkspaceWallPayload  struct{ WorkspaceWritten }
	LabelWorkspacePayload    struct{ WorkspaceWritten }
	ClassifyWorkspacePayload struct{ WorkspaceWritten }
	ArchiveWorkspacePayload  struct{ WorkspaceWritten }
	RestoreWorkspacePayload  struct{ WorkspaceWritten }
	DeleteWorkspacePayload   struct{ WorkspaceWritten }

	RegisterPipelinePayload struct{ PipelineWritten }
	DescribePipelinePayload struct{ PipelineWritten }
	TagPipelinePayload      struct{ PipelineWritten }
	DeletePipelinePayload   struct{ PipelineWritten }

	RegisterPipelineVersionPayload struct{ PipelineVersionWritten }

	QueueRunPayload      struct{ RunWritten }
	StartRunPayload      struct{ RunWritten }
	CompleteRunPayload   struct{ RunWritten }
	FailRunPayload       struct{ RunWritten }
	CancelRunPayload     struct{ RunWritten }
	SkipRunPayload       struct{ RunWritten }
	InitializeRunPayload struct{ RunWritten }
	CacheRunPayload      struct{ RunWritten }
	LoseRunPayload       struct{ RunWritten }
	AnnotateRunPayload   struct{ RunWritten }
	NestRunPayload       struct{ RunWritten }
	DeleteRunPayload     struct{ RunWritten }

	StartStepPayload      struct{ StepWritten }
	CompleteStepPayload   struct{ StepWritten }
	FailStepPayload       struct{ StepWritten }
	SkipStepPayload       struct{ StepWritten }
	QueueStepPayload      struct{ StepWritten }
	InitializeStepPayload struct{ StepWritten }
	CancelStepPayload     struct{ StepWritten }
	LoseStepPayload       struct{ StepWritten }
	CacheStepPayload      struct{ StepWritten }
	RetryStepPayload      struct{ StepWritten }
	AnnotateStepPayload   struct{ StepWritten }
	DeleteStepPayload     struct{ StepWritten }

	ConsumeArtifactVersionsPayload struct{ ExecutionWritten }
	ProduceArtifactVersionsPayload struct{ ExecutionWritten }
	LogMetricsPayload              struct{ ExecutionWritten }

	RegisterArtifactPayload struct{ ArtifactWritten }
	DescribeArtifactPayload struct{ ArtifactWritten }
	TagArtifactPayload      struct{ ArtifactWritten }
	AliasArtifactPayload    struct{ ArtifactWritten }
	DeleteArtifactPayload   struct{ ArtifactWritten }

	RegisterArtifactVersionPayload struct{ ArtifactVersionWritten }
	AnnotateArtifactVersionPayload struct{ ArtifactVersionWritten }
	DeleteArtifactVersionPayload   struct{ ArtifactVersionWritten }
)

// An IngestRunEventsPayload is what became of a batch.
type IngestRunEventsPayload struct {
	Outcome
	Accepted, Duplicates, Rejected int
	Rows                           []*IngestResult
}

// Results are what became of each event, or of those with errors or warnings.
func (p *IngestRunEventsPayload) Results(onlyProblems bool) []*IngestResult {
	if !onlyProblems {
		return p.Rows
	}
	out := []*IngestResult{}
	for _, r := range p.Rows {
		if len(r.Errors)+len(r.Warnings) > 0 {
			out = append(out, r)
		}
	}
	return out
}
