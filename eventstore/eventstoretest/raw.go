package eventstoretest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var rawPromises = []promise{{"28b a stream byte for byte", readRawStream}}

func readRawStream(t *testing.T, b Backend) {
	s, stream, other := b.Open(t), streamOf(t), streamOf(t)
	raw, ok := s.(eventstore.RawStreamReader)
	if !ok {
		t.Fatalf("%T does not read streams byte for byte", s)
	}
	var none *eventstore.NotFoundError
	if _, err := raw.ReadRawStream(t.Context(), stream, 0, 10); !errors.As(err, &none) || none.Stream != stream {
		t.Errorf("a stream that does not exist: %v, want not found", err)
	}
	all := slice(stream, eventstore.NoStream, 10)
	mustAppend(t, s, all, slice(other, eventstore.NoStream, 3))
	want := newIDs(all)
	for name, tt := range map[string]struct {
		from   domain.Revision
		limit  int
		lo, hi int
		end    bool
	}{
		"from the start": {0, 100, 0, 10, true}, "before the start": {-5, 100, 0, 10, true}, "limited": {4, 3, 4, 7, false},
		"exactly to the end": {4, 6, 4, 10, true}, "past the end": {10, 5, 10, 10, true},
	} {
		p, err := raw.ReadRawStream(t.Context(), stream, tt.from, tt.limit)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := make([]uuid.UUID, len(p.Events))
		for i, e := range p.Events {
			sent := all.Events[tt.lo+i]
			meta, err := eventstore.EncodeMeta(sent.Meta)
			if err != nil {
				t.Fatal(err)
			}
			if got[i] = e.EventID; e.Stream != stream || e.Revision != domain.Revision(tt.lo+i) || !bytes.Equal(e.Data, sent.Data) || !bytes.Equal(e.MetaData, meta) ||
				e.Type != sent.Type || e.Version != sent.Version || e.Subject != sent.Subject || !e.RecordedAt.Equal(sent.RecordedAt) || !e.OccurredAt.Equal(sent.OccurredAt) {
				t.Errorf("%s: revision %d came back as %+v, and was sent as %+v", name, tt.lo+i, e, sent)
			}
		}
		if !slices.Equal(got, want[tt.lo:tt.hi]) || p.CaughtUp != tt.end {
			t.Errorf("%s: %d events, caught up %v; want revisions %d to %d, %v", name, len(p.Events), p.CaughtUp, tt.lo, tt.hi-1, tt.end)
		}
	}
	b.Damage(t, s, stream, Pierced)
	var damaged *eventstore.DamagedError
	if _, err := raw.ReadRawStream(t.Context(), stream, 0, 100); !errors.As(err, &damaged) {
		t.Errorf("a hole: %v, want damaged", err)
	}
}
