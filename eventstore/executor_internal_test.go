package eventstore

import (
	"context"
	"fmt"
	"testing"

	"github.com/annals-io/annals/domain"
)

// emptyStore has no stream.
type emptyStore struct{ Store }

func (emptyStore) Info(context.Context, domain.Stream) (StreamInfo, error) {
	return StreamInfo{Last: domain.NoRevision}, nil
}

// Commands for workspaces that do not exist leave nothing in memory, however many names are tried.
func TestMissingStreamsLeaveNothing(t *testing.T) {
	t.Parallel()
	x := New(emptyStore{}, Config{})
	for i := range 500 {
		stream := domain.WorkspaceStream(domain.Slug(fmt.Sprintf("guess-%d", i)))
		_, err := x.Execute(t.Context(), Request{Stream: stream, CommandID: "c", Command: domain.RenameWorkspace{Name: "x"}})
		if err == nil {
			t.Fatal("a workspace that does not exist was renamed")
		}
	}
	if err := x.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.actors) > 1 || x.states.size() > 1 || len(x.recent.known) > 0 { // the last one may be about to go
		t.Errorf("%d actors, %d states, %d commands are kept", len(x.actors), x.states.size(), len(x.recent.known))
	}
}

func TestStateCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newStateCache(3)
	entity := func(n int) domain.Entity { return domain.RunEntity(domain.RunRef{ID: fmt.Sprint(n)}) }
	for n := range 10 {
		c.put("a", entity(n), &domain.State{Changed: domain.Revision(n)})
		c.get("a", entity(0)) // the first is used again and again
	}
	if c.size() != 3 || c.get("a", entity(0)) == nil || c.get("a", entity(9)) == nil || c.get("a", entity(8)) == nil || c.get("a", entity(5)) != nil {
		t.Errorf("%d states; want the one in use and the last two", c.size())
	}
	c.drop("a")
	if c.size() != 0 || len(c.streams) != 0 {
		t.Errorf("%d states after the stream was dropped", c.size())
	}
}

func TestRecentCommandsAreBounded(t *testing.T) {
	t.Parallel()
	c := newRecentCommands(3)
	for n := range 10 {
		c.put("a", KnownCommand{ID: fmt.Sprint(n)})
		c.put("a", KnownCommand{ID: fmt.Sprint(n)})
	}
	for n := range 10 {
		if _, ok := c.get("a", fmt.Sprint(n)); ok != (n >= 7) {
			t.Errorf("command %d is kept: %v", n, ok)
		}
	}
	if len(c.known) != 3 || len(c.order) != 3 {
		t.Errorf("%d kept in a ring of %d, want 3", len(c.known), len(c.order))
	}
}

// Streams take turns: one with much to write does not keep the others out of a group.
func TestCommitterTakesTurns(t *testing.T) {
	t.Parallel()
	c := &committer{cfg: Config{GroupEvents: 40, GroupBytes: 1000}, wake: make(chan struct{}, 1)}
	queues := make([]*queue, 3)
	for i, n := range []int{100, 2, 1} {
		queues[i] = &queue{actor: &actor{}}
		fs := make([]*flight, n)
		for j := range fs {
			fs[j] = &flight{actor: queues[i].actor, slice: Slice{Events: make([]NewEvent, 1)}, size: 1}
		}
		c.submit(queues[i], fs)
	}
	group := c.take()
	count := map[*actor]int{}
	for _, f := range group {
		count[f.actor]++
	}
	if len(group) > 40 || count[queues[1].actor] != 2 || count[queues[2].actor] != 1 {
		t.Errorf("a group of %d: %d of the busy stream, %d and %d of the others", len(group), count[queues[0].actor], count[queues[1].actor], count[queues[2].actor])
	}
	c.cfg.GroupBytes = 5
	if n := len(c.take()); n != 5 {
		t.Errorf("%d flights of one byte in a group of 5 bytes", n)
	}
}
