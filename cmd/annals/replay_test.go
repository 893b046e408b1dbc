package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/audit/replay"
)

// replayed is what a server replays.
func replayed(t *testing.T, s *testServer, args ...string) []replay.Entry {
	t.Helper()
	out, errs, exit := s.annals("", append([]string{"replay", "-o", "json"}, args...)...)
	if exit != 0 {
		t.Fatalf("replay: %d %s", exit, errs)
	}
	return entriesOf(t, out)
}

func entriesOf(t *testing.T, out string) (entries []replay.Entry) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		if line == "" {
			continue
		}
		var e replay.Entry
		decode(t, line, &e)
		entries = append(entries, e)
	}
	return entries
}

func TestAReplayIsTheSameFromAServerAndFromAnExport(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	dir := exportOf(t, s, "default")
	all := replayed(t, s, "default")
	at := all[len(all)/2].RecordedAt.Format(time.RFC3339Nano)
	for name, args := range map[string][]string{
		"all": nil, "from a revision": {"--from", "3"}, "until a revision": {"--until", "4"}, "between": {"--from", "2", "--until", "5"}, "past the end": {"--from", strconv.Itoa(len(all))},
		"from a time": {"--from", at}, "until a time": {"--until", at}, "compact": {"-o", "compact"}, "in words of other commands": {"-o", "table"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form := []string{"-o", "json"}
			if len(args) > 0 && args[0] == "-o" {
				form = nil
			}
			live, errs, exit := s.annals("", slices.Concat([]string{"replay", "default"}, form, args)...)
			if exit != 0 {
				t.Fatal(errs)
			}
			kept, errs, exit := s.annals("", slices.Concat([]string{"replay", dir}, form, args)...)
			if exit != 0 {
				t.Fatal(errs)
			}
			if live != kept {
				t.Errorf("the server:\n%s\nthe export:\n%s", live, kept)
			}
			if live == "" != (name == "past the end") {
				t.Errorf("got %q", live)
			}
		})
	}
	out, _, exit := s.annals("", "replay", "default", "-o", "cloudevents", "--until", "0")
	var event map[string]any
	decode(t, out, &event)
	if exit != 0 || event["specversion"] != "1.0" || event["type"] != "io.annals.workspace.created" || event["id"] != all[0].ID || event["revision"] != "0" || event["source"] == "" {
		t.Errorf("%d %s", exit, out)
	}
}

// A moment that a history does not have is refused by each door, as it is where something is asked as of it.
func TestMomentsThatNoReplayHas(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	dir := exportOf(t, s, "default")
	last := len(replayed(t, s, "default")) - 1
	for name, tt := range map[string]struct {
		args []string
		exit int
		code string
	}{
		"until before the first event": {[]string{"--until", "2001-01-01"}, exitNotFound, replay.Before},
		"until a time ahead":           {[]string{"--until", "2099-01-01"}, exitNotFound, replay.Ahead},
		"from a time ahead":            {[]string{"--from", "2099-01-01"}, exitNotFound, replay.Ahead},
		"until a revision ahead":       {[]string{"--until", strconv.Itoa(last + 1)}, exitNotFound, replay.Ahead},
		"from a revision ahead":        {[]string{"--from", strconv.Itoa(last + 2)}, exitNotFound, replay.Ahead},
		"backward":                     {[]string{"--from", "5", "--until", "4"}, exitUsage, "usage"},
		"times backward":               {[]string{"--from", time.Now().Add(30 * time.Second).UTC().Format(time.RFC3339), "--until", time.Now().Add(15 * time.Second).UTC().Format(time.RFC3339)}, exitUsage, replay.Backward},
		"below the first":              {[]string{"--from", "-1"}, exitUsage, "usage"},
		"no moment":                    {[]string{"--until", "soon"}, exitUsage, "usage"},
		"no speed":                     {[]string{"--speed", "0x"}, exitUsage, "usage"},
	} {
		for _, of := range []string{"default", dir} {
			if name == "times backward" && of == dir {
				continue // both lie behind the export
			}
			out, errs, exit := s.annals("", slices.Concat([]string{"replay", of, "-o", "json"}, tt.args)...)
			if exit != tt.exit || out != "" || !strings.Contains(errs, `"code":"`+tt.code+`"`) {
				t.Errorf("%s of %s: %d %s %s", name, of, exit, out, errs)
			}
		}
	}
	for _, q := range []string{"from=x", "until=-1", "follow=maybe"} {
		if status, answer, _ := s.call(t, "GET", "/v1/workspaces/default/replay?"+q, s.Key, ""); status != 400 || !strings.Contains(answer, `"field"`) {
			t.Errorf("%s: %d %s", q, status, answer)
		}
	}
	if status, answer, _ := s.call(t, "GET", "/v1/workspaces/default/history?names=maybe", s.Key, ""); status != 400 || !strings.Contains(answer, `"field":"names"`) {
		t.Errorf("names=maybe: %d %s", status, answer)
	}
}

// Whoever follows until a moment that is to come hears what comes until then, and the command ends by itself.
func TestFollowingUntilAMomentEnds(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	last := replayed(t, s, "default")[len(replayed(t, s, "default"))-1].Revision
	heard := make(chan string, 2)
	follow := func(until string) {
		out, errs, exit := s.annals("", "replay", "default", "-o", "json", "--follow", "--from", strconv.FormatInt(last+1, 10), "--until", until)
		if exit != 0 {
			out = errs
		}
		heard <- out
	}
	go follow(strconv.FormatInt(last+2, 10))
	go follow(time.Now().Add(3 * time.Second).UTC().Format(time.RFC3339Nano)) // nothing comes behind it that could end it
	for i := range 2 {
		body := fmt.Sprintf(`{"id":"late-%[1]d","run":"late-%[1]d","at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}`, i)
		if status, answer, _ := s.call(t, "POST", "/v1/workspaces/default/events", s.Key, body, "Content-Type", "application/x-ndjson"); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	for range 2 {
		out := <-heard
		got := entriesOf(t, out)
		if len(got) != 2 || got[0].Revision != last+1 || got[1].Revision != last+2 {
			t.Errorf("heard: %s", out)
		}
	}
}

// A stopped clock tells how long it would have been waited.
type stoppedClock struct {
	now    time.Time
	waited time.Duration
}

func (c *stoppedClock) Now() time.Time { return c.now }

func (c *stoppedClock) Sleep(ctx context.Context, d time.Duration) error {
	c.now, c.waited = c.now.Add(d), c.waited+d
	return ctx.Err()
}

func TestAReplayTakesAsLongAsItIsToldTo(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	dir := exportOf(t, s, "default")
	all := replayed(t, s, "default")
	whole := all[len(all)-1].RecordedAt.Sub(all[0].RecordedAt)
	for speed, want := range map[string]time.Duration{"max": 0, "1x": whole, "10x": whole / 10, "0.5x": 2 * whole} {
		clock := &stoppedClock{now: time.Unix(0, 0)}
		var out bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: io.Discard, getenv: func(string) string { return "" }, terminal: func(io.Writer) bool { return false }}
		if err := a.replay(t.Context(), replayFlags{speed: speed, form: replay.JSON, clock: clock}, []string{dir}); err != nil {
			t.Fatal(err)
		}
		if off := clock.waited - want; off < -time.Microsecond || off > time.Microsecond || len(entriesOf(t, out.String())) != len(all) {
			t.Errorf("at %s it took %s, want %s", speed, clock.waited, want)
		}
	}
}
