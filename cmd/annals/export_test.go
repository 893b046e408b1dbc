package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/audit/replay"
)

// exportOf takes the history of a workspace away.
func exportOf(t *testing.T, s *testServer, slug string, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "export")
	if out, errs, exit := s.annals("", append([]string{"export", slug, "-o", dir}, args...)...); exit != 0 {
		t.Fatalf("export: %d %s %s", exit, out, errs)
	}
	return dir
}

func TestAnExportIsWhatIsStored(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	dir := exportOf(t, s, "default")
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Check(t.Context(), history.Leaf, nil); err != nil {
		t.Fatal(err)
	}
	stored := replayed(t, s, "default")
	n := 0
	for e, err := range b.Events(0) {
		if err != nil {
			t.Fatal(err)
		}
		if n >= len(stored) || stored[n].ID != e.EventID.String() || stored[n].Revision != int64(e.Revision) {
			t.Fatalf("revision %d of the export is not the one of the server", e.Revision)
		}
		n++
	}
	if n == 0 || n != len(stored) {
		t.Errorf("%d events are exported of %d", n, len(stored))
	}
	if out, _, exit := s.annals("", "export", "default", "-o", dir); exit != exitConflict {
		t.Errorf("over another: %d %s", exit, out)
	}
	if again, err := bundle.Open(dir); err != nil || again.Manifest.Root != b.Manifest.Root {
		t.Errorf("after that the first one is another: %v", err)
	}
	if _, _, exit := s.annals("", "export", "nowhere", "-o", filepath.Join(t.TempDir(), "x")); exit != exitNotFound {
		t.Errorf("a workspace that is not there: %d", exit)
	}
}

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
		"all": nil, "from a revision": {"--from", "3"}, "until a revision": {"--until", "4"}, "between": {"--from", "2", "--until", "5"}, "past the end": {"--from", "100000"},
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

func TestWhoMayExport(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	for scope, want := range map[string]int{"read": 200, "ingest": 403} {
		key := s.newKey(t, "", scope)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/workspaces/default/history", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := defaultClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a key to %s: %d, want %d", scope, resp.StatusCode, want)
		}
	}
}

func TestADamagedExportIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	dir := exportOf(t, s, "default")
	if err := os.Remove(filepath.Join(dir, "evidence-00000.ndjson")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "events-00000.ndjson")
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, content[:len(content)-30], 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, errs, exit := s.annals("", "replay", dir, "-o", "json")
	if exit != exitUnverified {
		t.Errorf("%d %s %s", exit, out, errs)
	}
	var said map[string]any
	if json.Unmarshal([]byte(errs), &said) != nil && !strings.Contains(errs, "damaged") {
		t.Errorf("it is not said: %s", errs)
	}
}
