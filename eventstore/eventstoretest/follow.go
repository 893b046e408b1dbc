package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var followPromises = []promise{
	{"36 catching up, then live, without a seam", followSeam},
	{"37 caught up is said once", followCaughtUp},
	{"38 a slow consumer", followSlow},
	{"39 going on where it was left", followResume},
	{"41 ten followers", followTen},
	{"42 what another store wrote", followOther},
	{"43 closing ends followers", followClosed},
	{"44 a follower that stops leaves nothing", followStops},
}

// patience is how long a test waits for what must come; it is long, since it only passes when something is broken.
const patience = 30 * time.Second

// collect follows until it has n events.
func collect(ctx context.Context, s eventstore.Store, after eventstore.Position, limit, n int) ([]uuid.UUID, eventstore.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var got []uuid.UUID
	for p, err := range s.Follow(ctx, after, limit) {
		if err != nil {
			return got, after, fmt.Errorf("%d of %d events: %w", len(got), n, err)
		}
		if len(p.Events) > limit {
			return got, after, fmt.Errorf("a page of %d events, at most %d were wanted", len(p.Events), limit)
		}
		got, after = append(got, ids(p.Events)...), p.Next
		if len(got) >= n {
			return got, after, nil
		}
	}
	return got, after, errors.New("following ended without an error")
}

func followSeam(t *testing.T, b Backend) {
	s := b.Open(t)
	streams := []domain.Stream{streamOf(t), streamOf(t), streamOf(t)}
	fill(t, s, streams, 20)
	done := make(chan struct{})
	go func() {
		defer close(done)
		fill(t, s, streams, 40)
	}()
	got, _, err := collect(t.Context(), s, eventstore.Position{}, 7, 360)
	<-done
	if err != nil {
		t.Fatal(err)
	}
	want, err := readLog(t.Context(), s, 1000)
	if err != nil || !slices.Equal(got, ids(want)) {
		t.Errorf("followed %d events, and the log has %d in another order or number, %v", len(got), len(want), err)
	}
}

func followCaughtUp(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	next, stop := iter.Pull2(s.Follow(t.Context(), eventstore.Position{}, 4))
	defer stop()
	if p, err, _ := next(); err != nil || len(p.Events) != 0 || !p.CaughtUp {
		t.Fatalf("an empty log begins with %+v, %v; want an empty page that says so", p, err)
	}
	for range 3 {
		mustAppend(t, s, slice(stream, eventstore.Any, 6))
		said := 0
		for events := 0; events < 6; {
			p, err, _ := next()
			if err != nil {
				t.Fatal(err)
			}
			events += len(p.Events)
			if p.CaughtUp {
				said++
			}
		}
		if said != 1 {
			t.Errorf("said %d times that it has caught up, want once", said)
		}
	}
}

func followSlow(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	next, stop := iter.Pull2(s.Follow(t.Context(), eventstore.Position{}, 100))
	defer stop()
	if _, err, _ := next(); err != nil {
		t.Fatal(err)
	}
	var want []uuid.UUID
	for range 30 { // it takes none of them yet; they are more than any store keeps in memory for it
		sl := slice(stream, eventstore.Any, 700)
		mustAppend(t, s, sl)
		want = append(want, newIDs(sl)...)
	}
	var got []uuid.UUID
	for len(got) < len(want) {
		p, err, ok := next()
		if err != nil || !ok {
			t.Fatalf("after %d events: %v", len(got), err)
		}
		got = append(got, ids(p.Events)...)
	}
	if !slices.Equal(got, want) {
		t.Error("a slow follower got other events than were written")
	}
}

func followResume(t *testing.T, b Backend) {
	s := b.Open(t)
	fill(t, s, []domain.Stream{streamOf(t), streamOf(t)}, 15)
	var got []uuid.UUID
	var at eventstore.Position
	for len(got) < 60 {
		part, next, err := collect(t.Context(), s, at, 4, 1)
		if err != nil {
			t.Fatal(err)
		}
		got, at = append(got, part...), next
	}
	want, err := readLog(t.Context(), s, 1000)
	if err != nil || !slices.Equal(got, ids(want)) {
		t.Errorf("going on page by page gave %d events of %d, %v", len(got), len(want), err)
	}
}

func followTen(t *testing.T, b Backend) {
	s := b.Open(t)
	streams := []domain.Stream{streamOf(t), streamOf(t)}
	got, errs := make([][]uuid.UUID, 10), make([]error, 10)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i], _, errs[i] = collect(t.Context(), s, eventstore.Position{}, 1+i*3, 120) })
	}
	fill(t, s, streams, 30)
	wg.Wait()
	want, err := readLog(t.Context(), s, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if errs[i] != nil || !slices.Equal(got[i], ids(want)) {
			t.Errorf("follower %d: %d events of %d, %v", i, len(got[i]), len(want), errs[i])
		}
	}
}

func followOther(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	other := b.Reopen(t, s)
	next, stop := iter.Pull2(s.Follow(t.Context(), eventstore.Position{}, 10))
	defer stop()
	if _, err, _ := next(); err != nil {
		t.Fatal(err)
	}
	for i, writer := range []eventstore.Store{other, s, other, other, s} {
		sl := slice(stream, eventstore.Any, 2)
		mustAppend(t, writer, sl)
		var got []uuid.UUID
		for len(got) < 2 {
			p, err, ok := next()
			if err != nil || !ok {
				t.Fatalf("append %d: %v", i, err)
			}
			got = append(got, ids(p.Events)...)
		}
		if !slices.Equal(got, newIDs(sl)) {
			t.Fatalf("append %d was followed by other events", i)
		}
	}
}

func followClosed(t *testing.T, b Backend) {
	s := b.Open(t)
	next, stop := iter.Pull2(s.Follow(t.Context(), eventstore.Position{}, 10))
	defer stop()
	if _, err, _ := next(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var away *eventstore.UnavailableError
	if _, err, ok := next(); !ok || !errors.As(err, &away) {
		t.Errorf("the follower of a closed store got %v, want unavailable", err)
	}
	if _, err := s.Append(t.Context(), []eventstore.Slice{slice(streamOf(t), eventstore.NoStream, 1)}); !errors.As(err, &away) {
		t.Errorf("a closed store took an append: %v", err)
	}
}

func followStops(t *testing.T, b Backend) {
	s := b.Open(t)
	ended := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	const followers = 20
	for range followers {
		go func() {
			var last error
			for _, err := range s.Follow(ctx, eventstore.Position{}, 10) {
				last = err
			}
			ended <- last
		}()
	}
	runtime.Gosched()
	cancel()
	for range followers {
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("a cancelled follower ended with %v", err)
			}
		case <-time.After(patience):
			t.Fatal("a cancelled follower goes on")
		}
	}
}
