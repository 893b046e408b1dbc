package workspaces_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
	"github.com/annals-io/annals/workspaces"
)

// A house is a log in memory, read models in Postgres, and a desk on both.
type house struct {
	*testing.T
	store    *memory.Store
	engine   *projections.Engine
	commands *eventstore.Executor
	read     *read.DB
}

func newHouse(t *testing.T) *house {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := projections.Migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	store := memory.New()
	engine, err := projections.New(projections.Config{Store: store, Pool: pool, StatesLinger: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, store: store, engine: engine, commands: eventstore.New(store, eventstore.Config{}), read: read.New(pool)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	t.Cleanup(func() {
		_ = h.commands.Close(context.Background())
		cancel()
		<-done
		_ = store.Close()
	})
	select {
	case <-engine.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	return h
}

// desk deletes by way of c.
func (h *house) desk(c eventstore.Commander) *workspaces.Desk {
	return &workspaces.Desk{Moments: h.engine, Read: h.read, Commands: c}
}

// do carries out a command that must not fail.
func (h *house) do(slug domain.Slug, c domain.Command) eventstore.Result {
	h.Helper()
	res, err := h.commands.Execute(h.Context(), eventstore.Request{Stream: domain.WorkspaceStream(slug), Command: c})
	if err != nil {
		h.Fatalf("%T in %s: %v", c, slug, err)
	}
	return res
}

// workspace makes one for a test.
func (h *house) workspace(slug domain.Slug) domain.Slug {
	h.Helper()
	h.do(slug, domain.CreateWorkspace{Slug: slug, Name: string(slug), Organization: "personal", Owner: uuid.UUID{15: 1}})
	return slug
}

func deletion(slug domain.Slug, id string) eventstore.Request {
	return eventstore.Request{Stream: domain.WorkspaceStream(slug), CommandID: id, Command: domain.DeleteWorkspace{}}
}

// waiting is how long a read model is waited for.
const waiting = 30 * time.Second

func anybody(context.Context) error { return nil }

// report is a fact of an orchestrator about a run of pipeline train.
func report(run string, phases ...domain.Phase) domain.Command {
	var r domain.Record
	for _, p := range phases {
		r.Events = append(r.Events, domain.RunReported{Phase: p, Run: domain.RunRef{ID: run}, Pipeline: &domain.Name{Name: "train"}})
	}
	return r
}

// deleted says whether the stream of a workspace has ended, by the log.
func (h *house) deleted(slug domain.Slug) bool {
	h.Helper()
	page, err := h.store.ReadStream(h.Context(), domain.WorkspaceStream(slug), 0, eventstore.Forward, 100_000)
	if err != nil {
		h.Fatal(err)
	}
	ended := false
	for _, e := range page.Events {
		if ended {
			h.Fatalf("%s has a %s after its end", slug, e.Type)
		}
		ended = e.Type == domain.WorkspaceDeleted{}.EventType()
	}
	return ended
}

// before carries out something before it passes a request on.
type before struct {
	eventstore.Commander
	do func(r *eventstore.Request)
}

func (b before) Execute(ctx context.Context, r eventstore.Request) (eventstore.Result, error) {
	b.do(&r)
	return b.Commander.Execute(ctx, r)
}
