package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

func appendTooLarge(t *testing.T, b Backend) {
	s, stream, other := b.Open(t), streamOf(t), streamOf(t)
	large := slice(stream, eventstore.NoStream, 3)
	for i := range large.Events {
		large.Events[i].Data = make([]byte, eventstore.MaxSlice/3+1)
	}
	results := tryAppend(t, s, large, slice(other, eventstore.NoStream, 1))
	var tooLarge *eventstore.TooLargeError
	if !errors.As(results[0].Err, &tooLarge) || tooLarge.Limit != eventstore.MaxSlice {
		t.Errorf("got %v, want it too large", results[0].Err)
	}
	if results[1].Err != nil {
		t.Errorf("its neighbour: %v", results[1].Err)
	}
	if info, _ := s.Info(t.Context(), stream); info.Last != domain.NoRevision {
		t.Errorf("the stream goes to %d, want none of it", info.Last)
	}
}

func appendLargest(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	sl := slice(stream, eventstore.NoStream, 1)
	meta, err := eventstore.EncodeMeta(sl.Events[0].Meta)
	if err != nil {
		t.Fatal(err)
	}
	sl.Events[0].Data = []byte(strings.Repeat("x", eventstore.MaxSlice-len(meta)))
	mustAppend(t, s, sl)
	if got := readAll(t, s, stream); string(got[0].Data) != string(sl.Events[0].Data) {
		t.Errorf("%d bytes came back, want the %d written", len(got[0].Data), len(sl.Events[0].Data))
	}
	over := slice(stream, 0, 1)
	over.Events[0].Data = make([]byte, eventstore.MaxSlice-len(meta)+1)
	var tooLarge *eventstore.TooLargeError
	if r := tryAppend(t, s, over)[0]; !errors.As(r.Err, &tooLarge) {
		t.Errorf("one byte more: %v, want it too large", r.Err)
	}
}

// What one backend takes, all take, also where the events are small and it is what is stored with them that counts.
func appendMostEvents(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	fits := func(n int) bool {
		sl := command(stream, eventstore.NoStream, strings.Repeat("<", eventstore.MaxCommandID), n)
		return sl.Prepare() == nil
	}
	n := sort.Search(10_000, func(n int) bool { return n > 0 && !fits(n) }) - 1
	if n < 100 || n > 5_000 {
		t.Fatalf("%d events fit", n)
	}
	sl := command(stream, eventstore.NoStream, strings.Repeat("<", eventstore.MaxCommandID), n)
	mustAppend(t, s, sl)
	if got := readAll(t, s, stream); len(got) != n {
		t.Errorf("%d events came back, want %d", len(got), n)
	}
	var tooLarge *eventstore.TooLargeError
	if r := tryAppend(t, s, slice(stream, eventstore.Expected(n-1), 2*n))[0]; !errors.As(r.Err, &tooLarge) || tooLarge.Limit != eventstore.MaxStored {
		t.Errorf("twice as many: %v, want it too large", r.Err)
	}
}

func appendPayloads(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	payloads := map[string][]byte{
		"empty": {}, "nil": nil, "zero": {0}, "not UTF-8": {0xff, 0xfe, 0x00, 0x80}, "JSON with spaces": []byte("{ \"b\" : 1,\n \"a\":1.50 }"),
		"large": []byte(strings.Repeat("\x00\xff'\"\\\n", 100_000)),
	}
	sl := slice(stream, eventstore.NoStream, 0)
	var want []string
	for _, name := range []string{"empty", "nil", "zero", "not UTF-8", "JSON with spaces", "large"} {
		e := started(len(want))
		e.Type, e.Event, e.Data = "test.bytes", nil, payloads[name]
		sl.Events = append(sl.Events, e)
		want = append(want, string(payloads[name]))
	}
	mustAppend(t, s, sl)
	for i, e := range readAll(t, s, stream) {
		if string(e.Data) != want[i] {
			t.Errorf("payload %d came back as %.40q, want %.40q", i, e.Data, want[i])
		}
		if e.Event != nil {
			t.Errorf("payload %d of an unknown type was decoded as %T", i, e.Event)
		}
	}
}

func appendMetadata(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	cause, evidence := uuid.New(), digest("body")
	sl := slice(stream, eventstore.NoStream, 1)
	e := &sl.Events[0]
	e.Meta = domain.Meta{
		Actor: domain.Actor{Kind: "account", ID: "a"}, CommandID: "c", RequestDigest: digest("r"), CorrelationID: "corr \u0000 é",
		CausationID: &cause, Reason: "because <b>&", Evidence: &evidence, Producer: "https://example.org", Warnings: []string{"w"},
		Redacted: []domain.Redacted{{Path: "/a", Rule: "url"}},
	}
	e.RecordedAt = time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.FixedZone("", 3600))
	e.OccurredAt = time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC)
	mustAppend(t, s, sl)
	got := readAll(t, s, stream)[0]
	if fmt.Sprintf("%+v", flat(got.Meta)) != fmt.Sprintf("%+v", flat(e.Meta)) {
		t.Errorf("metadata came back as %+v, want %+v", flat(got.Meta), flat(e.Meta))
	}
	want := e.Envelope
	if got.EventID != want.EventID || got.Type != want.Type || got.Version != want.Version || got.Subject != want.Subject || got.Stream != stream {
		t.Errorf("envelope came back as %+v, want %+v", got.Envelope, want)
	}
	for name, at := range map[string][2]time.Time{"recorded": {got.RecordedAt, want.RecordedAt}, "occurred": {got.OccurredAt, want.OccurredAt}} {
		if exact := at[1].UTC().Truncate(time.Microsecond); at[0] != exact {
			t.Errorf("%s at %v, want %v in UTC to the microsecond", name, at[0], exact)
		}
	}
	if _, ok := got.Event.(domain.RunReported); !ok {
		t.Errorf("decoded as %T", got.Event)
	}
}

// flat shows what pointers point to.
func flat(m domain.Meta) []any {
	cause, evidence := *m.CausationID, *m.Evidence
	m.CausationID, m.Evidence = nil, nil
	return []any{m, cause, evidence}
}

func appendCancelled(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Append(ctx, []eventstore.Slice{slice(stream, eventstore.NoStream, 1)})
	var away *eventstore.UnavailableError
	if !errors.As(err, &away) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want unavailable because of the context", err)
	}
	if info, _ := s.Info(t.Context(), stream); info.Last != domain.NoRevision {
		t.Error("it was written")
	}
	if _, err := s.ReadAll(ctx, eventstore.Position{}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("reading: %v, want the context's error", err)
	}
}

func appendNames(t *testing.T, b Backend) {
	s := b.Open(t)
	own := uuid.NewString()
	for _, name := range []string{"Ünïcödé-" + own, "emoji-🏺-" + own, own + " with 'quotes\" and \\ and {braces},", own + strings.Repeat("x", eventstore.MaxStreamName-len(own))} {
		stream := domain.Stream(name)
		mustAppend(t, s, slice(stream, eventstore.NoStream, 1))
		if got := readAll(t, s, stream); len(got) != 1 || got[0].Stream != stream {
			t.Errorf("stream %q came back as %v", name, got)
		}
	}
	for _, name := range []string{"", "$all", "a\x00b", "\xff", strings.Repeat("x", eventstore.MaxStreamName+1)} {
		if r := tryAppend(t, s, slice(domain.Stream(name), eventstore.Any, 1))[0]; !errors.Is(r.Err, domain.Invalid) {
			t.Errorf("stream %.20q: %v, want it refused", name, r.Err)
		}
	}
}

func appendEvidence(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	small, large, empty := []byte("select 1"), []byte(strings.Repeat("the same again ", 10_000)), []byte{}
	sl := slice(stream, eventstore.NoStream, 1)
	for i, body := range [][]byte{small, large, empty, small} {
		sl.Evidence = append(sl.Evidence, eventstore.Evidence{Digest: digest(fmt.Sprint(i % 3)), Salt: []byte("salt"), Bytes: body})
	}
	lost := slice(stream, 7, 1)
	lost.Evidence = []eventstore.Evidence{{Digest: digest("lost"), Salt: []byte("salt"), Bytes: small}}
	wantWrong(t, tryAppend(t, s, sl, lost)[1], 0)
	got, err := s.Evidence(t.Context(), stream, []domain.Digest{digest("0"), digest("1"), digest("2"), digest("lost"), digest("never")})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || string(got[digest("0")]) != string(small) || string(got[digest("1")]) != string(large) || len(got[digest("2")]) != 0 {
		t.Errorf("%d bodies came back, want the 3 stored as they were", len(got))
	}
	if got, err := s.Evidence(t.Context(), streamOf(t), []domain.Digest{digest("0")}); err != nil || len(got) != 0 {
		t.Errorf("another stream's evidence: %v, %v", got, err)
	}
}
