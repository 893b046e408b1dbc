package graphql

import (
	"context"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// Below, the answers of mutations: the outcome, and the thing read at the first moment that has what was written.

func (w *write) workspaceWritten() (model.WorkspaceWritten, error) {
	return model.WorkspaceWritten{Written: model.Written[*model.Workspace]{Outcome: w.outcome(), Read: after(w, func(ctx context.Context, at *model.Moment) (*model.Workspace, error) {
		ws, err := w.workspaceAt(ctx, at)
		if f, ok := err.(*Fault); ok && f.Code == codeGone {
			return nil, nil // it was deleted just now
		}
		return absent(ws, err)
	})}}, w.fault
}

func (w *write) pipelineWritten(n domain.Name) (model.PipelineWritten, error) {
	return model.PipelineWritten{Written: model.Written[*model.Pipeline]{Outcome: w.outcome(), Read: after(w, func(ctx context.Context, at *model.Moment) (*model.Pipeline, error) {
		return w.pipelineNamed(ctx, at, n)
	})}}, w.fault
}

func (r *Resolver) pipelineNamed(ctx context.Context, at *model.Moment, n domain.Name) (*model.Pipeline, error) {
	rows, err := r.Read.PipelinesNamed(ctx, at.At, []read.NameRef{{Namespace: &n.Namespace, Name: n.Name}}, 1)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	found, err := r.pipelines(ctx, at, []int64{rows[0].Key}) // by key they have their newest run
	return found[rows[0].Key], err
}

func (w *write) pipelineVersionWritten(n domain.Name, hash string) (model.PipelineVersionWritten, error) {
	return model.PipelineVersionWritten{Written: model.Written[*model.PipelineVersion]{Outcome: w.outcome(), Read: after(w, func(ctx context.Context, at *model.Moment) (*model.PipelineVersion, error) {
		p, err := w.pipelineNamed(ctx, at, n)
		if err != nil || p == nil {
			return nil, err
		}
		return w.versionOfHash(ctx, at, p.Row.Key, hash)
	})}}, w.fault
}

// versionOfHash is the version of a pipeline that consists of what the hash is of. Nearly always it is the newest.
func (r *Resolver) versionOfHash(ctx context.Context, at *model.Moment, pipeline int64, hash string) (*model.PipelineVersion, error) {
	page := read.Page{Limit: 100}
	for {
		found, err := r.Read.PipelineVersions(ctx, at.At, pipeline, page)
		if err != nil {
			return nil, err
		}
		for _, s := range found.Rows {
			if s.Row.Hash == hash {
				return pipelineVersionsOf(at, rowsOf(s.Row))[0], nil
			}
			page.After = &s.Mark
		}
		if !found.More {
			return nil, nil
		}
	}
}

func (w *write) runWritten(ref domain.RunRef) (model.RunWritten, error) {
	return model.RunWritten{Written: model.Written[*model.Run]{Outcome: w.outcome(), Read: after(w, func(ctx context.Context, at *model.Moment) (*model.Run, error) {
		return w.runNamed(ctx, at, ref)
	})}}, w.fault
}

// runNamed is the run of that natural name, deleted or not.
func (r *Resolver) runNamed(ctx context.Context, at *model.Moment, ref domain.RunRef) (*model.Run, error) {
	const most = 1000 // of jobs that share one id
	rows, err := r.Read.RunsByRunID(ctx, at.At, ref.ID, most)
	if err != nil {
		return nil, err
	}
	runs := runsOf(at, rows)
	pipelines, err := r.pipelines(ctx, at, distinct(runs, func(t *model.Run) int64 { return t.Row.Pipeline }))
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		p := pipelines[run.Row.Pipeline]
		native := ref.Job == (domain.Name{})
		switch {
		case native && !run.Row.Foreign,
			!native && run.Row.Foreign && p != nil && p.Row.Namespace == ref.Job.Namespace && p.Row.Name == ref.Job.Name:
			return run, nil
		}
	}
	return nil, nil
}

func (w *write) stepWritten(x domain.Execution) (model.StepWritten, error) {
	return model.StepWritten{Written: model.Written[*model.Step]{Outcome: w.outcome(), Read: after(w, func(ctx context.Context, at *model.Moment) (*model.Step, error) {
		return w.stepNamed(ctx, at, x)
	})}}, w.fault
}

func (r *Resolver) stepNamed(ctx context.Context, at *model.Moment, x domain.Execution) (*model.Step, error) {
	run, err := r.runNamed(ctx, at, x.Run)
	if err != nil || run == nil {
		return nil, err
	}
	return r.stepOf(ctx, at, run.Row.Key, x.Step)
}

// stepOf is the step of that name in a run.
func (r *Resolver) stepOf(ctx context.Context, at *model.Moment, run int64, name string) (*model.Step, error) {
	found, err := r.Read.Steps(ctx, at.At, read.StepQuery{Run: run, Name: name, Page: read.Page{Limit: 1}})
	if err != nil || len(found.Rows) == 0 {
		return nil, err
	}
	return stepsOf(at, rowsOf(found.Rows[0].Row))[0], nil
}

func (w *write) executionWritten(x domain.Execution) (model.ExecutionWritten, error) {
	return model.ExecutionWritten{Written: model.Written[model.Execution]{Outcome: w.outcome(), Read: after(w, func(ctx context.Context, at *model.Moment) (model.Execution, error) {
		if x.Step != "" {
			step, err := w.stepNamed(ctx, at, x)
			if err != nil || step == nil {
				return nil, err
			}
			return step, nil
		}
		run, err := w.runNamed(ctx, at, x.Run)
		if err != nil || run == nil {
			return nil, err
		}
		return run, nil
	})}}, w.fault
}

func (w *write) artifactWritten(n domain.Name) (model.ArtifactWritten, error) {
	return model.ArtifactWritten{Written: model.Written[*model.Artifact]{Outcome: w.outcome(), Read: after(w, func(ctx context.Context, at *model.Moment) (*model.Artifact, error) {
		return w.artifactNamed(ctx, at, n)
	})}}, w.fault
}

func (r *Resolver) artifactNamed(ctx context.Context, at *model.Moment, n domain.Name) (*model.Artifact, error) {
	rows, err := r.Read.ArtifactsNamed(ctx, at.At, []read.NameRef{{Namespace: &n.Namespace, Name: n.Name}}, 1)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return artifactsOf(at, rows)[0], nil
}

// versionWritten answers with the version of that key, or, where it is 0, with the one of that artifact and name.
func (w *write) versionWritten(key int64, n domain.Name, name string) (model.ArtifactVersionWritten, error) {
	return model.ArtifactVersionWritten{Written: model.Written[*model.ArtifactVersion]{Outcome: w.outcome(), Read: after(w, func(ctx context.Context, at *model.Moment) (*model.ArtifactVersion, error) {
		if key != 0 {
			found, err := w.versions(ctx, at, []int64{key})
			return found[key], err
		}
		a, err := w.artifactNamed(ctx, at, n)
		if err != nil || a == nil {
			return nil, err
		}
		return w.versionCalled(ctx, at, a.Row.Key, name)
	})}}, w.fault
}
