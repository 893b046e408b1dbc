package graphql

import (
	"context"
	"errors"
	"slices"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// builtinRoles are the built-in roles of a level, the weakest first.
func builtinRoles(at *model.Moment, l domain.Level) []*model.Role {
	var out []*model.Role
	for _, ref := range []domain.RoleRef{domain.Viewer, domain.Member, domain.Admin, domain.Owner} {
		if ps, ok := domain.BuiltinPermissions(l, ref); ok {
			out = append(out, &model.Role{Ref: ref, In: l, May: ps, Since: domain.NoRevision})
		}
	}
	return together(at, out, asPeer)
}

func asPeer(p *model.Peers[model.Role], x *model.Role) *model.Role {
	x.Peers = p
	return x
}

// levelOf is the level of the place of a moment.
func levelOf(at *model.Moment) domain.Level {
	if projections.IsWorkspace(at.At.Slug) {
		return domain.WorkspaceLevel
	}
	return domain.OrganizationLevel
}

// customRoles are the custom roles that are defined in a place.
func (r *Resolver) customRoles(ctx context.Context, at *model.Moment) ([]*model.Role, error) {
	rows, err := r.Read.Roles(ctx, at.At)
	if err != nil {
		return nil, err
	}
	level := levelOf(at)
	return together(at, rows, func(p *model.Peers[model.Role], row read.Role) *model.Role {
		return &model.Role{Peers: p, Ref: domain.RoleRef{Level: level, Name: row.Name}, In: level, May: row.Permissions, Text: row.Description, Since: row.Since}
	}), nil
}

// roleList are the roles that can be granted in a place: its own, and in a workspace those of its organization.
func (r *Resolver) roleList(ctx context.Context, at *model.Moment) ([]*model.Role, error) {
	out := builtinRoles(at, levelOf(at))
	own, err := r.customRoles(ctx, at)
	if err != nil {
		return nil, err
	}
	out = append(out, own...)
	if levelOf(at) == domain.OrganizationLevel {
		return out, nil
	}
	in, err := r.placeAt(ctx, at)
	if err != nil || in.org == nil {
		return out, err
	}
	shared, err := r.customRoles(ctx, in.org)
	return append(out, shared...), err
}

// permissionList is the closed list of permissions of a level.
func permissionList(l model.RoleLevel) []*model.PermissionInfo {
	level, plain := domain.OrganizationLevel, domain.Permissions(domain.WorkspaceLevel)
	if l == model.RoleLevelWorkspace {
		level = domain.WorkspaceLevel
	}
	out := []*model.PermissionInfo{}
	for _, p := range domain.Permissions(level) {
		out = append(out, &model.PermissionInfo{Name: string(p), About: p.About(), Custom: domain.Customizable(p), Organization: !slices.Contains(plain, p)})
	}
	return out
}

func teamsOf(at *model.Moment, rows []*read.Team) []*model.Team {
	return together(at, rows, func(p *model.Peers[model.Team], row *read.Team) *model.Team {
		return &model.Team{Peers: p, Row: *row}
	})
}

// teamList answers a page of an organization's teams.
func (r *Resolver) teamList(ctx context.Context, at *model.Moment, a pageArgs) (*model.TeamConnection, error) {
	hash := r.shape("teams", at.Slug())
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	rows, err := r.Read.Teams(ctx, at.At)
	if err != nil {
		return nil, err
	}
	return &model.TeamConnection{List: short(at, hash, p, pointers(rows), func(t *read.Team) string { return t.Name }, teamsOf)}, nil
}

// wordIn is what a word means in the place of a moment: the word of a global id of that place and kind, else itself.
func wordIn(at *model.Moment, kind relay.Kind, word string) string {
	if id, err := relay.ParseID(word); err == nil && id.Kind == kind && id.Slug == at.Slug() {
		return id.Word
	}
	return word
}

// teamNamed is one team; nil where there is none of that name.
func (r *Resolver) teamNamed(ctx context.Context, at *model.Moment, word string) (*model.Team, error) {
	rows, err := r.Read.Teams(ctx, at.At)
	if err != nil {
		return nil, err
	}
	name := wordIn(at, relay.Team, word)
	for i := range rows {
		if rows[i].Name == name {
			return teamsOf(at, []*read.Team{&rows[i]})[0], nil
		}
	}
	return nil, nil
}

// teamMemberList answers a page of who is in a team.
func (r *Resolver) teamMemberList(ctx context.Context, t *model.Team, a pageArgs) (*model.TeamMemberConnection, error) {
	hash := r.shape("team members", t.At.Slug(), t.Row.Name)
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	rows, err := r.Read.TeamMembers(ctx, t.At.At, []string{t.Row.Name})
	if err != nil {
		return nil, err
	}
	var failed error
	l := short(t.At, hash, p, pointers(rows), func(m *read.TeamMember) string { return m.Grantee }, func(at *model.Moment, rows []*read.TeamMember) []*model.TeamMember {
		return together(at, rows, func(p *model.Peers[model.TeamMember], row *read.TeamMember) *model.TeamMember {
			who, err := domain.ParseGrantee(row.Grantee)
			failed = errors.Join(failed, err)
			return &model.TeamMember{Peers: p, Who: who, Since: row.Since}
		})
	})
	return &model.TeamMemberConnection{List: l}, failed
}

func serviceAccountsOf(at *model.Moment, rows []*read.ServiceAccount) []*model.ServiceAccount {
	return together(at, rows, func(p *model.Peers[model.ServiceAccount], row *read.ServiceAccount) *model.ServiceAccount {
		return &model.ServiceAccount{Peers: p, Row: *row}
	})
}

// serviceAccountList answers a page of an organization's service accounts.
func (r *Resolver) serviceAccountList(ctx context.Context, at *model.Moment, a pageArgs) (*model.ServiceAccountConnection, error) {
	hash := r.shape("service accounts", at.Slug())
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	rows, err := r.Read.ServiceAccounts(ctx, at.At)
	if err != nil {
		return nil, err
	}
	return &model.ServiceAccountConnection{List: short(at, hash, p, pointers(rows), func(a *read.ServiceAccount) string { return a.ID.String() }, serviceAccountsOf)}, nil
}

// serviceAccountNamed is one service account; nil where there is none of that id.
func (r *Resolver) serviceAccountNamed(ctx context.Context, at *model.Moment, word string) (*model.ServiceAccount, error) {
	rows, err := r.Read.ServiceAccounts(ctx, at.At)
	if err != nil {
		return nil, err
	}
	id := wordIn(at, relay.ServiceAccount, word)
	for i := range rows {
		if rows[i].ID.String() == id {
			return serviceAccountsOf(at, []*read.ServiceAccount{&rows[i]})[0], nil
		}
	}
	return nil, nil
}

func (r *Resolver) invitationsOf(at *model.Moment, rows []*read.Invitation) []*model.Invitation {
	now := r.now()
	if at.Asked != nil {
		now = *at.Asked
	}
	return together(at, rows, func(p *model.Peers[model.Invitation], row *read.Invitation) *model.Invitation {
		return &model.Invitation{Peers: p, Row: *row, Now: now}
	})
}

// mayInvite refuses whoever may not see the invitations of a place: they name people who are not there yet.
func (r *Resolver) mayInvite(ctx context.Context, at *model.Moment) error {
	c := caller(ctx)
	if org, ok := projections.OrganizationOf(at.At.Slug); ok {
		holds, err := c.holdsIn(ctx, org)
		if err == nil && !holds.Has(domain.ManageOrganizationMembers) {
			err = c.lacks("invitations", needed{domain.ManageOrganizationMembers, "admin"}, "organization "+string(org)).fault()
		}
		return err
	}
	holds, err := c.holds(ctx, at.At.Slug)
	if err == nil && !holds.Has(domain.ManageMembers) {
		err = c.lacks("invitations", needed{domain.ManageMembers, "admin"}, "workspace "+at.Slug()).fault()
	}
	return err
}

// invitationList answers a page of the invitations to a place.
func (r *Resolver) invitationList(ctx context.Context, at *model.Moment, states []model.InvitationState, a pageArgs) (*model.InvitationConnection, error) {
	if err := r.mayInvite(ctx, at); err != nil {
		return nil, err
	}
	hash := r.shape("invitations", at.Slug(), states)
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	rows, err := r.Read.Invitations(ctx, at.At)
	if err != nil {
		return nil, err
	}
	all := r.invitationsOf(at, pointers(rows))
	if states != nil {
		all = slices.DeleteFunc(slices.Clone(all), func(i *model.Invitation) bool { return !slices.Contains(states, i.State()) })
	}
	return &model.InvitationConnection{List: short(at, hash, p, all, (*model.Invitation).Invitation, func(_ *model.Moment, rows []*model.Invitation) []*model.Invitation { return rows })}, nil
}

// invitationNamed is one invitation, for those who may see it; nil where there is none of that id.
func (r *Resolver) invitationNamed(ctx context.Context, at *model.Moment, id string) (*model.Invitation, error) {
	rows, err := r.Read.Invitations(ctx, at.At)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].ID.String() == id {
			return r.invitationsOf(at, []*read.Invitation{&rows[i]})[0], nil
		}
	}
	return nil, nil
}
