package verify

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A history is a workspace's, as a server has it.
type history struct {
	slug     domain.Slug
	events   []eventstore.NewEvent
	evidence []bundle.Evidence
}

// newHistory is n events of a workspace, each of which has a body.
func newHistory(slug domain.Slug, n int, word string) *history {
	h := &history{slug: slug}
	for i := range n {
		e := eventstore.NewEvent{Data: fmt.Appendf(nil, `{"n":%d,"word":%q}`, i, word)}
		e.Stream, e.Revision = domain.WorkspaceStream(slug), domain.Revision(i)
		e.EventID, e.Type, e.Version = uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "%s %d", slug, i)), "run.started", 1
		e.RecordedAt, e.OccurredAt = noon.Add(time.Duration(i)*time.Second), noon.Add(time.Duration(i)*time.Second-time.Minute)
		e.Subject = domain.Entity{Kind: domain.KindRun, ID: uuid.NewSHA1(uuid.NameSpaceURL, fmt.Append(nil, i))}
		b := bundle.Evidence{Stream: e.Stream, Salt: fmt.Appendf(nil, "salt of event %d", i), Bytes: fmt.Appendf(nil, "body of event %d: %s", i, word)}
		b.Digest = digest(b)
		e.MetaData = fmt.Appendf(nil, `{"actor":{"kind":"key","id":"k"},"evidence":"%s"}`, b.Digest)
		h.events, h.evidence = append(h.events, e), append(h.evidence, b)
	}
	return h
}

func hashOf(e *eventstore.NewEvent) bundle.Hash {
	l := leaf.Of(e)
	return bundle.Hash(l.Hash())
}

// A seal is what an instance has signed.
type sealed struct {
	signer   *checkpoint.Signer
	notes    map[domain.Slug][][]byte // by workspace, the oldest first
	instance tree.Frontier
	tiles    map[[2]int64][]byte
	numbers  map[domain.Slug]int64 // of its last checkpoint
}

func newSealed(t testing.TB) *sealed {
	t.Helper()
	signer, err := checkpoint.Generate("annals.example")
	if err != nil {
		t.Fatal(err)
	}
	return &sealed{signer: signer, notes: map[domain.Slug][][]byte{}, tiles: map[[2]int64][]byte{}, numbers: map[domain.Slug]int64{}}
}

// seal signs a history every so many events, and at its end.
func (s *sealed) seal(t testing.TB, h *history, every int) {
	t.Helper()
	var grown tree.Frontier
	for i := range h.events {
		l := leaf.Of(&h.events[i])
		grown.Add(l.Hash(), nil)
		if n := i + 1; n%every != 0 && n != len(h.events) {
			continue
		}
		c, err := s.signer.Sign(string(domain.WorkspaceStream(h.slug)), grown.Size(), grown.Root())
		if err != nil {
			t.Fatal(err)
		}
		s.numbers[h.slug] = s.instance.Size()
		s.instance.Add(tlog.RecordHash(c.Note), func(n tree.Node) {
			key := [2]int64{int64(n.Level), n.N >> tree.Height}
			s.tiles[key] = append(s.tiles[key], n.Hash[:]...)
		})
		s.notes[h.slug] = append(s.notes[h.slug], c.Note)
	}
}

// tie is what an export says of the instance's tree.
func (s *sealed) tie(t testing.TB, slug domain.Slug) []byte {
	t.Helper()
	c, err := s.signer.Sign(checkpoint.InstanceLog, s.instance.Size(), s.instance.Root())
	if err != nil {
		t.Fatal(err)
	}
	p := checkpoint.Proof{Index: s.numbers[slug], Checkpoint: c.Note}
	p.Hashes, err = tlog.ProveRecord(c.Size, p.Index, &tree.Reader{Tiles: func(level int, n int64) ([]byte, error) { return s.tiles[[2]int64{int64(level), n}], nil }})
	if err != nil {
		t.Fatal(err)
	}
	notes := s.notes[slug]
	return append(checkpoint.Tie{Checkpoint: notes[len(notes)-1], Proof: p}.Line(), '\n')
}

// export writes a history with what is sealed of it, whatever the two have to do with each other.
func (s *sealed) export(t testing.TB, dir string, h *history) {
	t.Helper()
	d, err := bundle.CreateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := bundle.NewWriter(d, bundle.Manifest{Instance: s.signer.Key().Name, Workspace: h.slug, Stream: domain.WorkspaceStream(h.slug)}, hashOf)
	for i := range h.events {
		if err := w.Event(&h.events[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range h.evidence {
		if err := w.Evidence(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(noon.Add(time.Hour), s.notes[h.slug], s.tie(t, h.slug)); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
}

// whole is an export in which nothing is wrong.
func whole(t testing.TB, n, every int) (dir string, s *sealed, h *history) {
	t.Helper()
	s, h = newSealed(t), newHistory("fraud", n, "whole")
	s.seal(t, newHistory("churn", 3, "other"), 1)
	s.seal(t, h, every)
	dir = filepath.Join(t.TempDir(), "export")
	s.export(t, dir, h)
	return dir, s, h
}

func verified(t testing.TB, dir string, s *sealed, with ...func(*Options)) *Report {
	t.Helper()
	o := Options{Keys: []checkpoint.Key{s.signer.Key()}}
	for _, change := range with {
		change(&o)
	}
	r, err := Export(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func digest(e bundle.Evidence) domain.Digest {
	return domain.Digest(sha256.Sum256(append(append([]byte{}, e.Salt...), e.Bytes...)))
}

func hashOfNote(note []byte) tlog.Hash { return tlog.RecordHash(note) }
