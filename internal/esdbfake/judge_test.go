package esdbfake

import (
	"testing"

	"github.com/google/uuid"
)

// Given a stream, what becomes of a write: the table of the server's own decisions.
func TestJudgements(t *testing.T) {
	t.Parallel()
	id := func(n byte) uuid.UUID { return uuid.UUID{n} }
	given := map[string]func(*log){
		"absent":    func(*log) {},
		"two":       func(l *log) { l.write("s", []event{{id: id(1)}, {id: id(2)}}) },
		"three":     func(l *log) { l.write("s", []event{{id: id(1)}, {id: id(2)}, {id: id(3)}}) },
		"metadata":  func(l *log) { l.write("$$s", []event{metadataEvent(`{}`)}) },
		"truncated": func(l *log) { l.write("s", []event{{id: id(1)}}); l.write("$$s", []event{metadataEvent(`{"$tb":1}`)}) },
		"deleted": func(l *log) {
			l.write("s", []event{{id: id(1)}, {id: id(2)}})
			l.write("$$s", []event{metadataEvent(`{"$tb":9223372036854775807}`)})
		},
		"tombstone": func(l *log) { l.write("s", []event{{id: id(1)}}); l.streams["s"].tombstoned = true },
	}
	for _, tt := range []struct {
		given    string
		expected expectation
		ids      []byte
		want     decision
		current  int64
	}{
		{"absent", anyRevision, []byte{1}, fits, -1},
		{"absent", noStream, []byte{1}, fits, -1},
		{"absent", streamExists, []byte{1}, wrong, -1},
		{"absent", 0, []byte{1}, wrong, -1},
		{"metadata", streamExists, []byte{1}, fits, -1},
		{"metadata", noStream, []byte{1}, fits, -1},
		{"two", noStream, []byte{9}, wrong, 1},
		{"two", 0, []byte{9}, wrong, 1},
		{"two", 1, []byte{9}, fits, 1},
		{"two", 2, []byte{9}, wrong, 1},
		{"two", streamExists, []byte{9}, fits, 1},
		{"two", anyRevision, nil, fits, 1},
		{"two", noStream, nil, wrong, 1},
		{"two", noStream, []byte{1, 2}, known, 1},
		{"two", noStream, []byte{1}, known, 1},
		{"two", noStream, []byte{1, 9}, wrong, 1},
		{"two", noStream, []byte{1, 2, 3}, wrong, 1},
		{"two", anyRevision, []byte{1, 2}, known, 1},
		{"two", anyRevision, []byte{1, 9}, wrong, 1},
		{"two", anyRevision, []byte{9, 1}, fits, 1},
		{"two", streamExists, []byte{2}, known, 1},
		{"three", 0, []byte{2, 3}, known, 2},
		{"three", 0, []byte{3, 2}, wrong, 2},
		{"truncated", noStream, []byte{9}, wrong, 0},
		{"truncated", streamExists, []byte{9}, fits, 0},
		{"deleted", noStream, []byte{9}, fits, 1},
		{"deleted", noStream, []byte{1, 2}, known, 1},
		{"deleted", noStream, []byte{1, 9}, wrong, 1},
		{"deleted", anyRevision, []byte{9}, fits, 1},
		{"deleted", 1, []byte{9}, fits, 1},
		{"deleted", streamExists, []byte{9}, deleted, 1},
		{"tombstone", anyRevision, []byte{9}, deleted, -1},
		{"tombstone", noStream, []byte{1}, deleted, -1},
	} {
		l := newLog(false, "")
		given[tt.given](l)
		var ids []uuid.UUID
		for _, n := range tt.ids {
			ids = append(ids, id(n))
		}
		if got := l.judge("s", tt.expected, ids); got.decision != tt.want || got.current != tt.current {
			t.Errorf("%s, expecting %d, events %v: decision %d at %d; want %d at %d", tt.given, tt.expected, tt.ids, got.decision, got.current, tt.want, tt.current)
		}
	}
}

// What a deletion left of the metadata stays when the stream comes back; only where it begins is set.
func TestRevivedStreams(t *testing.T) {
	t.Parallel()
	l := newLog(false, "")
	l.write("s", []event{{id: uuid.New()}, {id: uuid.New()}})
	l.write("$$s", []event{metadataEvent(`{"$tb":9223372036854775807,"$acl":{"$r":"ops"},"ours":1}`)})
	if v, _, _ := l.append("s", noStream, []event{{id: uuid.New()}}); v.decision != fits || v.current != 2 {
		t.Fatalf("%+v", v)
	}
	metas := l.streams["$$s"].records
	if got, want := string(metas[len(metas)-1].data), `{"$acl":{"$r":"ops"},"$tb":2,"ours":1}`; got != want {
		t.Errorf("metadata %s, want %s", got, want)
	}
	if left := l.alive("s"); len(left) != 1 || left[0].revision != 2 {
		t.Errorf("%d events are left", len(left))
	}
}
