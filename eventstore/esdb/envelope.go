package esdb

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// An envelope is what an event carries in its metadata besides [domain.Meta]. Its JSON is for whoever looks at the
// stream with other tools, too.
type envelope struct {
	Version  int             `json:"version"` // of the shape of data
	Recorded int64           `json:"recorded_us"`
	Occurred int64           `json:"occurred_us"` // microseconds since 1970
	Kind     domain.Kind     `json:"kind"`        // of the subject
	Subject  uuid.UUID       `json:"subject"`
	Command  string          `json:"command,omitempty"`
	Digest   *domain.Digest  `json:"digest,omitempty"` // of the command's request
	Forever  bool            `json:"forever,omitempty"`
	First    domain.Revision `json:"first"` // of the events appended together
	Last     domain.Revision `json:"last"`
	Previous domain.Digest   `json:"previous"` // hash of the event before; zeros at revision 0
	Hash     domain.Digest   `json:"hash"`
}

// A custom is the whole metadata of an event. Other tools know the two keys with $.
type custom struct {
	Annals      *envelope       `json:"annals"`
	Correlation string          `json:"$correlationId,omitempty"`
	Causation   string          `json:"$causationId,omitempty"`
	Meta        json.RawMessage `json:"meta"`
}

// ours is how the metadata of every event of ours begins.
var ours = []byte(`{"annals":{`)

// seal is the metadata of an event, and the hash for the next one.
func seal(sl *eventstore.Slice, i int, first domain.Revision, previous domain.Digest) ([]byte, domain.Digest, error) {
	e := &sl.Events[i]
	env := &envelope{
		Version: e.Version, Recorded: micros(e.RecordedAt), Occurred: micros(e.OccurredAt), Kind: e.Subject.Kind, Subject: e.Subject.ID,
		Command: sl.CommandID, Forever: sl.Forever, First: first, Last: first + domain.Revision(len(sl.Events)) - 1, Previous: previous,
	}
	if sl.CommandID != "" {
		env.Digest = &sl.RequestDigest
	}
	if !json.Valid(e.MetaData) {
		return nil, previous, fmt.Errorf("the metadata of event %s is not JSON", e.EventID)
	}
	env.Hash = env.hash(first+domain.Revision(i), e.EventID, e.Type, e.Data, e.MetaData)
	var b bytes.Buffer
	b.WriteString(`{"annals":`)
	if err := encode(&b, env); err != nil {
		return nil, previous, err
	}
	if e.Meta.CorrelationID != "" {
		b.WriteString(`,"$correlationId":`)
		if err := encode(&b, e.Meta.CorrelationID); err != nil {
			return nil, previous, err
		}
	}
	if e.Meta.CausationID != nil {
		b.WriteString(`,"$causationId":"` + e.Meta.CausationID.String() + `"`)
	}
	b.WriteString(`,"meta":`)
	b.Write(e.MetaData) // byte for byte: it is hashed
	b.WriteByte('}')
	return b.Bytes(), env.Hash, nil
}

func encode(b *bytes.Buffer, v any) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode metadata: %w", err)
	}
	b.Truncate(b.Len() - 1) // the newline
	return nil
}

// hash covers all that an event says, and the event before it. Texts go in with their lengths, so that nothing can
// be moved from one to the next.
func (e *envelope) hash(revision domain.Revision, id uuid.UUID, typ string, data, meta []byte) (d domain.Digest) {
	h := sha256.New()
	number := func(n int64) {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
	text := func(s string) {
		number(int64(len(s)))
		h.Write([]byte(s))
	}
	h.Write(e.Previous[:])
	number(int64(revision))
	h.Write(id[:])
	text(typ)
	number(int64(e.Version))
	number(e.Recorded)
	number(e.Occurred)
	text(string(e.Kind))
	h.Write(e.Subject[:])
	text(e.Command)
	if e.Digest != nil {
		h.Write(e.Digest[:])
	}
	number(int64(e.First))
	number(int64(e.Last))
	ofData, ofMeta := sha256.Sum256(data), sha256.Sum256(meta)
	h.Write(ofData[:])
	h.Write(ofMeta[:])
	h.Sum(d[:0])
	return d
}

func micros(t time.Time) int64 { return t.Truncate(time.Microsecond).UnixMicro() }

// A record is one event as a server sent it.
type record struct {
	stream   domain.Stream
	revision domain.Revision
	id       uuid.UUID
	typ      string
	data     []byte
	meta     []byte
	position eventstore.Position
}

// system says whether a record is the server's own.
func (r *record) system() bool {
	return r.typ == "" || r.typ[0] == '$' || r.stream == "" || r.stream[0] == '$'
}

func (r *record) ours() bool { return !r.system() && bytes.HasPrefix(r.meta, ours) }

// open reads the envelope of a record of ours and checks its hash.
func (r *record) open() (*custom, error) {
	var c custom
	if !r.ours() {
		return nil, &eventstore.DamagedError{Stream: r.stream, Reason: fmt.Sprintf("its revision %d was written by somebody else", r.revision)}
	}
	if err := json.Unmarshal(r.meta, &c); err != nil {
		return nil, &eventstore.DamagedError{Stream: r.stream, Reason: fmt.Sprintf("the metadata of revision %d cannot be read: %s", r.revision, err)}
	}
	if c.Annals == nil { // said twice, and taken back
		return nil, &eventstore.DamagedError{Stream: r.stream, Reason: fmt.Sprintf("the metadata of revision %d lack what is known of it", r.revision)}
	}
	if c.Annals.hash(r.revision, r.id, r.typ, r.data, c.Meta) != c.Annals.Hash {
		return nil, &eventstore.DamagedError{Stream: r.stream, Reason: fmt.Sprintf("revision %d was altered: it does not have the hash it was written with", r.revision)}
	}
	return &c, nil
}

// recorded makes an event of an opened record.
func (r *record) recorded(c *custom, d *eventstore.Decoder) (domain.Recorded, error) {
	out := domain.Recorded{Envelope: r.envelope(c)}
	err := d.Decode(&out, r.data, c.Meta)
	return out, err
}
