package esdb_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
)

// withBody gives a slice evidence that its first event names.
func withBody(sl eventstore.Slice, text string) (eventstore.Slice, domain.Digest) {
	ev := eventstore.Evidence{Digest: sha256.Sum256([]byte("salt" + text)), Salt: []byte("salt"), Bytes: []byte(text)}
	sl.Evidence = append(sl.Evidence, ev)
	sl.Events[0].Meta.Evidence = &ev.Digest
	return sl, ev.Digest
}

func bodies(t *testing.T, s *esdb.Store, of domain.Stream, digests ...domain.Digest) int {
	t.Helper()
	found, err := s.Evidence(t.Context(), of, digests)
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func notes(t *testing.T, s *esdb.Store) (n int) {
	t.Helper()
	if err := s.Pool().QueryRow(t.Context(), `SELECT count(*) FROM log.evidence_kept`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func sweep(t *testing.T, s *esdb.Store, before time.Time, want int64) {
	t.Helper()
	if n, err := s.SweepEvidence(t.Context(), before); err != nil || n != want {
		t.Errorf("%d bodies are swept, %v; want %d", n, err, want)
	}
}

func TestEvidenceOfFailedAppendsIsSwept(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{MaxAppendSize: 4000})
	s := open(t, server.ConnectionString(), beside(t))
	soon := time.Now().Add(time.Hour)

	good, kept := withBody(slice(stream, eventstore.NoStream, 2), "of events that were written")
	mustAppend(t, s, good)
	if n := notes(t, s); n != 0 {
		t.Errorf("%d notes are left of an append that went well", n)
	}
	large, loose := withBody(slice(stream, 1, 20), "of events that were too large for the server")
	if r := appendOne(t, s, large); r.Err == nil {
		t.Fatal("it was written")
	}
	none, first := withBody(slice("workspace-never", eventstore.NoStream, 20), "of a stream that never was")
	if r := appendOne(t, s, none); r.Err == nil {
		t.Fatal("it was written")
	}
	sweep(t, s, time.Now().Add(-time.Hour), 0) // too young: it may be under way
	if bodies(t, s, stream, kept, loose) != 2 || bodies(t, s, "workspace-never", first) != 1 || notes(t, s) != 2 {
		t.Error("evidence was swept before its time")
	}
	// One slice of a call goes well, its neighbour does not: each body has its own fate.
	well, mine := withBody(slice(stream, 1, 1), "of the one")
	ill, its := withBody(slice(stream, 2, 20), "of the other")
	results, err := s.Append(t.Context(), []eventstore.Slice{well, ill})
	if err != nil || results[0].Err != nil || results[1].Err == nil {
		t.Fatalf("%v, %+v", err, results)
	}
	sweep(t, s, soon, 3)
	if n := bodies(t, s, stream, kept, loose, mine, its); n != 2 || bodies(t, s, stream, kept, mine) != 2 || bodies(t, s, "workspace-never", first) != 0 || notes(t, s) != 0 {
		t.Errorf("%d bodies are left, and %d notes", n, notes(t, s))
	}
}

// A server that died behind the append, before the tables were told, left a note: its events are found, and their
// evidence stays. So it does where the same bytes are kept once more, for events that are under way.
func TestEvidenceOfEventsStays(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{})
	s := open(t, impatient(server.ConnectionString()), beside(t))
	soon := time.Now().Add(time.Hour)
	for i := range 3 {
		sl, digest := withBody(command(stream, eventstore.Expected(i-1), fmt.Sprint("command-", i), 1), fmt.Sprint("body ", i))
		server.Fail(esdbfake.Fault{On: esdbfake.OpAppend, Kind: esdbfake.HangAfter})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := s.Append(ctx, []eventstore.Slice{sl}); err == nil {
			t.Fatal("it was answered")
		}
		cancel()
		if notes(t, s) != 1 {
			t.Fatalf("%d notes of an append without an answer", notes(t, s))
		}
		sweep(t, s, soon, 0)
		if bodies(t, s, stream, digest) != 1 || notes(t, s) != 0 {
			t.Errorf("the evidence of an event was swept, or its note was not")
		}
		if r := appendOne(t, s, sl); !r.Duplicate {
			t.Errorf("sent again: %+v, want it known", r)
		}
	}
	gone, digest := withBody(slice(stream, 7, 1), "for a revision that is not there")
	_, under := withBody(slice(stream, 2, 1), "for a revision that is not there")
	if digest != under {
		t.Fatal("not the same bytes")
	}
	if r := appendOne(t, s, gone); r.Err == nil || notes(t, s) != 0 || bodies(t, s, stream, digest) != 0 {
		t.Errorf("a slice that does not fit is refused before anything is kept: %+v", r)
	}
	if _, err := s.Pool().Exec(t.Context(), `INSERT INTO log.evidence (stream, digest, salt, bytes, encoding) SELECT id, $2, 's', 'b', 0 FROM log.streams WHERE name = $1`, stream, digest[:]); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"-2 hours", "2 hours"} { // the older one failed, the younger one is under way
		if _, err := s.Pool().Exec(t.Context(), `INSERT INTO log.evidence_kept (stream, since, at, digests) SELECT id, 2, now() + $2::interval, ARRAY[$3::bytea] FROM log.streams WHERE name = $1`, stream, at, digest[:]); err != nil {
			t.Fatal(err)
		}
	}
	sweep(t, s, time.Now(), 0)
	if bodies(t, s, stream, digest) != 1 || notes(t, s) != 1 {
		t.Error("bytes that were kept once more were swept")
	}
	server.Truncate(string(stream), `{"$tb":2}`) // nothing is known of a stream that cannot be read
	if _, err := s.SweepEvidence(t.Context(), soon.Add(3*time.Hour)); err == nil && bodies(t, s, stream, digest) != 1 {
		t.Error("evidence of a damaged stream was swept")
	}
}
