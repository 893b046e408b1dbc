package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/internal/pgtest"
)

// The walk of docs/auditing.md is what happens: each command is run as it stands there, in the order of the page, and says
// what the page says, where … stands for anything.
func TestTheWalkOfAnAuditor(t *testing.T) {
	t.Parallel()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	sink := filepath.Join(work, "checkpoints")
	s := startServerIn(t, pgtest.Dir(t), pgtest.URL(t), t.Cleanup, func(f *serveFlags) { f.auditSinks = []string{"file:" + sink} })
	out, errs, exit := s.annals("", "import", "events", filepath.Join(root, "examples", "training.ndjson"), "-o", "json")
	if exit != 0 {
		t.Fatal(errs)
	}
	var sum imported
	decode(t, out, &sum)
	s.readable(t, sum.Revision)
	text := readFile(t, filepath.Join(root, "docs", "auditing.md"))
	ran := 0
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		for _, example := range strings.Split("\n"+block[2], "\n$ annals ")[1:] {
			command, want, _ := strings.Cut(example, "\n")
			args := strings.Fields(command)
			for i, word := range args { // the files of the page lie in a directory of the test's own
				switch word {
				case "history", "forged", "instance.key", "first.tlog-proof":
					args[i] = filepath.Join(work, word)
				case "checkpoints":
					args[i] = sink
					s.told(t, sink)
				}
			}
			if strings.Contains(command, "forged") {
				forge(t, filepath.Join(work, "history"), filepath.Join(work, "forged"))
			}
			out, errs, exit := s.annals("", args...)
			out = strings.ReplaceAll(out, work+string(filepath.Separator), "")
			if strings.HasPrefix(command, "audit key") {
				if err := os.WriteFile(filepath.Join(work, "instance.key"), []byte(out), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(want)), "…", `(?s:.*)`)
			if matched, err := regexp.MatchString("^"+pattern+"$", strings.TrimSpace(out)); err != nil || !matched {
				t.Errorf("annals %s\nsays %s%s\nwant %s", command, out, errs, want)
			}
			if wrong := strings.Contains(command, "forged"); wrong != (exit == exitUnverified) || !wrong && exit != 0 {
				t.Errorf("annals %s: exit code %d, %s", command, exit, errs)
			}
			ran++
		}
	}
	if ran < 6 {
		t.Errorf("only %d commands of the page were run", ran)
	}
}

// told waits until a sink has been told of the workspace as far as the history goes that was taken away.
func (s *testServer) told(t *testing.T, sink string) {
	t.Helper()
	b, err := bundle.Open(filepath.Join(filepath.Dir(sink), "history"))
	if err != nil {
		t.Fatal(err)
	}
	notes, err := b.Checkpoints()
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		content, err := os.ReadFile(sink)
		if err == nil && bytes.Contains(content, notes[len(notes)-1]) {
			return
		}
		if n > 1000 || sleep(t.Context(), 20_000_000) != nil {
			t.Fatalf("the place was not told within 20 s: %v\n%s\n%s", err, content, s.Log)
		}
	}
}

// forge writes an export anew with another event in it, and digests to match.
func forge(t *testing.T, from, to string) {
	t.Helper()
	b, err := bundle.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	notes, err := b.Checkpoints()
	if err != nil {
		t.Fatal(err)
	}
	tie, err := b.Instance()
	if err != nil {
		t.Fatal(err)
	}
	d, err := bundle.CreateDir(to)
	if err != nil {
		t.Fatal(err)
	}
	w := bundle.NewWriter(d, b.Manifest, history.Leaf)
	for e, err := range b.Events(0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Revision == domain.Revision(2) {
			e.Data = append(e.Data, ' ')
		}
		if err := w.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	for e, err := range b.Evidence() {
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Evidence(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(b.Manifest.ExportedAt, notes, tie); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
}
