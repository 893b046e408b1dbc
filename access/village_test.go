package access_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// village is a town with keys: two servers over one database and one log.
type village struct {
	*town
	pool        *pgxpool.Pool
	clock       *clock
	keys, other *access.Keys // of the first server and of the second
	mux         *access.Mux  // of the first
	log         *breakable   // by which the first tells the log of its keys
}

// breakable is a commander that can be away.
type breakable struct {
	eventstore.Commander
	away atomic.Bool
}

var errAway = errors.New("the log is away")

func (b *breakable) Execute(ctx context.Context, q eventstore.Request) (eventstore.Result, error) {
	if b.away.Load() {
		return eventstore.Result{}, errAway
	}
	return b.Commander.Execute(ctx, q)
}

func newVillage(t *testing.T) *village {
	t.Helper()
	v := &village{town: newTown(t), pool: database(t), clock: newClock()}
	v.keys, v.other = access.NewKeys(v.pool, v.clock.now), access.NewKeys(v.pool, v.clock.now)
	v.keys.Standing, v.other.Standing = access.NewStanding(v.store, nil), access.NewStanding(v.store, nil)
	v.log = &breakable{Commander: v.commands}
	v.keys.Commands, v.other.Commands = v.log, v.commands
	v.commands = v.keys.Watch(v.commands)
	v.mux = access.NewMux(v.keys, nil, nil)
	access.Handler{Desk: access.KeyDesk{Keys: v.keys, Rights: v.here}, Runs: v.runs, Log: slog.New(slog.DiscardHandler)}.Register(v.mux)
	return v
}

// runs knows one foreign run that two jobs share, and one of a job alone.
func (v *village) runs(_ context.Context, _ domain.Slug, id string) ([]domain.RunRef, error) {
	switch id {
	case "shared":
		return []domain.RunRef{{ID: id, Job: domain.Name{Namespace: "airflow", Name: "a"}}, {ID: id, Job: domain.Name{Namespace: "airflow", Name: "b"}}}, nil
	case "foreign":
		return []domain.RunRef{{ID: id, Job: domain.Name{Namespace: "airflow", Name: "a"}}}, nil
	}
	return nil, nil
}

// person is somebody as a session of theirs has them.
func person(id uuid.UUID) access.Principal {
	return access.Principal{SessionID: "s", Scopes: []access.Scope{access.Admin}, Account: id, Organization: "acme", DefaultWorkspace: "acme-default"}
}

// key makes somebody a key behind the desk's back.
func (v *village) key(who access.Principal, w access.Wish) (string, access.Record) {
	v.t.Helper()
	text, r, err := v.keys.Create(v.t.Context(), who, w)
	if err != nil {
		v.t.Fatalf("Create(%+v): %v", w, err)
	}
	return text, r
}

// call sends a request with a key, and answers the status and the document.
func (v *village) call(method, path, key, body string) (int, map[string]any) {
	v.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	v.mux.ServeHTTP(w, r)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		v.t.Fatalf("%s %s answers %q: %v", method, path, w.Body, err)
	}
	return w.Code, out
}

// told is what the log says of keys in a stream, as TYPE KEY.
func (v *village) told(stream domain.Stream) (lines []string) {
	v.t.Helper()
	page, err := v.store.ReadStream(v.t.Context(), stream, 0, eventstore.Forward, 1000)
	var none *eventstore.NotFoundError
	if errors.As(err, &none) {
		return nil
	}
	if err != nil {
		v.t.Fatal(err)
	}
	for _, e := range page.Events {
		switch k := e.Event.(type) {
		case domain.APIKeyCreated:
			lines = append(lines, "created "+k.Key+" by "+e.Meta.Actor.Kind)
		case domain.APIKeyRotated:
			lines = append(lines, "rotated "+k.Key+" to "+k.Successor)
		case domain.APIKeyRevoked:
			lines = append(lines, "revoked "+k.Key+" by "+e.Meta.Actor.Kind)
		}
	}
	return lines
}

// third is a server that has not looked at anything yet.
func (v *village) third() *access.Keys {
	k := access.NewKeys(v.pool, v.clock.now)
	k.Commands, k.Standing = v.commands, access.NewStanding(v.store, nil)
	return k
}

// at sets when what is done from now on happens.
func (v *village) at(t time.Time) { v.when = t }

// startRun starts a run in the workspace of the village.
func (v *village) startRun(run domain.RunRef) {
	pipeline := domain.Name{Name: "train"}
	v.do(domain.WorkspaceStream("fraud"), domain.MoveRun{RunReported: domain.RunReported{Phase: domain.Started, Run: run, Pipeline: &pipeline}})
}

func codeOf(out map[string]any) string {
	e, _ := out["error"].(map[string]any)
	code, _ := e["code"].(string)
	return code
}

// soon says whether the second server comes to answer that of a key, and how long that took: it only hears of changes by
// looking.
func (v *village) soon(what, text string, want error) time.Duration {
	v.t.Helper()
	began := time.Now()
	for {
		_, err := v.other.Check(v.t.Context(), text)
		if errors.Is(err, want) {
			return time.Since(began)
		}
		if time.Since(began) > 5*time.Second {
			v.t.Errorf("%s: %v, want %v", what, err, want)
			return time.Since(began)
		}
	}
}
