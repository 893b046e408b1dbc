package esdb

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// maxRounds bounds how often one Append decides again because others wrote to its streams.
const maxRounds = 64

// Append writes slices. See [eventstore.Appender]. Each is one append of its own; streams are written side by side.
func (s *Store) Append(ctx context.Context, sl []eventstore.Slice) ([]eventstore.SliceResult, error) {
	if len(sl) == 0 {
		return nil, nil
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	a := &attempt{store: s, slices: sl, results: make([]eventstore.SliceResult, len(sl)), promised: map[domain.Stream]map[eventstore.Expected]bool{}}
	if err := a.take(ctx); err != nil {
		return nil, err
	}
	defer a.leave()
	err := a.run(ctx)
	if a.wrote {
		s.wake()
		if failed := s.remember(ctx, slices.Collect(maps.Values(a.states)), a.settled(err)...); failed != nil {
			// Nothing is lost: it is read from the streams again, or told with the next append.
			s.opts.Logger.Warn("the tables beside the event store were not told of an append", "error", failed)
		}
	}
	var unknown *eventstore.OutcomeUnknownError
	if err != nil && a.wrote && !errors.As(err, &unknown) {
		err = &eventstore.OutcomeUnknownError{Cause: err} // some of it was written
	}
	if err != nil {
		return nil, err
	}
	return a.results, nil
}

// bound ends a call with the store, too.
func (s *Store) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// An attempt is one Append. It has the turns of all its streams.
type attempt struct {
	store   *Store
	slices  []eventstore.Slice
	results []eventstore.SliceResult
	states  map[domain.Stream]*state
	// promised are the revisions that slices left out in an earlier round would have reached: who counts on them is
	// left out, too.
	promised map[domain.Stream]map[eventstore.Expected]bool

	kept  []kept // evidence that lies in the database before its events
	mu    sync.Mutex
	wrote bool
	err   error
}

// take takes the turns in the order of the names, so that two appends never wait for each other.
func (a *attempt) take(ctx context.Context) error {
	a.states = map[domain.Stream]*state{}
	var names []domain.Stream
	for i := range a.slices {
		name := a.slices[i].Stream
		if _, twice := a.states[name]; twice || eventstore.CheckStream(name) != nil {
			continue
		}
		a.states[name] = nil
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		st, err := a.store.state(ctx, name)
		if err != nil {
			for _, taken := range names[:i] {
				a.states[taken].leave()
			}
			return err
		}
		a.states[name] = st
	}
	return nil
}

func (a *attempt) leave() {
	for _, st := range a.states {
		a.store.forget(st)
		st.leave()
	}
}

// run goes round until every slice has its result.
func (a *attempt) run(ctx context.Context) error {
	rest := make([]int, len(a.slices))
	for i := range rest {
		rest[i] = i
	}
	for round := 0; len(rest) > 0; round++ {
		var err error
		if rest, err = a.round(ctx, rest); err != nil {
			return err
		}
		if round == maxRounds {
			for _, i := range rest {
				a.results[i] = eventstore.SliceResult{Err: &eventstore.WrongExpectedError{
					Stream: a.slices[i].Stream, Expected: a.slices[i].Expected, Actual: a.states[a.slices[i].Stream].last,
				}}
			}
			return nil
		}
	}
	return nil
}

// round judges the slices that have no result yet and writes those that fit. It answers the ones to judge again,
// because somebody else wrote to their streams meanwhile.
func (a *attempt) round(ctx context.Context, rest []int) ([]int, error) {
	s := a.store
	rest = slices.DeleteFunc(slices.Clone(rest), a.countsOnLeftOut)
	plan := &eventstore.Plan{At: map[domain.Stream]domain.Revision{}, Damaged: map[domain.Stream]*eventstore.DamagedError{}}
	if err := a.load(ctx, rest, plan); err != nil {
		return nil, err
	}
	sl := make([]eventstore.Slice, len(rest))
	for n, i := range rest {
		sl[n] = a.slices[i]
	}
	var err error
	if plan.Known, err = s.known(ctx, a.states, sl); err != nil {
		return nil, err
	}
	results, write := plan.Judge(sl)
	for n := range sl {
		a.slices[rest[n]] = sl[n] // with its metadata encoded
		if eventstore.MayBeRepeated(&sl[n], results[n]) {
			if err := s.compare(ctx, &sl[n], &results[n]); err != nil {
				return nil, err
			}
		}
		a.results[rest[n]] = results[n]
	}
	if err := a.keep(ctx, sl, rest, write); err != nil {
		return nil, err
	}
	of := map[domain.Stream][]int{}
	for _, n := range write {
		of[sl[n].Stream] = append(of[sl[n].Stream], rest[n])
	}
	stopped := a.writeAll(ctx, of)
	if a.err != nil {
		return nil, a.err
	}
	var again []int
	for _, i := range rest {
		if at, ok := stopped[a.slices[i].Stream]; ok && i >= at {
			again = append(again, i)
		} else if ok {
			a.promise(i)
		}
	}
	return again, nil
}

// load fills in a plan. A stream that is damaged fails its slices and nobody else's.
func (a *attempt) load(ctx context.Context, rest []int, plan *eventstore.Plan) error {
	var cold []*state
	for _, i := range rest {
		if st := a.states[a.slices[i].Stream]; st != nil && !st.loaded && !slices.Contains(cold, st) {
			cold = append(cold, st)
		}
	}
	errs := make([]error, len(cold))
	each(len(cold), func(i int) { errs[i] = a.store.load(ctx, cold[i]) })
	for i, err := range errs {
		var damaged *eventstore.DamagedError
		if errors.As(err, &damaged) {
			plan.Damaged[cold[i].name] = damaged
		} else if err != nil {
			return err
		}
	}
	for name, st := range a.states {
		if st.last != domain.NoRevision {
			plan.At[name] = st.last
		}
	}
	return nil
}

// width is how many calls go to the server side by side.
const width = 16

// each does n things, some of them side by side.
func each(n int, do func(i int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, width)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			do(i)
			<-slots
		})
	}
	wg.Wait()
}

// countsOnLeftOut answers a slice that counts on one left out in an earlier round.
func (a *attempt) countsOnLeftOut(i int) bool {
	sl := &a.slices[i]
	if sl.Expected < eventstore.NoStream || !a.promised[sl.Stream][sl.Expected] {
		return false
	}
	a.results[i].Err = &eventstore.WrongExpectedError{Stream: sl.Stream, Expected: sl.Expected, Actual: a.states[sl.Stream].last}
	a.promise(i)
	return true
}

// promise notes what a slice that has its result promised, if it was left out.
func (a *attempt) promise(i int) {
	sl, r := &a.slices[i], &a.results[i]
	if sl.Expected < eventstore.NoStream || r.Err == nil && !r.Duplicate {
		return
	}
	if a.promised[sl.Stream] == nil {
		a.promised[sl.Stream] = map[eventstore.Expected]bool{}
	}
	a.promised[sl.Stream][sl.Expected+eventstore.Expected(len(sl.Events))] = true
}
