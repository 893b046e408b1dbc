package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/annals-io/annals/domain"
)

// A Lens reads decision states for those who only look: who asks what somebody may do asks the log itself, not a
// projection that is behind it. What it read it remembers for a moment, so that a request costs no round trip as long as
// others ask the same: an answer is at most so old as the lens allows, and never older than the last change made through
// this process ([Lens.Forget]). It is safe for concurrent use.
type Lens struct {
	store  Store
	stored StateSource
	loads  *loads
	fresh  time.Duration

	mu      sync.Mutex
	seen    map[Sight]*sight
	changed map[domain.Stream]time.Time // by which answers from before are old, whatever their age
}

// A Sight is an entity to look at.
type Sight struct {
	Stream domain.Stream
	Entity domain.Entity
}

// sight is what was seen of an entity. Its state is never changed: a newer one replaces it.
type sight struct {
	state   *domain.State
	through domain.Revision // up to where the stream was looked at
	asked   time.Time       // what happened before is seen
	done    chan struct{}   // not nil: somebody is looking, and closes it
	err     error
}

// maxSights bounds what is remembered. Beyond it everything is forgotten, which costs a look.
const maxSights = 100_000

// lookTimeout bounds a look that others may be waiting for.
const lookTimeout = 5 * time.Second

// NewLens looks into a store. Answers are at most so old as fresh says; stored may be nil, and spares reading long
// histories from their beginning.
func NewLens(store Store, stored StateSource, fresh time.Duration) *Lens {
	l := &Lens{store: store, stored: stored, loads: newLoads(store), fresh: fresh, seen: map[Sight]*sight{}, changed: map[domain.Stream]time.Time{}}
	l.loads.limit = lookTimeout
	return l
}

// Forget makes the next look at anything in the stream a new one: it was changed just now.
func (l *Lens) Forget(stream domain.Stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.changed) >= maxSights { // each of them is older than fresh by now, or soon
		clear(l.changed)
		clear(l.seen)
	}
	l.changed[stream] = time.Now()
}

// See answers the states of entities, in their order: the zero State where no fact is about one. They must not be changed.
// Errors are those of [Reader.ReadEntity]; an event that this build does not know is [domain.ErrUnknownEvent].
func (l *Lens) See(ctx context.Context, at ...Sight) ([]*domain.State, error) {
	return l.see(ctx, l.fresh, at)
}

// Foresee is See for who goes on to look at the same entities one by one: what would be old before they are done is looked
// at anew, all of it at once, and not then, one after the other.
func (l *Lens) Foresee(ctx context.Context, at ...Sight) ([]*domain.State, error) {
	return l.see(ctx, l.fresh/2, at)
}

func (l *Lens) see(ctx context.Context, fresh time.Duration, at []Sight) ([]*domain.State, error) {
	states, began := make([]*domain.State, len(at)), time.Now()
	for {
		mine, other := l.claim(at, states, began, fresh)
		if mine == nil && other == nil {
			return states, nil
		}
		if mine != nil {
			l.look(mine)
			for _, c := range mine {
				if c.s.err != nil {
					return nil, c.s.err
				}
			}
			continue
		}
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// claimed is a look that the caller has to do.
type claimed struct {
	at  Sight
	was *sight // what was seen before; nil: nothing
	s   *sight
}

// claim fills in what is fresh, and takes over to look at the rest. Where all of the rest is being looked at already, it
// answers what to wait for. What was asked for since the caller began is fresh, however long the store took to say it.
func (l *Lens) claim(at []Sight, states []*domain.State, began time.Time, fresh time.Duration) (mine []claimed, other chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for i, x := range at {
		if states[i] != nil {
			continue
		}
		s := l.seen[x]
		if s != nil && s.done != nil && !s.asked.Before(l.changed[x.Stream]) {
			other = s.done
			continue
		}
		if s != nil && s.done == nil && (now.Sub(s.asked) < fresh || !s.asked.Before(began)) && !s.asked.Before(l.changed[x.Stream]) {
			states[i] = s.state
			continue
		}
		if len(l.seen) >= maxSights {
			clear(l.seen)
		}
		next := &sight{asked: now, done: make(chan struct{})}
		if s != nil && s.done != nil {
			s = nil // one that was begun before the change: what it finds is nobody's business
		}
		l.seen[x] = next
		mine = append(mine, claimed{x, s, next})
	}
	return mine, other
}

// look does what was claimed and tells who waits. It is not bound to the caller, who may go away while others wait for the
// same answer.
func (l *Lens) look(mine []claimed) {
	found, err := l.read(mine)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range mine {
		if err != nil {
			c.s.err = err
			if l.seen[c.at] == c.s {
				delete(l.seen, c.at)
			}
		} else {
			c.s.state, c.s.through = found[i].state, found[i].through
		}
		close(c.s.done)
		c.s.done = nil
	}
}

// read reads what happened since, where that is known, and everything else anew.
func (l *Lens) read(mine []claimed) ([]sight, error) {
	found := make([]sight, len(mine))
	for i, c := range mine {
		found[i] = sight{state: &domain.State{Changed: domain.NoRevision}, through: domain.NoRevision}
		if c.was != nil {
			found[i].state, found[i].through = c.was.state, c.was.through
		}
	}
	if l.loads.cheap {
		return found, l.readByIndex(mine, found)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	for i, c := range mine {
		if err := l.readTail(ctx, c.at, &found[i]); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// readByIndex asks for the events about all of the entities in one round trip.
func (l *Lens) readByIndex(mine []claimed, found []sight) error {
	reads := make([]EntityRead, len(mine))
	for i, c := range mine {
		reads[i] = EntityRead{Stream: c.at.Stream, Entity: c.at.Entity, From: found[i].state.Changed + 1}
	}
	events, err := l.loads.read(context.Background(), reads)
	if err != nil {
		return fmt.Errorf("look at %s: %w", mine[0].at.Stream, err)
	}
	for i := range found {
		if err := found[i].follow(events[i]); err != nil {
			return err
		}
	}
	return nil
}

// readTail reads on in the stream, beginning with the stored state where nothing was seen yet.
func (l *Lens) readTail(ctx context.Context, at Sight, s *sight) error {
	info, err := l.store.Info(ctx, at.Stream)
	var none *NotFoundError
	if errors.As(err, &none) || err == nil && info.Last <= s.through {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", at.Stream, err)
	}
	if s.through == domain.NoRevision && l.stored != nil {
		stored, asOf, ok, err := l.stored.State(ctx, at.Stream, at.Entity)
		if err != nil {
			return fmt.Errorf("read the stored state of a %s of %s: %w", at.Entity.Kind, at.Stream, err)
		}
		if ok && stored != nil && !stored.Outdated(at.Entity.Kind) {
			s.state = stored
		}
		if ok && (stored == nil || s.state == stored) {
			s.through = asOf
		}
	}
	tail, err := l.store.ReadEntity(ctx, at.Stream, at.Entity, s.through+1)
	if err != nil {
		return fmt.Errorf("look at %s: %w", at.Stream, err)
	}
	s.through = max(s.through, info.Last)
	return s.follow(tail)
}

// follow folds in what happened, into a copy.
func (s *sight) follow(events []domain.Recorded) error {
	if len(events) == 0 {
		return nil
	}
	s.state = s.state.Clone()
	return applyAll(s.state, events)
}
