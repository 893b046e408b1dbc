package graphql

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// Below, rows become things with peers, and loaders read things by key: each key once, all in one query.

func runsOf(at *model.Moment, rows []read.Run) []*model.Run {
	return together(at, rows, func(p *model.Peers[model.Run], row read.Run) *model.Run { return &model.Run{Peers: p, Row: row} })
}

func stepsOf(at *model.Moment, rows []read.Step) []*model.Step {
	return together(at, rows, func(p *model.Peers[model.Step], row read.Step) *model.Step {
		return &model.Step{Peers: p, Row: row}
	})
}

func pipelinesOf(at *model.Moment, rows []read.Pipeline) []*model.Pipeline {
	return together(at, rows, func(p *model.Peers[model.Pipeline], row read.Pipeline) *model.Pipeline {
		out := &model.Pipeline{Peers: p, Row: row}
		unpack(row.Job, &out.Job)
		return out
	})
}

func pipelineVersionsOf(at *model.Moment, rows []read.PipelineVersion) []*model.PipelineVersion {
	return together(at, rows, func(p *model.Peers[model.PipelineVersion], row read.PipelineVersion) *model.PipelineVersion {
		out := &model.PipelineVersion{Peers: p, Row: row}
		unpack(row.Spec, &out.Spec)
		return out
	})
}

func artifactsOf(at *model.Moment, rows []read.Artifact) []*model.Artifact {
	return together(at, rows, func(p *model.Peers[model.Artifact], row read.Artifact) *model.Artifact {
		return &model.Artifact{Peers: p, Row: row}
	})
}

func versionsOf(at *model.Moment, rows []read.Version) []*model.ArtifactVersion {
	return together(at, rows, func(p *model.Peers[model.ArtifactVersion], row read.Version) *model.ArtifactVersion {
		return &model.ArtifactVersion{Peers: p, Row: row}
	})
}

// unpack reads JSON that a projection wrote; what an older build wrote otherwise reads as far as it goes.
func unpack(raw json.RawMessage, into any) {
	if len(raw) > 0 {
		_ = json.Unmarshal(raw, into)
	}
}

func (r *Resolver) runs(ctx context.Context, at *model.Moment, keys []int64) (map[int64]*model.Run, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := r.Read.RunsByKey(ctx, at.At, keys)
	return byKey(runsOf(at, rows), func(t *model.Run) int64 { return t.Row.Key }), err
}

func (r *Resolver) steps(ctx context.Context, at *model.Moment, keys []int64) (map[int64]*model.Step, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := r.Read.StepsByKey(ctx, at.At, keys)
	return byKey(stepsOf(at, rows), func(t *model.Step) int64 { return t.Row.Key }), err
}

func (r *Resolver) pipelines(ctx context.Context, at *model.Moment, keys []int64) (map[int64]*model.Pipeline, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := r.Read.PipelinesByKey(ctx, at.At, keys)
	return byKey(pipelinesOf(at, rows), func(t *model.Pipeline) int64 { return t.Row.Key }), err
}

func (r *Resolver) pipelineVersions(ctx context.Context, at *model.Moment, keys []int64) (map[int64]*model.PipelineVersion, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := r.Read.PipelineVersionsByKey(ctx, at.At, keys)
	return byKey(pipelineVersionsOf(at, rows), func(t *model.PipelineVersion) int64 { return t.Row.Key }), err
}

func (r *Resolver) artifacts(ctx context.Context, at *model.Moment, keys []int64) (map[int64]*model.Artifact, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := r.Read.ArtifactsByKey(ctx, at.At, keys)
	return byKey(artifactsOf(at, rows), func(t *model.Artifact) int64 { return t.Row.Key }), err
}

func (r *Resolver) versions(ctx context.Context, at *model.Moment, keys []int64) (map[int64]*model.ArtifactVersion, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := r.Read.VersionsByKey(ctx, at.At, keys)
	return byKey(versionsOf(at, rows), func(t *model.ArtifactVersion) int64 { return t.Row.Key }), err
}

// executions reads runs and steps: keys of things of different kinds never meet.
func (r *Resolver) executions(ctx context.Context, at *model.Moment, keys []int64) (map[int64]model.Execution, error) {
	runs, err := r.runs(ctx, at, keys)
	if err != nil {
		return nil, err
	}
	var rest []int64
	for _, k := range keys {
		if runs[k] == nil {
			rest = append(rest, k)
		}
	}
	steps, err := r.steps(ctx, at, rest)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]model.Execution, len(keys))
	for k, v := range runs {
		out[k] = v
	}
	for k, v := range steps {
		out[k] = v
	}
	return out, nil
}

// workspaceAt reads the workspace of a moment. One that was deleted by then is refused: an earlier moment shows it.
func (r *Resolver) workspaceAt(ctx context.Context, at *model.Moment) (*model.Workspace, error) {
	row, ok, err := r.Read.Workspace(ctx, at.At)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errNoWorkspace
	case row.Deleted:
		return nil, &Fault{codeGone, fmt.Sprintf("the workspace was deleted: ask with asOf for a moment before revision %d", row.Since), map[string]any{"revision": int64(row.Since)}}
	}
	return &model.Workspace{At: at, Row: row}, nil
}

// codeGone is the fault of a workspace that was deleted.
const codeGone = "GONE"

// nodes reads things of several kinds, for fields that point to any of them.
func (r *Resolver) nodes(ctx context.Context, at *model.Moment, refs []model.Ref) (map[model.Ref]model.Node, error) {
	keys := map[model.EntityKind][]int64{}
	for _, ref := range refs {
		keys[ref.Kind] = append(keys[ref.Kind], ref.Key)
	}
	out := make(map[model.Ref]model.Node, len(refs))
	for kind, ks := range keys {
		if err := r.nodesOf(ctx, at, kind, ks, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *Resolver) nodesOf(ctx context.Context, at *model.Moment, kind model.EntityKind, keys []int64, out map[model.Ref]model.Node) (err error) {
	switch kind {
	case model.EntityKindWorkspace:
		w, err := r.workspaceAt(ctx, at)
		if err == nil {
			out[model.Ref{At: at, Kind: kind}] = w
		}
		var fault *Fault
		if asFault(err, &fault) || err == errNoWorkspace {
			return nil
		}
		return err
	case model.EntityKindPipeline:
		return keep(ctx, at, kind, keys, r.pipelines, out)
	case model.EntityKindPipelineVersion:
		return keep(ctx, at, kind, keys, r.pipelineVersions, out)
	case model.EntityKindRun:
		return keep(ctx, at, kind, keys, r.runs, out)
	case model.EntityKindStep:
		return keep(ctx, at, kind, keys, r.steps, out)
	case model.EntityKindArtifact:
		return keep(ctx, at, kind, keys, r.artifacts, out)
	case model.EntityKindArtifactVersion:
		return keep(ctx, at, kind, keys, r.versions, out)
	}
	return nil
}

// keep puts what a loader finds under its reference.
func keep[V model.Node](ctx context.Context, at *model.Moment, kind model.EntityKind, keys []int64, load loader[V], out map[model.Ref]model.Node) error {
	found, err := load(ctx, at, keys)
	for k, v := range found {
		out[model.Ref{At: at, Kind: kind, Key: k}] = v
	}
	return err
}

// evidenceOf reads the texts that rows refer to. What is no text of its body is absent; what was erased reads so.
func (r *Resolver) evidenceOf(ctx context.Context, at *model.Moment, texts []*domain.Text) (map[domain.Text]string, error) {
	var digests []domain.Digest
	for _, t := range texts {
		if t != nil {
			digests = append(digests, t.Evidence)
		}
	}
	if len(digests) == 0 {
		return nil, nil
	}
	found, err := r.Log.Evidence(ctx, []Bodies{{at.At, digests}})
	if err != nil {
		return nil, storeFault(err)
	}
	return readTexts(found[0], texts), nil
}
