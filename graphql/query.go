package graphql

import (
	"context"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// entityKinds are the kinds of things by the prefix of their ids.
var entityKinds = map[relay.Kind]model.EntityKind{
	relay.Workspace: model.EntityKindWorkspace, relay.Pipeline: model.EntityKindPipeline, relay.PipelineVersion: model.EntityKindPipelineVersion, relay.Run: model.EntityKindRun,
	relay.Step: model.EntityKindStep, relay.Artifact: model.EntityKindArtifact, relay.ArtifactVersion: model.EntityKindArtifactVersion,
}

// node is the thing of a global id; nil where it is not there or may not be seen.
func (r *Resolver) node(ctx context.Context, id string, asOf *model.AsOf, atLeast *int64, timeoutMs int) (model.Node, error) {
	ref, err := relay.ParseID(id)
	if err != nil {
		return nil, nil
	}
	at, err := r.placeStanding(ctx, ref.Slug, asOf, atLeast, timeoutMs)
	if err != nil || at == nil {
		return nil, err
	}
	if ref.Kind.ByWord() {
		return r.wordNode(ctx, at, ref)
	}
	to := model.Ref{At: at, Kind: entityKinds[ref.Kind], Key: ref.Key}
	found, err := r.nodes(ctx, at, []model.Ref{to})
	return found[to], err
}

// standing is the moment of a workspace that is there then; nil where it is not there, may not be seen or was deleted:
// what was in a deleted workspace is shown by earlier moments only, as the workspace itself is.
func (r *Resolver) standing(ctx context.Context, slug string, asOf *model.AsOf, atLeast *int64, timeoutMs int) (*model.Moment, error) {
	at, err := r.open(ctx, slug, asOf, atLeast, timeoutMs)
	if err == nil {
		_, err = r.workspaceAt(ctx, at)
	}
	var gone *Fault
	switch {
	case err == errNoWorkspace, asFault(err, &gone) && gone.Code == codeGone:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return at, nil
}

// maxIDs bounds the ids of one question.
const maxIDs = 500

// nodesByID are the things of global ids, in their order; those of one workspace are read at one moment.
func (r *Resolver) nodesByID(ctx context.Context, ids []string, asOf *model.AsOf, atLeast []*model.WorkspaceRevision, timeoutMs int) ([]model.Node, error) {
	if len(ids) > maxIDs {
		return nil, outside("ids", len(ids), 0, maxIDs)
	}
	refs := make([]relay.ID, len(ids))
	slugs := map[string][]int{}
	for i, id := range ids {
		ref, err := relay.ParseID(id)
		if err != nil {
			continue
		}
		refs[i] = ref
		slugs[ref.Slug] = append(slugs[ref.Slug], i)
	}
	if asOf != nil && asOf.Revision != nil && len(slugs) > 1 {
		return nil, needsTime()
	}
	if err := r.reached(ctx, atLeast, timeoutMs); err != nil {
		return nil, err
	}
	out := make([]model.Node, len(ids))
	for slug, places := range slugs {
		at, err := r.placeStanding(ctx, slug, asOf, nil, 0)
		if err != nil {
			return nil, err
		}
		if at == nil {
			continue
		}
		var wanted []model.Ref
		for _, i := range places {
			if refs[i].Kind.ByWord() {
				if out[i], err = r.wordNode(ctx, at, refs[i]); err != nil {
					return nil, err
				}
			}
			wanted = append(wanted, model.Ref{At: at, Kind: entityKinds[refs[i].Kind], Key: refs[i].Key})
		}
		found, err := r.nodes(ctx, at, wanted)
		if err != nil {
			return nil, err
		}
		for j, i := range places {
			if !refs[i].Kind.ByWord() {
				out[i] = found[wanted[j]]
			}
		}
	}
	return out, nil
}

func needsTime() error {
	return &Fault{codeNeedsTime, "asOf.revision counts the events of one workspace and several are asked: give asOf.time", map[string]any{"argument": "asOf", "rule": "A revision is of one workspace; several are asked about by time."}}
}

func (r *Resolver) viewer(ctx context.Context) *model.Viewer {
	c := caller(ctx)
	v := &model.Viewer{
		ID: c.Actor.ID, Name: c.Name, Scopes: c.Scopes, Workspace: model.Word(string(c.Workspace)),
		Member: c.Who.String(), Kind: model.KindOfMember(c.Who.Kind), Account: c.Who.ID,
	}
	if v.Scopes == nil {
		v.Scopes = []string{}
	}
	return v
}

func (r *Resolver) server() *model.ServerInfo {
	l := r.limits
	return &model.ServerInfo{
		Version: r.Version, SchemaHash: r.schemaHash, Time: r.now(),
		Limits: &model.ServerLimits{
			Tokens: l.Tokens, Selections: l.Selections, Depth: l.Depth, Aliases: l.Aliases, RootFields: l.RootFields, Complexity: l.Complexity, Page: l.Page,
			BodyBytes: l.Body, IngestEvents: l.IngestEvents, TimeoutMs: l.Timeout.Milliseconds(), Connections: l.Connections, Operations: l.Operations,
		},
	}
}

// progress is how far the read models of a workspace are.
func (r *Resolver) progress(ctx context.Context, w *model.Workspace) (*model.WorkspaceProgress, error) {
	return ofList(w, "progress", func(all []*model.Workspace) (map[*model.Workspace]*model.WorkspaceProgress, error) {
		if len(all) == 1 {
			s, err := r.Moments.ProgressOf(ctx, w.At.At.Slug)
			return map[*model.Workspace]*model.WorkspaceProgress{w: progressOf(s)}, err
		}
		slugs := make([]domain.Slug, len(all))
		for i, w := range all {
			slugs[i] = w.At.At.Slug
		}
		standings, err := r.Moments.ProgressOfAll(ctx, slugs)
		if err != nil {
			return nil, err
		}
		of := make(map[domain.Slug]*model.WorkspaceProgress, len(all))
		for _, s := range standings {
			of[s.Workspace] = progressOf(s)
		}
		out := make(map[*model.Workspace]*model.WorkspaceProgress, len(all))
		for i, w := range all {
			if out[w] = of[slugs[i]]; out[w] != nil {
				continue
			}
			s, err := r.Moments.ProgressOf(ctx, slugs[i]) // it is not projected where the list was read in a model that is gone
			if err != nil {
				return nil, err
			}
			out[w] = progressOf(s)
		}
		return out, nil
	})
}

func progressOf(s projections.Standing) *model.WorkspaceProgress {
	head := int64(s.Head)
	p := &model.WorkspaceProgress{Applied: int64(s.Applied), Head: &head, State: model.ProgressStateRunning, Reason: model.Word(s.Reason)}
	if s.State == "paused" {
		p.State = model.ProgressStatePaused
	}
	return p
}

// counts is how many things a workspace has. A list read the totals of what is there now, which are those of its moment
// where nothing happened since.
func (r *Resolver) counts(ctx context.Context, w *model.Workspace) (*model.ResourceCounts, error) {
	if w.Seen != nil && w.At.At.Revision == w.Seen.Applied {
		c := w.Seen.Totals
		if w.At.Asked != nil { // as they are counted from the rows, once more has happened
			for _, n := range []*int{&c.Pipelines, &c.Runs, &c.Steps, &c.Artifacts, &c.Versions} {
				*n = min(*n, maxCount+1)
			}
		}
		return countsOf(c), nil
	}
	return ofList(w, "counts", func(all []*model.Workspace) (map[*model.Workspace]*model.ResourceCounts, error) {
		var moments []read.Moment
		var asked []*model.Workspace
		for _, o := range all {
			if o.Seen == nil || o.At.At.Revision != o.Seen.Applied {
				moments, asked = append(moments, o.At.At), append(asked, o)
			}
		}
		found, err := r.Read.CountsOf(ctx, moments, maxCount)
		out := make(map[*model.Workspace]*model.ResourceCounts, len(all))
		for i, c := range found {
			out[asked[i]] = countsOf(c)
		}
		return out, err
	})
}

func countsOf(c read.Counts) *model.ResourceCounts {
	return &model.ResourceCounts{Pipelines: c.Pipelines, Runs: c.Runs, Steps: c.Steps, Artifacts: c.Artifacts, ArtifactVersions: c.Versions}
}

// description is what a workspace is for.
func (r *Resolver) description(ctx context.Context, w *model.Workspace) (*string, error) {
	return ofList(w, "description", func(all []*model.Workspace) (map[*model.Workspace]*string, error) {
		var bodies []Bodies
		var of []*model.Workspace
		for _, o := range all {
			if t := o.Row.Description; t != nil {
				bodies, of = append(bodies, Bodies{o.At.At, []domain.Digest{t.Evidence}}), append(of, o)
			}
		}
		out := make(map[*model.Workspace]*string, len(all))
		if len(bodies) == 0 {
			return out, nil
		}
		found, err := r.Log.Evidence(ctx, bodies)
		if err != nil {
			return nil, storeFault(err)
		}
		for i, o := range of {
			out[o] = model.Word(readTexts(found[i], []*domain.Text{o.Row.Description})[*o.Row.Description])
		}
		return out, nil
	})
}

// ofList answers a field of a workspace. What it needs is read for the whole list that the workspace was read with, at once
// and once; word names the field.
func ofList[V any](w *model.Workspace, word string, read func(all []*model.Workspace) (map[*model.Workspace]V, error)) (V, error) {
	if w.Peers == nil {
		got, err := read([]*model.Workspace{w})
		return got[w], err
	}
	got, err := w.Peers.Once(word, func(all []*model.Workspace) (any, error) { return read(all) })
	if err != nil {
		var none V
		return none, err
	}
	return got.(map[*model.Workspace]V)[w], nil
}

func (r *Resolver) access(ctx context.Context, w *model.Workspace) (*model.ViewerAccess, error) {
	holds, err := caller(ctx).holds(ctx, w.At.At.Slug)
	if err != nil {
		return nil, err
	}
	return &model.ViewerAccess{
		Read: holds.Has(domain.ReadWorkspace), Ingest: holds.Has(domain.IngestEvents), Write: holds.Has(domain.WriteRuns), Admin: holds.Has(domain.ConfigureWorkspace),
		Permissions: model.PermissionsOf(holds.List()),
	}, nil
}

// ofWorkspaces answers a field of workspaces one by one: each has its own moment, and lists of them are short.
func ofWorkspaces[V any](objs []*model.Workspace, of func(*model.Workspace) (V, error)) ([]V, error) {
	out := make([]V, len(objs))
	for i, w := range objs {
		v, err := of(w)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// changedAt is when the workspaces themselves changed last.
func (r *Resolver) changedAt(ctx context.Context, objs []*model.Workspace) ([]*time.Time, error) {
	return ofWorkspaces(objs, func(w *model.Workspace) (*time.Time, error) {
		if w.Seen != nil {
			return model.Instant(w.Seen.ChangedAt), nil
		}
		n := w.Row.Since
		times, err := r.Read.RecordedAt(ctx, w.At.At, []domain.Revision{n})
		if err != nil {
			return nil, err
		}
		return model.Instant(times[n]), nil
	})
}
