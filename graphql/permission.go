package graphql

import (
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
)

// needed is a permission that a mutation takes in its workspace, and the least scope of keys that let it through.
type needed struct {
	permission domain.Permission
	scope      string
}

// What mutations take. Creating a workspace is the desk's to permit.
var (
	needRuns      = needed{domain.WriteRuns, "write"}
	needPipelines = needed{domain.WritePipelines, "write"}
	needArtifacts = needed{domain.WriteArtifacts, "write"}
	needPromote   = needed{domain.PromoteArtifacts, "write"}
	needConfigure = needed{domain.ConfigureWorkspace, "admin"}
	needDelete    = needed{domain.DeleteWorkspaces, "admin"}
	needIngest    = needed{domain.IngestEvents, "ingest"}
)

// permit refuses a mutation in a workspace where the caller may not do it: as one that is not there, where they may not
// even see it.
func (w *write) permit(needs needed) {
	c := caller(w.ctx)
	holds, err := c.holds(w.ctx, w.slug)
	switch {
	case err != nil:
		w.fault = err
	case holds.Has(needs.permission) && holds.Has(domain.ReadWorkspace):
	case holds.Has(needs.permission):
		w.ended(c)
	case holds.Has(domain.ReadWorkspace) || holds.Has(domain.IngestEvents):
		w.refuse(c.lacks(w.name, needs, "workspace "+string(w.slug)).refusal("workspace"))
	default:
		w.noWorkspace()
	}
}

// ended tells who may write in a workspace and not read it whether that is since it was deleted: its things cannot be looked
// up for them, and would seem to be missing.
func (w *write) ended(c Caller) {
	deleted, err := c.Deleted(w.ctx, w.slug)
	switch {
	case err != nil:
		w.fault = storeFault(err)
	case deleted:
		w.refuse(&model.WorkspaceClosed{Message: "the workspace was deleted; its slug is never used again", Path: []string{"input", "workspace"}, Code: model.UserErrorCodeGone})
	}
}
