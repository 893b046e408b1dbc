package eventstoretest

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var appendPromises = []promise{
	{"01 expecting no stream yields revision 0", appendNoStream},
	{"02 expecting no stream fails on one", appendNoStreamExists},
	{"03 an exact revision", appendExact},
	{"04 expecting a stream", appendExists},
	{"05 expecting anything", appendAny},
	{"06 nothing to append", appendNothing},
	{"07 events of a slice are contiguous or absent", appendAtomic},
	{"08 a conflict says the actual revision", appendConflict},
	{"09 two writers, one wins", appendRace},
	{"10 many writers lose nothing", appendMany},
	{"13 an id twice in a slice is refused", appendTwice},
	{"15 what is too large is refused", appendTooLarge},
	{"16 the largest slice", appendLargest},
	{"16a the most small events", appendMostEvents},
	{"17 payloads come back byte by byte", appendPayloads},
	{"18 metadata comes back", appendMetadata},
	{"19 a context that ended", appendCancelled},
	{"20 names of streams", appendNames},
	{"21 one conflict fails no neighbour", appendIndependent},
	{"21a slices of one stream count on each other", appendChain},
	{"21c counting on one that was left out", appendCountsOnLeftOut},
	{"21b evidence is there with its events", appendEvidence},
}

func appendNoStream(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	r := mustAppend(t, s, slice(stream, eventstore.NoStream, 2))[0]
	if r.First != 0 || r.Last != 1 {
		t.Errorf("written at %d to %d, want 0 to 1", r.First, r.Last)
	}
}

func appendNoStreamExists(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	mustAppend(t, s, slice(stream, eventstore.NoStream, 1))
	wantWrong(t, tryAppend(t, s, slice(stream, eventstore.NoStream, 1))[0], 0)
	if n := len(readAll(t, s, stream)); n != 1 {
		t.Errorf("%d events, want the 1 there was", n)
	}
}

func appendExact(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	mustAppend(t, s, slice(stream, eventstore.NoStream, 3))
	wantWrong(t, tryAppend(t, s, slice(stream, 1, 1))[0], 2) // stale
	wantWrong(t, tryAppend(t, s, slice(stream, 3, 1))[0], 2) // ahead
	if r := mustAppend(t, s, slice(stream, 2, 2))[0]; r.First != 3 || r.Last != 4 {
		t.Errorf("written at %d to %d, want 3 to 4", r.First, r.Last)
	}
	wantWrong(t, tryAppend(t, s, slice(streamOf(t), 0, 1))[0], domain.NoRevision)
}

func appendExists(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	wantWrong(t, tryAppend(t, s, slice(stream, eventstore.Exists, 1))[0], domain.NoRevision)
	mustAppend(t, s, slice(stream, eventstore.NoStream, 1))
	if r := mustAppend(t, s, slice(stream, eventstore.Exists, 1))[0]; r.First != 1 {
		t.Errorf("written at %d, want 1", r.First)
	}
}

func appendAny(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	for want := range domain.Revision(3) {
		if r := mustAppend(t, s, slice(stream, eventstore.Any, 1))[0]; r.First != want {
			t.Errorf("written at %d, want %d", r.First, want)
		}
	}
}

func appendNothing(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	if results := tryAppend(t, s); len(results) != 0 {
		t.Errorf("no slices gave %v", results)
	}
	if r := tryAppend(t, s, slice(stream, eventstore.NoStream, 0))[0]; !errors.Is(r.Err, domain.Invalid) {
		t.Errorf("a slice without events: %v, want it refused", r.Err)
	}
	if info, err := s.Info(t.Context(), stream); err != nil || info.Last != domain.NoRevision {
		t.Errorf("the stream is %+v, %v; want none", info, err)
	}
}

func appendAtomic(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	first, second := slice(stream, eventstore.NoStream, 5), slice(stream, 4, 7)
	mustAppend(t, s, first)
	wantWrong(t, tryAppend(t, s, slice(stream, 3, 4))[0], 4)
	mustAppend(t, s, second)
	events := readAll(t, s, stream)
	dense(t, events)
	if !slices.Equal(ids(events), newIDs(first, second)) {
		t.Error("the stream is not the two slices that were written")
	}
}

func appendConflict(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	mustAppend(t, s, slice(stream, eventstore.NoStream, 4))
	r := tryAppend(t, s, slice(stream, 1, 1))[0]
	var wrong *eventstore.WrongExpectedError
	if !errors.As(r.Err, &wrong) || wrong.Stream != stream || wrong.Expected != 1 || wrong.Actual != 3 {
		t.Errorf("got %v, want it to name the stream, the expected 1 and the actual 3", r.Err)
	}
}

func appendRace(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	mustAppend(t, s, slice(stream, eventstore.NoStream, 1))
	won := make([]bool, 8)
	var wg sync.WaitGroup
	for i := range won {
		wg.Go(func() {
			results, err := s.Append(t.Context(), []eventstore.Slice{slice(stream, 0, 1)})
			won[i] = err == nil && results[0].Err == nil && !results[0].Duplicate
		})
	}
	wg.Wait()
	winners := 0
	for _, w := range won {
		if w {
			winners++
		}
	}
	if n := len(readAll(t, s, stream)); winners != 1 || n != 2 {
		t.Errorf("%d writers won and the stream has %d events, want 1 and 2", winners, n)
	}
}

func appendMany(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	const writers, each = 16, 12
	written := make([][]uuid.UUID, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			expected := eventstore.Expected(eventstore.NoStream)
			for len(written[w]) < each {
				sl := slice(stream, expected, 1)
				results, err := s.Append(t.Context(), []eventstore.Slice{sl})
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				var wrong *eventstore.WrongExpectedError
				switch r := results[0]; {
				case errors.As(r.Err, &wrong):
					expected = eventstore.Expected(wrong.Actual)
				case r.Err != nil:
					t.Errorf("writer %d: %v", w, r.Err)
					return
				default:
					written[w] = append(written[w], sl.Events[0].EventID)
					expected = eventstore.Expected(r.Last)
				}
			}
		})
	}
	wg.Wait()
	events := readAll(t, s, stream)
	dense(t, events)
	there := map[uuid.UUID]bool{}
	for _, id := range ids(events) {
		there[id] = true
	}
	for w, mine := range written {
		for _, id := range mine {
			if !there[id] {
				t.Errorf("writer %d was told that %s is written, and it is not", w, id)
			}
		}
	}
	if len(events) != writers*each {
		t.Errorf("%d events, want %d", len(events), writers*each)
	}
}

func appendTwice(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	sl := slice(stream, eventstore.NoStream, 2)
	sl.Events[1].EventID = sl.Events[0].EventID
	if r := tryAppend(t, s, sl)[0]; !errors.Is(r.Err, domain.Invalid) {
		t.Errorf("got %v, want it refused", r.Err)
	}
}

func appendIndependent(t *testing.T, b Backend) {
	s := b.Open(t)
	taken, one, two := streamOf(t), streamOf(t), streamOf(t)
	mustAppend(t, s, slice(taken, eventstore.NoStream, 1))
	results := tryAppend(t, s, slice(one, eventstore.NoStream, 2), slice(taken, eventstore.NoStream, 1), slice(two, eventstore.NoStream, 3))
	wantWrong(t, results[1], 0)
	if results[0].Last != 1 || results[2].Last != 2 || results[0].Err != nil || results[2].Err != nil {
		t.Errorf("the neighbours: %+v and %+v", results[0], results[2])
	}
	if len(readAll(t, s, one)) != 2 || len(readAll(t, s, two)) != 3 || len(readAll(t, s, taken)) != 1 {
		t.Error("not what was answered was written")
	}
}

func appendChain(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	results := tryAppend(t, s,
		slice(stream, eventstore.NoStream, 2), slice(stream, 1, 1), slice(stream, 5, 1), slice(stream, 2, 1), slice(stream, eventstore.Any, 1))
	wantWrong(t, results[2], 2)
	for i, want := range map[int]domain.Revision{0: 1, 1: 2, 3: 3, 4: 4} {
		if results[i].Err != nil || results[i].Last != want {
			t.Errorf("slice %d: %+v, want it to end at %d", i, results[i], want)
		}
	}
	dense(t, readAll(t, s, stream))
}

// The stream is at the revision that the second slice expects, but with somebody else's event.
func appendCountsOnLeftOut(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	mustAppend(t, s, slice(stream, eventstore.NoStream, 1))
	mustAppend(t, s, slice(stream, 0, 1))
	results := tryAppend(t, s, slice(stream, 0, 1), slice(stream, 1, 1), slice(stream, 2, 1))
	for _, r := range results {
		wantWrong(t, r, 1)
	}
	if n := len(readAll(t, s, stream)); n != 2 {
		t.Errorf("%d events, want the 2 there were", n)
	}
}

func wantWrong(t testing.TB, r eventstore.SliceResult, actual domain.Revision) {
	t.Helper()
	var wrong *eventstore.WrongExpectedError
	if !errors.As(r.Err, &wrong) || wrong.Actual != actual {
		t.Errorf("got %+v, want a conflict with revision %d", r, actual)
	}
}
