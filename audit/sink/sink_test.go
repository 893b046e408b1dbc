package sink_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/sink"
)

// notes are checkpoints of a tree at some sizes, as sinks get them.
func notes(t *testing.T, s *checkpoint.Signer, tree string, sizes ...int64) (text []byte) {
	t.Helper()
	for _, n := range sizes {
		c, err := s.Sign(tree, n, tlog.RecordHash(fmt.Append(nil, n)))
		if err != nil {
			t.Fatal(err)
		}
		text = append(append(text, c.Note...), '\n')
	}
	return text
}

func signer(t *testing.T) *checkpoint.Signer {
	t.Helper()
	s, err := checkpoint.Generate("annals.example")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// last is what a sink has, in words.
func last(t *testing.T, s sink.Sink, key checkpoint.Key) string {
	t.Helper()
	all, err := s.Told(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, tree := range []string{"workspace-a", "workspace-b"} {
		if c, ok := all[key.Origin(tree)]; ok {
			if _, err := checkpoint.Open(c.Note, key); err != nil {
				t.Error(err)
			}
			fmt.Fprintf(&b, "%s %d ", tree, c.Size)
		}
	}
	return strings.TrimSpace(b.String())
}

func TestAFileKeepsWhatItIsTold(t *testing.T) {
	t.Parallel()
	k, path := signer(t), filepath.Join(t.TempDir(), "checkpoints")
	f, err := sink.Parse("file:"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := last(t, f, k.Key()); got != "" {
		t.Errorf("before anything was told: %s", got)
	}
	for _, text := range [][]byte{notes(t, k, "workspace-a", 1, 3), notes(t, k, "workspace-b", 7), notes(t, k, "workspace-a", 3, 4)} {
		if err := f.Tell(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if got := last(t, f, k.Key()); got != "workspace-a 4 workspace-b 7" {
		t.Errorf("it has %s", got)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if split := checkpoint.Split(whole); len(split) != 5 {
		t.Errorf("%d notes are in it", len(split))
	}
	// A process that is killed in the middle of a note leaves a part of it, wherever that ends.
	more := notes(t, k, "workspace-a", 9)
	for cut := range len(more) - 1 {
		torn := filepath.Join(t.TempDir(), "torn")
		if err := os.WriteFile(torn, append(bytes.Clone(whole), more[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := sink.Parse("file:"+torn, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := last(t, f, k.Key()); got != "workspace-a 4 workspace-b 7" {
			t.Fatalf("cut at %d it has %s", cut, got)
		}
		if err := f.Tell(t.Context(), notes(t, k, "workspace-b", 8)); err != nil {
			t.Fatal(err)
		}
		if got := last(t, f, k.Key()); got != "workspace-a 4 workspace-b 8" && got != "workspace-a 9 workspace-b 8" {
			t.Fatalf("cut at %d and told more it has %s", cut, got)
		}
	}
}

func TestAServerIsTold(t *testing.T) {
	t.Parallel()
	k := signer(t)
	var kept []byte
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case user != "me" || password != "secret":
			w.WriteHeader(http.StatusUnauthorized)
		case status != http.StatusOK:
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		case r.Method == http.MethodPost:
			b, _ := io.ReadAll(r.Body)
			kept = append(kept, b...)
		default:
			_, _ = w.Write(kept)
		}
	}))
	defer server.Close()
	h, err := sink.Parse(strings.Replace(server.URL, "http://", "http://me:secret@", 1)+"/checkpoints?token=secret", nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(h.Name(), "secret") {
		t.Errorf("its name is %s", h.Name())
	}
	if err := h.Tell(t.Context(), notes(t, k, "workspace-a", 1, 2)); err != nil {
		t.Fatal(err)
	}
	if got := last(t, h, k.Key()); got != "workspace-a 2" {
		t.Errorf("it has %s", got)
	}
	for _, bad := range []int{302, 400, 500, 503} {
		status = bad
		err := h.Tell(t.Context(), notes(t, k, "workspace-a", 3))
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("an answer of %d: %v", bad, err)
		}
		if _, err := h.Told(t.Context()); err == nil {
			t.Errorf("asked, an answer of %d is fine", bad)
		}
	}
	for _, nothing := range []int{404, 405, 501} {
		status = nothing
		if all, err := h.Told(t.Context()); err != nil || len(all) > 0 {
			t.Errorf("an answer of %d: %v %v", nothing, all, err)
		}
	}
	server.Close()
	if err := h.Tell(t.Context(), nil); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a server that is away: %v", err)
	}
}

func TestWhatIsNoPlaceIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "file:", "ftp://x/y", "https://", "stderr", "/var/checkpoints"} {
		if s, err := sink.Parse(text, io.Discard); err == nil {
			t.Errorf("%q is %s", text, s.Name())
		}
	}
	var out bytes.Buffer
	s, err := sink.Parse("stdout", &out)
	if err != nil || s.Tell(t.Context(), []byte("a note\n\n")) != nil || out.String() != "a note\n\n" {
		t.Errorf("%v %q", err, &out)
	}
}
