package graphql

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/model"
)

// What concerns organizations and the people in them is carried out by one desk for all doors: here its answers become
// those of mutations. Who may do what is the desk's to say, and so its refusals are data.

// order begins a mutation for the desk, in the place that its input names.
func (r *Resolver) order(ctx context.Context, name string, workspace, organization *string, meta *model.WriteMeta, input any) *write {
	w := &write{Resolver: r, ctx: ctx, name: name, slug: domain.Slug(value(workspace)), org: domain.Slug(value(organization))}
	if meta != nil {
		w.meta = *meta
	}
	p, ok := access.From(ctx)
	if !ok || r.Desk == nil {
		w.fault = noScope("this caller may not do "+name, map[string]any{"rule": name + " is for people and service accounts."})
	}
	w.principal = p
	if since := w.meta.IfUnchangedSince; since != nil {
		n := domain.Revision(*since)
		w.request.IfUnchangedSince = &n
	}
	w.digest(input)
	return w
}

// in is the place of the mutation.
func (w *write) in() people.Place { return people.Place{Workspace: w.slug, Organization: w.org} }

// ask is how the write is done.
func (w *write) ask() people.Ask {
	return people.Ask{Key: value(w.meta.IdempotencyKey), Reason: value(w.meta.Reason), Correlation: value(w.meta.CorrelationID), Since: w.request.IfUnchangedSince}
}

// ordered has the desk carry something out.
func (w *write) ordered(carry func() (eventstore.Result, error)) {
	if !w.ok() {
		return
	}
	result, err := carry()
	if err != nil {
		w.judge(err, result)
		w.failed(err)
		return
	}
	w.result, w.done = result, true
}

// reopen is the moment at which what was written can be read, for somebody who may still read it.
func (w *write) reopen(ctx context.Context, least int64) (*model.Moment, error) {
	if w.org != "" {
		return w.openOrganization(ctx, string(w.org), nil, &least, int(readWait.Milliseconds()))
	}
	return w.open(ctx, string(w.slug), nil, &least, int(readWait.Milliseconds()))
}

// newestIn is newest for an organization.
func (w *write) newestIn() int64 {
	at, err := w.openOrganization(w.ctx, string(w.org), nil, nil, 0)
	switch {
	case err != nil: // there is none to see, or nobody knows
		return int64(domain.NoRevision)
	case w.judged != nil:
		return int64(*w.judged)
	}
	return at.Revision()
}

// written is the answer of a mutation, and the thing it is about, read when it is asked for.
func written[T any](w *write, read func(ctx context.Context, at *model.Moment) (*T, error)) model.Written[*T] {
	return model.Written[*T]{Outcome: w.outcome(), Read: after(w, read)}
}

func (w *write) organizationWritten() model.OrganizationWritten {
	return model.OrganizationWritten{Written: written(w, func(ctx context.Context, at *model.Moment) (*model.Organization, error) {
		return absent(w.organizationAt(ctx, at))
	})}
}

func (w *write) memberWritten(who domain.Grantee) model.MemberWritten {
	return model.MemberWritten{Written: written(w, func(ctx context.Context, at *model.Moment) (*model.Member, error) {
		return w.memberNow(ctx, at, who)
	})}
}

func (w *write) teamWritten(name string) model.TeamWritten {
	return model.TeamWritten{Written: written(w, func(ctx context.Context, at *model.Moment) (*model.Team, error) {
		return w.teamNamed(ctx, at, name)
	})}
}

func (w *write) invitationWritten(id uuid.UUID) model.InvitationWritten {
	return model.InvitationWritten{Written: written(w, func(ctx context.Context, at *model.Moment) (*model.Invitation, error) {
		return w.invitationNamed(ctx, at, id.String())
	})}
}

// createOrganization makes an organization with its default workspace.
func (w *write) createOrganization(in model.CreateOrganizationInput) (*model.CreateOrganizationPayload, error) {
	var made people.Organization
	w.ordered(func() (_ eventstore.Result, err error) {
		made, err = w.Desk.CreateOrganization(w.ctx, w.principal, people.NewOrganization{Ask: w.ask(), Slug: domain.Slug(value(in.Slug)), Name: value(in.Name)})
		w.org = made.Slug
		return made.Result, err
	})
	out := &model.CreateOrganizationPayload{OrganizationWritten: w.organizationWritten()}
	if w.done {
		out.Default = func(ctx context.Context) (*model.Workspace, error) {
			least := int64(0)
			at, err := w.open(ctx, string(made.Workspace), nil, &least, int(readWait.Milliseconds()))
			if err != nil {
				return absent[model.Workspace](nil, err)
			}
			return absent(w.workspaceAt(ctx, at))
		}
	}
	return out, w.fault
}

// who is the member that an argument means.
func (w *write) who(member string) domain.Grantee {
	g, err := domain.ParseGrantee(member)
	if err != nil {
		w.failed(err)
	}
	return g
}

// roleWord is the role that an argument means; field is where it stands.
func (w *write) roleWord(role, field string) domain.RoleRef {
	ref, err := domain.ParseRoleRef(role)
	if err != nil {
		w.failed(domain.At(err, field))
	}
	return ref
}

// changeRole gives a role or takes it away.
func (w *write) changeRole(member, role string, change func(context.Context, access.Principal, people.RoleChange) (eventstore.Result, error)) model.MemberWritten {
	q := people.RoleChange{Ask: w.ask(), At: w.in(), Member: w.who(member), Role: w.roleWord(role, "role")}
	w.ordered(func() (eventstore.Result, error) { return change(w.ctx, w.principal, q) })
	return w.memberWritten(q.Member)
}

// changeMember changes everything that somebody holds.
func (w *write) changeMember(member string, change func(context.Context, access.Principal, people.MemberChange) (eventstore.Result, error)) model.MemberWritten {
	q := people.MemberChange{Ask: w.ask(), At: w.in(), Member: w.who(member)}
	w.ordered(func() (eventstore.Result, error) { return change(w.ctx, w.principal, q) })
	return w.memberWritten(q.Member)
}

// setRoles says everything that somebody is to hold.
func (w *write) setRoles(in model.SetMemberRolesInput) model.MemberWritten {
	q := people.RolesChange{Ask: w.ask(), At: w.in(), Member: w.who(in.Member)}
	for i, role := range in.Roles {
		q.Roles = append(q.Roles, w.roleWord(role, fmt.Sprintf("roles[%d]", i)))
	}
	w.ordered(func() (eventstore.Result, error) { return w.Desk.SetRoles(w.ctx, w.principal, q) })
	return w.memberWritten(q.Member)
}

// leave gives up what the caller holds.
func (w *write) leave() model.Outcome {
	w.ordered(func() (eventstore.Result, error) { return w.Desk.Leave(w.ctx, w.principal, w.ask(), w.in()) })
	return w.outcome()
}

// defineRole makes a custom role.
func (w *write) defineRole(in model.DefineRoleInput) model.RoleWritten {
	q := people.RoleDefinition{Ask: w.ask(), At: w.in(), Name: in.Name, Description: in.Description}
	for _, p := range in.Permissions {
		q.Permissions = append(q.Permissions, domain.Permission(p))
	}
	w.ordered(func() (eventstore.Result, error) { return w.Desk.DefineRole(w.ctx, w.principal, q) })
	return model.RoleWritten{Written: written(w, func(ctx context.Context, at *model.Moment) (*model.Role, error) {
		found, err := w.roleNode(ctx, at, domain.RoleRef{Level: levelOf(at), Name: in.Name}.String())
		role, _ := found.(*model.Role)
		return role, err
	})}
}

// deleteRole ends one.
func (w *write) deleteRole(name string) model.Outcome {
	w.ordered(func() (eventstore.Result, error) {
		return w.Desk.DeleteRole(w.ctx, w.principal, people.RoleDefinition{Ask: w.ask(), At: w.in(), Name: name})
	})
	return w.outcome()
}

// changeOrganization renames or describes an organization.
func (w *write) changeOrganization(name string, description *string, change func(context.Context, access.Principal, people.OrganizationChange) (eventstore.Result, error)) model.OrganizationWritten {
	w.ordered(func() (eventstore.Result, error) {
		return change(w.ctx, w.principal, people.OrganizationChange{Ask: w.ask(), Organization: w.org, Name: name, Description: description})
	})
	return w.organizationWritten()
}

// createTeam creates a team.
func (w *write) createTeam(in model.CreateTeamInput) model.TeamWritten {
	w.ordered(func() (eventstore.Result, error) {
		return w.Desk.CreateTeam(w.ctx, w.principal, people.NewTeam{Ask: w.ask(), Organization: w.org, Team: in.Name, Title: value(in.Title), Description: in.Description})
	})
	return w.teamWritten(in.Name)
}

// moveTeamMember puts somebody into a team, or takes them out.
func (w *write) moveTeamMember(team, member string, move func(context.Context, access.Principal, people.TeamChange) (eventstore.Result, error)) model.TeamWritten {
	q := people.TeamChange{Ask: w.ask(), Organization: w.org, Team: team, Member: w.who(member)}
	w.ordered(func() (eventstore.Result, error) { return move(w.ctx, w.principal, q) })
	return w.teamWritten(team)
}

// deleteTeam ends a team.
func (w *write) deleteTeam(team string) model.Outcome {
	w.ordered(func() (eventstore.Result, error) {
		return w.Desk.DeleteTeam(w.ctx, w.principal, people.TeamChange{Ask: w.ask(), Organization: w.org, Team: team})
	})
	return w.outcome()
}

// createServiceAccount creates one.
func (w *write) createServiceAccount(in model.CreateServiceAccountInput) model.ServiceAccountWritten {
	var id uuid.UUID
	w.ordered(func() (result eventstore.Result, err error) {
		id, result, err = w.Desk.CreateServiceAccount(w.ctx, w.principal, people.NewServiceAccount{Ask: w.ask(), Organization: w.org, Name: in.Name, Description: in.Description})
		return result, err
	})
	return model.ServiceAccountWritten{Written: written(w, func(ctx context.Context, at *model.Moment) (*model.ServiceAccount, error) {
		return w.serviceAccountNamed(ctx, at, id.String())
	})}
}

// idOf is an id that an argument has; what is none is an id of nothing.
func (w *write) idOf(field, what, text string) uuid.UUID {
	id, err := uuid.Parse(text)
	if err != nil {
		w.refuse(&model.NotFoundError{Message: "there is no such " + what, Path: []string{"input", field}, Code: model.UserErrorCodeNotFound, Candidates: []string{}})
	}
	return id
}

// deleteServiceAccount ends one.
func (w *write) deleteServiceAccount(account string) model.Outcome {
	id := w.idOf("account", "service account", account)
	w.ordered(func() (eventstore.Result, error) {
		return w.Desk.DeleteServiceAccount(w.ctx, w.principal, people.ServiceAccountChange{Ask: w.ask(), Organization: w.org, Account: id})
	})
	return w.outcome()
}

// invite makes an invitation.
func (w *write) invite(in model.InviteMemberInput) *model.InviteMemberPayload {
	q := people.NewInvitation{Ask: w.ask(), At: w.in(), Invited: value(in.Invited)}
	if in.ValidHours != nil {
		q.For = time.Duration(*in.ValidHours) * time.Hour
		if *in.ValidHours < 1 || *in.ValidHours > int(domain.MaxInvitation.Hours()) {
			w.refuse(&model.InvalidInput{Message: "an invitation is good for 1 to 720 hours", Path: []string{"input", "validHours"}, Code: model.UserErrorCodeInvalid})
		}
	}
	for i, role := range in.Roles {
		q.Roles = append(q.Roles, w.roleWord(role, fmt.Sprintf("roles[%d]", i)))
	}
	var made people.Invitation
	w.ordered(func() (_ eventstore.Result, err error) {
		made, err = w.Desk.Invite(w.ctx, w.principal, q)
		return made.Result, err
	})
	out := &model.InviteMemberPayload{InvitationWritten: w.invitationWritten(made.ID)}
	if w.done {
		out.Link, out.ExpiresAt = model.Word(made.Link), model.Instant(made.ExpiresAt)
	}
	return out
}

// accept uses an invitation up.
func (w *write) accept(link string) *model.AcceptInvitationPayload {
	w.ordered(func() (eventstore.Result, error) {
		offer, result, err := w.Desk.AcceptInvitation(w.ctx, w.principal, w.ask(), people.TokenOf(link))
		if err == nil {
			w.slug, w.org = offer.At.Workspace, offer.At.Organization
		}
		return result, err
	})
	out := &model.AcceptInvitationPayload{MemberWritten: w.memberWritten(w.principal.Who())}
	if w.done {
		out.Workspace, out.Organization = model.Word(string(w.slug)), model.Word(string(w.org))
	}
	return out
}

// revokeInvitation takes one back.
func (w *write) revokeInvitation(invitation string) model.InvitationWritten {
	id := w.idOf("invitation", "invitation", invitation)
	w.ordered(func() (eventstore.Result, error) {
		return w.Desk.RevokeInvitation(w.ctx, w.principal, people.InvitationChange{Ask: w.ask(), At: w.in(), Invitation: id})
	})
	return w.invitationWritten(id)
}
