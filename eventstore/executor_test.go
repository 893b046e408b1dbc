package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const ws = domain.Slug("mlab")

// executor is one over a store, closed when the test ends.
func executor(t testing.TB, s eventstore.Store, cfg eventstore.Config) *eventstore.Executor {
	t.Helper()
	x := eventstore.New(s, cfg)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := x.Close(ctx); err != nil {
			t.Errorf("close the executor: %v", err)
		}
	})
	return x
}

// request asks for a command in the test's workspace, under an id.
func request(id string, c domain.Command) eventstore.Request {
	r := eventstore.Request{Stream: domain.WorkspaceStream(ws), CommandID: id, Command: c, OccurredAt: noon}
	copy(r.Digest[:], fmt.Sprintf("%T", c))
	return r
}

func create() domain.Command {
	return domain.CreateWorkspace{Slug: ws, Name: "Machine learning", Organization: "personal"}
}

func start(run string) domain.Command { return move(run, domain.Started) }

func move(run string, p domain.Phase) domain.Command {
	return domain.MoveRun{RunReported: domain.RunReported{Phase: p, Run: domain.RunRef{ID: run}, Pipeline: &domain.Name{Name: "train"}}}
}

func report(run string, p domain.Phase) domain.Command {
	return domain.Record{Events: []domain.Event{domain.RunReported{Phase: p, Run: domain.RunRef{ID: run}}}}
}

// do executes a command that must not fail.
func do(t testing.TB, x eventstore.Commander, r eventstore.Request) eventstore.Result {
	t.Helper()
	res, err := x.Execute(t.Context(), r)
	if err != nil {
		t.Fatalf("%s %T: %v", r.CommandID, r.Command, err)
	}
	return res
}

// workspace is an executor on a memory store with the test's workspace.
func workspace(t testing.TB, cfg eventstore.Config) (*eventstore.Executor, *memory.Store) {
	t.Helper()
	s := memory.New()
	x := executor(t, s, cfg)
	do(t, x, request("create", create()))
	return x, s
}

func events(t testing.TB, s eventstore.Store) []domain.Recorded {
	t.Helper()
	p, err := s.ReadStream(t.Context(), domain.WorkspaceStream(ws), 0, eventstore.Forward, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return p.Events
}

func TestExecute(t *testing.T) {
	t.Parallel()
	x, s := workspace(t, eventstore.Config{})
	body := eventstore.Evidence{Digest: domain.Digest{1}, Salt: []byte("salt"), Bytes: []byte("body")}
	r := request("c1", start("r1"))
	r.Meta = domain.Meta{Actor: domain.Actor{Kind: "key", ID: "k"}, Reason: "why", CommandID: "filled in", Evidence: &body.Digest}
	r.Evidence = []eventstore.Evidence{body}
	if got, want := do(t, x, r), (eventstore.Result{First: 1, Last: 1, Events: 1, Revision: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	e := events(t, s)[1]
	if e.Type != "run.started" || e.Meta.CommandID != "c1" || e.Meta.RequestDigest != r.Digest || e.Meta.Reason != "why" || e.OccurredAt != noon ||
		e.EventID != domain.EventID(r.Stream, "c1", 0) || e.Subject != domain.RunEntity(domain.RunRef{ID: "r1"}) {
		t.Errorf("recorded %+v", e.Envelope)
	}
	if got, err := s.Evidence(t.Context(), r.Stream, []domain.Digest{body.Digest}); err != nil || string(got[body.Digest]) != "body" {
		t.Errorf("evidence is %q, %v", got, err)
	}
}

func TestExecuteRefusals(t *testing.T) {
	t.Parallel()
	x, s := workspace(t, eventstore.Config{})
	do(t, x, request("c1", start("r1")))
	seen := domain.Revision(0)
	locked := request("c9", move("r1", domain.Succeeded))
	locked.IfUnchangedSince = &seen
	missing := request("", report("r1", domain.Started))
	missing.Stream = domain.WorkspaceStream("nowhere")
	large := request("", domain.Record{Events: []domain.Event{domain.RunReported{Phase: domain.Started, Run: domain.RunRef{ID: "r"}, Name: string(make([]byte, eventstore.MaxSlice/6+10))}}})
	for name, tt := range map[string]struct {
		r    eventstore.Request
		want error
	}{
		"refused by the domain":   {request("", start("r1")), domain.AlreadyExists},
		"changed since":           {locked, domain.RevisionConflict},
		"no such workspace":       {missing, domain.NotFound},
		"a slug that is taken":    {request("", create()), domain.AlreadyExists},
		"no identity":             {request("", report("", domain.Started)), domain.Required},
		"too large for one slice": {large, nil},
	} {
		res, err := x.Execute(t.Context(), tt.r)
		if head := map[bool]domain.Revision{true: domain.NoRevision, false: 1}[tt.r.Stream == missing.Stream]; tt.want != nil && res.Revision != head {
			t.Errorf("%s: judged at %d, want %d", name, res.Revision, head)
		}
		var tooLarge *eventstore.TooLargeError
		if tt.want == nil && !errors.As(err, &tooLarge) || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if n := len(events(t, s)); n != 2 {
		t.Errorf("%d events, want the 2 there were", n)
	}
	seen = 1
	if res := do(t, x, locked); res.Revision != 2 {
		t.Errorf("unchanged since: %+v, want it written", res)
	}
}

// The table of sending a command again: by the same executor, which remembers, and by a new one, which has to ask.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	first := eventstore.Result{First: 1, Last: 1, Events: 1, Duplicate: true, Revision: 1}
	for name, tt := range map[string]struct {
		again eventstore.Request
		want  eventstore.Result
		err   error
	}{
		"a retried start":                {request("start", start("r1")), first, nil},
		"the id with another request":    {request("start", report("r1", domain.Failed)), eventstore.Result{}, domain.Conflict},
		"another id for what is true":    {request("rename", domain.RenameWorkspace{Name: "Machine learning"}), eventstore.Result{First: -1, Last: -1, Unchanged: true, Revision: 2}, nil},
		"another id for what is refused": {request("start2", start("r1")), eventstore.Result{First: -1, Last: -1, Revision: 2}, domain.AlreadyExists},
		"a report doubled":               {request("report", report("r2", domain.Started)), eventstore.Result{First: 2, Last: 2, Events: 1, Duplicate: true, Revision: 2}, nil},
		"a report under another id":      {request("report2", report("r2", domain.Started)), eventstore.Result{First: 3, Last: 3, Events: 1, Revision: 3}, nil},
		"a report without an id":         {request("", report("r2", domain.Started)), eventstore.Result{First: 3, Last: 3, Events: 1, Revision: 3}, nil},
	} {
		for _, who := range []string{"remembered", "asked"} {
			t.Run(name+", "+who, func(t *testing.T) {
				t.Parallel()
				x, s := workspace(t, eventstore.Config{})
				do(t, x, request("start", start("r1")))
				do(t, x, request("report", report("r2", domain.Started)))
				if who == "asked" {
					x = executor(t, s, eventstore.Config{})
				}
				got, err := x.Execute(t.Context(), tt.again)
				if got != tt.want || !errors.Is(err, tt.err) {
					t.Errorf("got %+v, %v; want %+v, %v", got, err, tt.want, tt.err)
				}
			})
		}
	}
}

// Twins are the same command twice at once: the second must wait for what becomes of the first.
func TestTwinsInFlight(t *testing.T) {
	t.Parallel()
	x, s := workspace(t, eventstore.Config{})
	other := request("a", report("r1", domain.Failed))
	other.Digest[0]++
	answers := x.ExecuteAll(t.Context(), []eventstore.Request{
		request("a", start("r1")), request("a", start("r1")), other, request("b", start("r1")), request("c", start("r2")),
	})
	if a := answers[0]; a.Err != nil || a.Duplicate || a.First != 1 {
		t.Errorf("the first: %+v", a)
	}
	if a := answers[1]; a.Err != nil || !a.Duplicate || a.First != 1 {
		t.Errorf("its twin: %+v", a)
	}
	if !errors.Is(answers[2].Err, domain.Conflict) || !errors.Is(answers[3].Err, domain.AlreadyExists) {
		t.Errorf("with another request %v, under another id %v", answers[2].Err, answers[3].Err)
	}
	if a := answers[4]; a.Err != nil || a.First != 2 {
		t.Errorf("the next: %+v", a)
	}
	if n := len(events(t, s)); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
}

func TestRecordedAt(t *testing.T) {
	t.Parallel()
	var tick atomic.Int64
	clock := func() time.Time { // goes forward, stands still, steps back
		return noon.Add([]time.Duration{0, 5 * time.Second, 5 * time.Second, -time.Hour, 7 * time.Second}[tick.Add(1)%5])
	}
	x, s := workspace(t, eventstore.Config{Clock: clock})
	for i := range 30 {
		r := request("", report(fmt.Sprint(i%3), domain.Progressed))
		r.OccurredAt = time.Time{}
		do(t, x, r)
		if i%10 == 9 {
			x = executor(t, s, eventstore.Config{Clock: clock})
		}
	}
	all := events(t, s)
	for i := 1; i < len(all); i++ {
		if d := all[i].RecordedAt.Sub(all[i-1].RecordedAt); d < time.Microsecond {
			t.Errorf("revision %d was recorded %v after the one before", i, d)
		}
		if all[i].OccurredAt != all[i].RecordedAt {
			t.Errorf("revision %d occurred at %v, want the server's time", i, all[i].OccurredAt)
		}
	}
}

func TestManyCallersAndTwoExecutors(t *testing.T) {
	t.Parallel()
	s := memory.New()
	one, two := executor(t, s, eventstore.Config{}), executor(t, s, eventstore.Config{GroupEvents: 7})
	do(t, one, request("create", create()))
	checkOnce(t, s, crowd(t, []eventstore.Commander{one, two}, 32, 20))
}

// crowd has callers report and start runs, each command under an id, and answers what they were told.
func crowd(t testing.TB, xs []eventstore.Commander, callers, each int) map[string]eventstore.Result {
	told := map[string]eventstore.Result{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for n := range each {
				id := fmt.Sprintf("%d-%d", c, n)
				cmd := report(fmt.Sprintf("r%d", c), domain.Progressed)
				if n%4 == 0 {
					cmd = start(id)
				}
				res, err := xs[(c+n)%len(xs)].Execute(t.Context(), request(id, cmd))
				if err != nil {
					t.Errorf("%s: %v", id, err)
					return
				}
				mu.Lock()
				told[id] = res
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return told
}

// checkOnce compares what callers were told with what lies in the stream: each command once, where they were told.
func checkOnce(t testing.TB, s eventstore.Store, told map[string]eventstore.Result) {
	t.Helper()
	if err := onceError(events(t, s), told); err != nil {
		t.Error(err)
	}
}

func onceError(all []domain.Recorded, told map[string]eventstore.Result) error {
	at := map[string]domain.Revision{}
	for i := range all {
		if all[i].Revision != domain.Revision(i) {
			return fmt.Errorf("event %d has revision %d", i, all[i].Revision)
		}
		id := all[i].Meta.CommandID
		if before, twice := at[id]; twice {
			return fmt.Errorf("command %s lies at %d and %d", id, before, i)
		}
		at[id] = all[i].Revision
	}
	for id, res := range told {
		if got, ok := at[id]; !ok || got != res.First || res.Last != res.First {
			return fmt.Errorf("command %s was told %+v and lies at %d, %v", id, res, got, ok)
		}
	}
	if len(at) != len(told)+1 {
		return fmt.Errorf("%d commands lie in the stream, %d were answered", len(at)-1, len(told))
	}
	return nil
}
