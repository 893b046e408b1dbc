package model

import (
	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// An Actor is who did something, as events record it. Those whose deeds were read together are peers: what they are called
// is read for all at once.
type Actor struct {
	*Peers[Actor]
	Kind string
	ID   string
	Key  *string
}

// Who is the person or service account; ok is false for the server itself, and for keys, which earlier versions recorded.
func (a *Actor) Who() (who domain.Grantee, ok bool) {
	kind := domain.GranteeKind(a.Kind)
	if _, err := uuid.Parse(a.ID); err != nil || kind != domain.AccountGrantee && kind != domain.ServiceGrantee {
		return who, false
	}
	return domain.Grantee{Kind: kind, ID: a.ID}, true
}

// Actors are those who did something, in the order of the deeds.
func Actors(at *Moment, all []domain.Actor) []*Actor {
	peers := &Peers[Actor]{At: at, All: make([]*Actor, len(all))}
	for i, a := range all {
		peers.All[i] = &Actor{Peers: peers, Kind: a.Kind, ID: a.ID, Key: Word(a.Key)}
	}
	return peers.All
}

// actorOf is who did what a thing tells of; by says it of each of those that were read with it.
func actorOf[T any](thing *T, of *Peers[T], by func(*T) domain.Actor) *Actor {
	got, _ := of.Once("actors", func(all []*T) (any, error) {
		deeds := make([]domain.Actor, len(all))
		for i, t := range all {
			deeds[i] = by(t)
		}
		found := make(map[*T]*Actor, len(all))
		for i, a := range Actors(of.At, deeds) {
			found[all[i]] = a
		}
		return found, nil
	})
	return got.(map[*T]*Actor)[thing]
}
