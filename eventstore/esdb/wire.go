package esdb

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A query is what to read: a stream, or the whole log when it has no name.
type query struct {
	stream   domain.Stream
	revision domain.Revision      // the first to read; fromEnd: from the end
	position *eventstore.Position // of the whole log; nil: from the beginning, or backward from the end
	backward bool
	count    int
}

const fromEnd = domain.Revision(math.MaxInt64)

func (c *cluster) request(q query) *streams.ReadReq {
	o := &streams.ReadReq_Options{
		CountOption:  &streams.ReadReq_Options_Count{Count: uint64(q.count)},
		FilterOption: &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}},
		UuidOption:   &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_Structured{Structured: &shared.Empty{}}},
	}
	if q.backward {
		o.ReadDirection = streams.ReadReq_Options_Backwards
	}
	if q.stream == "" {
		all := &streams.ReadReq_Options_AllOptions{AllOption: &streams.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}}}
		switch {
		case q.position != nil:
			all.AllOption = &streams.ReadReq_Options_AllOptions_Position{Position: &streams.ReadReq_Options_Position{
				CommitPosition: q.position.Commit, PreparePosition: q.position.Prepare,
			}}
		case q.backward:
			all.AllOption = &streams.ReadReq_Options_AllOptions_End{End: &shared.Empty{}}
		}
		o.StreamOption = &streams.ReadReq_Options_All{All: all}
		return &streams.ReadReq{Options: o}
	}
	one := &streams.ReadReq_Options_StreamOptions{
		StreamIdentifier: c.identifier(q.stream),
		RevisionOption:   &streams.ReadReq_Options_StreamOptions_Revision{Revision: uint64(q.revision)},
	}
	if q.backward && q.revision == fromEnd {
		one.RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
	}
	o.StreamOption = &streams.ReadReq_Options_Stream{Stream: one}
	return &streams.ReadReq{Options: o}
}

// readTries is how often a read is tried before it is given up: reading twice harms nobody.
const readTries = 6

// read answers records, or errNoStream, errTombstone, *AccessDeniedError, *UnavailableError.
func (c *cluster) read(ctx context.Context, q query) ([]record, error) {
	for try := 0; ; try++ {
		records, err := c.readOnce(ctx, q)
		if err == nil || errors.Is(err, errNoStream) || errors.Is(err, errTombstone) || errors.Is(err, errUnreadable) || errors.Is(err, errClosed) || definite(err) {
			return records, err
		}
		if try+1 == readTries || !pause(ctx, try) {
			return nil, err
		}
	}
}

func (c *cluster) readOnce(ctx context.Context, q query) ([]record, error) {
	n, err := c.leader(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.outgoing(ctx), 3*callDeadline(c.config))
	defer cancel()
	in, err := n.streams.Read(ctx, c.request(q))
	if err != nil {
		return nil, c.failed(n, judge(err, nil))
	}
	var records []record
	for {
		resp, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return nil, c.failed(n, judge(err, in.Trailer()))
		}
		switch content := resp.GetContent().(type) {
		case *streams.ReadResp_Event:
			r, err := c.recordOf(content.Event)
			if err != nil {
				return nil, err
			}
			records = append(records, r)
		case *streams.ReadResp_StreamNotFound_:
			return nil, errNoStream
		} // what a newer server says besides is of no concern here
	}
}

// failed leaves a node that does not answer or does not lead.
func (c *cluster) failed(n *node, err error) error {
	var r *refusal
	if errors.As(err, &r) && (r.kind == errNotLeader || !definite(err)) {
		c.leave(n, r.hint)
	}
	return err
}

func (c *cluster) recordOf(e *streams.ReadResp_ReadEvent) (r record, err error) {
	in := e.GetEvent()
	if e.GetLink() != nil {
		in = e.GetLink()
	}
	if in == nil || in.GetStreamRevision() > math.MaxInt64 {
		return r, fmt.Errorf("%w: an event without its content", errUnreadable)
	}
	r = record{
		stream: c.nameOf(string(in.GetStreamIdentifier().GetStreamName())), revision: domain.Revision(in.GetStreamRevision()),
		typ: in.GetMetadata()["type"], data: in.GetData(), meta: in.GetCustomMetadata(),
		position: eventstore.Position{Commit: in.GetCommitPosition(), Prepare: in.GetPreparePosition()},
	}
	if r.data == nil {
		r.data = []byte{}
	}
	if text, ok := in.GetId().GetValue().(*shared.UUID_String_); ok {
		if r.id, err = uuid.Parse(text.String_); err != nil {
			return r, fmt.Errorf("%w: the id of an event: %w", errUnreadable, err)
		}
		return r, nil
	}
	binary.BigEndian.PutUint64(r.id[:8], uint64(in.GetId().GetStructured().GetMostSignificantBits()))
	binary.BigEndian.PutUint64(r.id[8:], uint64(in.GetId().GetStructured().GetLeastSignificantBits()))
	return r, nil
}

// identifier is a stream's name at the server. That of its metadata begins with $$ there, before everything else.
func (c *cluster) identifier(s domain.Stream) *shared.StreamIdentifier {
	name, isMeta := strings.CutPrefix(string(s), "$$")
	name = c.prefix + name
	if isMeta {
		name = "$$" + name
	}
	return &shared.StreamIdentifier{StreamName: []byte(name)}
}

// nameOf is what a stream of the server is called here, empty when it is none of this log's.
func (c *cluster) nameOf(name string) domain.Stream {
	name, isMeta := strings.CutPrefix(name, "$$")
	name, mine := strings.CutPrefix(name, c.prefix)
	switch {
	case !mine:
		return ""
	case isMeta:
		return domain.Stream("$$" + name)
	}
	return domain.Stream(name)
}

// pause waits longer each time, and is false when the context ended.
func pause(ctx context.Context, try int) bool {
	most := min(time.Second, 10*time.Millisecond<<min(try, 8))
	select {
	case <-time.After(most/2 + rand.N(most/2)):
		return true
	case <-ctx.Done():
		return false
	}
}

// An outgoing is one event in the shape in which it is sent, every time it is sent.
func outgoing(id uuid.UUID, typ string, data, meta []byte) *streams.AppendReq {
	content := "application/octet-stream"
	if json.Valid(data) {
		content = "application/json"
	}
	return &streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: &streams.AppendReq_ProposedMessage{
		Id: &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
			MostSignificantBits: int64(binary.BigEndian.Uint64(id[:8])), LeastSignificantBits: int64(binary.BigEndian.Uint64(id[8:])),
		}}},
		Metadata: map[string]string{"type": typ, "content-type": content}, CustomMetadata: meta, Data: data,
	}}}
}

// appendOnce sends a batch and answers the revision of its last event, or a *wrongRevision.
func (c *cluster) appendOnce(ctx context.Context, stream domain.Stream, expected domain.Revision, batch []*streams.AppendReq) (domain.Revision, error) {
	n, err := c.leader(ctx)
	if err != nil {
		return 0, &unsent{err}
	}
	ctx, cancel := context.WithTimeout(c.outgoing(ctx), callDeadline(c.config))
	defer cancel()
	out, err := n.streams.Append(ctx)
	if err != nil {
		return 0, c.failed(n, judge(err, nil))
	}
	o := &streams.AppendReq_Options{StreamIdentifier: c.identifier(stream)}
	if expected == domain.NoRevision {
		o.ExpectedStreamRevision = &streams.AppendReq_Options_NoStream{NoStream: &shared.Empty{}}
	} else {
		o.ExpectedStreamRevision = &streams.AppendReq_Options_Revision{Revision: uint64(expected)}
	}
	err = out.Send(&streams.AppendReq{Content: &streams.AppendReq_Options_{Options: o}})
	for i := 0; err == nil && i < len(batch); i++ {
		err = out.Send(batch[i])
	}
	// When the server ended the call early, Send only says EOF: the reason comes with the answer.
	resp, err := out.CloseAndRecv()
	if err != nil {
		return 0, c.failed(n, judge(err, out.Trailer()))
	}
	switch result := resp.GetResult().(type) {
	case *streams.AppendResp_Success_:
		return domain.Revision(result.Success.GetCurrentRevision()), nil
	case *streams.AppendResp_WrongExpectedVersion_:
		return 0, &wrongRevision{}
	}
	return 0, errUnreadable
}

// A wrongRevision says that the stream is not where the append expected it.
type wrongRevision struct{}

func (*wrongRevision) Error() string { return "the stream is elsewhere" }

// An unsent append never left.
type unsent struct{ cause error }

func (u *unsent) Error() string { return u.cause.Error() }

// Unwrap is the cause.
func (u *unsent) Unwrap() error { return u.cause }
