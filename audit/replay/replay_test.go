package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/audit/replay"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func event(t *testing.T, e domain.Event, meta domain.Meta) eventstore.NewEvent {
	t.Helper()
	data, err := domain.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := eventstore.EncodeMeta(meta)
	if err != nil {
		t.Fatal(err)
	}
	return eventstore.NewEvent{
		Envelope: domain.Envelope{EventID: uuid.Nil, Type: e.EventType(), Version: 1, Revision: 7, RecordedAt: noon, OccurredAt: noon, Subject: e.Subject()},
		Data:     data, MetaData: raw,
	}
}

func TestWhatWasErasedIsTheWordErased(t *testing.T) {
	t.Parallel()
	body := evidence.New([]byte(`{"a":{"b":"a text"}}`))
	kept := &domain.Text{Evidence: body.Digest, Pointer: "/a/b"}
	lost := &domain.Text{Evidence: domain.Digest{1}}
	ada := domain.Personal{Subject: "ada", Sealed: []byte{1, 2, 3}}
	source := replay.Source{
		Name: func(p domain.Personal) (string, bool) {
			return "Ada", p.Subject == "ada" && bytes.Equal(p.Sealed, []byte{1, 2, 3})
		},
		Bodies: func(ds []domain.Digest) (map[domain.Digest][]byte, error) {
			return map[domain.Digest][]byte{body.Digest: body.Bytes}, nil
		},
	}
	id := uuid.New()
	for name, tt := range map[string]struct {
		source   replay.Source
		event    domain.Event
		has, not []string
	}{
		"a text that is there": {source, domain.WorkspaceDescribed{Description: kept}, []string{`"description":"a text"`}, []string{"erased"}},
		"an erased text":       {source, domain.WorkspaceDescribed{Description: lost}, []string{`"description":"erased"`}, nil},
		"no texts at all":      {replay.Source{}, domain.WorkspaceDescribed{Description: kept}, []string{`"description":"erased"`}, nil},
		"a readable name":      {source, domain.AccountRegistered{Account: id, Name: &ada}, []string{`"name":"Ada"`}, []string{"erased", "sealed"}},
		"an erased name":       {source, domain.AccountRegistered{Account: id, Name: &domain.Personal{Subject: "bob", Sealed: []byte{1}}}, []string{`"name":"erased"`}, []string{"sealed"}},
		"nobody has keys":      {replay.Source{}, domain.AccountRegistered{Account: id, Name: &ada}, []string{`"name":"erased"`}, nil},
		"neither":              {source, domain.WorkspaceRenamed{Name: `"sealed": and {"evidence":"`}, []string{`sealed`, `evidence`}, []string{"erased"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries, err := tt.source.Entries([]eventstore.NewEvent{event(t, tt.event, domain.Meta{})})
			if err != nil {
				t.Fatal(err)
			}
			data := string(entries[0].Data)
			for _, want := range tt.has {
				if !strings.Contains(data, want) {
					t.Errorf("%s has no %s", data, want)
				}
			}
			for _, no := range tt.not {
				if strings.Contains(data, no) {
					t.Errorf("%s has %s", data, no)
				}
			}
		})
	}
}

// What this build does not know, and what is no JSON, is shown all the same.
func TestStrangeEventsAreShown(t *testing.T) {
	t.Parallel()
	strange := event(t, domain.WorkspaceArchived{}, domain.Meta{})
	strange.Type, strange.Data, strange.MetaData = "workspace.teleported", []byte("no json \xff"), []byte("none")
	entries, err := replay.Source{}.Entries([]eventstore.NewEvent{strange})
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{replay.Compact, replay.JSON, replay.CloudEvents} {
		var out bytes.Buffer
		p := replay.Printer{W: &out, Form: form, Source: "urn:x"}
		if err := p.Print(&entries[0]); err != nil || strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), "teleported") {
			t.Errorf("%s: %q, %v", form, out.String(), err)
		}
		if form != replay.Compact && !json.Valid(out.Bytes()) {
			t.Errorf("%s: no JSON: %s", form, out.String())
		}
	}
}

func TestSpeeds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"max": 0, "1x": 1, "10x": 10, "0.5x": 0.5, "1e3x": 1000} {
		if got, err := replay.ParseSpeed(text); got != want || err != nil {
			t.Errorf("%s: %g, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "fast", "10", "x", "0x", "-1x", "NaNx", "Infx", "1e300x"} {
		if got, err := replay.ParseSpeed(text); err == nil {
			t.Errorf("%s: %g", text, got)
		}
	}
}

// A clock that moves when somebody sleeps.
type clock struct {
	now  time.Time
	last []time.Duration
}

func (c *clock) Now() time.Time { return c.now }

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.now, c.last = c.now.Add(d), append(c.last, d)
	return ctx.Err()
}

func TestPace(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Unix(100, 0)}
	p := replay.Pace{Speed: 10, Clock: c}
	for _, after := range []time.Duration{0, time.Second, time.Second, 11 * time.Second} {
		if err := p.Due(t.Context(), noon.Add(after)); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.last) != 2 || c.last[0] != 100*time.Millisecond || c.last[1] != time.Second {
		t.Errorf("waited %v", c.last)
	}
	c.now = c.now.Add(time.Minute) // a slow reader: what is late comes at once
	if err := p.Due(t.Context(), noon.Add(12*time.Second)); err != nil || len(c.last) != 2 {
		t.Errorf("waited %v, %v", c.last, err)
	}
	if left := p.Left(noon.AddDate(5000, 0, 0)); left <= 0 {
		t.Errorf("a gap that is longer than can be counted is over: %s", left)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Due(ctx, noon.Add(time.Hour*1e5)); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	fast := replay.Pace{Clock: c}
	if err := fast.Due(t.Context(), noon.Add(time.Hour)); err != nil || fast.Left(noon.AddDate(1, 0, 0)) != 0 {
		t.Error("the greatest speed waits")
	}
}
