package main

import (
	"context"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/access/signin"
	"github.com/annals-io/annals/domain"
)

// Who may create team organizations.
const (
	organizationsAnyone   = "anyone"
	organizationsOperator = "operator"
)

// openDesk is the desk for organizations and the people in them; in the background it finishes what was interrupted.
func (s *server) openDesk(ctx context.Context, f serveFlags) {
	s.desk = &people.Desk{
		Commands: s.rights.Watch(s.commander()), Log: s.store, Lens: s.rights.Lens(), Rights: s.rights, Sealer: s.sealer,
		Organizations: s.engine, Places: s.engine, First: firstOrganization, OperatorsOnly: f.organizations == organizationsOperator,
	}
	if f.past.bundle == nil {
		s.work.Go(func() { s.desk.Complete(ctx, s.log) })
	}
}

// invitations are those of the desk, as the sign-in pages know them.
type invitations struct{ desk *people.Desk }

// holder is whoever comes with an invitation: a person, once there is an account.
func holder(account uuid.UUID) access.Principal {
	return access.Principal{SessionID: "invitation", Scopes: []access.Scope{access.Admin}, Account: account, Holder: domain.AccountGrantee}
}

func offerOf(o people.Offer) signin.Offer {
	shown := signin.Offer{Place: o.At.String(), Path: "/login"}
	if o.Name != "" {
		shown.Place = o.Name + " (" + shown.Place + ")"
	}
	for _, role := range o.Roles {
		shown.Roles = append(shown.Roles, role.String())
	}
	return shown
}

// Offer says what an invitation offers, to a stranger too: he holds the link.
func (i invitations) Offer(ctx context.Context, token string) (signin.Offer, error) {
	o, err := i.desk.Offer(ctx, holder(uuid.Max), token)
	return offerOf(o), err
}

// Accept uses it up for an account.
func (i invitations) Accept(ctx context.Context, account uuid.UUID, token string) (signin.Offer, error) {
	o, _, err := i.desk.AcceptInvitation(ctx, holder(account), people.Ask{}, token)
	return offerOf(o), err
}

// memberships tell every place of an account that was shut out or let in again.
type memberships struct{ desk *people.Desk }

// ShutOut says it in all places, or in none.
func (m memberships) ShutOut(ctx context.Context, id uuid.UUID, v account.Verdict) error {
	return m.desk.ShutOut(ctx, people.ShutOut{Account: id, Successor: v.Successor, By: v.By, Reason: v.Reason})
}

// LetIn takes it back.
func (m memberships) LetIn(ctx context.Context, id uuid.UUID, v account.Verdict) error {
	return m.desk.LetIn(ctx, people.ShutOut{Account: id, By: v.By, Reason: v.Reason})
}
