package main

import "github.com/annals-io/annals/domain"

// matrixFields are the root fields of the schema. One that is not here fails the tests.
var matrixFields = func() map[string]matrixRow {
	rows := map[string]matrixRow{
		"Query.workspace":                  reads(),
		"Query.node":                       matrixRow{place: inWorkspace, needs: domain.ReadWorkspace, gone: true}.with("id", "$workspaceID"),
		"Query.nodes":                      matrixRow{place: inWorkspace, needs: domain.ReadWorkspace, gone: true}.with("ids", []any{"$workspaceID"}),
		"Query.workspaces":                 {place: ofAnybody},
		"Query.slugAvailability":           {place: ofAnybody, args: map[string]any{"slug": "some-slug"}},
		"Query.viewer":                     {place: ofAnybody},
		"Mutation.createOrganization":      {place: ofAnybody, people: true, args: map[string]any{"input.slug": "!"}},
		"Mutation.acceptInvitation":        {place: ofAnybody, people: true},
		"Query.permissions":                {place: ofAnybody},
		"Query.organization":               takesThere(domain.ReadOrganization).with("slug", "$organization"),
		"Query.organizations":              {place: ofAnybody},
		"Query.effectiveAccess":            reads().with("workspace", "$workspace").with("member", "account:00000000-0000-4000-8000-0000000000aa"),
		"Query.whoCan":                     reads().with("workspace", "$workspace"),
		"Subscription.organizationEvents":  takesThere(domain.ReadOrganization).with("after", "-1"),
		"Mutation.promoteArtifactVersion":  takes(domain.PromoteArtifacts).with("input.to", "$workspace"),
		"Mutation.setWorkspaceWall":        takes(domain.ConfigureWorkspace),
		"Mutation.leave":                   matrixRow{place: inWorkspace, direct: true}.with("input.workspace", "$workspace").with("input.meta", map[string]any{"ifUnchangedSince": "0"}),
		"Query.server":                     {place: ofAnybody},
		"Subscription.events":              reads().with("after", "-1"),
		"Subscription.replay":              reads(),
		"Subscription.run":                 reads().with("id", "r1"),
		"Mutation.ingestRunEvents":         takes(domain.IngestEvents).with("input.events", []any{}),
		"Mutation.createWorkspace":         takesThere(domain.CreateWorkspaces).with("input.organization", "$organization").with("input.slug", "!").with("input.name", "x"),
		"Mutation.deleteWorkspace":         takes(domain.DeleteWorkspaces).with("input.confirmSlug", "x"),
		"Mutation.eraseSubject":            takes(domain.DeleteWorkspaces).with("input.workspace", "$workspace").with("input.subject", "workspace").with("input.dryRun", true),
		"Mutation.consumeArtifactVersions": takes(domain.WriteRuns),
		"Mutation.produceArtifactVersions": takes(domain.WriteArtifacts),
		"Mutation.logMetrics":              takes(domain.WriteRuns),
		"Mutation.nestRun":                 takes(domain.WriteRuns),
	}
	for name, needs := range map[string]domain.Permission{
		"grantRole": domain.ManageMembers, "revokeRole": domain.ManageMembers, "removeMember": domain.ManageMembers, "setMemberRoles": domain.ManageMembers, "inviteMember": domain.ManageMembers, "revokeInvitation": domain.ManageMembers,
		"defineRole": domain.ManageRoles, "deleteRole": domain.ManageRoles,
	} {
		rows["Mutation."+name] = takes(needs).with("input.workspace", "$workspace")
	}
	for name, needs := range map[string]domain.Permission{
		"renameOrganization": domain.ConfigureOrganization, "describeOrganization": domain.ConfigureOrganization,
		"createTeam": domain.ManageTeams, "addTeamMember": domain.ManageTeams, "removeTeamMember": domain.ManageTeams, "deleteTeam": domain.ManageTeams,
		"createServiceAccount": domain.ManageServiceAccounts, "deleteServiceAccount": domain.ManageServiceAccounts,
		"suspendMember": domain.ManageOrganizationMembers, "reinstateMember": domain.ManageOrganizationMembers,
	} {
		rows["Mutation."+name] = takesThere(needs)
	}
	for needs, names := range map[domain.Permission][]string{
		domain.ConfigureWorkspace: {"renameWorkspace", "describeWorkspace", "labelWorkspace", "classifyWorkspace", "archiveWorkspace", "restoreWorkspace"},
		domain.WritePipelines:     {"registerPipeline", "registerPipelineVersion", "describePipeline", "tagPipeline", "deletePipeline"},
		domain.WriteArtifacts:     {"registerArtifact", "describeArtifact", "tagArtifact", "aliasArtifact", "deleteArtifact", "registerArtifactVersion", "annotateArtifactVersion", "deleteArtifactVersion"},
		domain.WriteRuns: {
			"queueRun", "startRun", "completeRun", "failRun", "cancelRun", "skipRun", "initializeRun", "cacheRun", "loseRun", "annotateRun", "deleteRun",
			"startStep", "completeStep", "failStep", "skipStep", "queueStep", "initializeStep", "cancelStep", "loseStep", "cacheStep", "retryStep", "annotateStep", "deleteStep",
		},
	} {
		for _, name := range names {
			rows["Mutation."+name] = takes(needs)
		}
	}
	return rows
}()

func takesThere(p domain.Permission) matrixRow { return matrixRow{place: inOrganization, needs: p} }

// matrixTypes says to whom the things of each type are shown. One that is not here fails the tests.
var matrixTypes = func() map[string]string {
	gates := map[string]string{}
	for gate, names := range map[string][]string{
		byWorkspace: {
			"Artifact", "ArtifactAlias", "ArtifactUse", "ArtifactVersion", "Attempt", "CodeReference", "ColumnDependency", "CompactLineage", "DagNode", "DistanceCount", "Facet", "FacetValue", "Failure", "ImpactRow", "Label",
			"Lineage", "LineageFrontier", "LineageNode", "LineageEdge", "Metric", "NamedValue", "Orchestrator", "Pipeline", "PipelineVersion", "ResourceCounts", "Run", "RunDag", "RunUpdate", "SchemaField", "SearchHit", "Step", "StepSpec", "StepStatusCount", "Tag",
			"TimelineBar", "Tombstone", "ViewerAccess", "Workspace", "WorkspaceProgress", "OnboardingStep", "ViewerRole", "DeletionPreview", "DeletionCounts", "DeletionBlocker", "LineageWorkspace", "Promotion", "PromotionCounterpart", "WorkspaceGroup",
			"Diff", "DiffCounts", "DiffCount", "EntityChange", "FieldDifference", "RunComparison", "StepComparison", "ArtifactVersionComparison",
		},
		byPlace:          {"Actor", "AuditEvent", "EventBatch", "Member", "Role", "EffectiveAccess", "AccessSource", "PermissionGrant", "Invitation"},
		byAsking:         {"AlreadyExists", "IdempotencyConflict", "IngestResult", "InvalidInput", "InvalidTransition", "NotFoundError", "RevisionConflict", "WorkspaceClosed", "Conflict", "LastOwner", "PermissionDenied", "DeletionBlocked", "Erasure", "ErasureOthers", "Moment", "PageInfo"},
		"any credential": {"ServerInfo", "ServerLimits", "SlugAvailability", "Viewer", "PermissionInfo", "Membership"},
		byOrganization:   {"Organization", "Team", "TeamMember", "ServiceAccount"},
	} {
		for _, name := range names {
			gates[name] = gate
		}
	}
	return gates
}()
