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
	Dataset facetHolder   `json:"dataset"`
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

// bodies are what was sent about things, in the order in which it happened. What was erased is left out.
func (r *Resolver) bodies(ctx context.Context, at *model.Moment, about ...read.Node) ([]foreignBody, error) {
	var revisions []domain.Revision
	for _, thing := range about {
		found, err := r.Read.Audit(ctx, at.At, read.AuditQuery{Subject: &thing, Page: read.Page{Limit: maxBodies}})
		if err != nil {
			return nil, err
		}
		for _, s := range found.Rows {
			revisions = append(revisions, s.Row.Revision)
		}
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
	found, err := r.Log.Evidence(ctx, []Bodies{{at.At, digests}})
	if err != nil {
		return nil, storeFault(err)
	}
	slices.SortStableFunc(sent, func(a, b *domain.Recorded) int { return a.OccurredAt.Compare(b.OccurredAt) })
	var out []foreignBody
	for _, e := range sent {
		var b foreignBody
		if body, ok := found[0][*e.Meta.Evidence]; ok && json.Unmarshal(body, &b) == nil {
			out = append(out, b)
		}
	}
	return out, nil
}

// united are facets by name, the later ones in place of the earlier; null where there are none. A facet that says it is
// deleted takes the earlier one away.
func united(all ...map[string]json.RawMessage) (json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for _, facets := range all {
		for name, f := range facets {
			var word struct {
				Deleted bool `json:"_deleted"`
			}
			if json.Unmarshal(f, &word) == nil && word.Deleted {
				delete(out, name)
				continue
			}
			out[name] = f
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return json.Marshal(out)
}

func (r *Resolver) runFacetsOf(ctx context.Context, run *model.Run) (json.RawMessage, error) {
	bodies, err := r.bodies(ctx, run.At, read.Node{Kind: domain.KindRun, Key: run.Row.Key})
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
	about := []read.Node{{Kind: domain.KindPipeline, Key: p.Row.Key}}
	if p.Row.LastRun != 0 {
		about = append(about, read.Node{Kind: domain.KindRun, Key: p.Row.LastRun})
	}
	bodies, err := r.bodies(ctx, p.At, about...)
	if err != nil {
		return nil, err
	}
	var all []map[string]json.RawMessage
	for _, b := range bodies {
		all = append(all, b.Job.Facets)
	}
	return united(all...)
}

// artifactFacets are what the execution that wrote the artifact last says of it, and who observed it.
func (r *Resolver) artifactFacets(ctx context.Context, a *model.Artifact) (json.RawMessage, error) {
	return r.datasetFacets(ctx, a, a.Row.LastProducer, func(facetHolder) bool { return true })
}

// versionFacets are what the execution that wrote the version says of it, and who observed that very version.
func (r *Resolver) versionFacets(ctx context.Context, v *model.ArtifactVersion) (json.RawMessage, error) {
	artifacts, err := r.artifacts(ctx, v.At, []int64{v.Row.NamedAs})
	if err != nil || artifacts[v.Row.NamedAs] == nil {
		return nil, err
	}
	return r.datasetFacets(ctx, artifacts[v.Row.NamedAs], v.Row.Producer, func(d facetHolder) bool {
		var said struct {
			Version string `json:"datasetVersion"`
		}
		return v.Row.Name != "" && json.Unmarshal(d.Facets["version"], &said) == nil && said.Version == v.Row.Name
	})
}

// datasetFacets are what a producer (0: nobody) says of what it wrote, and observers of what they saw, where that is
// asked for.
func (r *Resolver) datasetFacets(ctx context.Context, a *model.Artifact, producer int64, seen func(facetHolder) bool) (json.RawMessage, error) {
	about := []read.Node{{Kind: domain.KindArtifact, Key: a.Row.Key}}
	if producer != 0 { // steps are native: they have no facets
		about = append(about, read.Node{Kind: domain.KindRun, Key: producer})
	}
	bodies, err := r.bodies(ctx, a.At, about...)
	if err != nil {
		return nil, err
	}
	name := a.Row.FullName()
	var all []map[string]json.RawMessage
	for _, b := range bodies {
		for _, d := range b.Outputs {
			if d.Namespace == name.Namespace && d.Name == name.Name {
				all = append(all, d.Facets, d.OutputFacets)
			}
		}
		if d := b.Dataset; d.Namespace == name.Namespace && d.Name == name.Name && seen(d) {
			all = append(all, d.Facets)
		}
	}
	return united(all...)
}
