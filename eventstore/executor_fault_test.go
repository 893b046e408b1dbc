package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/eventstoretest"
	"github.com/annals-io/annals/eventstore/memory"
)

// A hooked store calls a function before each append; its error is the append's.
type hooked struct {
	eventstore.Store
	before  func(ctx context.Context) error
	appends atomic.Int64
	lookUps atomic.Int64
}

func (h *hooked) Append(ctx context.Context, sl []eventstore.Slice) ([]eventstore.SliceResult, error) {
	h.appends.Add(1)
	if h.before != nil {
		if err := h.before(ctx); err != nil {
			return nil, err
		}
	}
	return h.Store.Append(ctx, sl)
}

func (h *hooked) Commands(ctx context.Context, s domain.Stream, ids []string) (map[string]eventstore.KnownCommand, error) {
	h.lookUps.Add(1)
	return h.Store.Commands(ctx, s, ids)
}

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	s := memory.New()
	x := executor(t, &eventstoretest.Lossy{Store: s}, eventstore.Config{})
	do(t, x, request("create", create()))
	told := crowd(t, []eventstore.Commander{x}, 16, 8)
	for id, res := range told {
		if res.Duplicate {
			t.Errorf("command %s was told to be a duplicate of itself: %+v", id, res)
		}
	}
	checkOnce(t, s, told)
}

// The same on a store that recognises nothing must be found out.
func TestLostAnswersControl(t *testing.T) {
	t.Parallel()
	s := memory.New()
	x := executor(t, &eventstoretest.Lossy{Store: &eventstoretest.Forgetful{Store: s}}, eventstore.Config{})
	do(t, x, request("create", create()))
	told := crowd(t, []eventstore.Commander{x}, 4, 4)
	if err := onceError(events(t, s), told); err == nil {
		t.Error("a store that doubles what is sent again passed: the check checks nothing")
	}
}

func TestLostAnswersWithoutCommandIDs(t *testing.T) {
	t.Parallel()
	s := memory.New()
	x := executor(t, &eventstoretest.Lossy{Store: s}, eventstore.Config{})
	do(t, x, request("", create()))
	for i := range 10 {
		if res := do(t, x, request("", report("r1", domain.Progressed))); res.Duplicate || res.Revision != domain.Revision(i+1) {
			t.Errorf("report %d: %+v", i, res)
		}
	}
	if n := len(events(t, s)); n != 11 {
		t.Errorf("%d events, want 11", n)
	}
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	var failing atomic.Int64
	h := &hooked{Store: memory.New(), before: func(context.Context) error {
		if failing.Add(-1) >= 0 {
			return &eventstore.UnavailableError{Cause: errors.New("down")}
		}
		return nil
	}}
	x := executor(t, h, eventstore.Config{Retries: 2})
	do(t, x, request("create", create()))
	failing.Store(2)
	if res := do(t, x, request("a", start("r1"))); res.Revision != 1 {
		t.Errorf("down for a moment: %+v", res)
	}
	failing.Store(1_000)
	answers := x.ExecuteAll(t.Context(), []eventstore.Request{request("b", start("r2")), request("b", start("r2")), request("c", start("r2"))})
	var away *eventstore.UnavailableError
	for i, a := range answers[:2] {
		if !errors.As(a.Err, &away) {
			t.Errorf("down for long, answer %d: %v, want unavailable", i, a.Err)
		}
	}
	if answers[2].Err == nil {
		t.Error("down for long: the last was answered as if the others had been written")
	}
	failing.Store(0)
	if res := do(t, x, request("b", start("r2"))); res.Revision != 2 || res.Duplicate {
		t.Errorf("up again: %+v", res)
	}
}

// Once an attempt may have been written, an unreachable store proves nothing.
func TestUnknownThenUnavailable(t *testing.T) {
	t.Parallel()
	calls := 0
	h := &hooked{Store: memory.New()}
	x := executor(t, h, eventstore.Config{Retries: 1})
	do(t, x, request("create", create()))
	h.before = func(context.Context) error {
		if calls++; calls == 1 {
			return &eventstore.OutcomeUnknownError{Cause: errors.New("cut")}
		}
		return &eventstore.UnavailableError{Cause: errors.New("down")}
	}
	_, err := x.Execute(t.Context(), request("a", start("r1")))
	var unknown *eventstore.OutcomeUnknownError
	if !errors.As(err, &unknown) {
		t.Errorf("got %v, want the outcome unknown", err)
	}
}

func TestOverload(t *testing.T) {
	t.Parallel()
	gate, depth := make(chan struct{}), make(chan int, 100)
	h := &hooked{Store: memory.New()}
	x := executor(t, h, eventstore.Config{Mailbox: 10, Observe: eventstore.Observer{Mailbox: func(n int) { depth <- n }}})
	do(t, x, request("create", create()))
	<-depth
	h.before = func(context.Context) error { <-gate; return nil }
	batch := make([]eventstore.Request, 10)
	for i := range batch {
		batch[i] = request("", report("r1", domain.Progressed))
	}
	admitted := make(chan []eventstore.Answer)
	go func() { admitted <- x.ExecuteAll(context.Background(), batch) }()
	if n := <-depth; n != 10 {
		t.Errorf("%d commands wait, want the 10 sent", n)
	}
	for i, a := range x.ExecuteAll(t.Context(), batch[:3]) {
		var overloaded *eventstore.OverloadedError
		if !errors.As(a.Err, &overloaded) || overloaded.RetryAfter != time.Second || overloaded.Stream != domain.WorkspaceStream(ws) {
			t.Errorf("one too many, answer %d: %v, want overloaded", i, a.Err)
		}
	}
	close(gate)
	elsewhere := request("", domain.CreateWorkspace{Slug: "other", Name: "Other", Organization: "personal"})
	elsewhere.Stream = domain.WorkspaceStream("other")
	do(t, x, elsewhere)
	for i, a := range <-admitted {
		if a.Err != nil {
			t.Errorf("taken before the overload, answer %d: %v", i, a.Err)
		}
	}
	do(t, x, request("", report("r2", domain.Progressed)))
}

func TestUnknownEventPauses(t *testing.T) {
	t.Parallel()
	_, s := workspace(t, eventstore.Config{})
	newer := eventstore.NewEvent{Envelope: domain.Envelope{
		EventID: uuid.New(), Type: "workspace.teleported", Version: 1, Subject: domain.WorkspaceEntity(), RecordedAt: noon, OccurredAt: noon,
	}, Data: []byte(`{}`)}
	if _, err := s.Append(t.Context(), []eventstore.Slice{{Stream: domain.WorkspaceStream(ws), Expected: 0, Events: []eventstore.NewEvent{newer}}}); err != nil {
		t.Fatal(err)
	}
	x := executor(t, s, eventstore.Config{})
	var paused *eventstore.PausedError
	for range 2 {
		if _, err := x.Execute(t.Context(), request("", start("r1"))); !errors.As(err, &paused) || !errors.Is(err, domain.ErrUnknownEvent) {
			t.Errorf("got %v, want the stream paused", err)
		}
	}
	if n := len(events(t, s)); n != 2 {
		t.Errorf("%d events, want the 2 there were", n)
	}
}

// It also pauses one that meets the event in the tail, after a conflict.
func TestUnknownEventInTheTailPauses(t *testing.T) {
	t.Parallel()
	x, s := workspace(t, eventstore.Config{})
	newer := eventstore.NewEvent{Envelope: domain.Envelope{
		EventID: uuid.New(), Type: "run.started", Version: 2, Subject: domain.RunEntity(domain.RunRef{ID: "x"}), RecordedAt: noon, OccurredAt: noon,
	}, Data: []byte(`{}`)}
	if _, err := s.Append(t.Context(), []eventstore.Slice{{Stream: domain.WorkspaceStream(ws), Expected: 0, Events: []eventstore.NewEvent{newer}}}); err != nil {
		t.Fatal(err)
	}
	var paused *eventstore.PausedError
	for range 2 {
		if _, err := x.Execute(t.Context(), request("", start("r1"))); !errors.As(err, &paused) {
			t.Errorf("got %v, want the stream paused", err)
		}
	}
}

func TestImportedAgain(t *testing.T) {
	t.Parallel()
	h := &hooked{Store: memory.New()}
	do(t, executor(t, h, eventstore.Config{}), request("create", create()))
	file := make([]eventstore.Request, 5_000)
	for i := range file {
		file[i] = request(fmt.Sprintf("line-%d", i), report(fmt.Sprintf("r%d", i%50), domain.Progressed))
	}
	for n, want := range []bool{false, true} {
		x := executor(t, h, eventstore.Config{MaxCommands: 100})
		h.appends.Store(0)
		h.lookUps.Store(0)
		for i, a := range x.ExecuteAll(t.Context(), file) {
			if a.Err != nil || a.Duplicate != want || a.Revision != domain.Revision(i+1) {
				t.Fatalf("import %d, line %d: %+v, want duplicate %v of revision %d", n, i, a, want, i+1)
			}
		}
		t.Logf("import %d: %d appends, %d look-ups", n, h.appends.Load(), h.lookUps.Load())
		if want && (h.appends.Load() > 25 || h.lookUps.Load() > 25) {
			t.Errorf("imported again with %d appends and %d look-ups", h.appends.Load(), h.lookUps.Load())
		}
	}
}

func TestCloseDrains(t *testing.T) {
	t.Parallel()
	gate, taken := make(chan struct{}), make(chan int, 100)
	h := &hooked{Store: memory.New()}
	x := eventstore.New(h, eventstore.Config{Observe: eventstore.Observer{Mailbox: func(n int) {
		select {
		case taken <- n:
		default: // enough were seen
		}
	}}})
	do(t, x, request("create", create()))
	<-taken
	h.before = func(context.Context) error { <-gate; return nil }
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { do(t, x, request(fmt.Sprint(i), report("r1", domain.Progressed))) })
	}
	for range 20 {
		<-taken
	}
	closed := make(chan error)
	go func() { closed <- x.Close(t.Context()) }()
	var away *eventstore.UnavailableError
	for {
		_, err := x.Execute(cancelled(t), request("late", start("r1")))
		if errors.As(err, &away) && !errors.Is(err, context.Canceled) {
			break // it takes nothing any more
		}
	}
	close(gate)
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	wg.Wait()
}

func TestCloseGivesUp(t *testing.T) {
	t.Parallel()
	h := &hooked{Store: memory.New()}
	x := eventstore.New(h, eventstore.Config{})
	do(t, x, request("create", create()))
	h.before = func(ctx context.Context) error {
		<-ctx.Done()
		return &eventstore.OutcomeUnknownError{Cause: ctx.Err()}
	}
	answered := make(chan error)
	go func() {
		_, err := x.Execute(context.Background(), request("a", start("r1")))
		answered <- err
	}()
	for h.appends.Load() < 2 {
		runtime.Gosched()
	}
	if err := x.Close(cancelled(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v, want the context's error", err)
	}
	var unknown *eventstore.OutcomeUnknownError
	if err := <-answered; !errors.As(err, &unknown) {
		t.Errorf("what was under way was answered %v, want the outcome unknown", err)
	}
}

func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	h := &hooked{Store: memory.New()}
	x := executor(t, h, eventstore.Config{})
	do(t, x, request("create", create()))
	h.before = func(context.Context) error { <-gate; return nil }
	_, err := x.Execute(cancelled(t), request("a", start("r1")))
	var unknown *eventstore.OutcomeUnknownError
	if !errors.As(err, &unknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the outcome unknown", err)
	}
	close(gate)
	if res := do(t, x, request("a", start("r1"))); res.Revision != 1 {
		t.Errorf("sent again: %+v, want revision 1, once", res)
	}
}

func cancelled(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
