package main

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
	"github.com/annals-io/annals/vault"
)

// What the desk invites to, the page of invitations shows to a stranger and accepts for the account that he gets.
func TestThePageAcceptsWhatTheDeskOffers(t *testing.T) {
	t.Parallel()
	log := memory.New()
	commands := eventstore.New(log, eventstore.Config{})
	t.Cleanup(func() { _ = commands.Close(context.Background()) })
	sealer, err := vault.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	rights := access.NewRights(log, nil, firstOrganization)
	desk := &people.Desk{Commands: rights.Watch(commands), Log: log, Lens: rights.Lens(), Rights: rights, Sealer: sealer, First: firstOrganization}
	owner, guest := uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{owner, guest} {
		if _, err := commands.Execute(t.Context(), eventstore.Request{Stream: domain.AccountStream(id), Command: domain.RegisterAccount{Account: id}}); err != nil {
			t.Fatal(err)
		}
	}
	home, err := desk.EnsurePersonal(t.Context(), owner, "ann")
	if err != nil {
		t.Fatal(err)
	}
	made, err := desk.Invite(t.Context(), holder(owner), people.NewInvitation{At: people.Place{Workspace: home.Workspace}, Roles: []domain.RoleRef{domain.Member}})
	if err != nil {
		t.Fatal(err)
	}
	page := invitations{desk}

	offer, err := page.Offer(t.Context(), made.Token)
	if err != nil || offer.Place != "Personal (workspace ann-default)" || len(offer.Roles) != 1 || offer.Roles[0] != "member" || offer.Path == "" {
		t.Errorf("Offer = %+v, %v", offer, err)
	}
	if _, err := page.Offer(t.Context(), made.Token+"x"); !errors.Is(err, domain.NotFound) {
		t.Errorf("another secret: %v", err)
	}
	if _, err := page.Accept(t.Context(), guest, made.Token); err != nil {
		t.Fatal(err)
	}
	if may, err := rights.May(t.Context(), holder(guest), home.Workspace, domain.WriteRuns); err != nil || !may {
		t.Errorf("the guest may write runs: %v, %v", may, err)
	}
	if _, err := page.Accept(t.Context(), uuid.New(), made.Token); !errors.Is(err, domain.Gone) {
		t.Errorf("a second guest: %v", err)
	}
}
