package graphql

import (
	"math"

	"github.com/annals-io/annals/graphql/generated"
	"github.com/annals-io/annals/graphql/limit"
	"github.com/annals-io/annals/graphql/model"
)

// defaultPage is how many rows a page has when nobody says.
const defaultPage = 50

// costs says what fields cost: a page costs its children times its rows, everything else 1 and its children. A test
// fails for a connection that is missing here.
func costs(l limit.Limits) generated.ComplexityRoot {
	page := func(child int, first, last *int) int {
		n := min(defaultPage, l.Page)
		switch {
		case first != nil:
			n = *first
		case last != nil:
			n = *last
		}
		return times(min(max(n, 1), l.Page), child)
	}
	paged := func(child int, first *int, _ *string, last *int, _ *string) int { return page(child, first, last) }
	some := func(n int) func(int) int { return func(child int) int { return times(n, child) } }

	var c generated.ComplexityRoot
	c.Query.Nodes = func(child int, ids []string, _ *model.AsOf, atLeast []*model.WorkspaceRevision, _ int) int {
		return times(max(len(ids), 1), child) + len(atLeast)
	}
	c.Query.Workspaces = func(child int, _ *model.WorkspaceFilter, _ *model.AsOf, atLeast []*model.WorkspaceRevision, _ int, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last) + len(atLeast)
	}
	c.Workspace.Runs = func(child int, _ *model.RunFilter, _ *model.RunOrder, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last)
	}
	c.Workspace.Pipelines = func(child int, _ *model.PipelineFilter, _ *model.PipelineOrder, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last)
	}
	c.Workspace.Artifacts = func(child int, _ *model.ArtifactFilter, _ *model.ArtifactOrder, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last)
	}
	c.Workspace.AuditLog = func(child int, _ *model.AuditFilter, _ model.SortDirection, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last)
	}
	c.Workspace.Lineage = func(child int, _ string, _ model.LineageDirection, _, maxNodes int, _ model.LineageGranularity, _ *model.LineageFilter) int {
		return times(min(max(maxNodes, 1), maxLineageNodes), child)
	}
	c.Workspace.Impact = func(child int, _ string, _ model.LineageDirection, _ int, _ model.LineageGranularity, _ *model.LineageFilter, first int, _ *string) int {
		return page(child, &first, nil)
	}
	c.Diff.Changes = func(child int, _ []model.EntityKind, _ []model.DiffChange, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last)
	}
	c.EntityChange.Fields = some(10)
	c.RunComparison.Differences, c.StepComparison.Differences, c.ArtifactVersionComparison.Differences, c.RunComparison.Steps = some(10), some(10), some(10), some(10)
	c.Workspace.Search = func(child int, _ string, _ []model.EntityKind, first int) int { return page(child, &first, nil) }
	c.Pipeline.Runs = c.Workspace.Runs
	c.Pipeline.Versions = paged
	c.Pipeline.DeclaredInputs, c.Pipeline.DeclaredOutputs = some(10), some(10)
	c.Run.Children, c.Run.Artifacts = paged, paged
	peopleCosts(&c, page)
	c.Run.Steps = func(child int, _ *model.StepFilter, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last)
	}
	c.Run.Siblings, c.Run.Events, c.Run.Timeline, c.Run.Dag = some(10), some(20), some(100), some(100)
	c.Run.Inputs, c.Run.Outputs, c.Step.Inputs, c.Step.Outputs = some(10), some(10), some(10), some(10)
	c.Artifact.Versions = paged
	c.Artifact.Upstream, c.Artifact.Downstream = some(20), some(20)
	c.Artifact.ColumnLineage = func(child int, _ *string) int { return times(50, child) }
	c.ArtifactVersion.ConsumedBy = paged
	c.ArtifactVersion.Promotions = some(5)
	c.Workspace.Promotions = func(child int, _ *model.PromotionDirection, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last)
	}
	return c
}

// peopleCosts says what fields about people cost.
func peopleCosts(c *generated.ComplexityRoot, page func(child int, first, last *int) int) {
	paged := func(child int, first *int, _ *string, last *int, _ *string) int { return page(child, first, last) }
	c.Query.Organizations = func(child int, _ *model.AsOf, atLeast []*model.OrganizationRevision, _ int, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last) + len(atLeast)
	}
	c.Query.WhoCan = func(child int, _, _ *string, _ string, _ []model.MemberKind, _ *model.AsOf, _ *int64, _ int, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last)
	}
	c.Workspace.Members = func(child int, _ bool, _ []model.MemberKind, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last)
	}
	c.Workspace.Invitations = func(child int, _ []model.InvitationState, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last)
	}
	c.Workspace.Roles = func(child int) int { return times(10, child) }
	c.Organization.Members, c.Organization.Invitations, c.Organization.Roles = c.Workspace.Members, c.Workspace.Invitations, c.Workspace.Roles
	c.Organization.Teams, c.Organization.ServiceAccounts, c.Team.Members = paged, paged, paged
	c.Organization.Workspaces = func(child int, _ *model.WorkspaceFilter, first *int, _ *string, last *int, _ *string) int {
		return page(child, first, last)
	}
	c.Organization.AuditLog = c.Workspace.AuditLog
	c.Viewer.Organizations = func(child int, _ *model.AsOf) int { return times(10, child) }
	c.Viewer.Memberships = func(child int) int { return times(20, child) }
}

// times is 1 + n*child, without overflow.
func times(n, child int) int {
	if child > 0 && n > (math.MaxInt-1)/child {
		return math.MaxInt
	}
	return 1 + n*child
}
