package graphql

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/graphql/relay"
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
	at, err := r.standing(ctx, ref.Slug, asOf, atLeast, timeoutMs)
	if err != nil || at == nil {
		return nil, err
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
		at, err := r.standing(ctx, slug, asOf, nil, 0)
		if err != nil {
			return nil, err
		}
		if at == nil {
			continue
		}
		var wanted []model.Ref
		for _, i := range places {
			wanted = append(wanted, model.Ref{At: at, Kind: entityKinds[refs[i].Kind], Key: refs[i].Key})
		}
		found, err := r.nodes(ctx, at, wanted)
		if err != nil {
			return nil, err
		}
		for j, i := range places {
			out[i] = found[wanted[j]]
		}
	}
	return out, nil
}

func needsTime() error {
	return &Fault{codeNeedsTime, "asOf.revision counts the events of one workspace and several are asked: give asOf.time", map[string]any{"argument": "asOf", "rule": "A revision is of one workspace; several are asked about by time."}}
}

// workspaceList answers a page of the workspaces that the caller may see, by slug, each at its own moment.
func (r *Resolver) workspaceList(ctx context.Context, f *model.WorkspaceFilter, asOf *model.AsOf, atLeast []*model.WorkspaceRevision, timeoutMs int, a pageArgs) (*model.WorkspaceConnection, error) {
	if asOf != nil && asOf.Revision != nil {
		return nil, needsTime()
	}
	hash := shape("workspaces", f)
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	if err := r.reached(ctx, atLeast, timeoutMs); err != nil {
		return nil, err
	}
	all, err := r.visible(ctx, f, asOf)
	if err != nil {
		return nil, err
	}
	count := len(all)
	found := cut(all, p, (*model.Workspace).Slug)
	l := listed(nil, hash, p, found, func(_ *model.Moment, rows []*model.Workspace) []*model.Workspace { return rows },
		func(_ context.Context, most int) (int, error) { return min(count, most+1), nil })
	return &model.WorkspaceConnection{List: l}, nil
}

// visible are the workspaces that fit a filter and that the caller may see, by slug.
func (r *Resolver) visible(ctx context.Context, f *model.WorkspaceFilter, asOf *model.AsOf) ([]*model.Workspace, error) {
	standings, err := r.Moments.Progress(ctx)
	if err != nil {
		return nil, err
	}
	var moments []read.Moment
	for _, s := range standings {
		err := mayRead(ctx, string(s.Workspace))
		if errors.Is(err, errNoWorkspace) || s.Applied < 0 {
			continue
		}
		if err != nil {
			return nil, err
		}
		at, err := r.open(ctx, string(s.Workspace), asOf, nil, 0)
		var fault *Fault
		switch {
		case errors.Is(err, errNoWorkspace), errors.As(err, &fault) && fault.Code == codeBeforeFirst:
			continue // not yet there
		case err != nil:
			return nil, err
		}
		moments = append(moments, at.At)
	}
	rows, err := r.Read.Workspaces(ctx, moments)
	if err != nil {
		return nil, err
	}
	var out []*model.Workspace
	for i, row := range rows {
		if row == nil {
			continue
		}
		if w := (&model.Workspace{At: &model.Moment{At: moments[i]}, Row: *row}); fits(w, f) {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b *model.Workspace) int { return strings.Compare(a.Slug(), b.Slug()) })
	return out, nil
}

func fits(w *model.Workspace, f *model.WorkspaceFilter) bool {
	if f == nil || f.Statuses == nil {
		if w.Row.Deleted {
			return false
		}
	} else if !slices.Contains(f.Statuses, w.Status()) {
		return false
	}
	if f == nil {
		return true
	}
	text := strings.ToLower(value(f.Text))
	if !strings.Contains(w.Slug(), text) && !strings.Contains(strings.ToLower(w.Row.Name), text) {
		return false
	}
	switch {
	case f.Kinds != nil && !slices.Contains(f.Kinds, w.Kind()), f.Environments != nil && !isAny(f.Environments, w.Environment()),
		f.Sensitivities != nil && !isAny(f.Sensitivities, w.Sensitivity()), f.Teams != nil && !isAny(f.Teams, w.Team()):
		return false
	}
	for _, l := range f.Labels {
		if v, ok := w.Row.Labels[l.Key]; !ok || v != l.Value {
			return false
		}
	}
	return true
}

// isAny says whether the value is there and one of the list.
func isAny[T comparable](list []T, value *T) bool {
	return value != nil && slices.Contains(list, *value)
}

func (r *Resolver) viewer(ctx context.Context) *model.Viewer {
	c := caller(ctx)
	v := &model.Viewer{ID: c.Actor.ID, Name: c.Name, Scopes: c.Scopes, Workspace: model.Word(string(c.Workspace))}
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

func (r *Resolver) workspaceTime(ctx context.Context, objs []*model.Workspace, of func(*model.Workspace) domain.Revision) ([]*time.Time, error) {
	return ofWorkspaces(objs, func(w *model.Workspace) (*time.Time, error) {
		n := of(w)
		times, err := r.Read.RecordedAt(ctx, w.At.At, []domain.Revision{n})
		t, ok := times[n]
		if err != nil || !ok {
			return nil, err
		}
		return &t, nil
	})
}
