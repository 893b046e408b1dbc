package people

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A subject is what a command is about, for telling whether somebody else changed it at the same time.
type subject struct {
	entity domain.Entity
	// of is what of the place's roster, or of the entity's state, the command is about.
	of func(roster *domain.Roster, state *domain.State) any
	// told says whether a fact is about that.
	told func(e domain.Event) bool
}

// aMember is what somebody holds directly in a place.
func aMember(g domain.Grantee) subject {
	key := g.String()
	return subject{domain.RosterEntity(),
		func(r *domain.Roster, _ *domain.State) any { return []any{r.Members[key], r.Suspended[key]} },
		func(e domain.Event) bool { return memberOf(e) == g }}
}

// aRole is a custom role of a place.
func aRole(name string) subject {
	return subject{domain.RosterEntity(),
		func(r *domain.Roster, _ *domain.State) any { return r.Roles[name] },
		func(e domain.Event) bool { return roleOf(e) == name }}
}

// anEntity is the entity itself, as far as pick tells.
func anEntity(e domain.Entity, pick func(*domain.State) any) subject {
	return subject{e, func(_ *domain.Roster, s *domain.State) any { return pick(s) }, func(domain.Event) bool { return true }}
}

// watched is a command that is decided on what its asker saw. The executor decides it on what there is by then: where
// what it is about was changed in between, or what its asker may do, it is not carried out.
type watched struct {
	domain.Command
	about subject
	in    door
	was   any // of the subject, when the asker looked
}

// overtaken says that somebody else was first. Where only the asker's rights may have changed, they are looked up again.
type overtaken struct{ rights bool }

func (*overtaken) Error() string { return "somebody else changed it at the same time" }

// Needs is what the command needs, and what it is watched by.
func (w watched) Needs() []domain.Entity {
	needs := w.Command.Needs()
	for _, e := range []domain.Entity{w.about.entity, domain.RosterEntity(), w.in.entity()} {
		if !slices.Contains(needs, e) {
			needs = append(needs, e)
		}
	}
	return needs
}

// Decide decides the command. What the model refuses is refused in its words, such as the last owner's leaving.
func (w watched) Decide(s domain.States) ([]domain.Event, error) {
	events, err := w.Command.Decide(s)
	now := domain.RosterOf(s.Of(w.in.entity()), s.Of(domain.RosterEntity()))
	changed := !reflect.DeepEqual(w.was, w.about.of(now, s.Of(w.about.entity)))
	rights := !sameRights(w.in.members(), now, w.in.by.Who)
	switch {
	case errors.Is(err, domain.Forbidden) && rights:
		return nil, &overtaken{rights: true}
	case errors.Is(err, domain.NotFound) && changed: // it was there a moment ago: what happened to it is told
		return nil, &overtaken{}
	case err != nil:
		return nil, err
	case changed:
		return nil, &overtaken{}
	case rights:
		return nil, &overtaken{rights: true}
	}
	return events, nil
}

// sameRights says whether somebody may do the same by two rosters of a place, as far as these decide it.
func sameRights(was, now *domain.Roster, who domain.Grantee) bool {
	key := who.String()
	if was == now {
		return true
	}
	return slices.Equal(was.Members[key], now.Members[key]) && was.Suspended[key] == now.Suspended[key] && reflect.DeepEqual(was.Roles, now.Roles) &&
		maps.EqualFunc(teams(was), teams(now), slices.Equal)
}

// teams are the teams that hold roles by a roster, save suspended ones.
func teams(r *domain.Roster) map[string][]domain.RoleRef {
	out := map[string][]domain.RoleRef{}
	for key, held := range r.Members {
		if strings.HasPrefix(key, string(domain.TeamGrantee)+":") && !r.Suspended[key] {
			out[key] = held
		}
	}
	return out
}

// again is how often rights are looked up again before a request is sent away.
const again = 20

// A command makes the domain's command of a request, for whoever asks.
type command func(in door, r *eventstore.Request) (domain.Command, error)

// carry carries out a command about a subject in a place. Name and input are those of the request, see [Desk.request].
func (d *Desk) carry(ctx context.Context, p access.Principal, a Ask, at Place, about subject, name string, input any, make command) (eventstore.Result, error) {
	return d.retried(func() (eventstore.Result, error) {
		in, err := d.enter(ctx, p, at)
		if err != nil {
			return eventstore.Result{}, err
		}
		return d.carryIn(ctx, p, a, in, about, name, input, make)
	})
}

// retried looks again and decides anew, as often as what a decision rests on changed meanwhile.
func (d *Desk) retried(try func() (eventstore.Result, error)) (eventstore.Result, error) {
	for n := 0; ; n++ {
		result, err := try()
		var other *overtaken
		if errors.As(err, &other) && other.rights && n < again {
			continue
		}
		if errors.As(err, &other) {
			err = &eventstore.UnavailableError{Cause: other}
		}
		return result, err
	}
}

// carryIn carries out a command in a place that was entered.
func (d *Desk) carryIn(ctx context.Context, p access.Principal, a Ask, in door, about subject, name string, input any, make command) (eventstore.Result, error) {
	r, err := d.request(p, a, in.stream(), name, input)
	if err != nil {
		return eventstore.Result{}, err
	}
	c, err := make(in, &r)
	if err != nil {
		return eventstore.Result{}, err
	}
	state := in.roster
	if about.entity != domain.RosterEntity() {
		states, err := d.Lens.See(ctx, eventstore.Sight{Stream: in.stream(), Entity: about.entity})
		if err != nil {
			return eventstore.Result{}, fmt.Errorf("look at a %s of %s: %w", about.entity.Kind, in.Place, err)
		}
		state = states[0]
	}
	result, err := d.do(ctx, r, watched{c, about, in, about.of(in.members(), state)})
	var other *overtaken
	var no *domain.Error
	switch {
	case errors.As(err, &other) && !other.rights:
		return result, d.happened(ctx, in.stream(), about, state.Changed)
	case errors.As(err, &no) && no.Code == domain.RevisionConflict && a.Since != nil:
		return result, d.happened(ctx, in.stream(), about, *a.Since)
	}
	return result, err
}
