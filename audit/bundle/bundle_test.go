package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// leaf is a leaf for tests: the line itself.
func leaf(e *eventstore.NewEvent) bundle.Hash {
	return bundle.Hash(tlog.RecordHash(bundle.AppendEvent(nil, e)))
}

func event(n int) eventstore.NewEvent {
	return eventstore.NewEvent{
		Envelope: domain.Envelope{
			EventID: uuid.NewSHA1(uuid.NameSpaceURL, []byte(fmt.Sprint(n))), Type: "run.started", Version: 1, Stream: "workspace-lab", Revision: domain.Revision(n),
			RecordedAt: noon.Add(time.Duration(n) * time.Millisecond), OccurredAt: noon.Add(-time.Hour), Subject: domain.WorkspaceEntity(),
		},
		Data: []byte(fmt.Sprintf(`{"n":%d}`, n)), MetaData: []byte(`{"actor":{"kind":"key","id":"k"}}`),
	}
}

// write fills a sink with a history of n events, two pieces of evidence, one event beside it and two notes.
func write(t *testing.T, sink bundle.Sink, n int, head bundle.Manifest) bundle.Manifest {
	t.Helper()
	w := bundle.NewWriter(sink, head, leaf)
	for i := range n {
		e := event(i)
		if err := w.Event(&e); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"a body", strings.Repeat("long ", 200_000)} {
		salt := []byte("0123456789abcdef")
		if err := w.Evidence(bundle.Evidence{Stream: "workspace-lab", Digest: sha256.Sum256(append(salt[:16:16], text...)), Salt: salt, Bytes: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	other := event(3)
	other.Stream = "organization-acme"
	if err := w.Other(&other); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(noon, [][]byte{[]byte("a note\n\n\u2014 name AAAA\n"), []byte("another\n\n\u2014 name BBBB\n\u2014 witness CCCC\n")}, []byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	return w.Manifest()
}

var head = bundle.Manifest{Instance: "test", Workspace: "lab", Stream: "workspace-lab"}

// exported is a directory with a history of n events.
func exported(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "export")
	d, err := bundle.CreateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, d, n, head)
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, dir string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	b := open(t, exported(t, 2500))
	if err := b.Check(t.Context(), leaf, nil); err != nil {
		t.Fatal(err)
	}
	for _, from := range []domain.Revision{-1, 0, 1, 999, 1000, 1001, 2499, 2500} {
		next := max(from, 0)
		for e, err := range b.Events(from) {
			if err != nil {
				t.Fatal(err)
			}
			want := event(int(next))
			if e.Revision != next || e.EventID != want.EventID || !bytes.Equal(e.Data, want.Data) || !bytes.Equal(e.MetaData, want.MetaData) || !e.RecordedAt.Equal(want.RecordedAt) || !e.OccurredAt.Equal(want.OccurredAt) || e.Subject != want.Subject || e.Type != want.Type || e.Version != want.Version || e.Stream != want.Stream {
				t.Fatalf("from %d: got %+v, want %+v", from, e, want)
			}
			next++
		}
		if next != 2500 {
			t.Errorf("from %d the events end before %d", from, next)
		}
	}
	golden, err := b.Golden()
	if err != nil || len(golden) != 3 {
		t.Errorf("the golden index has %d entries, %v", len(golden), err)
	}
	notes, err := b.Checkpoints()
	if err != nil || len(notes) != 2 || string(notes[1]) != "another\n\n\u2014 name BBBB\n\u2014 witness CCCC\n" {
		t.Errorf("notes %q, %v", notes, err)
	}
	n := 0
	for e, err := range b.Others() {
		if n++; err != nil || e.Stream != "organization-acme" {
			t.Errorf("beside: %+v, %v", e, err)
		}
	}
	bodies, err := b.Bodies()
	if err != nil {
		t.Fatal(err)
	}
	salt := []byte("0123456789abcdef")
	a := domain.Digest(sha256.Sum256(append(salt[:16:16], "a body"...)))
	if found, err := bodies.Read([]domain.Digest{a, a, {1}}); err != nil || len(found) != 1 || string(found[a]) != "a body" {
		t.Errorf("bodies: %q, %v", found, err)
	}
	if n != 1 || b.Manifest.Last != 2499 || b.Manifest.Counts.Evidence != 2 {
		t.Errorf("%d beside, %+v", n, b.Manifest)
	}
}

// Any event that a store keeps comes back as it was.
func TestLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := eventstore.NewEvent{
			Envelope: domain.Envelope{
				EventID: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")), Type: rapid.String().Draw(t, "type"), Version: rapid.IntRange(0, 1<<15).Draw(t, "version"),
				Stream: domain.Stream(rapid.String().Draw(t, "stream")), Revision: domain.Revision(rapid.Int64Min(0).Draw(t, "revision")),
				RecordedAt: time.UnixMicro(rapid.Int64().Draw(t, "recorded")).UTC(), OccurredAt: time.UnixMicro(rapid.Int64().Draw(t, "occurred")).UTC(),
				Subject: domain.Entity{Kind: domain.Kind(rapid.StringMatching(`[a-z\\"]*`).Draw(t, "kind")), ID: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "subject"))},
			},
			Data: rapid.SliceOf(rapid.Byte()).Draw(t, "data"), MetaData: rapid.SliceOf(rapid.Byte()).Draw(t, "meta"),
		}
		line := bundle.AppendEvent(nil, &e)
		if bytes.IndexByte(line, '\n') >= 0 {
			t.Fatalf("more than one line: %q", line)
		}
		got, err := bundle.ParseEvent(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if again := bundle.AppendEvent(nil, &got); !bytes.Equal(again, line) || !bytes.Equal(got.Data, e.Data) || !bytes.Equal(got.MetaData, e.MetaData) || got.Type != e.Type || got.Stream != e.Stream || got.Subject != e.Subject {
			t.Fatalf("%+v came back as %+v", e, got)
		}
		cut := rapid.IntRange(0, len(line)-1).Draw(t, "cut")
		if _, err := bundle.ParseEvent(line[:cut]); err == nil {
			t.Fatalf("a line cut at %d is taken: %s", cut, line[:cut])
		}
	})
}

func TestADirectoryIsWholeOrNone(t *testing.T) {
	t.Parallel()
	above := t.TempDir()
	dir := filepath.Join(above, "export")
	killed, err := bundle.CreateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.Put("events-00000.ndjson", []byte("x\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("before the end there is something under its name: %v", err)
	}
	if _, err := killed.Open(); err == nil {
		t.Error("what was not finished can be opened")
	}
	if err := os.Mkdir(dir, 0o755); err != nil { // an empty one is taken
		t.Fatal(err)
	}
	second, err := bundle.CreateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, second, 3, head)
	if err := second.Commit(); err != nil {
		t.Fatal(err)
	}
	var full *bundle.NotEmptyError
	if _, err := bundle.CreateDir(dir); !errors.As(err, &full) {
		t.Errorf("a directory with something in it: %v", err)
	}
	if err := killed.Commit(); !errors.As(err, &full) {
		t.Errorf("two at once: the later: %v", err)
	}
	if err := errors.Join(killed.Abort(), second.Abort()); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(above)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := open(t, dir).Check(t.Context(), leaf, nil); err != nil {
		t.Error(err)
	}
}

func TestAStreamIsWholeOrNone(t *testing.T) {
	t.Parallel()
	var sent bytes.Buffer
	stream := bundle.NewTar(&sent, noon)
	write(t, stream, 1200, head)
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	receive := func(content []byte) (*bundle.Dir, error) {
		d, err := bundle.CreateDir(filepath.Join(t.TempDir(), "export"))
		if err != nil {
			t.Fatal(err)
		}
		return d, bundle.Receive(bytes.NewReader(content), d, nil)
	}
	d, err := receive(sent.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	for at := 100; at < sent.Len()-2048; at += sent.Len() / 37 {
		var damaged *bundle.DamagedError
		if d, err := receive(sent.Bytes()[:at]); !errors.As(err, &damaged) {
			t.Errorf("cut at %d of %d: %v", at, sent.Len(), err)
		} else if _, err := d.Open(); err == nil {
			t.Errorf("cut at %d it can be opened", at)
		}
	}
	if _, err := receive([]byte(strings.Repeat("no tar", 1000))); err == nil {
		t.Error("what is no tar is taken")
	}
}

func TestAnImportedPartKeepsItsName(t *testing.T) {
	t.Parallel()
	origins := head
	origins.Workspace, origins.Stream = "copy", "workspace-copy"
	origins.Origins = []bundle.Origin{{Instance: "first", Stream: "workspace-a", UpTo: 4}, {Instance: "second", Stream: "workspace-b", UpTo: 9}}
	dir := filepath.Join(t.TempDir(), "export")
	d, err := bundle.CreateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, d, 12, origins)
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	b := open(t, dir)
	if err := b.Check(t.Context(), leaf, nil); err != nil {
		t.Fatal(err)
	}
	for e := range b.Events(0) {
		want := domain.Stream("workspace-copy")
		switch {
		case e.Revision <= 4:
			want = "workspace-a"
		case e.Revision <= 9:
			want = "workspace-b"
		}
		if e.Stream != want {
			t.Errorf("revision %d goes by %s, want %s", e.Revision, e.Stream, want)
		}
	}
}
