package people

import (
	"context"
	"fmt"
	"strings"

	"github.com/annals-io/annals/domain"
)

// happened is the conflict of whoever came second: it says what the other one did since a revision.
func (d *Desk) happened(ctx context.Context, stream domain.Stream, about subject, since domain.Revision) error {
	events, err := d.Log.ReadEntity(ctx, stream, about.entity, since+1)
	if err != nil {
		return fmt.Errorf("read what happened to a %s of %s: %w", about.entity.Kind, stream, err)
	}
	no := &domain.Error{Code: domain.RevisionConflict, Subject: string(about.entity.Kind), Expected: since, Actual: since}
	var last *domain.Recorded
	for i := range events {
		no.Actual = events[i].Revision
		if last == nil || about.told(events[i].Event) || !about.told(last.Event) {
			last = &events[i]
		}
	}
	if last == nil {
		no.Message = "somebody else changed it at the same time: look again"
		return no
	}
	no.Message = fmt.Sprintf("somebody else was first: %s, by %s, at revision %d: look again, and decide anew", said(last.Event), by(last.Meta.Actor), last.Revision)
	return no
}

func by(a domain.Actor) string {
	if a.ID == "" {
		return "nobody who is known"
	}
	return a.Kind + ":" + a.ID
}

// said tells a fact about people in words.
func said(e domain.Event) string {
	switch e := e.(type) {
	case domain.RoleGranted:
		return fmt.Sprintf("%s was granted %s", e.Member, e.Role)
	case domain.RoleRevoked:
		return fmt.Sprintf("%s was taken from %s", e.Role, e.Member)
	case domain.MemberRemoved:
		return fmt.Sprintf("%s was removed", e.Member)
	case domain.MemberSuspended:
		return fmt.Sprintf("%s was suspended", e.Member)
	case domain.MemberDisabled:
		return fmt.Sprintf("the account of %s was disabled", e.Member)
	case domain.MemberEnabled:
		return fmt.Sprintf("the account of %s was enabled", e.Member)
	case domain.MemberReinstated:
		return fmt.Sprintf("%s was reinstated", e.Member)
	case domain.RoleDefined:
		return fmt.Sprintf("the role %s was defined", e.Name)
	case domain.RoleDeleted:
		return fmt.Sprintf("the role %s was deleted", e.Name)
	case domain.TeamMemberAdded:
		return fmt.Sprintf("%s was put into the team %s", e.Member, e.Team)
	case domain.TeamMemberRemoved:
		return fmt.Sprintf("%s was taken out of the team %s", e.Member, e.Team)
	case domain.TeamDeleted:
		return fmt.Sprintf("the team %s was deleted", e.Team)
	case domain.OrganizationRenamed:
		return fmt.Sprintf("it was renamed to %q", e.Name)
	case domain.InvitationRevoked:
		return "the invitation was taken back"
	case domain.InvitationAccepted:
		return "the invitation was accepted"
	case nil:
		return "something happened that this server does not know"
	}
	return strings.NewReplacer(".", " ", "_", " ").Replace(e.EventType()) // such as "organization described"
}

// memberOf is whom a fact about a roster or a team is about; nobody for other facts.
func memberOf(e domain.Event) domain.Grantee {
	switch e := e.(type) {
	case domain.RoleGranted:
		return e.Member
	case domain.RoleRevoked:
		return e.Member
	case domain.MemberRemoved:
		return e.Member
	case domain.MemberSuspended:
		return e.Member
	case domain.MemberReinstated:
		return e.Member
	case domain.MemberDisabled:
		return e.Member
	case domain.MemberEnabled:
		return e.Member
	case domain.TeamMemberAdded:
		return e.Member
	case domain.TeamMemberRemoved:
		return e.Member
	}
	return domain.Grantee{}
}

// roleOf is the custom role that a fact is about; none for other facts.
func roleOf(e domain.Event) string {
	switch e := e.(type) {
	case domain.RoleDefined:
		return e.Name
	case domain.RoleDeleted:
		return e.Name
	}
	return ""
}
