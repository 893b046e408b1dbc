package eventstoretest

import (
	"slices"
	"sync"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var logPromises = []promise{
	{"29 positions agree with the order of streams", logOrder},
	{"31 reading goes on from any position", logResume},
	{"32 positions survive a restart", logRestart},
	{"33 nothing but what was appended", logOnlyOurs},
	{"35 the head", logHead},
}

// fill appends from several goroutines to several streams at once.
func fill(t testing.TB, s eventstore.Store, streams []domain.Stream, each int) {
	t.Helper()
	var wg sync.WaitGroup
	for _, stream := range streams {
		wg.Go(func() {
			for range each {
				results, err := s.Append(t.Context(), []eventstore.Slice{slice(stream, eventstore.Any, 2)})
				if err != nil || results[0].Err != nil {
					t.Errorf("append to %s: %v, %+v", stream, err, results)
					return
				}
			}
		})
	}
	wg.Wait()
}

func logOrder(t *testing.T, b Backend) {
	s := b.Open(t)
	streams := []domain.Stream{streamOf(t), streamOf(t), streamOf(t), streamOf(t)}
	fill(t, s, streams, 10)
	mustAppend(t, s, slice(streams[2], eventstore.Any, 3), slice(streams[0], eventstore.Any, 2), slice(streams[2], eventstore.Any, 1))
	var at eventstore.Position
	next := map[domain.Stream]domain.Revision{}
	for total := 0; ; total++ {
		p, err := s.ReadAll(t.Context(), at, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Events) == 0 {
			if total != 86 {
				t.Errorf("%d events, want 86", total)
			}
			return
		}
		if p.Next.Compare(at) <= 0 {
			t.Fatalf("position %s does not come after %s", p.Next, at)
		}
		at = p.Next
		e := p.Events[0]
		if e.Revision != next[e.Stream] {
			t.Fatalf("%s: revision %d where %d comes next", e.Stream, e.Revision, next[e.Stream])
		}
		next[e.Stream]++
	}
}

func logResume(t *testing.T, b Backend) {
	s := b.Open(t)
	mustAppend(t, s, slice(streamOf(t), eventstore.NoStream, 7), slice(streamOf(t), eventstore.NoStream, 4))
	all, err := readLog(t.Context(), s, 100)
	if err != nil {
		t.Fatal(err)
	}
	var at eventstore.Position
	for done := range len(all) + 1 {
		p, err := s.ReadAll(t.Context(), at, 100)
		if err != nil || !slices.Equal(ids(p.Events), ids(all[done:])) || !p.CaughtUp {
			t.Fatalf("after %s: %d events, caught up %v, %v; want the last %d", at, len(p.Events), p.CaughtUp, err, len(all)-done)
		}
		if p.Events == nil && p.Next != at {
			t.Errorf("an empty page after %s goes on at %s", at, p.Next)
		}
		one, err := s.ReadAll(t.Context(), at, 1)
		if err != nil {
			t.Fatal(err)
		}
		at = one.Next
	}
}

func logRestart(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	mustAppend(t, s, command(stream, eventstore.NoStream, "a", 5))
	before, err := s.ReadAll(t.Context(), eventstore.Position{}, 3)
	if err != nil {
		t.Fatal(err)
	}
	again := b.Reopen(t, s)
	after, err := again.ReadAll(t.Context(), before.Next, 100)
	if err != nil || len(after.Events) != 2 || after.Events[0].Revision != 3 {
		t.Errorf("after a restart %d events follow, %v; want revisions 3 and 4", len(after.Events), err)
	}
	if r := tryAppend(t, again, command(stream, 4, "a", 1))[0]; !r.Duplicate {
		t.Errorf("after a restart the command is %+v, want it known", r)
	}
	if r := mustAppend(t, again, slice(stream, 4, 1))[0]; r.First != 5 {
		t.Errorf("after a restart written at %d, want 5", r.First)
	}
}

func logOnlyOurs(t *testing.T, b Backend) {
	s := b.Open(t)
	one, two := slice(streamOf(t), eventstore.NoStream, 3), slice(domain.Stream("organization-"+string(streamOf(t))), eventstore.NoStream, 2)
	mustAppend(t, s, one, two) // in one call: slices are independent, and only those of one stream have an order
	oneMore, twoMore := slice(one.Stream, 2, 2), slice(two.Stream, 1, 1)
	mustAppend(t, s, oneMore) // in two calls: what was appended before comes before
	mustAppend(t, s, twoMore)
	tryAppend(t, s, slice(one.Stream, 0, 3))
	all, err := readLog(t.Context(), s, 100)
	if err != nil || len(all) != 8 {
		t.Fatalf("the log has %d events, %v; want the 8 appended", len(all), err)
	}
	for _, sl := range [][]eventstore.Slice{{one, oneMore}, {two, twoMore}} {
		mine := slices.DeleteFunc(slices.Clone(all), func(e domain.Recorded) bool { return e.Stream != sl[0].Stream })
		if !slices.Equal(ids(mine), newIDs(sl...)) {
			t.Errorf("the log has %d events of %s in an order of its own", len(mine), sl[0].Stream)
		}
	}
	if !slices.Equal(ids(all[5:]), newIDs(oneMore, twoMore)) {
		t.Error("what was appended last, call by call, is not at the end in that order")
	}
}

func logHead(t *testing.T, b Backend) {
	s := b.Open(t)
	if head, err := s.Head(t.Context()); err != nil || head != (eventstore.Position{}) {
		t.Errorf("of an empty log: %s, %v", head, err)
	}
	mustAppend(t, s, slice(streamOf(t), eventstore.NoStream, 3))
	head, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.ReadAll(t.Context(), eventstore.Position{}, 100)
	if err != nil || p.Next != head {
		t.Errorf("the head is %s, and the log ends at %s, %v", head, p.Next, err)
	}
	if p, err := s.ReadAll(t.Context(), head, 10); err != nil || len(p.Events) != 0 || !p.CaughtUp || p.Next != head {
		t.Errorf("after the head: %+v, %v", p, err)
	}
}
