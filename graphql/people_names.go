package graphql

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
)

// A Revealer opens what names a person; vault.Keys is the one there is.
type Revealer interface {
	// Reveal opens a sealed value; its error says that it cannot be read, now or ever.
	Reveal(p domain.Personal) (string, error)
	// Erased says whether an error of Reveal means that the value can never be read again.
	Erased(err error) bool
}

// Activity tells when people and service accounts were last seen, which is no event.
type Activity interface {
	// LastActive is when somebody's sessions or keys were last used, to the minute; who was never seen is left out.
	LastActive(ctx context.Context, who []domain.Grantee) (map[domain.Grantee]time.Time, error)
}

// A called is somebody's name, as far as it can be read.
type called struct {
	name   *string
	erased bool
}

// reveal opens a name. One that cannot be read for another reason than its erasure is logged, and shown as none: a list
// of people is worth more than a fault.
func (r *Resolver) reveal(ctx context.Context, p *domain.Personal) called {
	if p == nil || r.Names == nil {
		return called{}
	}
	name, err := r.Names.Reveal(*p)
	switch {
	case err == nil:
		return called{name: model.Word(name)}
	case r.Names.Erased(err):
		return called{erased: true}
	}
	r.log.WarnContext(ctx, "a name cannot be opened", "err", err)
	return called{}
}

// names are what people, service accounts and teams are called in a place, at its moment.
func (r *Resolver) names(ctx context.Context, in *place, who []domain.Grantee) (map[domain.Grantee]called, error) {
	out := make(map[domain.Grantee]called, len(who))
	var strangers []uuid.UUID
	var robots, teams bool
	for _, g := range who {
		robots, teams = robots || g.Kind == domain.ServiceGrantee, teams || g.Kind == domain.TeamGrantee
		id, err := uuid.Parse(g.ID)
		if err != nil || g.Kind != domain.AccountGrantee {
			continue
		}
		if a, known := in.people[id]; known {
			out[g] = r.reveal(ctx, a.Name)
		} else {
			strangers = append(strangers, id)
		}
	}
	found, err := r.peopleAt(ctx, in.at, strangers)
	if err != nil {
		return nil, err
	}
	for id, a := range found {
		out[domain.Person(id)] = r.reveal(ctx, a.Name)
	}
	if in.org == nil {
		return out, nil
	}
	if robots {
		rows, err := r.Read.ServiceAccounts(ctx, in.org.At)
		if err != nil {
			return nil, err
		}
		for _, a := range rows {
			out[domain.Grantee{Kind: domain.ServiceGrantee, ID: a.ID.String()}] = called{name: model.Word(a.Name)}
		}
	}
	if teams {
		rows, err := r.Read.Teams(ctx, in.org.At)
		if err != nil {
			return nil, err
		}
		for _, t := range rows {
			out[domain.Grantee{Kind: domain.TeamGrantee, ID: t.Name}] = called{name: model.Word((&model.Team{Row: t}).Title())}
		}
	}
	return out, nil
}

// calledBy answers a field that is about what somebody is called, for all who were read together.
func calledBy[T any, P peered[T], V any](ctx context.Context, r *Resolver, objs []P, who func(*T) domain.Grantee, of func(called) V) ([]V, error) {
	all, err := each(objs, "names", func(at *model.Moment, all []*T) (func(*T) called, error) {
		in, err := r.placeAt(ctx, at)
		if err != nil {
			return nil, err
		}
		asked := make([]domain.Grantee, len(all))
		for i, o := range all {
			asked[i] = who(o)
		}
		found, err := r.names(ctx, in, asked)
		return func(o *T) called { return found[who(o)] }, err
	})
	if err != nil {
		return nil, err
	}
	out := make([]V, len(all))
	for i, c := range all {
		out[i] = of(c)
	}
	return out, nil
}

func theName(c called) *string { return c.name }
func isErased(c called) bool   { return c.erased }

// active answers when somebody was last seen, for all who were read together.
func active[T any, P peered[T]](ctx context.Context, r *Resolver, objs []P, who func(*T) domain.Grantee) ([]*time.Time, error) {
	return each(objs, "active", func(_ *model.Moment, all []*T) (func(*T) *time.Time, error) {
		if r.Activity == nil {
			return func(*T) *time.Time { return nil }, nil
		}
		asked := make([]domain.Grantee, len(all))
		for i, o := range all {
			asked[i] = who(o)
		}
		found, err := r.Activity.LastActive(ctx, asked)
		if err != nil && !errors.Is(err, context.Canceled) {
			r.log.WarnContext(ctx, "when people were last active cannot be read", "err", err)
			found, err = nil, nil
		}
		return func(o *T) *time.Time {
			t, ok := found[who(o)]
			if !ok {
				return nil
			}
			return &t
		}, err
	})
}

func memberWho(m *model.Member) domain.Grantee          { return m.Who }
func teamMemberWho(m *model.TeamMember) domain.Grantee  { return m.Who }
func accessWho(a *model.EffectiveAccess) domain.Grantee { return a.Who }
func robotWho(a *model.ServiceAccount) domain.Grantee   { return a.Who() }
func invitedOf(i *model.Invitation) *domain.Personal    { return i.Row.Invited }
func roleText(x *model.Role) *domain.Text               { return x.Text }
func teamText(x *model.Team) *domain.Text               { return x.Row.Description }
func serviceText(x *model.ServiceAccount) *domain.Text  { return x.Row.Description }

// invited answers a field about who was meant by an invitation.
func invited[V any](ctx context.Context, r *Resolver, objs []*model.Invitation, of func(called) V) []V {
	out := make([]V, len(objs))
	for i, o := range objs {
		out[i] = of(r.reveal(ctx, invitedOf(o)))
	}
	return out
}
