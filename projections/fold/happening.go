package fold

import (
	"fmt"

	"github.com/annals-io/annals/domain"
)

// A happening is an event with what it names.
type happening struct {
	*domain.Recorded
	ws    int32
	slug  domain.Slug
	order domain.Order
	names []named
}

// listen makes happenings of the events of the pages.
func (f *fold) listen() {
	for _, p := range f.pages {
		for i := range p.Events {
			e := happening{Recorded: &p.Events[i], ws: p.Number, slug: p.Slug}
			if e.Event != nil {
				e.order = e.Order()
				e.order.At = instant(e.order.At)
			}
			f.events = append(f.events, e)
		}
	}
}

// change lets the event say what it says.
func (f *fold) change(e domain.Event) error {
	switch e := e.(type) {
	case domain.WorkspaceCreated, domain.WorkspaceRenamed, domain.WorkspaceDescribed, domain.WorkspaceLabelled,
		domain.WorkspaceArchived, domain.WorkspaceRestored, domain.WorkspaceDeleted,
		domain.WorkspaceEnvironmentSet, domain.WorkspaceSensitivitySet, domain.WorkspaceTeamSet, domain.WorkspaceWallSet, domain.HistoryImported:
		f.workspaceChanged(e)
	case domain.OrganizationCreated, domain.OrganizationRenamed, domain.OrganizationDescribed, domain.AccountRegistered,
		domain.AccountRenamed, domain.AccountDisabled, domain.AccountEnabled, domain.AccountSignedIn, domain.IdentityLinked, domain.IdentityUnlinked,
		domain.RoleGranted, domain.RoleRevoked, domain.MemberRemoved, domain.MemberSuspended, domain.MemberReinstated,
		domain.RoleDefined, domain.RoleDeleted, domain.TeamCreated, domain.TeamMemberAdded, domain.TeamMemberRemoved, domain.TeamDeleted,
		domain.ServiceAccountCreated, domain.ServiceAccountDeleted, domain.MemberInvited, domain.InvitationAccepted, domain.InvitationRevoked:
		f.peopleChanged(e)
	case domain.MemberDisabled, domain.MemberEnabled:
		// In the history alone: whether somebody is shut out is read of their account.
	case domain.APIKeyCreated, domain.APIKeyRotated, domain.APIKeyRevoked:
		// In the history alone: what keys there are is asked of the table that they are checked by.
	case domain.SubjectErased:
		// No row holds what was erased: texts lie in evidence, and names are sealed. A row for the history is all.
	case domain.PipelineRegistered, domain.PipelineVersionRegistered, domain.PipelineDescribed, domain.PipelineTagged,
		domain.PipelineDeclared, domain.PipelineDeleted:
		return f.pipelineChanged(e)
	case domain.RunReported:
		return f.runReported(e)
	case domain.RunNested:
		f.runNested(e)
	case domain.RunDeleted:
		f.runDeleted(e)
	case domain.StepReported:
		return f.stepReported(e)
	case domain.StepDeleted:
		f.stepDeleted(e)
	case domain.MetricsLogged:
		f.metricsLogged(e)
	case domain.ArtifactsConsumed:
		return f.consumed(e)
	case domain.ArtifactsProduced:
		return f.produced(e)
	case domain.ArtifactObserved, domain.ArtifactDescribed, domain.ArtifactTagged, domain.ArtifactAliased, domain.ArtifactDeleted:
		return f.artifactChanged(e)
	case domain.ArtifactVersionAnnotated:
		return f.versionAnnotated(e)
	case domain.ArtifactVersionDeleted:
		return f.versionDeleted(e)
	case domain.ArtifactVersionReceived:
		return f.versionReceived(e)
	case domain.ArtifactVersionSent:
		return f.versionSent(e)
	case domain.ArtifactVersionPromoted:
		return f.promotionEnded(e.Version, e.Promotion, statePromoted, "")
	case domain.ArtifactVersionPromotionRefused:
		return f.promotionEnded(e.Version, e.Promotion, stateRefused, e.Code)
	default:
		return fmt.Errorf("%s: %w", e.EventType(), domain.ErrUnknownEvent)
	}
	return nil
}

// reason is why the event was made to happen, where its actor said.
func (f *fold) reason() string { return cut(noNUL(f.e.Meta.Reason), 2000) }
