package graphql

import (
	"context"
	"errors"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/workspaces"
)

// desk deletes workspaces.
func (r *Resolver) desk() *workspaces.Desk {
	return &workspaces.Desk{Moments: r.Moments, Read: r.Read, Commands: r.Commands}
}

// deleteWorkspace carries out the deletion where nothing stands in the way.
func (w *write) deleteWorkspace() {
	w.carry(domain.DeleteWorkspace{}, func(ctx context.Context, request eventstore.Request) (eventstore.Result, error) {
		return w.desk().Delete(ctx, w.slug, request, w.still)
	})
}

// still refuses a caller who lost the right to delete the workspace since the mutation began.
func (w *write) still(ctx context.Context) error {
	ok, err := caller(ctx).may(ctx, w.slug, domain.DeleteWorkspaces)
	if err == nil && !ok {
		err = &domain.Error{Code: domain.Forbidden, Subject: "workspace", Message: caller(ctx).lacks(w.name, needDelete, "workspace "+string(w.slug)).message, Missing: []domain.Permission{domain.DeleteWorkspaces}}
	}
	return err
}

// blocked keeps why a workspace is not deleted now, and says whether that is the reason.
func (w *write) blocked(err error) bool {
	var blocked *workspaces.BlockedError
	var busy *workspaces.BusyError
	var paused *projections.PausedError
	var late *projections.TimeoutError
	switch {
	case errors.As(err, &blocked):
		w.refuse(&model.DeletionBlocked{
			Message: blocked.Error(), Path: []string{"input", "workspace"}, Code: model.UserErrorCodeBlocked,
			Blockers: blockersOf(w.slug, blocked.Blockers), Blocking: blocked.Blocking,
		})
	case errors.As(err, &busy):
		w.refuse(&model.DeletionBlocked{Message: busy.Error(), Path: []string{"input", "workspace"}, Code: model.UserErrorCodeBlocked, Blockers: []*model.DeletionBlocker{}})
	case errors.As(err, &paused), errors.As(err, &late):
		w.fault = unopened(err, false) // what runs cannot be told
	default:
		return false
	}
	return true
}

func blockersOf(slug domain.Slug, all []workspaces.Blocker) []*model.DeletionBlocker {
	out := make([]*model.DeletionBlocker, len(all))
	for i, b := range all {
		kind := model.KindOf(b.Kind)
		id := model.IDOf(kind, slug, b.Key)
		out[i] = &model.DeletionBlocker{Kind: kind, ID: id, Name: b.Name, Status: strings.ToUpper(b.Status), Command: b.Command(slug, id), Path: b.Path(slug, id)}
	}
	return out
}

// deletionPreview says what deleting a workspace would come to.
func (r *Resolver) deletionPreview(ctx context.Context, w *model.Workspace) (*model.DeletionPreview, error) {
	p, err := r.desk().Preview(ctx, w.At.At)
	if err != nil {
		return nil, err
	}
	return &model.DeletionPreview{
		Possible: p.Possible(), Never: model.Word(p.Never), Blockers: blockersOf(w.At.At.Slug, p.Blockers), Blocking: p.Blocking,
		Ends: &model.DeletionCounts{Members: p.Members, Pipelines: p.Pipelines, EndedRuns: p.EndedRuns, Steps: p.Steps, Artifacts: p.Artifacts, ArtifactVersions: p.Versions},
	}, nil
}
