package eventstoretest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var commandPromises = []promise{
	{"11 the same events again are recognised", sameEvents},
	{"11a the same command again is answered as before", sameCommand},
	{"11b the same command twice in one call", sameCommandInOneCall},
	{"11c a known command in a chain", knownInChain},
	{"12 partly the same events are a conflict", partlySame},
	{"53 the same command id with another request", otherRequest},
	{"53a looking commands up", lookUp},
}

func sameEvents(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	sl := slice(stream, eventstore.NoStream, 3)
	mustAppend(t, s, sl)
	for _, later := range []string{"at once", "after others"} {
		if r := tryAppend(t, s, sl)[0]; r.Err != nil || !r.Duplicate || r.First != 0 || r.Last != 2 {
			t.Errorf("%s: %+v, want the first result as a duplicate", later, r)
		}
		mustAppend(t, s, slice(stream, eventstore.Exists, 2))
	}
	if n := len(readAll(t, s, stream)); n != 7 {
		t.Errorf("%d events, want 7", n)
	}
}

func sameCommand(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	first := command(stream, eventstore.NoStream, "create", 2)
	mustAppend(t, s, first)
	mustAppend(t, s, command(stream, 1, "next", 1))
	for name, again := range map[string]eventstore.Slice{
		"as it was":         first,
		"decided again":     command(stream, 2, "create", 2),
		"expecting more":    command(stream, 99, "create", 1),
		"expecting nothing": command(stream, eventstore.Any, "create", 5),
	} {
		if r := tryAppend(t, s, again)[0]; r.Err != nil || !r.Duplicate || r.First != 0 || r.Last != 1 {
			t.Errorf("%s: %+v, want the first result as a duplicate", name, r)
		}
	}
	other := command(streamOf(t), eventstore.NoStream, "create", 1)
	if r := tryAppend(t, s, other)[0]; r.Err != nil || r.Duplicate {
		t.Errorf("the id in another stream: %+v, want it written", r)
	}
	if n := len(readAll(t, s, stream)); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
}

func sameCommandInOneCall(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	other := command(stream, eventstore.Any, "a", 1)
	other.RequestDigest = digest("another request")
	results := tryAppend(t, s, command(stream, 7, "a", 1), command(stream, eventstore.NoStream, "a", 2), command(stream, 1, "a", 2), other, command(stream, 1, "b", 1))
	wantWrong(t, results[0], domain.NoRevision)
	if r := results[1]; r.Err != nil || r.Duplicate {
		t.Errorf("the first that fits: %+v, want it written", r)
	}
	if r := results[2]; r.Err != nil || !r.Duplicate || r.First != 0 || r.Last != 1 {
		t.Errorf("the one behind it: %+v, want a duplicate", r)
	}
	if r := results[3]; !errors.Is(r.Err, domain.Conflict) {
		t.Errorf("with another request: %+v, want a conflict", r)
	}
	if r := results[4]; r.Err != nil || r.First != 2 {
		t.Errorf("the next command: %+v, want it written at 2", r)
	}
}

func knownInChain(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	mustAppend(t, s, command(stream, eventstore.NoStream, "a", 1))
	unread := command(stream, 2, "e", 1)
	unread.Evidence = []eventstore.Evidence{{Digest: digest("unread"), Bytes: []byte("x")}}
	results := tryAppend(t, s,
		command(stream, 0, "b", 1), // fits: 1
		command(stream, 1, "a", 1), // known: left out
		command(stream, 2, "c", 1), // counted on it
		command(stream, 1, "d", 1), // did not: 2
		unread)
	if r := results[1]; !r.Duplicate || r.First != 0 || r.Last != 0 || r.Err != nil {
		t.Errorf("the known command: %+v, want a duplicate of revision 0", r)
	}
	wantWrong(t, results[2], 1)
	for i, want := range map[int]domain.Revision{0: 1, 3: 2, 4: 3} {
		if r := results[i]; r.Err != nil || r.Duplicate || r.First != want {
			t.Errorf("slice %d: %+v, want it written at %d", i, r, want)
		}
	}
	if n := len(readAll(t, s, stream)); n != 4 {
		t.Errorf("%d events, want 4", n)
	}
}

func partlySame(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	sl := slice(stream, eventstore.NoStream, 3)
	mustAppend(t, s, sl)
	longer := sl
	longer.Events = append(slices.Clone(sl.Events), started(9))
	wantWrong(t, tryAppend(t, s, longer)[0], 2)
	mixed := sl
	mixed.Events = []eventstore.NewEvent{sl.Events[0], started(9), sl.Events[2]}
	wantWrong(t, tryAppend(t, s, mixed)[0], 2)
	shorter := sl
	shorter.Events = sl.Events[:2]
	if r := tryAppend(t, s, shorter)[0]; r.Err == nil && !r.Duplicate {
		t.Errorf("a part of it was written again: %+v", r)
	}
	if n := len(readAll(t, s, stream)); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
}

func otherRequest(t *testing.T, b Backend) {
	s, stream, other := b.Open(t), streamOf(t), streamOf(t)
	mustAppend(t, s, command(stream, eventstore.NoStream, "a", 2))
	changed := command(stream, 1, "a", 1)
	changed.RequestDigest = digest("another request")
	results := tryAppend(t, s, changed, command(other, eventstore.NoStream, "a", 1))
	var conflict *eventstore.CommandConflictError
	if !errors.As(results[0].Err, &conflict) || conflict.CommandID != "a" || conflict.Known.First != 0 || conflict.Known.Last != 1 || !errors.Is(results[0].Err, domain.Conflict) {
		t.Errorf("got %v, want a conflict that names the command and its first result", results[0].Err)
	}
	if results[1].Err != nil {
		t.Errorf("its neighbour: %v", results[1].Err)
	}
}

func lookUp(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	odd := "it's \"odd\" {a,b} \\ é"
	mustAppend(t, s, command(stream, eventstore.NoStream, "a", 2), command(stream, 1, odd, 1))
	wanted := []string{"a", odd, "never", ""}
	for i := range 2_000 {
		wanted = append(wanted, fmt.Sprintf("other-%d", i))
	}
	known, err := s.Commands(t.Context(), stream, wanted)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]eventstore.KnownCommand{
		"a": {ID: "a", RequestDigest: digest("a"), First: 0, Last: 1},
		odd: {ID: odd, RequestDigest: digest(odd), First: 2, Last: 2},
	}
	if fmt.Sprint(known) != fmt.Sprint(want) {
		t.Errorf("known are %v, want %v", known, want)
	}
	if known, err := s.Commands(t.Context(), streamOf(t), []string{"a"}); err != nil || len(known) != 0 {
		t.Errorf("in a stream that is none: %v, %v", known, err)
	}
}
