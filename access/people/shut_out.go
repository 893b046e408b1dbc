package people

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Places finds where people hold roles. *projections.Engine does.
type Places interface {
	// PlacesOf answers every workspace and organization where somebody may hold a role directly: all where they do, and
	// perhaps others.
	PlacesOf(ctx context.Context, who domain.Grantee) (workspaces, organizations []domain.Slug, err error)
}

// A ShutOut is the account of a person that is shut out, or let in again.
type ShutOut struct {
	Account uuid.UUID
	// Successor becomes an owner of every place where the person is the only active one; nil: such places refuse.
	Successor *uuid.UUID
	By        domain.Actor
	Reason    string
}

// ShutOut says in every place where a person holds a role that their account is shut out, so that they do not count as
// an owner who can act. Where they are the only one somewhere, nobody is named to succeed them, and the place is not
// theirs alone, nothing is done anywhere: the refusal (last_owner of "account") names the places.
//
// Each place decides in its own stream. What was said in some of them before another refused is taken back; where the
// process dies in between, the caller says it again.
func (d *Desk) ShutOut(ctx context.Context, s ShutOut) error {
	if err := d.succeeds(ctx, s); err != nil {
		return err
	}
	places, err := d.placesOf(ctx, s.Account)
	if err != nil {
		return err
	}
	if err := d.foresee(ctx, places, s); err != nil {
		return err
	}
	for i, at := range places {
		if err := d.shutOutOf(ctx, at, s); err != nil {
			return errors.Join(err, d.letInto(ctx, places[:i], s))
		}
	}
	return nil
}

// LetIn takes back what [Desk.ShutOut] said.
func (d *Desk) LetIn(ctx context.Context, s ShutOut) error {
	places, err := d.placesOf(ctx, s.Account)
	if err != nil {
		return err
	}
	return d.letInto(ctx, places, s)
}

func (d *Desk) letInto(ctx context.Context, places []Place, s ShutOut) error {
	var failed []error
	for _, at := range places {
		_, err := d.do(ctx, s.request(at), domain.EnableMember{At: at.domain(), Member: domain.Person(s.Account)})
		if err != nil && !errors.Is(err, domain.NotFound) {
			failed = append(failed, fmt.Errorf("let %s into %s again: %w", s.Account, at, err))
		}
	}
	return errors.Join(failed...)
}

// request is one by whoever shuts the person out. It has no id: what was said already is no new fact.
func (s ShutOut) request(at Place) eventstore.Request {
	return eventstore.Request{Stream: at.stream(), Meta: domain.Meta{Actor: s.By, Reason: s.Reason}}
}

// succeeds refuses a successor who cannot own anything.
func (d *Desk) succeeds(ctx context.Context, s ShutOut) error {
	if s.Successor == nil {
		return nil
	}
	no := func(code domain.Code, message string) error {
		return &domain.Error{Code: code, Subject: "successor", Message: message}
	}
	if *s.Successor == s.Account {
		return no(domain.Invalid, "nobody succeeds themselves: name another account")
	}
	d.Lens.Forget(domain.AccountStream(*s.Successor))
	states, err := d.Lens.See(ctx, accountSight(*s.Successor))
	switch {
	case err != nil:
		return fmt.Errorf("look for account %s: %w", *s.Successor, err)
	case !states[0].Exists:
		return no(domain.NotFound, fmt.Sprintf("there is no account %s", *s.Successor))
	case states[0].Disabled:
		return no(domain.Conflict, fmt.Sprintf("the account %s is shut out itself", *s.Successor))
	}
	return nil
}

func accountSight(account uuid.UUID) eventstore.Sight {
	return eventstore.Sight{Stream: domain.AccountStream(account), Entity: domain.AccountEntity(account)}
}

// placesOf are the places where somebody may hold a role, in order.
func (d *Desk) placesOf(ctx context.Context, account uuid.UUID) ([]Place, error) {
	workspaces, organizations, err := d.Places.PlacesOf(ctx, domain.Person(account))
	if err != nil {
		return nil, fmt.Errorf("find where %s is a member: %w", account, err)
	}
	var places []Place
	for _, slug := range organizations {
		places = append(places, Place{Organization: slug})
	}
	for _, slug := range workspaces {
		places = append(places, Place{Workspace: slug})
	}
	return places, nil
}

// foresee refuses before anything is said, and names every place that would refuse.
func (d *Desk) foresee(ctx context.Context, places []Place, s ShutOut) error {
	if s.Successor != nil {
		return nil
	}
	var alone []string
	for _, at := range places {
		c, states, err := d.disabling(ctx, at, s)
		if err != nil {
			return err
		}
		if _, err := c.Decide(states); errors.Is(err, domain.LastOwner) {
			alone = append(alone, at.String())
		} else if err != nil {
			return err
		}
	}
	if len(alone) == 0 {
		return nil
	}
	return onlyOwner(alone)
}

// onlyOwner names where somebody is the only active owner.
func onlyOwner(of []string) error {
	const most = 20
	said := strings.Join(of[:min(len(of), most)], ", ")
	if more := len(of) - most; more > 0 {
		said += fmt.Sprintf(" and %d more", more)
	}
	return &domain.Error{Code: domain.LastOwner, Subject: "account", Message: "this is the only active owner of " + said + ": make somebody else an owner there first, or name a successor, who becomes one"}
}

// disabling is the command that one place is to decide, and what it looks like now.
func (d *Desk) disabling(ctx context.Context, at Place, s ShutOut) (domain.DisableMember, domain.States, error) {
	d.Lens.Forget(at.stream())
	in, err := d.look(ctx, at)
	if err != nil {
		return domain.DisableMember{}, nil, err
	}
	c := domain.DisableMember{At: at.domain(), Member: domain.Person(s.Account)}
	if s.Successor != nil {
		c.Successor = domain.Person(*s.Successor)
	}
	if c.Shut, err = d.shut(ctx, in); err != nil {
		return c, nil, err
	}
	if c.Sleeps, err = d.sleeps(ctx, in, s.Account); err != nil {
		return c, nil, err
	}
	return c, domain.States{at.entity(): in.place, domain.RosterEntity(): in.roster}, nil
}

// shutOutOf has one place decide. Who its owners are is looked at anew where they changed meanwhile.
func (d *Desk) shutOutOf(ctx context.Context, at Place, s ShutOut) error {
	_, err := d.retried(func() (eventstore.Result, error) {
		c, states, err := d.disabling(ctx, at, s)
		if err != nil {
			return eventstore.Result{}, err
		}
		seen := domain.RosterOf(states.Of(at.entity()), states.Of(domain.RosterEntity()))
		return d.do(ctx, s.request(at), sameOwners{c, at, seen.Owners()})
	})
	var no *domain.Error
	if errors.As(err, &no) && no.Code == domain.LastOwner && no.Subject == "account" {
		return onlyOwner([]string{at.String()})
	}
	if err != nil {
		return fmt.Errorf("shut %s out of %s: %w", s.Account, at, err)
	}
	return nil
}

// sleeps says whether a place is somebody's own, and nobody else is in it: a personal organization and its workspaces,
// which wait for their person.
func (d *Desk) sleeps(ctx context.Context, in door, account uuid.UUID) (bool, error) {
	if in.organization == "" || len(in.members().Members) != 1 {
		return false, nil
	}
	created, _, err := d.opening(ctx, in.organization)
	if err != nil || created == nil || !created.Personal || created.Owner != account {
		return false, err
	}
	of := in
	if in.Workspace != "" {
		if of, err = d.look(ctx, Place{Organization: in.organization}); err != nil {
			return false, err
		}
	}
	return len(of.members().Members) == 1, nil
}

// shut are the owners of a place whose accounts are shut out and who are not known as that there: their roles were granted
// while they were being shut out.
func (d *Desk) shut(ctx context.Context, in door) (out []domain.Grantee, err error) {
	owners := in.members().Owners()
	sights := make([]eventstore.Sight, 0, len(owners))
	for _, g := range owners {
		id, err := uuid.Parse(g.ID)
		if err != nil {
			return nil, fmt.Errorf("%s owns %s: %w", g, in.Place, err)
		}
		d.Lens.Forget(domain.AccountStream(id))
		sights = append(sights, accountSight(id))
	}
	states, err := d.Lens.See(ctx, sights...)
	if err != nil {
		return nil, fmt.Errorf("look at the owners of %s: %w", in.Place, err)
	}
	for i, s := range states {
		if s.Disabled {
			out = append(out, owners[i])
		}
	}
	return out, nil
}

// sameOwners is a command that rests on who the owners are, and on what was seen of their accounts. Where somebody else
// became one since, it is decided anew.
type sameOwners struct {
	domain.Command
	at     Place
	owners []domain.Grantee
}

// Decide decides the command. What is refused by the owners there are now is refused.
func (c sameOwners) Decide(s domain.States) ([]domain.Event, error) {
	events, err := c.Command.Decide(s)
	if err == nil && len(events) > 0 && !slices.Equal(c.owners, domain.RosterOf(s.Of(c.at.entity()), s.Of(domain.RosterEntity())).Owners()) {
		return nil, &overtaken{rights: true}
	}
	return events, err
}

// granted looks at the account of whoever was just granted a role: where it was shut out at the same time, the place is
// told like those where they held one before.
func (d *Desk) granted(ctx context.Context, p access.Principal, at Place, who domain.Grantee) func(eventstore.Result, error) (eventstore.Result, error) {
	return func(result eventstore.Result, err error) (eventstore.Result, error) {
		id, none := uuid.Parse(who.ID)
		if err != nil || none != nil || who.Kind != domain.AccountGrantee {
			return result, err
		}
		d.Lens.Forget(domain.AccountStream(id))
		states, err := d.Lens.See(ctx, accountSight(id))
		if err != nil || !states[0].Disabled {
			return result, nil // where it cannot be told now, whoever takes an owner away looks again
		}
		_ = d.shutOutOf(ctx, at, ShutOut{Account: id, By: p.Actor(), Reason: "the account was shut out while it was granted a role"})
		return result, nil
	}
}
