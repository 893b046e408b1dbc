package esdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

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

// writeAll writes the slices of each stream in their order. It answers at which slice a stream had to stop.
func (a *attempt) writeAll(ctx context.Context, of map[domain.Stream][]int) map[domain.Stream]int {
	names := slices.Collect(maps.Keys(of))
	stopped := map[domain.Stream]int{}
	each(len(names), func(n int) {
		st := a.states[names[n]]
		for _, i := range of[st.name] {
			again, err := a.write(ctx, st, i)
			a.mu.Lock()
			if err != nil && a.err == nil {
				a.err = err
			}
			a.wrote = a.wrote || err == nil && !again && a.results[i].Err == nil
			a.mu.Unlock()
			if err != nil {
				st.loaded = false // wherever it is now
				return
			}
			if again || a.results[i].Err != nil {
				a.mu.Lock()
				stopped[st.name] = i
				if !again { // it has its result, and those behind it are judged anew
					stopped[st.name] = i + 1
				}
				a.mu.Unlock()
				return
			}
		}
	})
	return stopped
}

// write appends one slice where its stream is. again says that the stream was elsewhere, and has been read.
func (a *attempt) write(ctx context.Context, st *state, i int) (again bool, err error) {
	sl := &a.slices[i]
	batch, hash, size, err := freeze(sl, st)
	if err != nil {
		return false, err
	}
	if size > a.store.opts.MaxAppend {
		a.results[i] = eventstore.SliceResult{Err: &eventstore.TooLargeError{Stream: st.name, Size: size, Limit: a.store.opts.MaxAppend}}
		return false, nil
	}
	if st.last == domain.NoRevision {
		if err := a.store.guard(ctx, st.name); err != nil {
			return false, err
		}
	}
	first := st.last + 1
	err = a.store.put(ctx, st.name, st.last, sl, batch)
	var elsewhere *wrongRevision
	var tooLarge *eventstore.TooLargeError
	switch {
	case err == nil:
	case errors.As(err, &elsewhere):
		if err := a.store.readTail(ctx, st); err != nil {
			return false, a.damaged(i, err)
		}
		return true, nil
	case errors.As(err, &tooLarge):
		a.results[i] = eventstore.SliceResult{Err: &eventstore.TooLargeError{Stream: st.name, Size: size, Limit: tooLarge.Limit}}
		return false, nil
	case errors.Is(err, errTombstone):
		return false, a.damaged(i, &eventstore.DamagedError{Stream: st.name, Reason: "it was deleted for ever: a tombstone is its last event"})
	default:
		return false, a.damaged(i, err)
	}
	st.last, st.hash, st.at = first+domain.Revision(len(sl.Events))-1, hash, lastTime(sl)
	if sl.CommandID != "" {
		st.tail[sl.CommandID] = appended{at: st.at, forever: sl.Forever, KnownCommand: eventstore.KnownCommand{
			ID: sl.CommandID, RequestDigest: sl.RequestDigest, First: first, Last: st.last,
		}}
	}
	a.results[i] = eventstore.SliceResult{First: first, Last: st.last}
	return false, nil
}

// damaged makes damage the slice's own result; every other error is the whole append's.
func (a *attempt) damaged(i int, err error) error {
	var d *eventstore.DamagedError
	if !errors.As(err, &d) {
		return err
	}
	a.states[a.slices[i].Stream].loaded = false
	a.results[i] = eventstore.SliceResult{Err: d}
	return nil
}

func lastTime(sl *eventstore.Slice) time.Time {
	return sl.Events[len(sl.Events)-1].RecordedAt.UTC().Truncate(time.Microsecond)
}

// compare turns a conflict into a duplicate where the very same events lie right after what the slice expected.
func (s *Store) compare(ctx context.Context, sl *eventstore.Slice, r *eventstore.SliceResult) error {
	same, err := s.lies(ctx, sl, domain.Revision(sl.Expected)+1)
	if err == nil && same {
		first := domain.Revision(sl.Expected) + 1
		*r = eventstore.SliceResult{First: first, Last: first + domain.Revision(len(sl.Events)) - 1, Duplicate: true}
	}
	return err
}

// lies says whether the very events of a slice lie in its stream from a revision on.
func (s *Store) lies(ctx context.Context, sl *eventstore.Slice, first domain.Revision) (bool, error) {
	records, err := s.cluster.read(ctx, query{stream: sl.Stream, revision: first, count: len(sl.Events)})
	if errors.Is(err, errNoStream) || errors.Is(err, errTombstone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("compare events of stream %s: %w", sl.Stream, unavailable(ctx, err))
	}
	if len(records) != len(sl.Events) {
		return false, nil
	}
	for i := range records {
		if records[i].revision != first+domain.Revision(i) || records[i].id != sl.Events[i].EventID {
			return false, nil
		}
	}
	return true, nil
}
