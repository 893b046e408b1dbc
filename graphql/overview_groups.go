package graphql

import (
	"context"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// groupings are the words of the schema for what workspaces are put together by.
var groupings = map[model.WorkspaceGrouping]read.Grouping{
	model.WorkspaceGroupingKind: read.ByKind, model.WorkspaceGroupingEnvironment: read.ByEnvironment, model.WorkspaceGroupingSensitivity: read.BySensitivity,
	model.WorkspaceGroupingTeam: read.ByTeam, model.WorkspaceGroupingStatus: read.ByState, model.WorkspaceGroupingLabel: read.ByLabel, model.WorkspaceGroupingOrganization: read.ByOrganization,
}

// workspaceGroups counts the workspaces of a list by a value.
func (r *Resolver) workspaceGroups(ctx context.Context, q read.OverviewQuery, by model.WorkspaceGrouping, label string) ([]*model.WorkspaceGroup, error) {
	if (by == model.WorkspaceGroupingLabel) != (label != "") {
		return nil, invalid("label", "LABEL goes with the key of a label, and the other groupings go without.", "label: give it with LABEL, and with nothing else")
	}
	c := caller(ctx)
	if c.Principal == nil || !c.Allows(domain.ReadWorkspace) {
		return []*model.WorkspaceGroup{}, nil
	}
	schema, seen, err := r.sighted(ctx, q)
	if err != nil {
		return nil, err
	}
	found, err := r.Read.GroupOverviews(ctx, schema, q, seen, groupings[by], label)
	if err != nil {
		return nil, err
	}
	out := make([]*model.WorkspaceGroup, len(found))
	for i, g := range found {
		out[i] = &model.WorkspaceGroup{Value: g.Value, Count: g.Count}
		if g.Value != nil && by != model.WorkspaceGroupingTeam && by != model.WorkspaceGroupingLabel && by != model.WorkspaceGroupingOrganization {
			out[i].Value = model.Word(strings.ToUpper(*g.Value))
		}
	}
	return out, nil
}
