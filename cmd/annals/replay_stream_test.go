package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The subscription says what the command says, and goes on where it was left.
func TestTheReplaySubscription(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	var want []int64
	for _, e := range replayed(t, s, "default") {
		want = append(want, e.Revision)
	}
	heard := func(arguments string) (revisions []int64, last int64) {
		t.Helper()
		body := string(rawJSON(map[string]any{"query": `subscription { replay(workspace: "default"` + arguments + `) { revision events { revision } } }`}))
		status, answer, _ := s.call(t, "POST", "/graphql", s.Key, body, "Content-Type", "application/json", "Accept", "text/event-stream")
		if status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
		last = -1
		for _, line := range strings.Split(answer, "\n") {
			data, ok := strings.CutPrefix(line, "data:")
			var said struct {
				Data struct {
					Replay struct {
						Revision int64
						Events   []struct{ Revision int64 }
					}
				}
				Errors []json.RawMessage
			}
			if !ok || json.Unmarshal([]byte(data), &said) != nil || len(said.Data.Replay.Events) == 0 && said.Data.Replay.Revision == 0 {
				continue
			}
			last = said.Data.Replay.Revision
			for _, e := range said.Data.Replay.Events {
				revisions = append(revisions, e.Revision)
			}
		}
		return revisions, last
	}
	if all, last := heard(""); !slices.Equal(all, want) || last != want[len(want)-1] {
		t.Errorf("it says %v up to %d, want %v", all, last, want)
	}
	if some, last := heard(", fromRevision: 3, untilRevision: 7, speed: 1000"); !slices.Equal(some, want[3:8]) || last != 7 {
		t.Errorf("a part: %v up to %d", some, last)
	}
	end := want[len(want)-1]
	if none, _ := heard(fmt.Sprintf(", fromRevision: %d", end+1)); len(none) != 0 {
		t.Errorf("past the end: %v", none)
	}
	if some, last := heard(fmt.Sprintf(", fromRevision: %d, untilRevision: %d", end, end+100)); len(some) != 1 || last != end {
		t.Errorf("until more than there is: %v up to %d", some, last)
	}
	for arguments, code := range map[string]string{
		"speed: -1": "BAD_USER_INPUT", "speed: 0": "BAD_USER_INPUT", "fromRevision: -1": "BAD_USER_INPUT", "untilRevision: -1": "BAD_USER_INPUT", "fromRevision: 9, untilRevision: 3": "BAD_USER_INPUT",
		fmt.Sprintf("fromRevision: %d", end+2): "AS_OF_AHEAD",
	} {
		body := string(rawJSON(map[string]any{"query": `subscription { replay(workspace: "default", ` + arguments + `) { revision } }`}))
		if _, answer, _ := s.call(t, "POST", "/graphql", s.Key, body, "Content-Type", "application/json", "Accept", "text/event-stream"); !strings.Contains(answer, code) {
			t.Errorf("%s: %s", arguments, answer)
		}
	}
}
