package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var faultPromises = []promise{
	{"14 a lost answer, sent again, writes once", lostAnswer},
	{"14c the check of 14 finds a store that forgets", lostAnswerControl},
	{"30 a reader beside 64 writers misses nothing", neverMisses},
	{"30c the check of 30 finds a reader that skips", neverMissesControl},
}

// resendCheck appends through a store that loses answers and sends again what has an unknown outcome; in the end
// every slice must lie in its stream once.
func resendCheck(ctx context.Context, s eventstore.Store, stream domain.Stream) error {
	lossy := &Lossy{Store: s}
	var want []uuid.UUID
	expected := eventstore.NoStream
	for i := range 12 {
		sl := slice(stream, expected, 1+i%3)
		if i%2 == 0 {
			sl.CommandID, sl.RequestDigest = fmt.Sprint("command ", i), digest("x")
		}
		var r eventstore.SliceResult
		for try := 0; ; try++ {
			results, err := lossy.Append(ctx, []eventstore.Slice{sl})
			var unknown *eventstore.OutcomeUnknownError
			if errors.As(err, &unknown) && try < 5 {
				continue
			}
			if err != nil {
				return err
			}
			r = results[0]
			break
		}
		if r.Err != nil {
			return fmt.Errorf("slice %d sent again: %w", i, r.Err)
		}
		if want = append(want, newIDs(sl)...); r.Last != domain.Revision(len(want))-1 {
			return fmt.Errorf("slice %d ends at %d, want %d", i, r.Last, len(want)-1)
		}
		expected = eventstore.Expected(r.Last)
	}
	p, err := s.ReadStream(ctx, stream, 0, eventstore.Forward, 1000)
	if err != nil {
		return err
	}
	if !slices.Equal(ids(p.Events), want) {
		return fmt.Errorf("the stream has %d events, want the %d that were sent", len(p.Events), len(want))
	}
	return nil
}

func lostAnswer(t *testing.T, b Backend) {
	if err := resendCheck(t.Context(), b.Open(t), streamOf(t)); err != nil {
		t.Error(err)
	}
}

func lostAnswerControl(t *testing.T, b Backend) {
	if err := resendCheck(t.Context(), &Forgetful{b.Open(t)}, streamOf(t)); err == nil {
		t.Error("a store that recognises nothing passed: the check checks nothing")
	}
}

// missCheck has writers append while readers poll and follow, until a last event that is written when the writers
// have ended; then each reader must have seen the whole log, in its order.
func missCheck(ctx context.Context, s eventstore.Store, streams []domain.Stream, each int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	end := slice(streams[0]+"-end", eventstore.NoStream, 1)
	var polled, followed []uuid.UUID
	var pollErr, followErr error
	var readers, writers sync.WaitGroup
	readers.Go(func() { polled, pollErr = seeUntil(polling(ctx, s), end.Events[0].EventID) })
	readers.Go(func() {
		followed, followErr = seeUntil(s.Follow(ctx, eventstore.Position{}, 50), end.Events[0].EventID)
	})
	errs := make([]error, len(streams)+1)
	for i, stream := range streams {
		writers.Go(func() {
			for n := range each {
				if errs[i] = appendOne(ctx, s, slice(stream, eventstore.Expected(n-1), 1)); errs[i] != nil {
					return
				}
			}
		})
	}
	writers.Wait()
	errs[len(streams)] = appendOne(ctx, s, end)
	if err := errors.Join(errs...); err != nil {
		cancel()
		readers.Wait()
		return err
	}
	readers.Wait()
	if err := errors.Join(pollErr, followErr); err != nil {
		return err
	}
	var written []uuid.UUID
	for _, stream := range append(streams, end.Stream) {
		p, err := s.ReadStream(ctx, stream, 0, eventstore.Forward, each)
		if err != nil {
			return err
		}
		written = append(written, ids(p.Events)...)
	}
	return errors.Join(sawAll("polled", polled, written), sawAll("followed", followed, written), sameOrder(polled, followed))
}

// sawAll compares what a reader saw with what the streams hold.
func sawAll(reader string, saw, written []uuid.UUID) error {
	there := make(map[uuid.UUID]int, len(saw))
	for _, id := range saw {
		there[id]++
	}
	for _, id := range written {
		if there[id] != 1 {
			return fmt.Errorf("the reader that %s saw event %s %d times", reader, id, there[id])
		}
	}
	if len(saw) != len(written) {
		return fmt.Errorf("the reader that %s saw %d events of %d", reader, len(saw), len(written))
	}
	return nil
}

func sameOrder(polled, followed []uuid.UUID) error {
	if !slices.Equal(polled, followed) {
		return errors.New("the two readers saw different orders")
	}
	return nil
}

func appendOne(ctx context.Context, s eventstore.Store, sl eventstore.Slice) error {
	results, err := s.Append(ctx, []eventstore.Slice{sl})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return fmt.Errorf("append to %s: %w", sl.Stream, err)
	}
	return nil
}

// polling reads the log again and again.
func polling(ctx context.Context, s eventstore.Store) iter.Seq2[eventstore.Page, error] {
	return func(yield func(eventstore.Page, error) bool) {
		for at := (eventstore.Position{}); ; {
			p, err := s.ReadAll(ctx, at, 50)
			if !yield(p, err) || err != nil {
				return
			}
			at = p.Next
		}
	}
}

// seeUntil collects the events of pages up to a last one.
func seeUntil(pages iter.Seq2[eventstore.Page, error], last uuid.UUID) ([]uuid.UUID, error) {
	var got []uuid.UUID
	for p, err := range pages {
		if err != nil {
			return got, fmt.Errorf("after %d events: %w", len(got), err)
		}
		if got = append(got, ids(p.Events)...); slices.Contains(got[len(got)-len(p.Events):], last) {
			return got, nil
		}
	}
	return got, errors.New("the pages ended")
}

func neverMisses(t *testing.T, b Backend) {
	s := b.Open(t)
	if b.Stall != nil {
		b.Stall(t, s)
	}
	if err := missCheck(t.Context(), s, manyStreams(t, 64), 6); err != nil {
		t.Error(err)
	}
}

func neverMissesControl(t *testing.T, b Backend) {
	if err := missCheck(t.Context(), &BrokenReader{Store: b.Open(t)}, manyStreams(t, 8), 6); err == nil {
		t.Error("a reader that skips events passed: the check checks nothing")
	}
}

func manyStreams(t *testing.T, n int) []domain.Stream {
	streams := make([]domain.Stream, n)
	for i := range streams {
		streams[i] = streamOf(t)
	}
	return streams
}
