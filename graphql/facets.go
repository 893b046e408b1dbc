package graphql

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// What foreign producers say and Annals has no field for stays in the bodies they sent, beside the log. A facet is
// read from there when somebody asks: from the events about a run, the later ones replacing what the earlier said.

// maxBodies is how many events of a run are looked at for facets, the newest ones.
const maxBodies = 100

// foreignBody is what of an OpenLineage event is looked at.
type foreignBody struct {
	Run     facetHolder   `json:"run"`
	Job     facetHolder   `json:"job"`
	Inputs  []facetHolder `json:"inputs"`
	Outputs []facetHolder `json:"outputs"`
}

type facetHolder struct {
	Namespace    string                     `json:"namespace"`
	Name         string                     `json:"name"`
	Facets       map[string]json.RawMessage `json:"facets"`
	InputFacets  map[string]json.RawMessage `json:"inputFacets"`
	OutputFacets map[string]json.RawMessage `json:"outputFacets"`
}

// bodies are what was sent about an execution, the oldest first. What was erased is left out.
func (r *Resolver) bodies(ctx context.Context, at *model.Moment, kind domain.Kind, key int64) ([]foreignBody, error) {
	found, err := r.Read.Audit(ctx, at.At, read.AuditQuery{Subject: &read.Node{Kind: kind, Key: key}, Page: read.Page{Limit: maxBodies}})
	if err != nil {
		return nil, err
	}
	revisions := make([]domain.Revision, len(found.Rows))
	for i, s := range found.Rows {
		revisions[i] = s.Row.Revision
	}
	events, err := r.recordedEvents(ctx, at, revisions)
	if err != nil {
		return nil, err
	}
	var sent []*domain.Recorded
	var digests []domain.Digest
	for _, n := range revisions {
		if e := events[n]; e != nil && e.Meta.Evidence != nil && !slices.Contains(digests, *e.Meta.Evidence) {
			sent, digests = append(sent, e), append(digests, *e.Meta.Evidence)
		}
	}
	if len(digests) == 0 {
		return nil, nil
	}
	raw, err := r.Log.Evidence(ctx, domain.WorkspaceStream(at.At.Slug), digests)
	if err != nil {
		return nil, storeFault(err)
	}
	slices.SortStableFunc(sent, func(a, b *domain.Recorded) int { return a.OccurredAt.Compare(b.OccurredAt) })
	var out []foreignBody
	for _, e := range sent {
		var b foreignBody
		if body, ok := raw[*e.Meta.Evidence]; ok && json.Unmarshal(body, &b) == nil {
			out = append(out, b)
		}
	}
	return out, nil
}

// united are facets by name, the later ones in place of the earlier; null where there are none.
func united(all ...map[string]json.RawMessage) (json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for _, facets := range all {
		for name, f := range facets {
			out[name] = f
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return json.Marshal(out)
}

func (r *Resolver) runFacetsOf(ctx context.Context, run *model.Run) (json.RawMessage, error) {
	bodies, err := r.bodies(ctx, run.At, domain.KindRun, run.Row.Key)
	var all []map[string]json.RawMessage
	for _, b := range bodies {
		all = append(all, b.Run.Facets)
	}
	if err != nil {
		return nil, err
	}
	return united(all...)
}

// pipelineFacets are what the newest run's events say of their job, and what was declared.
func (r *Resolver) pipelineFacets(ctx context.Context, p *model.Pipeline) (json.RawMessage, error) {
	bodies, err := r.bodies(ctx, p.At, domain.KindPipeline, p.Row.Key)
	if err != nil {
		return nil, err
	}
	if p.Row.LastRun != 0 {
		more, err := r.bodies(ctx, p.At, domain.KindRun, p.Row.LastRun)
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, more...)
	}
	var all []map[string]json.RawMessage
	for _, b := range bodies {
		all = append(all, b.Job.Facets)
	}
	return united(all...)
}

// artifactFacets are what the execution that wrote the artifact last says of it.
func (r *Resolver) artifactFacets(ctx context.Context, a *model.Artifact) (json.RawMessage, error) {
	return r.datasetFacets(ctx, a.At, a.Row.LastProducer, a.Row.FullName())
}

// versionFacets are what the execution that wrote the version says of it.
func (r *Resolver) versionFacets(ctx context.Context, v *model.ArtifactVersion) (json.RawMessage, error) {
	artifacts, err := r.artifacts(ctx, v.At, []int64{v.Row.NamedAs})
	if err != nil || artifacts[v.Row.NamedAs] == nil {
		return nil, err
	}
	return r.datasetFacets(ctx, v.At, v.Row.Producer, artifacts[v.Row.NamedAs].Row.FullName())
}

func (r *Resolver) datasetFacets(ctx context.Context, at *model.Moment, producer int64, name domain.Name) (json.RawMessage, error) {
	if producer == 0 {
		return nil, nil
	}
	bodies, err := r.bodies(ctx, at, domain.KindRun, producer) // steps are native: they have no facets
	if err != nil {
		return nil, err
	}
	var all []map[string]json.RawMessage
	for _, b := range bodies {
		for _, d := range b.Outputs {
			if d.Namespace == name.Namespace && d.Name == name.Name {
				all = append(all, d.Facets, d.OutputFacets)
			}
		}
	}
	return united(all...)
}
