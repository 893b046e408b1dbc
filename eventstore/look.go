package eventstore

import (
	"fmt"

	"github.com/annals-io/annals/domain"
)

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
		if it.needs == nil { // deriving ids costs more than keeping them
			it.needs = it.req.Command.Needs()
		}
		for _, e := range it.needs {
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
	for i := range states {
		states[i] = &domain.State{Changed: domain.NoRevision}
	}
	if a.confirmed != domain.NoRevision {
		if err := a.read(cold, states); err != nil {
			return nil, err
		}
	}
	for i, e := range cold {
		a.x.states.put(a.stream, e, states[i])
		var err error
		if states[i], err = a.overlay(e, states[i]); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// shortLife is how many events about an entity are read before its stored state is asked for. Nearly all entities
// have fewer, where the backend finds them by an index.
const shortLife = 64

// read fills in the states from the store.
func (a *actor) read(cold []domain.Entity, states []*domain.State) error {
	if !a.x.loads.cheap {
		for i, e := range cold {
			if err := a.readLong(e, states[i]); err != nil {
				return err
			}
		}
		return nil
	}
	reads := make([]EntityRead, len(cold))
	for i, e := range cold {
		reads[i] = EntityRead{Stream: a.stream, Entity: e, Limit: shortLife}
	}
	lives, err := a.x.loads.read(a.x.ctx, reads)
	if err != nil {
		return err
	}
	for i, e := range cold {
		if len(lives[i]) == shortLife {
			err = a.readLong(e, states[i])
		} else {
			err = applyAll(states[i], lives[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readLong begins with the stored state of an entity, where there is one, and reads all events after it.
func (a *actor) readLong(e domain.Entity, state *domain.State) error {
	from := domain.Revision(0)
	if a.x.cfg.States != nil {
		stored, asOf, ok, err := a.x.cfg.States.State(a.x.ctx, a.stream, e)
		if err != nil {
			return fmt.Errorf("read the stored state of a %s of %s: %w", e.Kind, a.stream, err)
		}
		if ok = ok && (stored == nil || !stored.Outdated(e.Kind)); ok {
			from = asOf + 1
		}
		if ok && stored != nil {
			*state = *stored.Clone()
		}
	}
	tail, err := a.x.store.ReadEntity(a.x.ctx, a.stream, e, from)
	if err != nil {
		return err
	}
	return applyAll(state, tail)
}

func applyAll(state *domain.State, events []domain.Recorded) error {
	for i := range events {
		if events[i].Event == nil {
			return unknownEvent(&events[i])
		}
		if err := state.Apply(&events[i]); err != nil {
			return err
		}
	}
	return nil
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

func unknownEvent(r *domain.Recorded) error {
	_, err := domain.Decode(r.Type, r.Version, r.Data)
	return fmt.Errorf("revision %d: %w: %w", r.Revision, domain.ErrUnknownEvent, err)
}
