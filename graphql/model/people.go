package model

import (
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections/read"
)

// An Organization is an organization at one moment of its own stream.
type Organization struct {
	At  *Moment
	Row read.Organization
}

// ID is the global id.
func (o *Organization) ID() string { return o.At.WordID(relay.Organization, "") }

// Slug is the name in addresses.
func (o *Organization) Slug() string { return string(o.Row.Slug) }

// Name is the name for people.
func (o *Organization) Name() string { return o.Row.Name }

// Personal says whether it is one person's own.
func (o *Organization) Personal() bool { return o.Row.Personal }

// AsOf is the moment the answer is true at.
func (o *Organization) AsOf() *Moment { return o.At }

// CreatedRevision is that of the event that created it: the first one.
func (o *Organization) CreatedRevision() int64 { return 0 }

// Revision is that of its last change.
func (o *Organization) Revision() int64 { return int64(o.Row.Since) }

// OrganizationSlug is the organization of a workspace.
func (w *Workspace) OrganizationSlug() string { return string(w.Row.Organization) }

// KindOfMember is the schema's word for a kind of grantee.
func KindOfMember(k domain.GranteeKind) MemberKind { return MemberKind(strings.ToUpper(string(k))) }

// A Member is somebody who may do something in a place, or holds a role there.
type Member struct {
	*Peers[Member]
	Who       domain.Grantee
	Held      []string // the roles held in the place itself
	Sources   []domain.Source
	Suspended bool
	Since     domain.Revision // of what they hold there; [domain.NoRevision]: nothing
}

// Member is the kind and the id.
func (m *Member) Member() string { return m.Who.String() }

// Kind is who it is.
func (m *Member) Kind() MemberKind { return KindOfMember(m.Who.Kind) }

// ID is the id of the account or service account, the name of the team.
func (m *Member) ID() string { return m.Who.ID }

// Roles are held in the place itself, in the order they were granted.
func (m *Member) Roles() []string {
	if m.Held == nil {
		return []string{}
	}
	return m.Held
}

// Through is by what they may do something there.
func (m *Member) Through() []*AccessSource { return sourcesOf(m.At, m.Sources) }

// Revision is since when the roles are so.
func (m *Member) Revision() int64 { return int64(m.Since) }

// sourcesOf are the sources of rights in the place of a moment, as the schema has them.
func sourcesOf(at *Moment, sources []domain.Source) []*AccessSource {
	out := make([]*AccessSource, len(sources))
	for i, s := range sources {
		var ways []string
		if s.Level == domain.OrganizationLevel && at.OfWorkspace() {
			ways = append(ways, "organization")
		}
		if s.Team != "" {
			ways = append(ways, "team:"+s.Team)
		}
		if len(ways) == 0 {
			ways = []string{"direct"}
		}
		out[i] = &AccessSource{Level: LevelOf(s.Level), Role: s.Role.String(), Team: Word(s.Team), Through: strings.Join(ways, ", "), Permissions: PermissionsOf(s.Permissions)}
	}
	return out
}

// LevelOf is the schema's word for a level.
func LevelOf(l domain.Level) RoleLevel { return RoleLevel(strings.ToUpper(string(l))) }

// PermissionsOf are permissions by name.
func PermissionsOf(ps []domain.Permission) []string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = string(p)
	}
	return out
}

// A Role is a role that can be granted in a place, at the moment of the stream where it is defined.
type Role struct {
	*Peers[Role]
	Ref   domain.RoleRef
	In    domain.Level // the level of the place where it is defined
	May   []domain.Permission
	Text  *domain.Text
	Since domain.Revision
}

// ID is the global id.
func (r *Role) ID() string { return r.At.WordID(relay.Role, r.Ref.String()) }

// Role is the word by which it is granted.
func (r *Role) Role() string { return r.Ref.String() }

// Name is the name alone.
func (r *Role) Name() string { return r.Ref.Name }

// Level is where it is defined.
func (r *Role) Level() RoleLevel { return LevelOf(r.In) }

// Builtin says whether it comes with Annals.
func (r *Role) Builtin() bool { return r.Ref.Level == "" }

// Permissions are what it permits.
func (r *Role) Permissions() []string { return PermissionsOf(r.May) }

// Revision is that of its definition.
func (r *Role) Revision() int64 { return int64(r.Since) }

// A Team is a team at one moment of its organization.
type Team struct {
	*Peers[Team]
	Row read.Team
}

// ID is the global id.
func (t *Team) ID() string { return t.At.WordID(relay.Team, t.Row.Name) }

// Name is unique in the organization.
func (t *Team) Name() string { return t.Row.Name }

// Member is what roles are granted to.
func (t *Team) Member() string {
	return domain.Grantee{Kind: domain.TeamGrantee, ID: t.Row.Name}.String()
}

// Title is the name for people.
func (t *Team) Title() string {
	if t.Row.Title == "" {
		return t.Row.Name
	}
	return t.Row.Title
}

// Revision is that of its last change.
func (t *Team) Revision() int64 { return int64(t.Row.Since) }

// A TeamMember is somebody in a team.
type TeamMember struct {
	*Peers[TeamMember]
	Who   domain.Grantee
	Since domain.Revision
}

// Member is the kind and the id.
func (m *TeamMember) Member() string { return m.Who.String() }

// Kind is who it is.
func (m *TeamMember) Kind() MemberKind { return KindOfMember(m.Who.Kind) }

// ID is the id of the account or service account.
func (m *TeamMember) ID() string { return m.Who.ID }

// Revision is that of the event that put them there.
func (m *TeamMember) Revision() int64 { return int64(m.Since) }

// A ServiceAccount is a service account at one moment of its organization.
type ServiceAccount struct {
	*Peers[ServiceAccount]
	Row read.ServiceAccount
}

// Who is the service account as a grantee.
func (a *ServiceAccount) Who() domain.Grantee {
	return domain.Grantee{Kind: domain.ServiceGrantee, ID: a.Row.ID.String()}
}

// ID is the global id.
func (a *ServiceAccount) ID() string { return a.At.WordID(relay.ServiceAccount, a.Row.ID.String()) }

// Account is the id that keys and events name.
func (a *ServiceAccount) Account() string { return a.Row.ID.String() }

// Member is what roles are granted to.
func (a *ServiceAccount) Member() string { return a.Who().String() }

// Name is the name for people.
func (a *ServiceAccount) Name() string { return a.Row.Name }

// Revision is that of its last change.
func (a *ServiceAccount) Revision() int64 { return int64(a.Row.Since) }

// An Invitation is an invitation at one moment of the place it is for.
type Invitation struct {
	*Peers[Invitation]
	Row read.Invitation
	Now time.Time // the time of the moment, by which it is over or not
}

// ID is the global id.
func (i *Invitation) ID() string { return i.At.WordID(relay.Invitation, i.Row.ID.String()) }

// Invitation is the id that events name.
func (i *Invitation) Invitation() string { return i.Row.ID.String() }

// Roles are what it offers.
func (i *Invitation) Roles() []string { return i.Row.Roles }

// State is what became of it.
func (i *Invitation) State() InvitationState {
	if i.Row.State == "open" && !i.Now.Before(i.Row.ExpiresAt) {
		return InvitationStateExpired
	}
	return InvitationState(strings.ToUpper(i.Row.State))
}

// ExpiresAt is when it ends.
func (i *Invitation) ExpiresAt() time.Time { return i.Row.ExpiresAt }

// InvitedBy is who invited.
func (i *Invitation) InvitedBy() *Actor {
	return actorOf(i, i.Peers, func(i *Invitation) domain.Actor {
		kind, id, _ := strings.Cut(i.Row.InvitedBy, ":")
		return domain.Actor{Kind: kind, ID: id}
	})
}

// AcceptedBy is who accepted it.
func (i *Invitation) AcceptedBy() *string {
	if i.Row.State != "accepted" {
		return nil
	}
	return Word(domain.Person(i.Row.Account).String())
}

// Revision is that of its last change.
func (i *Invitation) Revision() int64 { return int64(i.Row.Since) }

// EffectiveAccess is what somebody may do in a place at one moment.
type EffectiveAccess struct {
	*Peers[EffectiveAccess]
	Who       domain.Grantee
	Held      []domain.Source
	Suspended bool
	Beside    *Moment // of the organization that was counted; nil: none
}

// Member is the kind and the id.
func (a *EffectiveAccess) Member() string { return a.Who.String() }

// Kind is who it is.
func (a *EffectiveAccess) Kind() MemberKind { return KindOfMember(a.Who.Kind) }

// Sources are the roles all this comes from.
func (a *EffectiveAccess) Sources() []*AccessSource { return sourcesOf(a.At, a.Held) }

// Permissions are what they may do, each with what it comes from.
func (a *EffectiveAccess) Permissions() []*PermissionGrant {
	out := []*PermissionGrant{}
	for _, p := range domain.HoldsOf(a.Held).List() {
		out = append(out, &PermissionGrant{Permission: string(p), Sources: sourcesOf(a.At, SourcesFor(a.Held, p))})
	}
	return out
}

// SourcesFor are those of the sources that permit something.
func SourcesFor(sources []domain.Source, p domain.Permission) (out []domain.Source) {
	for _, s := range sources {
		if domain.SetOf(s.Permissions...).Has(p) {
			out = append(out, s)
		}
	}
	return out
}

// AsOf is the moment it is true at.
func (a *EffectiveAccess) AsOf() *Moment { return a.At }

// OrganizationAsOf is the moment of the organization that was counted.
func (a *EffectiveAccess) OrganizationAsOf() *Moment { return a.Beside }

// The connections of what is about people.
type (
	// An OrganizationConnection is a page of organizations.
	OrganizationConnection struct{ List[Organization] }
	// A TeamConnection is a page of teams.
	TeamConnection struct{ List[Team] }
	// A TeamMemberConnection is a page of members of a team.
	TeamMemberConnection struct{ List[TeamMember] }
	// A ServiceAccountConnection is a page of service accounts.
	ServiceAccountConnection struct{ List[ServiceAccount] }
	// An InvitationConnection is a page of invitations.
	InvitationConnection struct{ List[Invitation] }
)

// Edges are the rows with their cursors.
func (c *OrganizationConnection) Edges() []*OrganizationEdge {
	return edgesOf(&c.List, func(s string, n *Organization) *OrganizationEdge { return &OrganizationEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *TeamConnection) Edges() []*TeamEdge {
	return edgesOf(&c.List, func(s string, n *Team) *TeamEdge { return &TeamEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *TeamMemberConnection) Edges() []*TeamMemberEdge {
	return edgesOf(&c.List, func(s string, n *TeamMember) *TeamMemberEdge { return &TeamMemberEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *ServiceAccountConnection) Edges() []*ServiceAccountEdge {
	return edgesOf(&c.List, func(s string, n *ServiceAccount) *ServiceAccountEdge { return &ServiceAccountEdge{s, n} })
}

// Edges are the rows with their cursors.
func (c *InvitationConnection) Edges() []*InvitationEdge {
	return edgesOf(&c.List, func(s string, n *Invitation) *InvitationEdge { return &InvitationEdge{s, n} })
}
