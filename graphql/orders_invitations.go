package graphql

import (
	"fmt"
	"time"

	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/model"
)

// invite makes an invitation.
func (w *write) invite(in model.InviteMemberInput) *model.InviteMemberPayload {
	q := people.NewInvitation{Ask: w.ask(), At: w.in(), Invited: value(in.Invited)}
	q.For = w.lifeOf(in)
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

// lifeOf is how long an invitation is to be good; 0 where nothing is said.
func (w *write) lifeOf(in model.InviteMemberInput) time.Duration {
	no := func(field, message string) time.Duration {
		w.refuse(&model.InvalidInput{Message: message, Path: []string{"input", field}, Code: model.UserErrorCodeInvalid})
		return 0
	}
	const most = domain.MaxInvitation
	switch {
	case in.ValidHours != nil && in.ValidMinutes != nil:
		return no("validMinutes", "validHours and validMinutes: give one of them")
	case in.ValidHours != nil && (*in.ValidHours < 1 || *in.ValidHours > int(most/time.Hour)):
		return no("validHours", fmt.Sprintf("an invitation is good for 1 to %d hours", most/time.Hour))
	case in.ValidMinutes != nil && (*in.ValidMinutes < 1 || *in.ValidMinutes > int(most/time.Minute)):
		return no("validMinutes", fmt.Sprintf("an invitation is good for 1 to %d minutes", most/time.Minute))
	case in.ValidHours != nil:
		return time.Duration(*in.ValidHours) * time.Hour
	case in.ValidMinutes != nil:
		return time.Duration(*in.ValidMinutes) * time.Minute
	}
	return 0
}
