package fold

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// peopleWants are the rows that the page's events about people change.
type peopleWants struct {
	whole           wanted[workspaceKey] // the organization and the account
	members         wanted[wordKey]
	roles           wanted[wordKey]
	teams           wanted[wordKey] // with everybody in them
	teamMembers     wanted[teamMemberKey]
	serviceAccounts wanted[uuid.UUID]
	invitations     wanted[uuid.UUID]
}

func (w *peopleWants) want(ws int32, e domain.Event) {
	member := func(g domain.Grantee) { w.members.want(ws, wordKey{g.String()}) }
	switch e := e.(type) {
	case domain.OrganizationCreated:
		w.whole.want(ws, workspaceKey{})
		member(domain.Person(e.Owner))
	case domain.OrganizationRenamed, domain.OrganizationDescribed, domain.AccountRegistered, domain.AccountRenamed,
		domain.AccountDisabled, domain.AccountEnabled, domain.IdentityLinked, domain.IdentityUnlinked:
		w.whole.want(ws, workspaceKey{})
	case domain.WorkspaceCreated:
		member(domain.Person(e.Owner))
	case domain.RoleGranted:
		member(e.Member)
	case domain.RoleRevoked:
		member(e.Member)
	case domain.MemberRemoved:
		member(e.Member)
	case domain.MemberSuspended:
		member(e.Member)
	case domain.MemberReinstated:
		member(e.Member)
	case domain.RoleDefined:
		w.roles.want(ws, wordKey{e.Name})
	case domain.RoleDeleted:
		w.roles.want(ws, wordKey{e.Name})
	case domain.TeamCreated:
		w.teams.want(ws, wordKey{e.Team})
	case domain.TeamDeleted:
		w.teams.want(ws, wordKey{e.Team})
	case domain.TeamMemberAdded:
		w.teamMembers.want(ws, teamMemberKey{e.Team, e.Member.String()})
	case domain.TeamMemberRemoved:
		w.teamMembers.want(ws, teamMemberKey{e.Team, e.Member.String()})
	case domain.ServiceAccountCreated:
		w.serviceAccounts.want(ws, e.Account)
	case domain.ServiceAccountDeleted:
		w.serviceAccounts.want(ws, e.Account)
	case domain.MemberInvited:
		w.invitations.want(ws, e.Invitation)
	case domain.InvitationAccepted:
		w.invitations.want(ws, e.Invitation)
	case domain.InvitationRevoked:
		w.invitations.want(ws, e.Invitation)
	}
}

const inTeamsSQL = `SELECT %s FROM unnest($1::int4[], $2::text[]) AS x (ws, k) JOIN read.team_members t ON t.ws = x.ws AND t.team = x.k`

// askPeople queues the reading of what is wanted.
func (f *fold) askPeople(w *peopleWants) {
	t := &f.trip
	whole, teams := w.whole.take(), w.teams.take()
	f.organizations.load(t, whole)
	f.accounts.load(t, whole)
	f.membersOf.load(t, w.members.take())
	f.roles.load(t, w.roles.take())
	f.teams.load(t, teams)
	f.teamMembers.load(t, w.teamMembers.take())
	f.serviceAccounts.load(t, w.serviceAccounts.take())
	f.invitations.load(t, w.invitations.take())
	if len(teams) > 0 {
		args := []*array{{typ: tInt4}, {typ: tText}}
		for i := range teams {
			args[0].add(false, &teams[i].ws)
			args[1].add(false, &teams[i].key.word)
		}
		t.ask(fmt.Sprintf(inTeamsSQL, f.teamMembers.list()), args, f.teamMembers.take)
	}
}
