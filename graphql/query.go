package graphql

import (
	"context"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/graphql/relay"
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

func (r *Resolver) progress(ctx context.Context, w *model.Workspace) (*model.WorkspaceProgress, error) {
	s, err := r.Moments.ProgressOf(ctx, w.At.At.Slug)
	if err != nil {
		return nil, err
	}
	head := int64(s.Head)
	p := &model.WorkspaceProgress{Applied: int64(s.Applied), Head: &head, State: model.ProgressStateRunning, Reason: model.Word(s.Reason)}
	if s.State == "paused" {
		p.State = model.ProgressStatePaused
	}
	return p, nil
}

func (r *Resolver) counts(ctx context.Context, w *model.Workspace) (*model.ResourceCounts, error) {
	if w.Seen != nil && w.At.Asked == nil { // of now, and read at once with the rest
		c := w.Seen.Totals
		return &model.ResourceCounts{Pipelines: c.Pipelines, Runs: c.Runs, Steps: c.Steps, Artifacts: c.Artifacts, ArtifactVersions: c.Versions}, nil
	}
	c, err := r.Read.Counts(ctx, w.At.At, maxCount)
	return &model.ResourceCounts{Pipelines: c.Pipelines, Runs: c.Runs, Steps: c.Steps, Artifacts: c.Artifacts, ArtifactVersions: c.Versions}, err
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
