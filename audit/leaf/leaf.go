// Package leaf is what a proof is about: the canonical bytes of one stored event, and their hash in a Merkle tree.
//
// An event is sealed as it is stored, byte for byte, whatever this program knows of its type: the envelope as it is, the
// data and the metadata by their SHA-256. The data hold what names a person only sealed under a key of that person, and
// texts only by a salted digest, so that erasing either leaves every leaf, and with it every proof, as it was.
//
// The place in the whole log is no part of a leaf: it differs by backend, and after an import. The revision is, and so is
// the stream that the event was first written to.
//
// The form is small enough to be written again in any language (examples/verify.py does): each text is its length in
// bytes as four bytes, big endian, and its bytes in UTF-8; each number eight bytes, big endian, two's complement; ids are
// 16 bytes and digests 32. The fields come in the order of [Event], after the text "annals-leaf-v1".
package leaf

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Version begins every leaf: another form would have another one.
const Version = "annals-leaf-v1"

// An Event is what a leaf is made of.
type Event struct {
	Stream      string // that it was first written to: an import does not change it
	Revision    int64  // in its stream, and the index of the leaf in the stream's tree
	EventID     uuid.UUID
	Type        string
	Version     int   // of the shape of the data
	RecordedAt  int64 // microseconds since 1970
	OccurredAt  int64 // microseconds since 1970
	SubjectKind string
	SubjectID   uuid.UUID
	Data        []byte // as stored
	Meta        []byte // as stored
}

// Of is the leaf's view of an event as it is stored ([eventstore.RawReader]).
func Of(e *eventstore.NewEvent) Event {
	return Event{
		Stream: string(e.Stream), Revision: int64(e.Revision), EventID: e.EventID, Type: e.Type, Version: e.Version,
		RecordedAt: e.RecordedAt.UnixMicro(), OccurredAt: e.OccurredAt.UnixMicro(),
		SubjectKind: string(e.Subject.Kind), SubjectID: e.Subject.ID, Data: e.Data, Meta: e.MetaData,
	}
}

// Stored is the opposite of [Of]: the event as it is stored, in a stream of that name.
func (e Event) Stored(stream domain.Stream) eventstore.NewEvent {
	stored := eventstore.NewEvent{Data: e.Data, MetaData: e.Meta}
	stored.Stream, stored.Revision, stored.EventID, stored.Type, stored.Version = stream, domain.Revision(e.Revision), e.EventID, e.Type, e.Version
	stored.RecordedAt, stored.OccurredAt = timeOf(e.RecordedAt), timeOf(e.OccurredAt)
	stored.Subject = domain.Entity{Kind: domain.Kind(e.SubjectKind), ID: e.SubjectID}
	return stored
}

// Append adds the canonical bytes of the leaf to b.
func (e *Event) Append(b []byte) []byte {
	data, meta := sha256.Sum256(e.Data), sha256.Sum256(e.Meta)
	return e.AppendDigests(b, data, meta)
}

// AppendDigests adds the canonical bytes of a leaf whose data and metadata are known by their SHA-256 alone.
func (e *Event) AppendDigests(b []byte, data, meta [sha256.Size]byte) []byte {
	b = text(b, Version)
	b = text(b, e.Stream)
	b = number(b, e.Revision)
	b = append(b, e.EventID[:]...)
	b = text(b, e.Type)
	b = number(b, int64(e.Version))
	b = number(b, e.RecordedAt)
	b = number(b, e.OccurredAt)
	b = text(b, e.SubjectKind)
	b = append(b, e.SubjectID[:]...)
	b = append(b, data[:]...)
	return append(b, meta[:]...)
}

// Hash is the hash of the leaf in the tree (RFC 6962: SHA-256 of a zero byte and the leaf).
func (e *Event) Hash() tlog.Hash {
	var room [512]byte
	return tlog.RecordHash(e.Append(room[:0]))
}

func text(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func number(b []byte, n int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(n)) }
