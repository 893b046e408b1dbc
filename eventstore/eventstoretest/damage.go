package eventstoretest

import (
	"errors"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var damagePromises = []promise{
	{"24 a stream whose end was cut is damaged", func(t *testing.T, b Backend) { damaged(t, b, CutTail, true) }},
	{"24a a stream whose beginning was cut is damaged", func(t *testing.T, b Backend) { damaged(t, b, CutHead, true) }},
	{"25 a stream with a hole is damaged", func(t *testing.T, b Backend) { damaged(t, b, Pierced, false) }},
	{"26 a stream without its events is damaged", func(t *testing.T, b Backend) { damaged(t, b, RemovedAll, true) }},
}

// damaged checks that nobody takes a damaged stream for a shorter one. A hole is noticed by who reads it; a missing
// end by whoever touches the stream, and then nothing is appended to it.
func damaged(t *testing.T, b Backend, kind Damage, atOnce bool) {
	s, stream, sound := b.Open(t), streamOf(t), streamOf(t)
	mustAppend(t, s, slice(sound, eventstore.NoStream, 2), slice(stream, eventstore.NoStream, 6), slice(sound, 1, 1))
	b.Damage(t, s, stream, kind)
	s = b.Reopen(t, s)

	wantDamaged(t, "reading it", stream, func() error {
		_, err := s.ReadStream(t.Context(), stream, 0, eventstore.Forward, 100)
		return err
	})
	if atOnce {
		for _, expected := range []eventstore.Expected{5, 4, eventstore.NoStream, eventstore.Exists, eventstore.Any} {
			results := tryAppend(t, s, slice(stream, expected, 1), slice(sound, eventstore.Exists, 1))
			wantDamaged(t, "appending to it", stream, func() error { return results[0].Err })
			if results[1].Err != nil {
				t.Errorf("its neighbour: %v, want it written", results[1].Err)
			}
		}
		wantDamaged(t, "looking at it", stream, func() error {
			_, err := s.Info(t.Context(), stream)
			return err
		})
	}
	var d *eventstore.DamagedError
	if _, err := readLog(t.Context(), s, 3); !errors.As(err, &d) {
		t.Errorf("reading the log: %v, want it damaged", err)
	}
	if got := readAll(t, s, sound); len(got) < 3 {
		t.Errorf("a sound stream has %d events, want at least 3", len(got))
	}
}

func wantDamaged(t *testing.T, doing string, stream domain.Stream, do func() error) {
	t.Helper()
	var d *eventstore.DamagedError
	if err := do(); !errors.As(err, &d) || d.Stream != stream || d.Reason == "" {
		t.Errorf("%s: %v, want it damaged, with a reason", doing, err)
	}
}
