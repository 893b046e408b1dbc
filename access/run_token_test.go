package access_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var fraud = domain.WorkspaceStream("fraud")

// Given a run with a token, the token lives as long as the run, its workspace, its maker and its own time let it.
func TestATokenDiesWithItsRun(t *testing.T) {
	t.Parallel()
	run := domain.RunRef{ID: "r1"}
	report := func(p domain.Phase) domain.Command {
		return domain.MoveRun{RunReported: domain.RunReported{Phase: p, Run: run}}
	}
	for name, tt := range map[string]struct {
		then  func(v *village)
		after time.Duration // on the clock
		want  error
	}{
		"while it goes on":               {func(*village) {}, 23 * time.Hour, nil},
		"after its own time":             {func(*village) {}, 24 * time.Hour, access.ErrExpired},
		"just after it ended":            {func(v *village) { v.do(fraud, report(domain.Succeeded)) }, 4 * time.Minute, nil},
		"five minutes after it ended":    {func(v *village) { v.do(fraud, report(domain.Failed)) }, 5*time.Minute + time.Second, access.ErrExpired},
		"when it was deleted":            {func(v *village) { v.do(fraud, domain.Delete{Event: domain.RunDeleted{Run: run}}) }, 0, access.ErrRevoked},
		"when its workspace was deleted": {func(v *village) { v.do(fraud, report(domain.Succeeded)); v.do(fraud, domain.DeleteWorkspace{}) }, 0, access.ErrRevoked},
		"when its maker was disabled":    {func(v *village) { v.do(domain.AccountStream(founder), domain.DisableAccount{Account: founder}) }, 0, access.ErrShutOut},
		"when its end is told with a late clock": {func(v *village) {
			v.clock.set(noon.Add(-24 * time.Hour)) // the producer is a day ahead of us
			v.do(fraud, report(domain.Succeeded))
		}, -24*time.Hour + 6*time.Minute, access.ErrExpired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVillage(t)
			v.do(domain.AccountStream(founder), domain.RegisterAccount{Account: founder})
			v.at(noon)
			v.startRun(run)
			text, r, err := v.keys.RunToken(t.Context(), person(founder), "fraud", run, 0)
			if err != nil {
				t.Fatal(err)
			}
			p, err := v.keys.Check(t.Context(), text)
			if err != nil || p.Run == nil || *p.Run != run || p.Workspace != "fraud" || p.Who() != domain.Person(founder) || r.Kind != access.Run {
				t.Fatalf("Check = %+v, %v", p, err)
			}
			if _, err := v.other.Check(t.Context(), text); err != nil {
				t.Fatal(err)
			}
			tt.then(v)
			if _, err := v.keys.Check(t.Context(), text); tt.after == 0 && !errors.Is(err, tt.want) {
				t.Errorf("where it happened: %v, want %v at once", err, tt.want)
			}
			if tt.after < 0 { // a server sees the end before the clock goes on
				if err := v.third().Tidy(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			v.clock.set(noon.Add(tt.after))
			v.soon("there", text, tt.want)
		})
	}
}

// Given a token whose run ended and began anew, the token stays dead.
func TestATokenStaysDeadWhenItsRunBeginsAnew(t *testing.T) {
	t.Parallel()
	v := newVillage(t)
	run := domain.RunRef{ID: "r1"}
	v.at(noon)
	v.startRun(run)
	text, _, err := v.keys.RunToken(t.Context(), person(founder), "fraud", run, 0)
	if err != nil {
		t.Fatal(err)
	}
	v.do(fraud, domain.MoveRun{RunReported: domain.RunReported{Phase: domain.Failed, Run: run}})
	if err := v.third().Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.clock.set(noon.Add(10 * time.Minute))
	v.at(noon.Add(10 * time.Minute))
	v.do(fraud, domain.MoveRun{RunReported: domain.RunReported{Phase: domain.Started, Run: run, Pipeline: &domain.Name{Name: "train"}}})
	v.soon("the token of its first attempt", text, access.ErrExpired)
	if _, _, err := v.keys.RunToken(t.Context(), person(founder), "fraud", run, 0); err != nil {
		t.Errorf("another token: %v", err)
	}
}

func TestTokensThatAreNotMinted(t *testing.T) {
	t.Parallel()
	v := newVillage(t)
	over, deleted := domain.RunRef{ID: "over"}, domain.RunRef{ID: "deleted"}
	for _, run := range []domain.RunRef{over, deleted} {
		v.startRun(run)
	}
	v.do(fraud, domain.MoveRun{RunReported: domain.RunReported{Phase: domain.Succeeded, Run: over}})
	v.do(fraud, domain.Delete{Event: domain.RunDeleted{Run: deleted}})
	for name, tt := range map[string]struct {
		ws     domain.Slug
		run    string
		status int
	}{
		"no such run":         {"fraud", "nowhere", 404},
		"one that was over":   {"fraud", "over", 409},
		"one that is deleted": {"fraud", "deleted", 404},
		"no such workspace":   {"nowhere", "over", 404},
	} {
		_, _, err := v.keys.RunToken(t.Context(), person(founder), tt.ws, domain.RunRef{ID: tt.run}, 0)
		var no *access.Refusal
		if !errors.As(err, &no) || no.Status != tt.status {
			t.Errorf("%s: %v, want %d", name, err, tt.status)
		}
	}
	if _, _, err := v.keys.RunToken(t.Context(), person(founder), "fraud", over, 31*24*time.Hour); !errors.Is(err, domain.Invalid) {
		t.Errorf("a token for 31 days: %v, want invalid", err)
	}
}

// taking carries out everything.
type taking struct{ took []eventstore.Request }

func (t *taking) Execute(_ context.Context, q eventstore.Request) (eventstore.Result, error) {
	t.took = append(t.took, q)
	return eventstore.Result{Last: 7}, nil
}

func (t *taking) ExecuteAll(ctx context.Context, qs []eventstore.Request) []eventstore.Answer {
	out := make([]eventstore.Answer, len(qs))
	for i, q := range qs {
		out[i].Result, out[i].Err = t.Execute(ctx, q)
	}
	return out
}

// Whatever door a token comes by, behind it are the commands of its run alone; each of a batch is judged for itself.
func TestCommandsOfAToken(t *testing.T) {
	t.Parallel()
	run, other := domain.RunRef{ID: "r1"}, domain.RunRef{ID: "r2"}
	report := func(ws domain.Slug, r domain.RunRef) eventstore.Request {
		return eventstore.Request{Stream: domain.WorkspaceStream(ws), Command: domain.Record{Events: []domain.Event{domain.RunReported{Phase: domain.Started, Run: r}}}}
	}
	batch := []eventstore.Request{report("fraud", run), report("fraud", other), report("ranking", run), {Stream: fraud, Command: domain.RenameWorkspace{Name: "x"}}, report("fraud", run)}
	token := access.With(t.Context(), access.Principal{KeyID: "k", Scopes: []access.Scope{access.Write}, Workspace: "fraud", Run: &run})
	for name, tt := range map[string]struct {
		ctx  context.Context
		want string // + carried out, - refused
	}{
		"a token":               {token, "+---+"},
		"a key":                 {access.With(t.Context(), access.Principal{KeyID: "k", Scopes: []access.Scope{access.Write}}), "+++++"},
		"the server's own work": {t.Context(), "+++++"},
	} {
		next := &taking{}
		c := access.Bound(next)
		got, one := "", ""
		for _, a := range c.ExecuteAll(tt.ctx, batch) {
			got += sign(t, a.Err)
			if (a.Err == nil) != (a.Last == 7) {
				t.Errorf("%s: an answer is in the wrong place: %+v", name, a)
			}
		}
		for _, q := range batch {
			_, err := c.Execute(tt.ctx, q)
			one += sign(t, err)
		}
		if got != tt.want || one != tt.want {
			t.Errorf("%s: together %s, one by one %s; want %s", name, got, one, tt.want)
		}
	}
}

func sign(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return "+"
	}
	if !errors.Is(err, domain.Forbidden) {
		t.Errorf("refused by %v, want forbidden", err)
	}
	return "-"
}

// A token gets through the doors that take events, and those that are opened for it; no scope opens it another.
func TestRoutesOfAToken(t *testing.T) {
	t.Parallel()
	m := access.NewMux(fixed{"token": {KeyID: "token", Scopes: []access.Scope{access.Admin}, Workspace: "fraud", Run: &domain.RunRef{ID: "r1"}}}, nil, nil)
	for pattern, needs := range map[string]access.Scope{"POST /events": access.IngestOnly, "GET /things": access.Read, "GET /who": access.IngestOnly, "POST /graphql": access.Read} {
		m.Handle(pattern, needs, say("in"))
	}
	m.ForRuns("POST /events")
	m.ForRuns("POST /graphql")
	for target, status := range map[string]int{"POST /events": 200, "POST /graphql": 200, "GET /things": 403, "GET /who": 403} {
		method, path, _ := strings.Cut(target, " ")
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Authorization", "Bearer token")
		w := httptest.NewRecorder()
		if m.ServeHTTP(w, r); w.Code != status {
			t.Errorf("%s answers %d %s, want %d", target, w.Code, w.Body, status)
		}
	}
	m.HandleWithPage("GET /graphql", access.Read, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, no := access.Admit(r.Context(), "Bearer token"); no == nil || no.Status != 403 {
			t.Errorf("a WebSocket of a token: %v, want forbidden", no)
		}
	}), say("page"))
	r := httptest.NewRequest("GET", "/graphql", nil)
	r.Header.Set("Upgrade", "websocket")
	m.ServeHTTP(httptest.NewRecorder(), r)
}
