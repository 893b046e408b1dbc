package fold

import (
	"encoding/json"
	"slices"

	"github.com/annals-io/annals/domain"
)

// peopleChanged folds the facts on who may do what.
func (f *fold) peopleChanged(e domain.Event) {
	switch e := e.(type) {
	case domain.OrganizationCreated:
		*f.organizations.edit(workspaceKey{}) = organizationRow{slug: string(e.Slug), name: noNUL(e.Name), personal: e.Personal, owner: e.Owner, createdAt: instant(f.e.RecordedAt)}
		f.granted(domain.Person(e.Owner), domain.Owner)
	case domain.OrganizationRenamed:
		f.organizations.edit(workspaceKey{}).name = noNUL(e.Name)
	case domain.OrganizationDescribed:
		f.organizations.edit(workspaceKey{}).description, _ = textOf(e.Description)
	case domain.AccountRegistered:
		a := f.accounts.edit(workspaceKey{})
		a.id, a.createdAt = e.Account, instant(f.e.RecordedAt)
		a.subject, a.named = sealedOf(e.Name)
		a.disabled, a.issuers = false, document([]string{})
	case domain.AccountRenamed:
		a := f.accounts.edit(workspaceKey{})
		a.subject, a.named = sealedOf(e.Name)
	case domain.AccountDisabled:
		f.accounts.edit(workspaceKey{}).disabled = true
	case domain.AccountEnabled:
		f.accounts.edit(workspaceKey{}).disabled = false
	case domain.IdentityLinked:
		f.identities(func(issuers []string) []string { return append(issuers, noNUL(e.Issuer)) })
	case domain.IdentityUnlinked:
		f.identities(func(issuers []string) []string {
			if i := slices.Index(issuers, noNUL(e.Issuer)); i >= 0 {
				return slices.Delete(issuers, i, i+1)
			}
			return issuers
		})
	case domain.RoleGranted:
		f.granted(e.Member, e.Role)
	case domain.RoleRevoked:
		f.revoked(e.Member, e.Role)
	case domain.MemberRemoved:
		f.membersOf.drop(wordKey{e.Member.String()})
	case domain.MemberSuspended:
		f.suspend(e.Member, true)
	case domain.MemberReinstated:
		f.suspend(e.Member, false)
	case domain.RoleDefined:
		r := f.roles.edit(wordKey{e.Name})
		r.permissions = document(e.Permissions)
		r.description, _ = textOf(e.Description)
	case domain.RoleDeleted:
		f.roles.drop(wordKey{e.Name})
	case domain.TeamCreated:
		t := f.teams.edit(wordKey{e.Team})
		t.title = noNUL(e.Title)
		t.description, _ = textOf(e.Description)
	case domain.TeamMemberAdded:
		f.teamMembers.edit(teamMemberKey{e.Team, e.Member.String()})
	case domain.TeamMemberRemoved:
		f.teamMembers.drop(teamMemberKey{e.Team, e.Member.String()})
	case domain.TeamDeleted:
		f.teamDeleted(e.Team)
	case domain.ServiceAccountCreated:
		a := f.serviceAccounts.edit(e.Account)
		a.name = noNUL(e.Name)
		a.description, _ = textOf(e.Description)
	case domain.ServiceAccountDeleted:
		f.serviceAccounts.drop(e.Account)
	case domain.MemberInvited:
		i := f.invitations.edit(e.Invitation)
		i.roles, i.state, i.expiresAt, i.invitedBy = document(roleWords(e.Roles)), "open", instant(e.ExpiresAt), f.e.Meta.Actor.Kind+":"+f.e.Meta.Actor.ID
		i.subject, i.invited = sealedOf(e.Invited)
	case domain.InvitationAccepted:
		i := f.invitations.edit(e.Invitation)
		i.state, i.account = "accepted", e.Account
	case domain.InvitationRevoked:
		f.invitations.edit(e.Invitation).state = "revoked"
	}
}

// granted adds a role to those somebody holds. Who creates a workspace or organization owns it from its first event.
func (f *fold) granted(g domain.Grantee, role domain.RoleRef) {
	m := f.membersOf.edit(wordKey{g.String()})
	if roles := listedIn(m.roles); !slices.Contains(roles, role.String()) {
		m.roles = document(append(roles, role.String()))
	}
}

func (f *fold) revoked(g domain.Grantee, role domain.RoleRef) {
	was := f.membersOf.get(wordKey{g.String()})
	if was == nil {
		return
	}
	left := slices.DeleteFunc(listedIn(was.roles), func(r string) bool { return r == role.String() })
	if len(left) == 0 {
		f.membersOf.drop(wordKey{g.String()})
		return
	}
	f.membersOf.edit(wordKey{g.String()}).roles = document(left)
}

func (f *fold) suspend(g domain.Grantee, suspended bool) {
	if f.membersOf.get(wordKey{g.String()}) != nil {
		f.membersOf.edit(wordKey{g.String()}).suspended = suspended
	}
}

// teamDeleted ends a team and everybody's place in it.
func (f *fold) teamDeleted(name string) {
	f.teams.drop(wordKey{name})
	var gone []teamMemberKey
	for p, r := range f.teamMembers.rows {
		if p.ws == f.ws && p.key.team == name && r.will {
			gone = append(gone, p.key)
		}
	}
	for _, k := range gone {
		f.teamMembers.drop(k)
	}
}

// identities changes the list of who vouches for the account.
func (f *fold) identities(change func(issuers []string) []string) {
	a := f.accounts.edit(workspaceKey{})
	a.issuers = document(change(listedIn(a.issuers)))
}

// listedIn reads a list as document wrote it.
func listedIn(list string) []string {
	words := []string{}
	if list == "" || json.Unmarshal([]byte(list), &words) != nil {
		return []string{}
	}
	return words
}

func roleWords(roles []domain.RoleRef) []string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = r.String()
	}
	return words
}

func sealedOf(p *domain.Personal) (subject, sealed string) {
	if p == nil {
		return "", ""
	}
	return p.Subject, string(p.Sealed)
}
