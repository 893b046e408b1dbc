package replay

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
)

// Erased is what stands where something was erased.
const Erased = "erased"

// An Entry is an event as it is shown. In JSON it is what GET /v1/workspaces/{slug}/replay answers, a line each.
type Entry struct {
	Revision      int64           `json:"revision" doc:"Its number in the workspace's stream, from 0 on, without gaps."`
	ID            string          `json:"id" doc:"The event's own id, the same on every backend."`
	Type          string          `json:"type" example:"run.started"`
	SchemaVersion int             `json:"schemaVersion"`
	RecordedAt    time.Time       `json:"recordedAt" doc:"When Annals recorded it."`
	OccurredAt    time.Time       `json:"occurredAt" doc:"When it happened, as the caller said."`
	Subject       Subject         `json:"subject"`
	Actor         By              `json:"actor"`
	Summary       string          `json:"summary" doc:"The event in one line for people."`
	Reason        string          `json:"reason,omitempty"`
	CommandID     string          `json:"commandId,omitempty"`
	CorrelationID string          `json:"correlationId,omitempty"`
	CausationID   string          `json:"causationId,omitempty"`
	Data          json.RawMessage `json:"data" doc:"The facts, names and texts readable; what was erased is the word erased."`
}

// A Subject is what an event is about.
type Subject struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// A By is who did it.
type By struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// A Source has what events refer to. Each field may be nil: then all of it shows as erased.
type Source struct {
	// Name opens a sealed value; ok is false where it cannot be read any more.
	Name func(domain.Personal) (value string, ok bool)
	// Bodies are those of some digests that are still there.
	Bodies func(digests []domain.Digest) (map[domain.Digest][]byte, error)
}

// Entries shows a run of events. The error is of reading bodies alone.
func (s Source) Entries(events []eventstore.NewEvent) ([]Entry, error) {
	out := make([]Entry, len(events))
	var digests []domain.Digest
	for i := range events {
		if bytes.Contains(events[i].Data, textMark) {
			digests = appendDigests(digests, events[i].Data)
		}
	}
	var bodies map[domain.Digest][]byte
	if s.Bodies != nil && len(digests) > 0 {
		var err error
		if bodies, err = s.Bodies(digests); err != nil {
			return nil, err
		}
	}
	for i := range events {
		out[i] = s.entry(&events[i], bodies)
	}
	return out, nil
}

func (s Source) entry(e *eventstore.NewEvent, bodies map[domain.Digest][]byte) Entry {
	var meta domain.Meta
	_ = json.Unmarshal(e.MetaData, &meta) // what is not ours is shown as far as it can be read
	shown := Entry{
		Revision: int64(e.Revision), ID: e.EventID.String(), Type: e.Type, SchemaVersion: e.Version, RecordedAt: e.RecordedAt, OccurredAt: e.OccurredAt,
		Subject: Subject{string(e.Subject.Kind), e.Subject.ID.String()}, Actor: By{meta.Actor.Kind, meta.Actor.ID},
		Reason: meta.Reason, CommandID: meta.CommandID, CorrelationID: meta.CorrelationID, Data: s.readable(e.Data, bodies),
	}
	if meta.CausationID != nil {
		shown.CausationID = meta.CausationID.String()
	}
	r := domain.Recorded{Envelope: e.Envelope, Data: e.Data}
	if known, err := domain.Decode(e.Type, e.Version, e.Data); err == nil {
		r.Event = known
	}
	shown.Summary = domain.Summary(&r)
	return shown
}

// What sealed names and texts beside the log look like in the data of events, whatever the type.
var (
	nameMark = []byte(`"sealed":`)
	textMark = []byte(`{"evidence":"`)
)

// readable is an event's data with names and texts in place of what refers to them. Most data have neither, and stay the
// very bytes.
func (s Source) readable(data []byte, bodies map[domain.Digest][]byte) json.RawMessage {
	if !json.Valid(data) {
		quoted, _ := json.Marshal(string(data)) // a string can always be written
		return quoted
	}
	if !bytes.Contains(data, nameMark) && !bytes.Contains(data, textMark) {
		return data
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return data
	}
	out, err := json.Marshal(s.replaced(v, bodies))
	if err != nil {
		return data
	}
	return out
}

func (s Source) replaced(v any, bodies map[domain.Digest][]byte) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = s.replaced(v[i], bodies)
		}
	case map[string]any:
		if p, ok := personalOf(v); ok {
			if s.Name != nil {
				if value, ok := s.Name(p); ok {
					return value
				}
			}
			return Erased
		}
		if t, ok := textOf(v); ok {
			if body, ok := bodies[t.Evidence]; ok {
				if text, ok := evidence.Text(body, t.Pointer); ok {
					return text
				}
			}
			return Erased
		}
		for k := range v {
			v[k] = s.replaced(v[k], bodies)
		}
	}
	return v
}

// personalOf reads an object that is a sealed name, and nothing else.
func personalOf(v map[string]any) (p domain.Personal, ok bool) {
	subject, named := v["subject"].(string)
	sealed, closed := v["sealed"].(string)
	if !named || !closed || len(v) != 2 {
		return p, false
	}
	p.Subject = subject
	return p, json.Unmarshal([]byte(`"`+sealed+`"`), &p.Sealed) == nil
}

// textOf reads an object that refers to a text, and nothing else.
func textOf(v map[string]any) (t domain.Text, ok bool) {
	digest, has := v["evidence"].(string)
	pointer, points := v["pointer"].(string)
	if !has || len(v) > 2 || len(v) == 2 && !points {
		return t, false
	}
	t.Pointer = pointer
	return t, t.Evidence.UnmarshalText([]byte(digest)) == nil
}

// appendDigests finds what texts of an event refer to.
func appendDigests(digests []domain.Digest, data []byte) []domain.Digest {
	for {
		_, rest, found := bytes.Cut(data, textMark)
		if !found {
			return digests
		}
		data = rest
		var d domain.Digest
		if len(rest) >= 64 && d.UnmarshalText(rest[:64]) == nil {
			digests = append(digests, d)
		}
	}
}
