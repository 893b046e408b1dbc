package eventstore

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// A Position is the place of an event in the whole log. It is internal and differs by backend: only its order and
// its text form mean anything. Backends that have one number put it in both halves.
type Position struct {
	Commit, Prepare uint64
}

// Compare is negative when p comes before q.
func (p Position) Compare(q Position) int {
	switch {
	case p.Commit != q.Commit && p.Commit < q.Commit, p.Commit == q.Commit && p.Prepare < q.Prepare:
		return -1
	case p == q:
		return 0
	}
	return 1
}

// String is the text form, "commit/prepare".
func (p Position) String() string { return fmt.Sprintf("%d/%d", p.Commit, p.Prepare) }

// Expected is what an append requires of its stream: a revision that must be the last one, or one of the values below.
type Expected int64

// What an append may require besides an exact revision.
const (
	NoStream Expected = -1 // no event yet: the append yields revision 0
	Exists   Expected = -2 // at least one event
	Any      Expected = -3
)

// MaxSlice is the most data and metadata that the events of one command may have together, in bytes, on every
// backend: what one takes, the others take (DESIGN 3).
const MaxSlice = 900 << 10

// MaxStored is the most that the events of one command may take where they take most, in bytes: what EventStoreDB
// counts of one append, through version 25.0. It is what bounds a command of a great many small events, on every
// backend alike ([Slice.Stored]).
const MaxStored = 1 << 20

// A NewEvent is an event on its way into a stream. Its Envelope lacks Stream and Revision, which the append gives.
type NewEvent struct {
	domain.Envelope
	Event domain.Event // what Data holds, decoded: handed to followers in the same process
	Data  []byte
	// MetaData is Meta encoded. The executor encodes it once for all events of a command; where it is nil,
	// [Slice.Prepare] does.
	MetaData []byte
}

// Evidence is a raw body or a free text beside the log: stored once per stream and digest, erasable. Digest is the
// SHA-256 of salt and bytes.
type Evidence struct {
	Digest domain.Digest
	Salt   []byte
	Bytes  []byte
}

// A Slice is the events of one command. CommandID is remembered with its request digest: a slice whose command is
// known is left out and answered as a duplicate. An empty CommandID is not remembered. Forever marks commands that
// are remembered as long as the stream; the others for 30 days.
type Slice struct {
	Stream        domain.Stream
	Expected      Expected
	CommandID     string
	RequestDigest domain.Digest
	Forever       bool
	Events        []NewEvent
	Evidence      []Evidence
}

// A SliceResult is what became of one slice. Err is nil, or *WrongExpectedError, *CommandConflictError,
// *TooLargeError, *DamagedError, or a *domain.Error for a slice that no backend could keep ([Slice.Prepare]); the
// other errors are of the whole append.
type SliceResult struct {
	First, Last domain.Revision // of the events, or of those the known command appended
	Duplicate   bool            // the command, or these very events, were written before: nothing was written
	Err         error
}

// A Page is a run of events of the log or of a stream, in order.
type Page struct {
	Events   []domain.Recorded
	Next     Position // where to go on: after this page, whether or not it has events
	CaughtUp bool     // there was nothing more at the moment of reading
}

// StreamInfo says how far a stream goes.
type StreamInfo struct {
	Last       domain.Revision // NoRevision: there is none
	RecordedAt time.Time       // of the last event
}

// A KnownCommand is a command that appended, as it is remembered.
type KnownCommand struct {
	ID            string
	RequestDigest domain.Digest
	First, Last   domain.Revision
}

// Direction is the order of reading a stream.
type Direction int

// The directions.
const (
	Forward Direction = iota
	Backward
)

// Appender writes.
type Appender interface {
	// Append writes each slice whole or not at all, durably, and answers one result for each, in order. Several
	// slices of one stream are written in the order given; a slice that expects a revision may count on the ones
	// before it in the same call, and fails when the one it counts on was left out. The error is of the whole call: *OutcomeUnknownError (it may have been written:
	// send the same slices again), *UnavailableError (nothing was written), *AccessDeniedError.
	Append(ctx context.Context, slices []Slice) ([]SliceResult, error)
}

// Reader reads.
type Reader interface {
	// ReadStream reads at most limit events of a stream from a revision, inclusive, in one direction. From the end
	// backward is from = math.MaxInt64. A stream that does not exist is *NotFoundError.
	ReadStream(ctx context.Context, stream domain.Stream, from domain.Revision, dir Direction, limit int) (Page, error)
	// ReadEntity reads the events about one entity of a stream from a revision on, in order. It is what a cold
	// decision reads instead of the stream.
	ReadEntity(ctx context.Context, stream domain.Stream, entity domain.Entity, from domain.Revision) ([]domain.Recorded, error)
	// ReadAll reads at most limit events of the log after a position, in order.
	ReadAll(ctx context.Context, after Position, limit int) (Page, error)
	// Head is the position of the last event of the log.
	Head(ctx context.Context) (Position, error)
	// Info says how far a stream goes.
	Info(ctx context.Context, stream domain.Stream) (StreamInfo, error)
	// Commands looks up which of the commands of a stream appended.
	Commands(ctx context.Context, stream domain.Stream, ids []string) (map[string]KnownCommand, error)
}

// Follower follows the log.
type Follower interface {
	// Follow yields the events of the log after a position, for ever: first what there is, then what comes. Pages
	// hold at most limit events; an empty page with CaughtUp says that there is nothing more just now. A failure is
	// yielded last; following goes on by calling it again with the last page's Next.
	Follow(ctx context.Context, after Position, limit int) iter.Seq2[Page, error]
}

// EvidenceStore keeps bodies and texts beside the log.
type EvidenceStore interface {
	// Evidence reads what there is of the digests; what was erased or never stored is absent.
	Evidence(ctx context.Context, stream domain.Stream, digests []domain.Digest) (map[domain.Digest][]byte, error)
}

// Store is a backend. There is no deletion and no truncation.
type Store interface {
	Appender
	Reader
	Follower
	EvidenceStore
	// Close ends followers and gives back what the backend holds.
	Close() error
}

// CommandSpace is the namespace under which callers without a command id of their own get one.
var CommandSpace = uuid.MustParse("9d1b0c6e-7f55-5a0e-8f0e-0a4f4d2a9c11")
