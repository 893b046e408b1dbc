package graphql

import (
	"context"

	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// pipelineList answers a page of pipelines.
func (r *Resolver) pipelineList(ctx context.Context, at *model.Moment, f *model.PipelineFilter, o *model.PipelineOrder, a pageArgs) (*model.PipelineConnection, error) {
	var q read.NameQuery
	if f != nil {
		q = read.NameQuery{Text: value(f.Text), Namespaces: f.Namespaces, LastRunStatuses: statusesOf(f.LastRunStatuses), Conditions: tagConditions(f.Tags), Without: tagConditions(f.ExcludeTags)}
	}
	if o != nil {
		q.Order = map[model.PipelineOrderField]read.NameOrder{model.PipelineOrderFieldName: read.ByName, model.PipelineOrderFieldCreated: read.ByNaming, model.PipelineOrderFieldLastRun: read.ByLatest}[o.By]
		q.Descending = o.Direction == model.SortDirectionDesc
	}
	hash := r.shape("pipelines", at.Slug(), f, o)
	var err error
	if q.Page, err = r.page(a, hash); err != nil {
		return nil, err
	}
	found, err := r.Read.Pipelines(ctx, at.At, q)
	if err != nil {
		return nil, refusedRead(err)
	}
	count := func(ctx context.Context, most int) (int, error) { return r.Read.CountPipelines(ctx, at.At, q, most) }
	return &model.PipelineConnection{List: listed(at, hash, q.Page, found, pipelinesOf, count)}, nil
}

// pipelineVersionList answers a page of the versions of a pipeline.
func (r *Resolver) pipelineVersionList(ctx context.Context, p *model.Pipeline, a pageArgs) (*model.PipelineVersionConnection, error) {
	hash := r.shape("pipelineVersions", p.ID())
	page, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	found, err := r.Read.PipelineVersions(ctx, p.At.At, p.Row.Key, page)
	if err != nil {
		return nil, err
	}
	count := func(ctx context.Context, most int) (int, error) {
		return r.Read.CountPipelineVersions(ctx, p.At.At, p.Row.Key, most)
	}
	return &model.PipelineVersionConnection{List: listed(p.At, hash, page, found, pipelineVersionsOf, count)}, nil
}

// latestVersions answers the newest version of each pipeline.
func (r *Resolver) latestVersions(ctx context.Context, objs []*model.Pipeline) ([]*model.PipelineVersion, error) {
	return each(objs, "latest", func(at *model.Moment, all []*model.Pipeline) (func(*model.Pipeline) *model.PipelineVersion, error) {
		found, err := r.Read.LatestPipelineVersions(ctx, at.At, distinct(all, func(t *model.Pipeline) int64 { return t.Row.Key }))
		if err != nil {
			return nil, err
		}
		rows := make([]read.PipelineVersion, 0, len(found))
		for _, row := range found {
			rows = append(rows, row)
		}
		of := byKey(pipelineVersionsOf(at, rows), func(v *model.PipelineVersion) int64 { return v.Row.Pipeline })
		return func(p *model.Pipeline) *model.PipelineVersion { return of[p.Row.Key] }, nil
	})
}

// declared answers what pipelines read, or write, by declaration.
func (r *Resolver) declared(ctx context.Context, objs []*model.Pipeline, word string, side func(read.Declared) []int64) ([][]*model.Artifact, error) {
	return followMany(ctx, objs, word, func(at *model.Moment, all []*model.Pipeline) (map[*model.Pipeline][]int64, error) {
		found, err := r.Read.DeclaredIO(ctx, at.At, distinct(all, func(t *model.Pipeline) int64 { return t.Row.Key }))
		of := make(map[*model.Pipeline][]int64, len(all))
		for _, p := range all {
			of[p] = side(found[p.Row.Key])
		}
		return of, err
	}, r.artifacts)
}

// artifactList answers a page of artifacts.
func (r *Resolver) artifactList(ctx context.Context, at *model.Moment, f *model.ArtifactFilter, o *model.ArtifactOrder, a pageArgs) (*model.ArtifactConnection, error) {
	var q read.NameQuery
	if f != nil {
		q = read.NameQuery{Text: value(f.Text), Namespaces: f.Namespaces, Types: f.Types, Conditions: tagConditions(f.Tags), Without: tagConditions(f.ExcludeTags)}
	}
	if o != nil {
		q.Order = map[model.ArtifactOrderField]read.NameOrder{model.ArtifactOrderFieldName: read.ByName, model.ArtifactOrderFieldCreated: read.ByNaming, model.ArtifactOrderFieldLastVersion: read.ByLatest}[o.By]
		q.Descending = o.Direction == model.SortDirectionDesc
	}
	hash := r.shape("artifacts", at.Slug(), f, o)
	var err error
	if q.Page, err = r.page(a, hash); err != nil {
		return nil, err
	}
	found, err := r.Read.Artifacts(ctx, at.At, q)
	if err != nil {
		return nil, refusedRead(err)
	}
	count := func(ctx context.Context, most int) (int, error) { return r.Read.CountArtifacts(ctx, at.At, q, most) }
	return &model.ArtifactConnection{List: listed(at, hash, q.Page, found, artifactsOf, count)}, nil
}

// versionList answers a page of the versions of an artifact.
func (r *Resolver) versionList(ctx context.Context, artifact *model.Artifact, a pageArgs) (*model.ArtifactVersionConnection, error) {
	hash := r.shape("versions", artifact.ID())
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	found, err := r.Read.Versions(ctx, artifact.At.At, artifact.Row.Canonical, p)
	if err != nil {
		return nil, err
	}
	count := func(ctx context.Context, most int) (int, error) {
		return r.Read.CountVersions(ctx, artifact.At.At, artifact.Row.Canonical, most)
	}
	return &model.ArtifactVersionConnection{List: listed(artifact.At, hash, p, found, versionsOf, count)}, nil
}

// aliases answers the other names of artifacts.
func (r *Resolver) aliases(ctx context.Context, objs []*model.Artifact) ([][]*model.ArtifactAlias, error) {
	return each(objs, "aliases", func(at *model.Moment, all []*model.Artifact) (func(*model.Artifact) []*model.ArtifactAlias, error) {
		found, err := r.Read.Aliases(ctx, at.At, distinct(all, func(t *model.Artifact) int64 { return t.Row.Canonical }))
		return func(t *model.Artifact) []*model.ArtifactAlias {
			out := []*model.ArtifactAlias{}
			for _, a := range found[t.Row.Canonical] {
				if a.Artifact != t.Row.Key {
					out = append(out, &model.ArtifactAlias{Namespace: a.Namespace, Name: a.Name, Type: model.Word(a.Type)})
				}
			}
			return out
		}, err
	})
}

// maxNeighbours bounds what hangs on one artifact.
const maxNeighbours = 500

// neighbours answers the artifacts that one was made from, or that were made from it.
func (r *Resolver) neighbours(ctx context.Context, a *model.Artifact, upwards bool) ([]*model.Artifact, error) {
	keys, err := r.Read.Neighbours(ctx, a.At.At, a.Row.Canonical, upwards, maxNeighbours)
	if err != nil {
		return nil, err
	}
	found, err := r.artifacts(ctx, a.At, keys)
	out := make([]*model.Artifact, 0, len(keys))
	for _, k := range keys {
		if n := found[k]; n != nil {
			out = append(out, n)
		}
	}
	return out, err
}

// versionDetail answers what is wide about versions.
func versionDetail[V any](ctx context.Context, r *Resolver, objs []*model.ArtifactVersion, of func(read.VersionDetail) V) ([]V, error) {
	details, err := each(objs, "details", func(at *model.Moment, all []*model.ArtifactVersion) (func(*model.ArtifactVersion) read.VersionDetail, error) {
		found, err := r.Read.VersionDetails(ctx, at.At, distinct(all, func(t *model.ArtifactVersion) int64 { return t.Row.Key }))
		return func(t *model.ArtifactVersion) read.VersionDetail { return found[t.Row.Key] }, err
	})
	if err != nil {
		return nil, err
	}
	out := make([]V, len(objs))
	for i := range objs {
		out[i] = of(details[i])
	}
	return out, nil
}

// consumers answers a page of the executions that read a version.
func (r *Resolver) consumers(ctx context.Context, v *model.ArtifactVersion, a pageArgs) (*model.ExecutionConnection, error) {
	hash := r.shape("consumers", v.ID())
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	found, err := r.Read.Consumers(ctx, v.At.At, v.Row.Key, p)
	if err != nil {
		return nil, err
	}
	count := func(ctx context.Context, most int) (int, error) {
		return r.Read.CountConsumers(ctx, v.At.At, v.Row.Key, most)
	}
	return &model.ExecutionConnection{List: listed(v.At, hash, p, found, executionsOf, count)}, nil
}

// executionsOf makes runs and steps of rows, in their order, each among peers of its kind.
func executionsOf(at *model.Moment, rows []read.Execution) []*model.Executing {
	var runs []read.Run
	var steps []read.Step
	for _, row := range rows {
		if row.Run != nil {
			runs = append(runs, *row.Run)
		} else if row.Step != nil {
			steps = append(steps, *row.Step)
		}
	}
	ofRuns := byKey(runsOf(at, runs), func(t *model.Run) int64 { return t.Row.Key })
	ofSteps := byKey(stepsOf(at, steps), func(t *model.Step) int64 { return t.Row.Key })
	out := make([]*model.Executing, len(rows))
	for i, row := range rows {
		if run := ofRuns[row.Key()]; run != nil {
			out[i] = &model.Executing{Execution: run}
		} else {
			out[i] = &model.Executing{Execution: ofSteps[row.Key()]}
		}
	}
	return out
}

// canonicalOf is the artifact that one is another name of; 0 for those that stand for themselves.
func canonicalOf(a *model.Artifact) int64 {
	if a.Row.Canonical == a.Row.Key {
		return 0
	}
	return a.Row.Canonical
}
