package domain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// ErrUnknownEvent is the cause when a type, or a version of a type, is not known to this build. Whoever meets it
// decides nothing and skips nothing.
var ErrUnknownEvent = errors.New("event of a type or version that this build does not know")

// vocabulary is that of the log: every type and version that was ever written.
var vocabulary, errVocabulary = NewVocabulary(shapes(), upcasts)

// shapes are the newest forms of all types.
func shapes() map[string]Shape {
	all := map[string]Shape{}
	for typ, decode := range wireTypes() {
		all[typ] = Shape{1, decode}
	}
	return all
}

func wireTypes() map[string]func([]byte) (Event, error) {
	types := map[string]func([]byte) (Event, error){
		"organization.created":        decodeAs[OrganizationCreated],
		"account.registered":          decodeAs[AccountRegistered],
		"account.renamed":             decodeAs[AccountRenamed],
		"account.disabled":            decodeAs[AccountDisabled],
		"account.enabled":             decodeAs[AccountEnabled],
		"account.signed_in":           decodeAs[AccountSignedIn],
		"account.identity_linked":     decodeAs[IdentityLinked],
		"account.identity_unlinked":   decodeAs[IdentityUnlinked],
		"organization.renamed":        decodeAs[OrganizationRenamed],
		"organization.described":      decodeAs[OrganizationDescribed],
		"workspace.environment_set":   decodeAs[WorkspaceEnvironmentSet],
		"workspace.sensitivity_set":   decodeAs[WorkspaceSensitivitySet],
		"workspace.team_set":          decodeAs[WorkspaceTeamSet],
		"workspace.wall_set":          decodeAs[WorkspaceWallSet],
		"history.imported":            decodeAs[HistoryImported],
		"role.defined":                decodeAs[RoleDefined],
		"role.deleted":                decodeAs[RoleDeleted],
		"role.granted":                decodeAs[RoleGranted],
		"role.revoked":                decodeAs[RoleRevoked],
		"member.removed":              decodeAs[MemberRemoved],
		"member.suspended":            decodeAs[MemberSuspended],
		"member.reinstated":           decodeAs[MemberReinstated],
		"member.disabled":             decodeAs[MemberDisabled],
		"member.enabled":              decodeAs[MemberEnabled],
		"member.invited":              decodeAs[MemberInvited],
		"invitation.accepted":         decodeAs[InvitationAccepted],
		"invitation.revoked":          decodeAs[InvitationRevoked],
		"team.created":                decodeAs[TeamCreated],
		"team.member_added":           decodeAs[TeamMemberAdded],
		"team.member_removed":         decodeAs[TeamMemberRemoved],
		"team.deleted":                decodeAs[TeamDeleted],
		"service_account.created":     decodeAs[ServiceAccountCreated],
		"service_account.deleted":     decodeAs[ServiceAccountDeleted],
		"api_key.created":             decodeAs[APIKeyCreated],
		"api_key.rotated":             decodeAs[APIKeyRotated],
		"api_key.revoked":             decodeAs[APIKeyRevoked],
		"workspace.created":           decodeAs[WorkspaceCreated],
		"workspace.renamed":           decodeAs[WorkspaceRenamed],
		"workspace.described":         decodeAs[WorkspaceDescribed],
		"workspace.labelled":          decodeAs[WorkspaceLabelled],
		"workspace.archived":          decodeAs[WorkspaceArchived],
		"workspace.restored":          decodeAs[WorkspaceRestored],
		"workspace.deleted":           decodeAs[WorkspaceDeleted],
		"pipeline.registered":         decodeAs[PipelineRegistered],
		"pipeline.version_registered": decodeAs[PipelineVersionRegistered],
		"pipeline.described":          decodeAs[PipelineDescribed],
		"pipeline.tagged":             decodeAs[PipelineTagged],
		"pipeline.declared":           decodeAs[PipelineDeclared],
		"pipeline.deleted":            decodeAs[PipelineDeleted],
		"run.nested":                  leanly((*lean).nested, unset[RunNested]),
		"run.deleted":                 decodeAs[RunDeleted],
		"step.deleted":                decodeAs[StepDeleted],
		"metrics.logged":              leanly((*lean).metrics, unset[MetricsLogged]),
		"artifacts.consumed":          leanly((*lean).consumed, unset[ArtifactsConsumed]),
		"artifacts.produced":          leanly((*lean).produced, unset[ArtifactsProduced]),
		"artifact.observed":           decodeAs[ArtifactObserved],
		"artifact.described":          decodeAs[ArtifactDescribed],
		"artifact.tagged":             decodeAs[ArtifactTagged],
		"artifact.aliased":            decodeAs[ArtifactAliased],
		"artifact.deleted":            decodeAs[ArtifactDeleted],
		"artifact_version.annotated":  decodeAs[ArtifactVersionAnnotated],
		"artifact_version.deleted":    decodeAs[ArtifactVersionDeleted],

		"subject.erased": decodeAs[SubjectErased],

		"artifact_version.sent":              decodeAs[ArtifactVersionSent],
		"artifact_version.received":          decodeAs[ArtifactVersionReceived],
		"artifact_version.promoted":          decodeAs[ArtifactVersionPromoted],
		"artifact_version.promotion_refused": decodeAs[ArtifactVersionPromotionRefused],
	}
	for _, p := range phases {
		if p != Retrying {
			types["run."+string(p)] = decodeRun(p)
		}
		types["step."+string(p)] = decodeStep(p)
	}
	return types
}

// EventTypes lists the wire names of all events of this build, sorted.
func EventTypes() []string { return vocabulary.Types() }

// CurrentVersion is the version of the shape that this build writes; 0: it does not know the type.
func CurrentVersion(typ string) int { return vocabulary.Version(typ) }

// Encode is the event's data: JSON bytes that are stored, hashed and compared as they are.
func Encode(e Event) ([]byte, error) {
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.EventType(), err)
	}
	return bytes.Clone(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// buffers are what events are written into before their size is known.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Decode reads an event's data, of any version ever written, into the newest Go type. Unknown types and versions
// are [ErrUnknownEvent].
func Decode(typ string, version int, data []byte) (Event, error) {
	return vocabulary.Decode(typ, version, data)
}

func decodeAs[E Event](data []byte) (Event, error) {
	var e E
	err := json.Unmarshal(data, &e)
	return e, err
}

func decodeRun(p Phase) func([]byte) (Event, error) {
	return leanly((*lean).run, func() RunReported { return RunReported{Phase: p} })
}

func decodeStep(p Phase) func([]byte) (Event, error) {
	return leanly((*lean).step, func() StepReported { return StepReported{Phase: p} })
}

// IsTerminalType says whether events of that type end a run or step.
func IsTerminalType(typ string) bool {
	_, phase, _ := strings.Cut(typ, ".")
	return Phase(phase).Terminal()
}
