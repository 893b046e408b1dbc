package eventstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// MaxEvidence is the longest single piece of evidence, in bytes: twice the largest body that any door accepts.
const MaxEvidence = 16 << 20

// MaxStreamName and MaxCommandID bound the two names that every backend has to index, in bytes.
const (
	MaxStreamName = 255
	MaxCommandID  = 256
)

// Fits says whether a stream whose last revision is actual is what the append expects.
func (e Expected) Fits(actual domain.Revision) bool {
	switch e {
	case Any:
		return true
	case Exists:
		return actual >= 0
	}
	return domain.Revision(e) == actual
}

// Prepare checks what every backend must refuse alike and encodes the metadata that is not encoded yet. Each
// backend calls it first, so that none takes what another would not. Errors: *TooLargeError, *domain.Error.
func (s *Slice) Prepare() error {
	if err := CheckStream(s.Stream); err != nil {
		return err
	}
	if len(s.Events) == 0 {
		return refuse("events", "a slice without events: there is nothing to append")
	}
	if len(s.CommandID) > MaxCommandID || !Storable(s.CommandID) {
		return refuse("command", fmt.Sprintf("a command id is UTF-8 without NUL of at most %d bytes", MaxCommandID))
	}
	size := 0
	ids := make(map[uuid.UUID]struct{}, len(s.Events))
	for i := range s.Events {
		e := &s.Events[i]
		if e.Type == "" || !Storable(e.Type) {
			return refuse(fmt.Sprintf("events[%d].type", i), "an event needs a type")
		}
		if _, twice := ids[e.EventID]; twice {
			return refuse(fmt.Sprintf("events[%d].id", i), "two events of a slice have the same id "+e.EventID.String())
		}
		ids[e.EventID] = struct{}{}
		if e.MetaData == nil {
			var err error
			if e.MetaData, err = EncodeMeta(e.Meta); err != nil {
				return err
			}
		}
		size += len(e.Data) + len(e.MetaData)
	}
	if size > MaxSlice {
		return &TooLargeError{Stream: s.Stream, Size: size, Limit: MaxSlice}
	}
	if size := s.Stored(); size > MaxStored {
		return &TooLargeError{Stream: s.Stream, Size: size, Limit: MaxStored}
	}
	for _, ev := range s.Evidence {
		if len(ev.Bytes) > MaxEvidence {
			return &TooLargeError{Stream: s.Stream, Size: len(ev.Bytes), Limit: MaxEvidence}
		}
	}
	return nil
}

// storedBeside is what an event is stored with besides its data, metadata, type and texts, at most, in bytes: times,
// subject, hashes, and the names of all that.
const storedBeside = 576

// Stored is how much a prepared slice takes where it takes most, in bytes: data, metadata, and what EventStoreDB
// keeps with each event (package esdb). It never says less than it is there.
func (s *Slice) Stored() int {
	command := quotedSize(s.CommandID)
	size := 0
	for i := range s.Events {
		e := &s.Events[i]
		size += len(e.Data) + len(e.MetaData) + 2*len(e.Type) + storedBeside + command + quotedSize(e.Meta.CorrelationID) + quotedSize(string(e.Subject.Kind))
	}
	return size
}

// quotedSize is how long a text is in JSON, at most, without its quotes.
func quotedSize(s string) int {
	n := len(s)
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c >= 0x7f: // \u0000; bytes that are no UTF-8 become as long
			n += 5
		case c == '"', c == '\\':
			n++
		}
	}
	return n
}

// CheckStream refuses names that a backend keeps for itself ("$") or cannot keep.
func CheckStream(s domain.Stream) error {
	switch {
	case s == "":
		return refuse("stream", "the stream has no name")
	case len(s) > MaxStreamName:
		return refuse("stream", fmt.Sprintf("a stream's name of %d bytes; at most %d", len(s), MaxStreamName))
	case s[0] == '$':
		return refuse("stream", "names that begin with $ belong to the event store")
	case !Storable(string(s)):
		return refuse("stream", "a stream's name is UTF-8 without NUL")
	}
	return nil
}

// Storable says whether a backend can keep the text in an index: valid UTF-8 without NUL.
func Storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func refuse(subject, message string) error {
	return &domain.Error{Code: domain.Invalid, Subject: subject, Message: message}
}

// A Decoder turns stored bytes into events. The events of one command share their metadata byte for byte, so it
// keeps the last it saw: reading pages decodes metadata once a command, not once an event.
type Decoder struct {
	raw  []byte
	meta domain.Meta
}

// Last is the metadata decoded last, as it was stored; nil before the first.
func (d *Decoder) Last() []byte { return d.raw }

// Decode fills in Meta, Event and Data of r from bytes that stay as they are. Data that this build cannot read
// leaves Event nil: whoever needs it asks [domain.Decode] for the reason. Metadata that is not ours is an error.
func (d *Decoder) Decode(r *domain.Recorded, data, meta []byte) error {
	if d.raw == nil || !bytes.Equal(d.raw, meta) {
		d.meta = domain.Meta{}
		if err := json.Unmarshal(meta, &d.meta); err != nil {
			d.raw = nil
			return &DamagedError{Stream: r.Stream, Reason: fmt.Sprintf("the metadata of revision %d cannot be read: %s", r.Revision, err)}
		}
		d.raw = meta
	}
	r.Meta, r.Data, r.Event = d.meta, data, nil
	if e, err := domain.Decode(r.Type, r.Version, data); err == nil {
		r.Event = e
	}
	return nil
}
