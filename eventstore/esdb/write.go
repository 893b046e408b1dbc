package esdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

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
