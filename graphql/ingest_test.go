package graphql_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

const ingest = `mutation($in: IngestRunEventsInput!) { ingestRunEvents(input: $in) {
	accepted duplicates rejected revision duplicate userErrors { __typename code } results(onlyProblems: false) { index id outcome revision warnings errors { __typename path code message } } } }`

func batch(mode string, events ...map[string]any) map[string]any {
	return map[string]any{"in": map[string]any{"workspace": "www", "mode": mode, "events": events}}
}

func event(id, run, body string, facts map[string]any) map[string]any {
	return map[string]any{"id": id, "run": run, "pipeline": map[string]any{"name": "p"}, "at": "2026-03-01T12:00:00Z", "body": map[string]any{body: facts}}
}

func TestIngest(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{IngestEvents: 5})
	h.do("createWorkspace", `slug: "www"`, "")
	none := map[string]any{}
	good := []map[string]any{
		event("e1", "r", "runStarted", map[string]any{"parameters": []any{map[string]any{"name": "n", "value": nil}, map[string]any{"name": "o", "value": map[string]any{"x": nil}}}}),
		event("e2", "r", "metricsLogged", map[string]any{"points": []any{map[string]any{"name": "m", "value": 1.5}}}),
		event("e3", "r", "runCompleted", none),
	}
	h.ask(ingest, batch("REJECT_FAILED", good...)).want(map[string]string{"ingestRunEvents.accepted": "3", "ingestRunEvents.results.2.outcome": "ACCEPTED"})
	// Sent again: known, unchanged.
	h.ask(ingest, batch("REJECT_FAILED", good...)).want(map[string]string{"ingestRunEvents.duplicates": "3", "ingestRunEvents.duplicate": "true"})

	// One bad event of several: the others are taken, or none is.
	mixed := []map[string]any{event("e4", "r2", "runStarted", none), event("e5", "r2", "stepStarted", map[string]any{"step": ""}), event("e1", "r2", "runStarted", none)}
	h.ask(ingest, batch("ATOMIC", mixed...)).want(map[string]string{"ingestRunEvents.accepted": "0", "ingestRunEvents.rejected": "3"})
	a := h.ask(ingest, batch("REJECT_FAILED", mixed...))
	a.want(map[string]string{
		"ingestRunEvents.accepted": "1", "ingestRunEvents.rejected": "2",
		"ingestRunEvents.results.1.errors.0.path": `["input","events","1","body","stepStarted","step"]`, "ingestRunEvents.results.2.errors.0.code": "CONFLICT",
	})
	h.ask(ingest, batch("ATOMIC", event("e6", "r3", "runStarted", none), event("e1", "r3", "runStarted", none))).
		want(map[string]string{"ingestRunEvents.accepted": "0", "ingestRunEvents.results.1.errors.0.__typename": "IdempotencyConflict"})
	h.ask(ingest, batch("REJECT_FAILED", good[0], good[0], good[0], good[0], good[0], good[0])).
		want(map[string]string{"ingestRunEvents.userErrors.0.code": "TOO_LONG", "ingestRunEvents.results": "[]"})

	h.ask(`query($n: Int64!) { workspace(slug: "www", atLeast: $n, timeoutMs: 10000) { runs { totalCount } run(id: "r") { status parameters { name value } metrics { last } startedAt } } }`, map[string]any{"n": a.at("ingestRunEvents.revision")}).
		want(map[string]string{"workspace.runs.totalCount": "2", "workspace.run.status": "SUCCEEDED", "workspace.run.parameters.1.value": `{"x":null}`, "workspace.run.metrics.0.last": "1.5"})
}

// TestFollowing reads events as they come, is cut off, and goes on from where it was.
func TestFollowing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	live := h.follow(`subscription { it: events(workspace: "www", after: -1) { revision events { revision type } } }`)
	if got := live.until(0); got != "0" {
		t.Errorf("saw revisions %s; want 0", got)
	}
	h.do("startRun", `workspace: "www", id: "r", pipeline: {name: "p"}`, "")
	last := h.do("completeRun", `workspace: "www", run: "r"`, "").at("it.revision")
	if got := live.until(2); got != "1 2" {
		t.Errorf("saw revisions %s; want 1 2", got)
	}
	live.cut()
	h.do("annotateRun", `workspace: "www", run: "r", tags: [{key: "a"}]`, "")
	if got := h.follow(`subscription { it: events(workspace: "www", after: ` + last + `, filter: {types: ["run.*"]}) { revision events { revision type } } }`).until(3); got != "3" {
		t.Errorf("resumed, saw revisions %s; want 3", got)
	}

	run := h.follow(`subscription { it: run(workspace: "www", id: "r") { revision run { status tags { key } } } }`)
	if got := run.next(); !strings.Contains(got, `"SUCCEEDED"`) {
		t.Errorf("the first message is %s; want the present state", got)
	}
	h.do("startRun", `workspace: "www", id: "another", pipeline: {name: "p"}`, "") // is no news of this run
	h.do("annotateRun", `workspace: "www", run: "r", tags: [{key: "b"}]`, "")
	if got := run.next(); !strings.Contains(got, `"b"`) {
		t.Errorf("the second message is %s; want the new tag", got)
	}
	h.do("deleteRun", `workspace: "www", run: "r", reason: "x"`, "")
	if got := run.next(); !strings.Contains(got, `"run":null`) {
		t.Errorf("the last message is %s; want no run", got)
	}
	if got := run.next(); got != "complete" {
		t.Errorf("after the last message came %s; want complete", got)
	}
}

// The events of one command are found by its id, in the history and while they come.
func TestTheEventsOfACommand(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	h.do("startRun", `workspace: "www", id: "r", pipeline: {name: "p"}`, "")
	h.do("startRun", `workspace: "www", id: "child", pipeline: {name: "p"}, parent: "r", meta: {idempotencyKey: "nested"}`, "")
	last := h.do("completeRun", `workspace: "www", run: "r", meta: {idempotencyKey: "done"}`, "").at("it.revision")
	h.ask(`{ workspace(slug: "www", atLeast: ` + last + `, timeoutMs: 10000) {
		one: auditLog(filter: {commandId: "g1:owner:nested"}, direction: ASC) { nodes { type commandId } totalCount }
		none: auditLog(filter: {commandId: "g1:owner:nest"}) { totalCount }
		both: auditLog(filter: {commandId: "g1:owner:nested", types: ["run.nested"]}) { totalCount }
	} }`).want(map[string]string{
		"workspace.one.nodes": `[{"commandId":"g1:owner:nested","type":"run.started"},{"commandId":"g1:owner:nested","type":"run.nested"}]`, "workspace.one.totalCount": "2",
		"workspace.none.totalCount": "0", "workspace.both.totalCount": "1",
	})
	if got := h.follow(`subscription { it: events(workspace: "www", after: -1, filter: {commandId: "g1:owner:done"}) { revision events { revision } } }`).until(4); got != "4" {
		t.Errorf("followed, saw revisions %s; want 4", got)
	}
}

// Who has just written something follows it at once, and nothing is followed that is not there in time.
func TestFollowingWhatWasJustWritten(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	for i := range 10 {
		started := h.send("startRun", fmt.Sprintf(`workspace: "www", id: "r%d", pipeline: {name: "p"}`, i), "").at("it.revision")
		run := h.follow(fmt.Sprintf(`subscription { it: run(workspace: "www", id: "r%d", atLeast: %s, timeoutMs: 10000) { revision run { runId } } }`, i, started))
		if got := run.next(); !strings.Contains(got, fmt.Sprintf(`"r%d"`, i)) {
			t.Fatalf("the first message is %s; want run r%d", got, i)
		}
		run.cut()
	}
	for _, field := range []string{`run(workspace: "www", id: "r1", atLeast: 99, timeoutMs: 100) { revision }`, `run(workspace: "www", id: "r1", after: 99, timeoutMs: 100) { revision }`, `events(workspace: "www", atLeast: 99, timeoutMs: 100) { revision }`} {
		if got := h.follow(`subscription { it: ` + field + ` }`).next(); !strings.Contains(got, `"CONSISTENCY_TIMEOUT"`) {
			t.Errorf("%s answered %s; want CONSISTENCY_TIMEOUT", field, got)
		}
	}
}

// A stream is an open subscription.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
	cut   context.CancelFunc
}

func (h *house) follow(query string) *stream {
	h.t.Helper()
	return h.followAs("owner", query)
}

func (h *house) followAs(who, query string) *stream {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	h.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", h.url+"?query="+url.QueryEscape(query), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+who)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return &stream{h.t, lines, cancel}
}

// next is the next message's data, or "complete".
func (s *stream) next() string {
	s.t.Helper()
	kind := ""
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch {
		case name == "event":
			kind = value
		case name == "data" && kind == "complete":
			return kind
		case name == "data":
			return value
		}
	}
	s.t.Fatalf("the stream ended: %v", s.lines.Err())
	return ""
}

// until are the revisions of the events up to one.
func (s *stream) until(revision int64) string {
	s.t.Helper()
	var seen []string
	for {
		var m struct {
			Data struct {
				It struct {
					Revision int64
					Events   []struct{ Revision int64 }
				}
			}
		}
		if err := json.Unmarshal([]byte(s.next()), &m); err != nil {
			s.t.Fatal(err)
		}
		for _, e := range m.Data.It.Events {
			seen = append(seen, fmt.Sprint(e.Revision))
		}
		if m.Data.It.Revision >= revision {
			return strings.Join(seen, " ")
		}
	}
}
