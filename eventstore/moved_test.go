package eventstore_test

import (
	"errors"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
)

// A command that rests on what was read as of a revision is carried out only where the stream ends there, whoever else
// writes to it.
func TestALockOnTheWholeStream(t *testing.T) {
	t.Parallel()
	x, s := workspace(t, eventstore.Config{})
	other := executor(t, s, eventstore.Config{})
	do(t, x, request("c1", start("r1")))
	seen := domain.Revision(1)
	locked := request("c2", start("r2"))
	locked.IfStreamAt = &seen

	do(t, other, request("o1", start("r3"))) // x has not heard of it
	_, err := x.Execute(t.Context(), locked)
	var moved *eventstore.MovedError
	if !errors.As(err, &moved) || moved.Seen != 1 || moved.Actual != 2 {
		t.Fatalf("after another replica wrote: %v, want moved from 1 to 2", err)
	}
	if n := len(events(t, s)); n != 3 {
		t.Fatalf("%d events, want the 3 that are not the locked command's", n)
	}
	seen = 2
	if res := do(t, x, locked); res.Revision != 3 {
		t.Errorf("looked at again: %+v, want it written at 3", res)
	}
	if res := do(t, x, locked); !res.Duplicate || res.Revision != 3 {
		t.Errorf("sent again: %+v, want the first answer", res)
	}
}

// Commands of one call are decided on what those before them will have written.
func TestALockOnTheWholeStreamSeesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	s := memory.New()
	x := executor(t, s, eventstore.Config{})
	do(t, x, request("create", create()))
	seen := domain.Revision(0)
	locked := request("c2", start("r2"))
	locked.IfStreamAt = &seen
	answers := x.ExecuteAll(t.Context(), []eventstore.Request{request("c1", start("r1")), locked})
	var moved *eventstore.MovedError
	if answers[0].Err != nil || !errors.As(answers[1].Err, &moved) {
		t.Errorf("answered %v and %v, want the second to be refused as moved", answers[0].Err, answers[1].Err)
	}
}
