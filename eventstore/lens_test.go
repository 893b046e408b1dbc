package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
)

// counted counts and fails the looks at a store that has an index of entities.
type counted struct {
	indexed
	looks atomic.Int64
	fails atomic.Bool
	hold  chan struct{} // not nil: each look waits for it
}

func (c *counted) ReadEntities(ctx context.Context, reads []eventstore.EntityRead) ([][]domain.Recorded, error) {
	if c.looks.Add(1) > 1000 {
		return nil, errors.New("looked at again and again")
	}
	if c.hold != nil {
		<-c.hold
	}
	if c.fails.Load() {
		return nil, &eventstore.UnavailableError{Cause: errors.New("away")}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.indexed.ReadEntities(ctx, reads)
}

const lensStream = domain.Stream("workspace-fraud")

var theWorkspace = eventstore.Sight{Stream: lensStream, Entity: domain.WorkspaceEntity()}

func lensStore(t *testing.T) (*memory.Store, *eventstore.Executor) {
	t.Helper()
	store := memory.New()
	x := eventstore.New(store, eventstore.Config{})
	t.Cleanup(func() { _ = x.Close(context.Background()); _ = store.Close() })
	carry(t, x, domain.CreateWorkspace{Slug: "fraud", Name: "Fraud", Organization: "acme", Owner: uuid.UUID{15: 1}})
	return store, x
}

func carry(t *testing.T, x *eventstore.Executor, c domain.Command) {
	t.Helper()
	if _, err := x.Execute(t.Context(), eventstore.Request{Stream: lensStream, OccurredAt: time.Now(), Command: c}); err != nil {
		t.Fatal(err)
	}
}

func seeName(t *testing.T, l *eventstore.Lens) string {
	t.Helper()
	states, err := l.See(t.Context(), theWorkspace)
	if err != nil {
		t.Fatal(err)
	}
	return states[0].Name
}

// With and without an index, what was seen is remembered for the time given, and not longer; what was changed here is seen
// at once.
func TestALensSeesWhatIsFresh(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(*memory.Store) eventstore.Store{
		"by an index": func(s *memory.Store) eventstore.Store { return &counted{indexed: indexed{s}} },
		"by the tail": func(s *memory.Store) eventstore.Store { return s },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, x := lensStore(t)
				l := eventstore.NewLens(of(store), nil, 50*time.Millisecond)
				if got := seeName(t, l); got != "Fraud" {
					t.Errorf("saw %q", got)
				}
				carry(t, x, domain.RenameWorkspace{Name: "Two"})
				if got := seeName(t, l); got != "Fraud" {
					t.Errorf("saw %q within the time", got)
				}
				<-time.After(51 * time.Millisecond)
				if got := seeName(t, l); got != "Two" {
					t.Errorf("saw %q after the time", got)
				}
				carry(t, x, domain.RenameWorkspace{Name: "Three"})
				<-time.After(time.Nanosecond)
				l.Forget(lensStream)
				if got := seeName(t, l); got != "Three" {
					t.Errorf("saw %q after a change made here", got)
				}
				states, err := l.See(t.Context(), eventstore.Sight{Stream: "workspace-none", Entity: domain.WorkspaceEntity()}, theWorkspace)
				if err != nil || states[0].Exists || states[1].Name != "Three" {
					t.Errorf("saw %+v, %v", states, err)
				}
			})
		})
	}
}

// Who goes on to look at the same things one by one has all of them looked at anew before they are old, at once.
func TestALensForesees(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, _ := lensStore(t)
		c := &counted{indexed: indexed{store}}
		l := eventstore.NewLens(c, nil, 50*time.Millisecond)
		for _, step := range []struct {
			after time.Duration
			look  func(context.Context, ...eventstore.Sight) ([]*domain.State, error)
			looks int64
		}{
			{0, l.Foresee, 1}, {24 * time.Millisecond, l.Foresee, 1}, {2 * time.Millisecond, l.Foresee, 2}, {49 * time.Millisecond, l.See, 2}, {2 * time.Millisecond, l.See, 3},
		} {
			<-time.After(step.after)
			states, err := step.look(t.Context(), theWorkspace)
			if err != nil || states[0].Name != "Fraud" || c.looks.Load() != step.looks {
				t.Errorf("%s later: %+v, %v, after %d looks, want %d", step.after, states, err, c.looks.Load(), step.looks)
			}
		}
	})
}

// A look in vain is not remembered, and who waits for it looks himself.
func TestALensThatCannotSee(t *testing.T) {
	t.Parallel()
	store, _ := lensStore(t)
	c := &counted{indexed: indexed{store}}
	c.fails.Store(true)
	l := eventstore.NewLens(c, nil, time.Minute)
	var away *eventstore.UnavailableError
	if _, err := l.See(t.Context(), theWorkspace); !errors.As(err, &away) {
		t.Fatalf("saw %v", err)
	}
	c.fails.Store(false)
	if got := seeName(t, l); got != "Fraud" {
		t.Errorf("saw %q", got)
	}
}

// Many ask at once, some of whom go away: the others get their answer, and one look serves them all.
func TestALensIsSharedByAllWhoAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, _ := lensStore(t)
		c := &counted{indexed: indexed{store}, hold: make(chan struct{})}
		l := eventstore.NewLens(c, nil, time.Minute)
		var wait sync.WaitGroup
		var wrong atomic.Int64
		for i := range 64 {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			wait.Go(func() {
				states, err := l.See(ctx, theWorkspace)
				if err == nil && states[0].Name != "Fraud" || err != nil && ctx.Err() == nil {
					wrong.Add(1)
				}
			})
			if i%2 == 1 {
				cancel()
			}
		}
		synctest.Wait()
		close(c.hold)
		wait.Wait()
		if wrong.Load() > 0 || c.looks.Load() != 1 {
			t.Errorf("%d of 64 saw wrong, in %d looks", wrong.Load(), c.looks.Load())
		}
	})
}

// While it is looked at and changed by many, nobody sees what is older than a change they know of.
func TestALensNeverSeesWhatWasBeforeAChangeMadeHere(t *testing.T) {
	t.Parallel()
	store, x := lensStore(t)
	l := eventstore.NewLens(&counted{indexed: indexed{store}}, nil, time.Hour)
	var latest atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for ctx.Err() == nil {
				least := latest.Load()
				states, err := l.See(t.Context(), theWorkspace)
				if err != nil {
					t.Error(err)
					return
				}
				var seen int64
				_, _ = fmt.Sscanf(states[0].Name, "n%d", &seen)
				if seen < least {
					t.Errorf("saw %d, which was over when it asked: %d was known", seen, least)
					return
				}
			}
		})
	}
	for i := range int64(2000) {
		carry(t, x, domain.RenameWorkspace{Name: fmt.Sprintf("n%d", i+1)})
		l.Forget(lensStream)
		latest.Store(i + 1)
	}
	stop()
	wait.Wait()
}

// A store that takes longer to answer than an answer stays fresh is asked once all the same, and answered.
func TestALensAnswersHoweverSlowTheStore(t *testing.T) {
	t.Parallel()
	store, _ := lensStore(t)
	c := &counted{indexed: indexed{store}}
	l := eventstore.NewLens(c, nil, 0) // nothing stays fresh
	states, err := l.See(t.Context(), theWorkspace)
	if err != nil || !states[0].Exists {
		t.Fatalf("seen is %v, %v", states, err)
	}
	if n := c.looks.Load(); n != 1 {
		t.Errorf("the store was asked %d times", n)
	}
}
