package eventstoretest

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var readPromises = []promise{
	{"22 reading forward and backward", readBothWays},
	{"23 a stream that does not exist", readMissing},
	{"22a reading about one entity", readEntity},
	{"27 page boundaries", readPages},
	{"28 own writes are read at once", readOwnWrites},
	{"28a how far a stream goes", readInfo},
}

func readBothWays(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	all := slice(stream, eventstore.NoStream, 10)
	mustAppend(t, s, all)
	want := newIDs(all)
	for name, tt := range map[string]struct {
		from   domain.Revision
		dir    eventstore.Direction
		limit  int
		lo, hi int // want[lo:hi]
		end    bool
	}{
		"from the start":            {0, eventstore.Forward, 100, 0, 10, true},
		"from a revision":           {4, eventstore.Forward, 100, 4, 10, true},
		"limited":                   {4, eventstore.Forward, 3, 4, 7, false},
		"the last one":              {9, eventstore.Forward, 1, 9, 10, true},
		"past the end":              {10, eventstore.Forward, 5, 10, 10, true},
		"far past the end":          {math.MaxInt64, eventstore.Forward, 5, 10, 10, true},
		"backward from the end":     {math.MaxInt64, eventstore.Backward, 3, 7, 10, false},
		"backward from a revision":  {4, eventstore.Backward, 3, 2, 5, false},
		"backward to the start":     {2, eventstore.Backward, 100, 0, 3, true},
		"backward before the start": {-1, eventstore.Backward, 5, 0, 0, true},
	} {
		p, err := s.ReadStream(t.Context(), stream, tt.from, tt.dir, tt.limit)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		expect := slices.Clone(want[tt.lo:tt.hi])
		if tt.dir == eventstore.Backward {
			slices.Reverse(expect)
		}
		if !slices.Equal(ids(p.Events), expect) || p.CaughtUp != tt.end {
			t.Errorf("%s: %d events, caught up %v; want revisions %d to %d, %v", name, len(p.Events), p.CaughtUp, tt.lo, tt.hi-1, tt.end)
		}
	}
}

func readMissing(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	var none *eventstore.NotFoundError
	for _, dir := range []eventstore.Direction{eventstore.Forward, eventstore.Backward} {
		if _, err := s.ReadStream(t.Context(), stream, 0, dir, 10); !errors.As(err, &none) || none.Stream != stream {
			t.Errorf("direction %d: %v, want not found", dir, err)
		}
	}
	if events, err := s.ReadEntity(t.Context(), stream, domain.WorkspaceEntity(), 0); err != nil || len(events) != 0 {
		t.Errorf("about an entity: %d events, %v; want none", len(events), err)
	}
	if known, err := s.Evidence(t.Context(), stream, []domain.Digest{{}}); err != nil || len(known) != 0 {
		t.Errorf("evidence: %v, %v; want none", known, err)
	}
}

func readEntity(t *testing.T, b Backend) {
	s, stream, other := b.Open(t), streamOf(t), streamOf(t)
	var mine []uuid.UUID
	for i := range 5 {
		sl := slice(stream, eventstore.Any, 4)
		mustAppend(t, s, sl, slice(other, eventstore.Any, 4))
		if i >= 2 {
			mine = append(mine, sl.Events[3].EventID)
		}
	}
	got, err := s.ReadEntity(t.Context(), stream, domain.RunEntity(run(3)), 11) // its third event
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(ids(got), mine) {
		t.Errorf("%d events, want the %d of that run from revision 11 on", len(got), len(mine))
	}
	for i := range got {
		if want := domain.Revision(11 + 4*i); got[i].Revision != want || got[i].Stream != stream || got[i].Event == nil {
			t.Errorf("event %d is %+v, want revision %d, decoded", i, got[i].Envelope, want)
		}
	}
	many, ok := s.(eventstore.EntitiesReader)
	if !ok {
		return // it is an offer, not a promise
	}
	lists, err := many.ReadEntities(t.Context(), []eventstore.EntityRead{
		{Stream: stream, Entity: domain.RunEntity(run(3)), From: 11},
		{Stream: streamOf(t), Entity: domain.RunEntity(run(3))},
		{Stream: other, Entity: domain.RunEntity(run(0)), From: 16},
		{Stream: other, Entity: domain.RunEntity(run(9))},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(lists) != 4 || !slices.Equal(ids(lists[0]), mine) || len(lists[1]) != 0 || len(lists[2]) != 1 || len(lists[3]) != 0 {
		t.Errorf("several at once: %d lists, want 3, 0, 1 and 0 events", len(lists))
	}
	if r := lists[2][0]; r.Stream != other || r.Revision != 16 {
		t.Errorf("several at once: %s revision %d, want %s revision 16", r.Stream, r.Revision, other)
	}
}

func readPages(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	all := slice(stream, eventstore.NoStream, 12)
	mustAppend(t, s, all)
	for _, limit := range []int{1, 3, 4, 5, 11, 12, 13} {
		var got []uuid.UUID
		pages := 0
		for at := domain.Revision(0); ; pages++ {
			p, err := s.ReadStream(t.Context(), stream, at, eventstore.Forward, limit)
			if err != nil || len(p.Events) > limit {
				t.Fatalf("pages of %d: %d events, %v", limit, len(p.Events), err)
			}
			got = append(got, ids(p.Events)...)
			at += domain.Revision(len(p.Events))
			if p.CaughtUp {
				break
			}
		}
		if !slices.Equal(got, newIDs(all)) {
			t.Errorf("pages of %d do not add up to the stream", limit)
		}
		fromLog, err := readLog(t.Context(), s, limit)
		if err != nil || !slices.Equal(ids(fromLog), newIDs(all)) {
			t.Errorf("pages of %d do not add up to the log: %v", limit, err)
		}
	}
}

func readOwnWrites(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	for i := range 20 {
		sl := slice(stream, eventstore.Any, 1)
		mustAppend(t, s, sl)
		p, err := s.ReadStream(t.Context(), stream, domain.Revision(i), eventstore.Forward, 1)
		if err != nil || len(p.Events) != 1 || p.Events[0].EventID != sl.Events[0].EventID {
			t.Fatalf("after append %d: %v, %v", i, p.Events, err)
		}
		log, err := readLog(t.Context(), s, 100)
		if err != nil || len(log) != i+1 {
			t.Fatalf("after append %d the log has %d events, %v", i, len(log), err)
		}
	}
}

func readInfo(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	if info, err := s.Info(t.Context(), stream); err != nil || info.Last != domain.NoRevision {
		t.Errorf("none: %+v, %v", info, err)
	}
	sl := slice(stream, eventstore.NoStream, 3)
	sl.Events[2].RecordedAt = noon.Add(1234 * 1000)
	mustAppend(t, s, sl)
	info, err := s.Info(t.Context(), stream)
	if err != nil || info.Last != 2 || info.RecordedAt != sl.Events[2].RecordedAt {
		t.Errorf("%+v, %v; want revision 2 at %v", info, err, sl.Events[2].RecordedAt)
	}
	if many, ok := s.(eventstore.HeadsReader); ok {
		other := streamOf(t)
		heads, err := many.Heads(t.Context(), []domain.Stream{stream, other, stream})
		if want := []domain.Revision{info.Last, domain.NoRevision, info.Last}; err != nil || !slices.Equal(heads, want) {
			t.Errorf("Heads = %v, %v; want %v", heads, err, want)
		}
	}
}
