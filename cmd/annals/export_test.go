package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/history"
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
