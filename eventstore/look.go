package eventstore

import (
	"context"
	"fmt"

	"github.com/annals-io/annals/domain"
)

// An EntityRead asks for the events about one entity of a stream, from a revision on.
type EntityRead struct {
	Stream domain.Stream
	Entity domain.Entity
	From   domain.Revision
}

// EntitiesReader is what a backend may offer besides [Reader.ReadEntity]: the events about several entities in one
// round trip. The answer has one list for each question, in order.
type EntitiesReader interface {
	ReadEntities(ctx context.Context, reads []EntityRead) ([][]domain.Recorded, error)
}

// look fills the view with the states that a command needs, and with the workspace's.
func (a *actor) look(needs []domain.Entity) error {
	clear(a.view)
	if err := a.see(domain.WorkspaceEntity()); err != nil {
		return err
	}
	for _, e := range needs {
		if err := a.see(e); err != nil {
			return err
		}
	}
	return nil
}

func (a *actor) see(e domain.Entity) error {
	state := a.state(e)
	if state == nil { // prefetched a moment ago, and pushed out by others since
		read, err := a.fetch([]domain.Entity{e})
		if err != nil {
			return err
		}
		state = read[0] // not out of the cache: others may push it out at once
	}
	a.view[e] = state
	return nil
}

// state is the optimistic state of an entity, nil when it is cold.
func (a *actor) state(e domain.Entity) *domain.State {
	if d, ok := a.dirty[e]; ok {
		return d.state
	}
	return a.x.states.get(a.stream, e)
}

// prefetch reads all cold states that the commands need at once.
func (a *actor) prefetch(work []*item) error {
	var cold []domain.Entity
	seen := map[domain.Entity]bool{}
	want := func(e domain.Entity) {
		if a.state(e) == nil && !seen[e] {
			seen[e] = true
			cold = append(cold, e)
		}
	}
	if len(work) > 0 {
		want(domain.WorkspaceEntity())
	}
	for _, it := range work {
		for _, e := range it.req.Command.Needs() {
			want(e)
		}
	}
	if len(cold) == 0 {
		return nil
	}
	_, err := a.fetch(cold)
	return err
}

// fetch reads cold states: what was stored of them, the events since, and what of them is in flight.
func (a *actor) fetch(cold []domain.Entity) ([]*domain.State, error) {
	a.checked = false // what is read now may be newer
	states := make([]*domain.State, len(cold))
	reads := make([]EntityRead, len(cold))
	for i, e := range cold {
		state, from, err := a.stored(e)
		if err != nil {
			return nil, err
		}
		states[i], reads[i] = state, EntityRead{Stream: a.stream, Entity: e, From: from}
	}
	tails := make([][]domain.Recorded, len(cold))
	if a.confirmed != domain.NoRevision {
		var err error
		if tails, err = a.x.readEntities(a.x.ctx, reads); err != nil {
			return nil, err
		}
	}
	for i, e := range cold {
		for j := range tails[i] {
			r := &tails[i][j]
			if r.Event == nil {
				return nil, unknownEvent(r)
			}
			if err := states[i].Apply(r); err != nil {
				return nil, err
			}
		}
		a.x.states.put(a.stream, e, states[i])
		var err error
		if states[i], err = a.overlay(e, states[i]); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// stored is what the source of states has of an entity, and from which revision on to read what it lacks.
func (a *actor) stored(e domain.Entity) (*domain.State, domain.Revision, error) {
	if a.x.cfg.States != nil && a.confirmed != domain.NoRevision {
		state, asOf, ok, err := a.x.cfg.States.State(a.x.ctx, a.stream, e)
		if err != nil {
			return nil, 0, fmt.Errorf("read the stored state of a %s of %s: %w", e.Kind, a.stream, err)
		}
		if ok && state != nil {
			return state.Clone(), asOf + 1, nil
		}
		if ok {
			return &domain.State{Changed: domain.NoRevision}, asOf + 1, nil
		}
	}
	return &domain.State{Changed: domain.NoRevision}, 0, nil
}

// overlay is the state with what is in flight about the entity, which was cold until now. Events that the read has seen already,
// because their flight landed in between, are not applied twice.
func (a *actor) overlay(e domain.Entity, state *domain.State) (*domain.State, error) {
	for _, f := range a.inflight {
		for i := range f.slice.Events {
			ev := &f.slice.Events[i]
			if ev.Subject != e || ev.Revision <= state.Changed {
				continue
			}
			if d, ok := a.dirty[e]; !ok || d.flight != f.seq {
				state = state.Clone()
				f.touched = append(f.touched, touch{e, state})
				a.dirty[e] = dirtyState{state, f.seq}
			}
			if err := state.Apply(&domain.Recorded{Envelope: ev.Envelope, Event: ev.Event, Data: ev.Data}); err != nil {
				return nil, err
			}
		}
	}
	return state, nil
}

// readEntities uses what the backend offers.
func (x *Executor) readEntities(ctx context.Context, reads []EntityRead) ([][]domain.Recorded, error) {
	if many, ok := x.store.(EntitiesReader); ok {
		return many.ReadEntities(ctx, reads)
	}
	found := make([][]domain.Recorded, len(reads))
	for i, r := range reads {
		var err error
		if found[i], err = x.store.ReadEntity(ctx, r.Stream, r.Entity, r.From); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func unknownEvent(r *domain.Recorded) error {
	_, err := domain.Decode(r.Type, r.Version, r.Data)
	return fmt.Errorf("revision %d: %w: %w", r.Revision, domain.ErrUnknownEvent, err)
}
