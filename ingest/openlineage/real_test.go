package openlineage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/ingest/foreign"
)

// today is the clock of these tests: later than every real event.
var today = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// seeds are a few events of real producers: see testdata/SOURCES.md.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	lines, err := os.ReadFile("testdata/real.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(lines), []byte("\n"))
}

// shared are the lines of all files of the shared real events whose path below it matches the pattern.
func shared(t testing.TB, pattern string) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repository(t), "..", "shared", "data", "openlineage", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("the shared real events %s are not there: %v", pattern, err)
	}
	var all [][]byte
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for item, err := range foreign.NewSplitter(f, 0).All() {
			if err != nil || item.No != nil {
				t.Fatalf("%s: %v, %v", name, err, item.No)
			}
			all = append(all, item.Body)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// repository is the folder of go.mod.
func repository(t testing.TB) string {
	t.Helper()
	at, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		up := filepath.Dir(at)
		if up == at {
			t.Fatal("no go.mod above the test")
		}
		at = up
	}
}

// Every one of the real events is accepted, and its bytes are what is to be stored, credentials aside.
func TestRealEventsAreAccepted(t *testing.T) {
	t.Parallel()
	events := shared(t, "events/*/real.ndjson")
	if len(events) != 960 {
		t.Fatalf("%d real events, want 960", len(events))
	}
	seen := map[string]bool{}
	kinds, warnings, rules := map[Kind]int{}, map[string]int{}, map[string]int{}
	for _, body := range events {
		m, err := Parse(body, today)
		if err != nil {
			t.Errorf("refused: %v\n%s", err, body)
			continue
		}
		if len(m.Cuts) == 0 && !bytes.Equal(m.Body, body) {
			t.Errorf("nothing was cut, and the body differs from\n%s", body)
		}
		seen[m.CommandID] = true
		kinds[m.Kind]++
		for _, w := range m.Warnings {
			warnings[w.Code]++
			if w.Code == WrongShape || w.Code == NoIdentity || w.Code == BadTime {
				t.Logf("%s: %s: %s", w.Code, w.Path, w.Message)
			}
		}
		for _, c := range m.Cuts {
			rules[c.Rule]++
			t.Logf("cut %s by %s", c.Path, c.Rule)
		}
	}
	if len(seen) != 960 {
		t.Errorf("%d ids, want 960: the files hold distinct events", len(seen))
	}
	if kinds[RunEvent] != 950 || kinds[JobEvent] != 4 || kinds[DatasetEvent] != 6 {
		t.Errorf("kinds %v, want 950 of runs, 4 of jobs, 6 of datasets", kinds)
	}
	if warnings[TimeWithoutZone] != 11 || warnings[UnknownType] != 2 || warnings[NoProducer] != 960-746 {
		t.Errorf("warnings %v, want 11 times without a zone, 2 unknown types, %d without producer", warnings, 960-746)
	}
	t.Logf("warnings %v, cuts %v", warnings, rules)
}

// Of the odd ones, those without a run id are refused; nothing else in them is reason enough.
func TestOddEvents(t *testing.T) {
	t.Parallel()
	refused := 0
	for _, body := range shared(t, "events/*/odd.ndjson") {
		_, err := Parse(body, today)
		if err == nil {
			continue
		}
		refused++
		var no *foreign.Refusal
		if !errors.As(err, &no) || no.Code != MissingIdentity || no.Path != "/run/runId" {
			t.Errorf("refused for another reason: %v\n%s", err, body)
		}
	}
	if refused != 12 {
		t.Errorf("%d of the odd events are refused, want 12", refused)
	}
}

// The captures hold the same events in the order of their producers.
func TestStreamsAreAccepted(t *testing.T) {
	t.Parallel()
	for _, body := range shared(t, "streams/*.ndjson") {
		if _, err := Parse(body, today); err != nil {
			t.Errorf("refused: %v\n%s", err, body)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	events := shared(b, "events/*/real.ndjson")
	var bytes int
	for _, e := range events {
		bytes += len(e)
	}
	b.Logf("%d events of %d bytes", len(events), bytes/len(events))
	b.SetBytes(int64(bytes / len(events)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := Parse(events[i%len(events)], today); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkStages(b *testing.B) {
	events := shared(b, "events/*/real.ndjson")
	var docs []*foreign.Doc
	var size int64
	for _, e := range events {
		doc, err := foreign.Scan(e, foreign.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		docs = append(docs, doc)
		size += int64(len(e))
	}
	stage := func(name string, do func(i int)) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size / int64(len(events)))
			i := 0
			for b.Loop() {
				do(i % len(events))
				i++
			}
		})
	}
	stage("scan", func(i int) { _, _ = foreign.Scan(events[i], foreign.Limits{}) })
	stage("digest", func(i int) { docs[i].Digest() })
	stage("scrub", func(i int) { docs[i].Scrub() })
	var messages []*Message
	for _, e := range events {
		m, err := Parse(e, today)
		if err != nil {
			b.Fatal(err)
		}
		messages = append(messages, m)
	}
	stage("request", func(i int) { messages[i].Request("workspace-lab", domain.Actor{}) })
	stage("read", func(i int) { _ = new(Event).read(docs[i].Root(), today) })
}
