package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var appendPromises = []promise{
	{"01 expecting no stream yields revision 0", appendNoStream},
	{"02 expecting no stream fails on one", appendNoStreamExists},
	{"03 an exact revision", appendExact},
	{"04 expecting a stream", appendExists},
	{"05 expecting anything", appendAny},
	{"06 nothing to append", appendNothing},
	{"07 events of a slice are contiguous or absent", appendAtomic},
	{"08 a conflict says the actual revision", appendConflict},
	{"09 two writers, one wins", appendRace},
	{"10 many writers lose nothing", appendMany},
	{"13 an id twice in a slice is refused", appendTwice},
	{"15 what is too large is refused", appendTooLarge},
	{"16 the largest slice", appendLargest},
	{"17 payloads come back byte by byte", appendPayloads},
	{"18 metadata comes back", appendMetadata},
	{"19 a context that ended", appendCancelled},
	{"20 names of streams", appendNames},
	{"21 one conflict fails no neighbour", appendIndependent},
	{"21a slices of one stream count on each other", appendChain},
	{"21b evidence is there with its events", appendEvidence},
}

func appendNoStream(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	r := mustAppend(t, s, slice(stream, eventstore.NoStream, 2))[0]
	if r.First != 0 || r.Last != 1 {
		t.Errorf("written at %d to %d, want 0 to 1", r.First, r.Last)
	}
}

func appendNoStreamExists(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	mustAppend(t, s, slice(stream, eventstore.NoStream, 1))
	wantWrong(t, tryAppend(t, s, slice(stream, eventstore.NoStream, 1))[0], 0)
	if n := len(readAll(t, s, stream)); n != 1 {
		t.Errorf("%d events, want the 1 there was", n)
	}
}

func appendExact(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	mustAppend(t, s, slice(stream, eventstore.NoStream, 3))
	wantWrong(t, tryAppend(t, s, slice(stream, 1, 1))[0], 2) // stale
	wantWrong(t, tryAppend(t, s, slice(stream, 3, 1))[0], 2) // ahead
	if r := mustAppend(t, s, slice(stream, 2, 2))[0]; r.First != 3 || r.Last != 4 {
		t.Errorf("written at %d to %d, want 3 to 4", r.First, r.Last)
	}
	wantWrong(t, tryAppend(t, s, slice(streamOf(t), 0, 1))[0], domain.NoRevision)
}

func appendExists(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	wantWrong(t, tryAppend(t, s, slice(stream, eventstore.Exists, 1))[0], domain.NoRevision)
	mustAppend(t, s, slice(stream, eventstore.NoStream, 1))
	if r := mustAppend(t, s, slice(stream, eventstore.Exists, 1))[0]; r.First != 1 {
		t.Errorf("written at %d, want 1", r.First)
	}
}

func appendAny(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	for want := range domain.Revision(3) {
		if r := mustAppend(t, s, slice(stream, eventstore.Any, 1))[0]; r.First != want {
			t.Errorf("written at %d, want %d", r.First, want)
		}
	}
}

func appendNothing(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	if results := tryAppend(t, s); len(results) != 0 {
		t.Errorf("no slices gave %v", results)
	}
	if r := tryAppend(t, s, slice(stream, eventstore.NoStream, 0))[0]; !errors.Is(r.Err, domain.Invalid) {
		t.Errorf("a slice without events: %v, want it refused", r.Err)
	}
	if info, err := s.Info(t.Context(), stream); err != nil || info.Last != domain.NoRevision {
		t.Errorf("the stream is %+v, %v; want none", info, err)
	}
}

func appendAtomic(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	first, second := slice(stream, eventstore.NoStream, 5), slice(stream, 4, 7)
	mustAppend(t, s, first)
	wantWrong(t, tryAppend(t, s, slice(stream, 3, 4))[0], 4)
	mustAppend(t, s, second)
	events := readAll(t, s, stream)
	dense(t, events)
	if !slices.Equal(ids(events), newIDs(first, second)) {
		t.Error("the stream is not the two slices that were written")
	}
}

func appendConflict(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	mustAppend(t, s, slice(stream, eventstore.NoStream, 4))
	r := tryAppend(t, s, slice(stream, 1, 1))[0]
	var wrong *eventstore.WrongExpectedError
	if !errors.As(r.Err, &wrong) || wrong.Stream != stream || wrong.Expected != 1 || wrong.Actual != 3 {
		t.Errorf("got %v, want it to name the stream, the expected 1 and the actual 3", r.Err)
	}
}

func appendRace(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	mustAppend(t, s, slice(stream, eventstore.NoStream, 1))
	won := make([]bool, 8)
	var wg sync.WaitGroup
	for i := range won {
		wg.Go(func() {
			results, err := s.Append(t.Context(), []eventstore.Slice{slice(stream, 0, 1)})
			won[i] = err == nil && results[0].Err == nil && !results[0].Duplicate
		})
	}
	wg.Wait()
	winners := 0
	for _, w := range won {
		if w {
			winners++
		}
	}
	if n := len(readAll(t, s, stream)); winners != 1 || n != 2 {
		t.Errorf("%d writers won and the stream has %d events, want 1 and 2", winners, n)
	}
}

func appendMany(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	const writers, each = 16, 12
	written := make([][]uuid.UUID, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			expected := eventstore.Expected(eventstore.NoStream)
			for len(written[w]) < each {
				sl := slice(stream, expected, 1)
				results, err := s.Append(t.Context(), []eventstore.Slice{sl})
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				var wrong *eventstore.WrongExpectedError
				switch r := results[0]; {
				case errors.As(r.Err, &wrong):
					expected = eventstore.Expected(wrong.Actual)
				case r.Err != nil:
					t.Errorf("writer %d: %v", w, r.Err)
					return
				default:
					written[w] = append(written[w], sl.Events[0].EventID)
					expected = eventstore.Expected(r.Last)
				}
			}
		})
	}
	wg.Wait()
	events := readAll(t, s, stream)
	dense(t, events)
	there := map[uuid.UUID]bool{}
	for _, id := range ids(events) {
		there[id] = true
	}
	for w, mine := range written {
		for _, id := range mine {
			if !there[id] {
				t.Errorf("writer %d was told that %s is written, and it is not", w, id)
			}
		}
	}
	if len(events) != writers*each {
		t.Errorf("%d events, want %d", len(events), writers*each)
	}
}

func appendTwice(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	sl := slice(stream, eventstore.NoStream, 2)
	sl.Events[1].EventID = sl.Events[0].EventID
	if r := tryAppend(t, s, sl)[0]; !errors.Is(r.Err, domain.Invalid) {
		t.Errorf("got %v, want it refused", r.Err)
	}
}

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

func appendIndependent(t *testing.T, b Backend) {
	s := b.Open(t)
	taken, one, two := streamOf(t), streamOf(t), streamOf(t)
	mustAppend(t, s, slice(taken, eventstore.NoStream, 1))
	results := tryAppend(t, s, slice(one, eventstore.NoStream, 2), slice(taken, eventstore.NoStream, 1), slice(two, eventstore.NoStream, 3))
	wantWrong(t, results[1], 0)
	if results[0].Last != 1 || results[2].Last != 2 || results[0].Err != nil || results[2].Err != nil {
		t.Errorf("the neighbours: %+v and %+v", results[0], results[2])
	}
	if len(readAll(t, s, one)) != 2 || len(readAll(t, s, two)) != 3 || len(readAll(t, s, taken)) != 1 {
		t.Error("not what was answered was written")
	}
}

func appendChain(t *testing.T, b Backend) {
	s, stream := b.Open(t), streamOf(t)
	results := tryAppend(t, s,
		slice(stream, eventstore.NoStream, 2), slice(stream, 1, 1), slice(stream, 5, 1), slice(stream, 2, 1), slice(stream, eventstore.Any, 1))
	wantWrong(t, results[2], 2)
	for i, want := range map[int]domain.Revision{0: 1, 1: 2, 3: 3, 4: 4} {
		if results[i].Err != nil || results[i].Last != want {
			t.Errorf("slice %d: %+v, want it to end at %d", i, results[i], want)
		}
	}
	dense(t, readAll(t, s, stream))
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

func wantWrong(t testing.TB, r eventstore.SliceResult, actual domain.Revision) {
	t.Helper()
	var wrong *eventstore.WrongExpectedError
	if !errors.As(r.Err, &wrong) || wrong.Actual != actual {
		t.Errorf("got %+v, want a conflict with revision %d", r, actual)
	}
}
