package workspaces_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/workspaces"
)

// What a run says of itself decides whether it stands in the way.
func TestWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	parent := domain.RunRef{ID: "parent"}
	nested := domain.Record{Events: []domain.Event{domain.RunNested{Run: domain.RunRef{ID: "r"}, Parent: parent}}}
	for name, tt := range map[string]struct {
		facts  []domain.Command
		blocks bool
	}{
		"nothing":                          {nil, false},
		"queued":                           {[]domain.Command{report("r", domain.Queued)}, true},
		"being set up":                     {[]domain.Command{report("r", domain.Initializing)}, true},
		"running":                          {[]domain.Command{report("r", domain.Started)}, true},
		"heard of":                         {[]domain.Command{report("r", domain.Observed)}, true},
		"told to stop":                     {[]domain.Command{report("r", domain.Started, domain.Cancelling)}, true},
		"succeeded":                        {[]domain.Command{report("r", domain.Started, domain.Succeeded)}, false},
		"failed":                           {[]domain.Command{report("r", domain.Started, domain.Failed)}, false},
		"cancelled":                        {[]domain.Command{report("r", domain.Cancelled)}, false},
		"skipped":                          {[]domain.Command{report("r", domain.Skipped)}, false},
		"taken from a cache":               {[]domain.Command{report("r", domain.Cached)}, false},
		"lost":                             {[]domain.Command{report("r", domain.Started, domain.Lost)}, false},
		"only named":                       {[]domain.Command{nested, report("r", domain.Started, domain.Succeeded)}, false},
		"nested, its parent runs":          {[]domain.Command{nested, report("parent", domain.Started, domain.Succeeded), report("parent", domain.Started), report("r", domain.Started)}, true},
		"unfinished: its parent has ended": {[]domain.Command{nested, report("r", domain.Started), report("parent", domain.Started, domain.Succeeded)}, false},
		"running, and deleted":             {[]domain.Command{report("r", domain.Started), domain.Record{Events: []domain.Event{domain.RunDeleted{Run: domain.RunRef{ID: "r"}}}}}, false},
		"running in an archive":            {[]domain.Command{report("r", domain.Started), domain.ArchiveWorkspace{}}, true},
		"an artifact and its version":      {[]domain.Command{domain.Record{Events: []domain.Event{domain.ArtifactObserved{IO: domain.IO{Artifact: domain.Name{Name: "a"}, Version: "1"}}}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slug := h.workspace(domain.DeriveSlug("way of " + name))
			for _, c := range tt.facts {
				h.do(slug, c)
			}
			_, err := h.desk(h.commands).Delete(t.Context(), slug, deletion(slug, ""), anybody)
			var blocked *workspaces.BlockedError
			if errors.As(err, &blocked) != tt.blocks || !tt.blocks && err != nil {
				t.Fatalf("deleting answers %v; it should be blocked: %v", err, tt.blocks)
			}
			if h.deleted(slug) == tt.blocks {
				t.Errorf("deleted: %v", !tt.blocks)
			}
			if tt.blocks && (blocked.Blocking == 0 || blocked.Blockers[0].Kind != domain.KindRun || blocked.Blockers[0].Command(slug, "R") != "annals run cancel R --workspace "+string(slug)) {
				t.Errorf("blocked by %+v", blocked)
			}
		})
	}
}

// Once what stands in the way has ended, the workspace can go; the preview says what goes with it.
func TestEndingWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	slug := h.workspace("lab")
	for i := range workspaces.MaxBlockers + 5 {
		h.do(slug, report(fmt.Sprintf("r%02d", i), domain.Started))
	}
	h.do(slug, report("old", domain.Started, domain.Succeeded))
	desk := h.desk(h.commands)
	_, err := desk.Delete(t.Context(), slug, deletion(slug, ""), anybody)
	var blocked *workspaces.BlockedError
	if !errors.As(err, &blocked) || blocked.Blocking != workspaces.MaxBlockers+5 || len(blocked.Blockers) != workspaces.MaxBlockers || blocked.Blockers[0].Name != fmt.Sprintf("train#%d", workspaces.MaxBlockers+5) {
		t.Fatalf("%v: %+v", err, blocked)
	}
	for i := range workspaces.MaxBlockers + 5 {
		h.do(slug, report(fmt.Sprintf("r%02d", i), domain.Cancelled))
	}
	head := int64(h.do(slug, domain.LabelWorkspace{Set: map[string]string{"a": "b"}}).Revision)
	at, err := h.engine.Open(t.Context(), slug, projections.AsOf{}, &head, waiting)
	if err != nil {
		t.Fatal(err)
	}
	p, err := desk.Preview(t.Context(), at)
	if err != nil || !p.Possible() || p.Members != 1 || p.Pipelines != 1 || p.EndedRuns != workspaces.MaxBlockers+6 {
		t.Errorf("the preview is %+v, %v", p, err)
	}
	first, err := desk.Delete(t.Context(), slug, deletion(slug, "once"), anybody)
	if err != nil || !h.deleted(slug) {
		t.Fatalf("deleting: %v", err)
	}
	again, err := desk.Delete(t.Context(), slug, deletion(slug, "once"), anybody)
	if err != nil || !again.Duplicate || again.Revision != first.Revision {
		t.Errorf("the same once more is answered %+v, %v", again, err)
	}
	if _, err := desk.Delete(t.Context(), slug, deletion(slug, "twice"), anybody); !errors.Is(err, domain.Gone) {
		t.Errorf("a second deletion is answered %v", err)
	}
}

func TestWhatIsNeverDeleted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.do("acme-default", domain.CreateWorkspace{Slug: "acme-default", Name: "Default", Organization: "acme", Kind: domain.DefaultWorkspace})
	h.do("acme-default", report("r", domain.Started))
	desk := h.desk(h.commands)
	if _, err := desk.Delete(t.Context(), "acme-default", deletion("acme-default", ""), anybody); !errors.Is(err, domain.Invalid) || h.deleted("acme-default") {
		t.Errorf("the default workspace is answered %v", err)
	}
	if _, err := desk.Delete(t.Context(), "nowhere", deletion("nowhere", ""), anybody); !errors.Is(err, domain.NotFound) {
		t.Errorf("a missing workspace is answered %v", err)
	}
	slug, no := h.workspace("lab"), errors.New("no owner any more")
	if _, err := desk.Delete(t.Context(), slug, deletion(slug, ""), func(context.Context) error { return no }); !errors.Is(err, no) || h.deleted(slug) {
		t.Errorf("whoever may not is answered %v", err)
	}
}

// A run that starts after the workspace was looked at, and before it is deleted, is found. Without the lock on the stream
// it would be cut off: the second half of the test shows that the first can fail.
func TestARunThatStartsMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, locked := range []bool{true, false} {
		slug := h.workspace(domain.Slug(fmt.Sprintf("meanwhile-%v", locked)))
		var once sync.Once
		c := before{h.commands, func(r *eventstore.Request) {
			once.Do(func() { h.do(slug, report("late", domain.Started)) })
			if !locked {
				r.IfStreamAt = nil
			}
		}}
		_, err := h.desk(c).Delete(t.Context(), slug, deletion(slug, ""), anybody)
		var blocked *workspaces.BlockedError
		if errors.As(err, &blocked) != locked || h.deleted(slug) == locked {
			t.Errorf("locked %v: deleting answers %v, deleted: %v", locked, err, h.deleted(slug))
		}
	}
}

// A workspace that is written to whenever it has been looked at is not deleted, and its owner is told what helps.
func TestABusyWorkspace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	slug := h.workspace("busy")
	n := 0
	c := before{h.commands, func(*eventstore.Request) {
		n++
		h.do(slug, domain.RenameWorkspace{Name: fmt.Sprint(n)})
	}}
	_, err := h.desk(c).Delete(t.Context(), slug, deletion(slug, ""), anybody)
	var busy *workspaces.BusyError
	if !errors.As(err, &busy) || h.deleted(slug) {
		t.Fatalf("answered %v", err)
	}
	h.do(slug, domain.ArchiveWorkspace{})
	if _, err := h.desk(h.commands).Delete(t.Context(), slug, deletion(slug, ""), anybody); err != nil {
		t.Errorf("archived, it is answered %v", err)
	}
}

// Whoever gave up between looking and deleting has changed nothing, and the next one may.
func TestDyingBetweenLookingAndDeleting(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	slug := h.workspace("lab")
	ctx, die := context.WithCancel(t.Context())
	if _, err := h.desk(h.commands).Delete(ctx, slug, deletion(slug, "d"), func(context.Context) error { die(); return nil }); err == nil || h.deleted(slug) {
		t.Fatalf("answered %v", err)
	}
	h.do(slug, report("r", domain.Started, domain.Succeeded)) // it takes writes
	if _, err := h.desk(h.commands).Delete(t.Context(), slug, deletion(slug, "d"), anybody); err != nil || !h.deleted(slug) {
		t.Errorf("the next one is answered %v", err)
	}
}

// Runs start on one replica while the workspace is deleted on another: either a run is there and the workspace stays, or
// the workspace is gone and the run was refused.
func TestDeletingAgainstStartingRuns(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other := eventstore.New(h.store, eventstore.Config{})
	defer func() { _ = other.Close(context.Background()) }()
	kept, gone := 0, 0
	for round := range 40 {
		slug := h.workspace(domain.Slug(fmt.Sprintf("race-%d", round)))
		var wg sync.WaitGroup
		var started, deleted error
		about, once := make(chan struct{}), sync.Once{}
		c := before{h.commands, func(*eventstore.Request) { once.Do(func() { close(about) }) }}
		wg.Go(func() {
			<-about // it has been looked at
			_, started = other.Execute(t.Context(), eventstore.Request{Stream: domain.WorkspaceStream(slug), Command: report("r", domain.Started)})
		})
		wg.Go(func() { _, deleted = h.desk(c).Delete(t.Context(), slug, deletion(slug, ""), anybody) })
		wg.Wait()
		var blocked *workspaces.BlockedError
		switch {
		case started == nil && errors.As(deleted, &blocked) && !h.deleted(slug):
			kept++
		case errors.Is(started, domain.Gone) && deleted == nil && h.deleted(slug):
			gone++
		default:
			t.Fatalf("the run is answered %v, the deletion %v, and the workspace is deleted: %v", started, deleted, h.deleted(slug))
		}
	}
	t.Logf("the run came first %d times, the deletion %d times", kept, gone)
}
