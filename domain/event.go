package domain

import (
	"time"

	"github.com/google/uuid"
)

// An Event is one fact about its subject. Its type is a literal that outlives the name of the Go type.
type Event interface {
	// EventType is the wire name, "run.started".
	EventType() string
	// Subject is the entity the fact is about: deciding about it reads the facts on it.
	Subject() Entity
}

// An Envelope is what is recorded about an event besides what it says.
type Envelope struct {
	EventID    uuid.UUID
	Type       string // wire name
	Version    int    // of the shape of the data; see [Decode]
	Stream     Stream
	Revision   Revision
	RecordedAt time.Time // ours: along a stream max(clock, previous + 1 us)
	OccurredAt time.Time // the caller's or the producer's
	Subject    Entity
	Meta       Meta
}

// Meta is who did what, why and because of what; it is stored as the event's metadata.
type Meta struct {
	Actor         Actor      `json:"actor,omitzero"`
	CommandID     string     `json:"command,omitempty"`
	RequestDigest Digest     `json:"digest,omitzero"` // of the request's canonical form
	CorrelationID string     `json:"correlation,omitempty"`
	CausationID   *uuid.UUID `json:"causation,omitempty"`
	Reason        string     `json:"reason,omitempty"`
	Evidence      *Digest    `json:"evidence,omitempty"` // the raw body this fact was taken from
	Producer      string     `json:"producer,omitempty"` // the foreign producer's URI, or the native source
	Warnings      []string   `json:"warnings,omitempty"` // what was odd about the message: "time_without_zone", "time_in_future", ...
	Redacted      []Redacted `json:"redacted,omitempty"` // credentials cut from the body before it was stored
}

// An Actor is who acted: kind "account", "service_account" or "system", and the id of that. Earlier versions wrote kind
// "key" and the key's id for what was done by a key.
type Actor struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Key  string `json:"key,omitempty"` // the id of the API key or run token by which they acted; empty: by none
}

// Credential tells callers apart: the key where they came by one, else who they are.
func (a Actor) Credential() string {
	if a.Key != "" {
		return a.Key
	}
	return a.ID
}

// Redacted is one value cut from a foreign body: where it was (JSON pointer) and by which rule.
type Redacted struct {
	Path string `json:"path"`
	Rule string `json:"rule"`
}

// A Recorded is an event as it lies in its stream. Event is nil where this build does not know the type; Data is
// always there.
type Recorded struct {
	Envelope
	Event Event
	Data  []byte
}

// Order is the fact's place among the facts on the same thing.
func (r *Recorded) Order() Order {
	return Order{At: r.OccurredAt, Rank: rankOf(r.Event), Digest: r.Meta.RequestDigest}
}

// An Order is a fact's place whatever the order of arrival: event time, then rank, then content digest (DESIGN 8).
type Order struct {
	At     time.Time
	Rank   int
	Digest Digest
}

// Compare is negative when a comes before b.
func (a Order) Compare(b Order) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	if a.Rank != b.Rank {
		return a.Rank - b.Rank
	}
	return a.Digest.Compare(b.Digest)
}

func rankOf(e Event) int {
	switch e := e.(type) {
	case RunReported:
		return e.Phase.rank()
	case StepReported:
		return e.Phase.rank()
	case ArtifactsConsumed:
		return e.Phase.rank()
	case ArtifactsProduced:
		return e.Phase.rank()
	}
	return Observed.rank()
}
