package domain

import (
	"slices"

	"github.com/google/uuid"
)

// A State is what deciding about one entity needs, and no more: small, and the same whether it was folded from the
// log, kept in a cache or stored by the projection of decision states. The zero State is of an entity that no fact
// is about.
type State struct {
	Exists   bool              `json:"exists,omitempty"`
	Deleted  bool              `json:"deleted,omitempty"`
	Archived bool              `json:"archived,omitempty"` // of workspaces
	Name     string            `json:"name,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Text     Digest            `json:"text,omitzero"` // evidence of the description
	Hashes   []string          `json:"hashes,omitempty"`
	Aliases  []Name            `json:"aliases,omitempty"`
	Facts    []Fact            `json:"facts,omitempty"` // of runs and steps: those that can still matter
	Parent   *RunRef           `json:"parent,omitempty"`

	Kind        WorkspaceKind `json:"kind,omitempty"` // of workspaces, as what follows
	Environment Environment   `json:"environment,omitempty"`
	Sensitivity Sensitivity   `json:"sensitivity,omitempty"`
	Filed       string        `json:"filed,omitempty"` // the team it is filed under
	Owner       uuid.UUID     `json:"owner,omitzero"`  // of workspaces and organizations: who created it

	Organization Slug `json:"organization,omitempty"` // of workspaces: whose it is

	Roster *Roster   `json:"roster,omitempty"`
	Team   []Grantee `json:"team,omitempty"` // who is in it

	Invitation *Invitation `json:"invitation,omitempty"`

	Disabled   bool     `json:"disabled,omitempty"`   // of accounts: shut out
	SignedIn   bool     `json:"signedIn,omitempty"`   // of accounts: the person has come at least once
	Identities []Digest `json:"identities,omitempty"` // of accounts: those that are linked

	HidesCounts bool      `json:"hidesCounts,omitempty"` // of workspaces: see WorkspaceWallSet
	Sent        []Sending `json:"sent,omitempty"`        // of artifact versions: promotions that have not ended well

	Changed Revision `json:"changed"` // of the last fact about it
}

var noAccount uuid.UUID

// Outdated says that a stored state lacks what this build decides by: it was folded by an older one. It is folded again
// from its first fact.
func (s *State) Outdated(kind Kind) bool {
	return s.Exists && (kind == KindWorkspace && s.Organization == "" || kind == KindOrganization && s.Owner == noAccount)
}

// maxFacts bounds a state: what a run with more turns of its life than this decides on is its latest ones.
const maxFacts = 64

// Apply folds in a fact about the entity. It fails only on a type this build does not know.
func (s *State) Apply(r *Recorded) error {
	if r.Event == nil {
		return ErrUnknownEvent
	}
	if _, erased := r.Event.(SubjectErased); erased {
		return nil // what was said about it, no one can read any more; what was decided by it stays
	}
	s.Exists, s.Changed = true, r.Revision
	switch e := r.Event.(type) {
	case WorkspaceCreated:
		s.Name, s.Labels, s.Owner, s.Organization = e.Name, cloneLabels(e.Labels), e.Owner, e.Organization
		s.Kind, s.Environment, s.Sensitivity, s.Filed = e.KindOf(), e.Environment, e.Sensitivity, e.Team
		s.Text = textDigest(e.Description)
	case HistoryImported:
		s.Owner, s.Organization, s.Kind, s.Filed = e.Owner, e.Organization, kindHere(s.Kind), ""
	case WorkspaceRenamed:
		s.Name = e.Name
	case WorkspaceDescribed:
		s.Text = textDigest(e.Description)
	case WorkspaceLabelled:
		s.Labels = relabelled(s.Labels, e.Set, e.Removed)
	case WorkspaceEnvironmentSet:
		s.Environment = e.Environment
	case WorkspaceSensitivitySet:
		s.Sensitivity = e.Sensitivity
	case WorkspaceTeamSet:
		s.Filed = e.Team
	case WorkspaceWallSet:
		s.HidesCounts = e.HidesCounts
	case ArtifactVersionSent, ArtifactVersionPromoted, ArtifactVersionPromotionRefused:
		s.promoted(e)
	case WorkspaceArchived:
		s.Archived = true
	case WorkspaceRestored:
		s.Archived = false
	case OrganizationCreated:
		s.Name, s.Owner = e.Name, e.Owner
	case OrganizationRenamed:
		s.Name = e.Name
	case OrganizationDescribed:
		s.Text = textDigest(e.Description)
	case RoleGranted, RoleRevoked, MemberRemoved, MemberSuspended, MemberReinstated, MemberDisabled, MemberEnabled, RoleDefined, RoleDeleted:
		if s.Roster == nil {
			s.Roster = &Roster{}
		}
		s.Roster.apply(e)
	case TeamMemberAdded:
		s.Team = append(slices.Clip(s.Team), e.Member)
	case TeamMemberRemoved:
		s.Team = slices.DeleteFunc(slices.Clone(s.Team), func(g Grantee) bool { return g == e.Member })
	case MemberInvited:
		s.Invitation = &Invitation{Roles: e.Roles, ExpiresAt: e.ExpiresAt, Secret: e.Secret}
	case InvitationAccepted:
		s.invitation(func(i *Invitation) { i.Used = true })
	case InvitationRevoked:
		s.invitation(func(i *Invitation) { i.Revoked = true })
	case AccountDisabled:
		s.Disabled = true
	case AccountSignedIn:
		s.SignedIn = true
	case AccountEnabled:
		s.Disabled = false
	case IdentityLinked:
		s.Identities = append(slices.Clip(s.Identities), e.Identity)
	case IdentityUnlinked:
		s.Identities = slices.DeleteFunc(slices.Clone(s.Identities), func(d Digest) bool { return d == e.Identity })
	case TeamDeleted, ServiceAccountDeleted, APIKeyRevoked, WorkspaceDeleted, PipelineDeleted, RunDeleted, StepDeleted, ArtifactDeleted, ArtifactVersionDeleted:
		s.Deleted = true
	case PipelineRegistered:
		s.Deleted = false
		s.Text = textDigest(e.Description)
	case PipelineVersionRegistered:
		s.Hashes = append(s.Hashes, e.Hash)
	case PipelineDescribed:
		s.Text = textDigest(e.Description)
	case ArtifactDescribed:
		s.Text = textDigest(e.Description)
	case ArtifactAliased:
		s.Aliases = append(s.Aliases, e.Alias.Name)
	case RunNested:
		s.Parent = &e.Parent
	case RunReported:
		s.fact(Fact{Phase: e.Phase, Order: r.Order(), Attempt: e.Attempt})
	case StepReported:
		s.fact(Fact{Phase: e.Phase, Order: r.Order(), Attempt: e.Attempt})
	}
	return nil
}

// invitation changes a copy of the invitation: the old one may be another state's.
func (s *State) invitation(change func(*Invitation)) {
	if s.Invitation == nil {
		return
	}
	now := *s.Invitation
	change(&now)
	s.Invitation = &now
}

// fact keeps what FoldLife can still need: not the second report in a row that only says "it runs". One that it is to be
// retried or stopped counts each time, since a start may lie between two of them.
func (s *State) fact(f Fact) {
	switch f.Phase {
	case Queued, Initializing, Annotated, Observed, Progressed:
		for _, old := range s.Facts {
			if old.Phase == f.Phase && old.Attempt == f.Attempt && old.Order.Compare(f.Order) <= 0 {
				return
			}
		}
	}
	s.Facts = append(s.Facts, f)
	if len(s.Facts) > maxFacts {
		slices.SortFunc(s.Facts, func(a, b Fact) int { return a.Order.Compare(b.Order) })
		s.Facts = slices.Delete(s.Facts, 1, 2) // the first says when it began
	}
}

// Life is the life of a run or step as far as deciding needs it.
func (s *State) Life() Life { return FoldLife(s.Facts) }

// Clone is a copy that shares nothing that Apply changes.
func (s *State) Clone() *State {
	c := *s
	c.Labels, c.Facts, c.Hashes, c.Aliases = cloneLabels(s.Labels), slices.Clone(s.Facts), slices.Clone(s.Hashes), slices.Clone(s.Aliases)
	c.Roster, c.Team, c.Identities = s.Roster.clone(), slices.Clone(s.Team), slices.Clone(s.Identities)
	return &c
}

func textDigest(t *Text) Digest {
	if t == nil {
		return Digest{}
	}
	return t.Evidence
}

func cloneLabels(l map[string]string) map[string]string {
	if l == nil {
		return nil
	}
	out := make(map[string]string, len(l))
	for k, v := range l {
		out[k] = v
	}
	return out
}

func relabelled(old, set map[string]string, removed []string) map[string]string {
	out := cloneLabels(old)
	if out == nil {
		out = map[string]string{}
	}
	for k, v := range set {
		out[k] = v
	}
	for _, k := range removed {
		delete(out, k)
	}
	return out
}
