package esdbfake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// expectation is an expected revision: a number, or one of those below.
type expectation int64

const (
	noStream     expectation = -1
	anyRevision  expectation = -2
	streamExists expectation = -4
)

// A verdict is what became of an append.
type verdict struct {
	wrong           bool
	exists          bool // current is a revision
	current         uint64
	known           bool // written before
	commit, prepare uint64
}

// Append takes one batch and writes it whole or not at all.
func (s *Server) Append(in streams.Streams_AppendServer) error {
	ctx := in.Context()
	first, err := in.Recv()
	if err != nil {
		return err
	}
	options := first.GetOptions()
	if options == nil {
		return status.Error(codes.InvalidArgument, "an append begins with its options")
	}
	name := string(options.GetStreamIdentifier().GetStreamName())
	if err := s.admit(ctx, name, writing); err != nil {
		return err
	}
	if err := s.follows(ctx, in.SetTrailer); err != nil {
		return err
	}
	f := s.take(OpAppend)
	var events []event
	size := 0
	for {
		req, err := in.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := f.during(s, ctx, in.SetTrailer); err != nil {
			return err
		}
		m := req.GetProposedMessage()
		e, err := proposed(m.GetId(), m.GetMetadata(), m.GetCustomMetadata(), m.GetData())
		if err != nil {
			return err
		}
		if size += e.size(); size > s.opts.MaxAppendSize {
			in.SetTrailer(metadata.Pairs("exception", "maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(s.opts.MaxAppendSize)))
			return status.Error(codes.InvalidArgument, fmt.Sprintf("maximum append size of %d bytes exceeded", s.opts.MaxAppendSize))
		}
		events = append(events, e)
	}
	if err := f.before(s, ctx, in.SetTrailer); err != nil {
		return err
	}
	expected := expectedOf(options)
	v, err := s.log.append(name, expected, events)
	if err != nil {
		in.SetTrailer(metadata.Pairs("exception", "stream-deleted", "stream-name", name))
		return err
	}
	if err := f.after(s, ctx, in.SetTrailer); err != nil {
		return err
	}
	return in.SendAndClose(answerTo(v, expected))
}

func proposed(id *shared.UUID, system map[string]string, meta, data []byte) (event, error) {
	e := event{typ: system["type"], contentType: system["content-type"], data: data, meta: meta}
	if e.typ == "" || e.contentType == "" {
		return e, status.Error(codes.InvalidArgument, "an event needs the metadata type and content-type")
	}
	var err error
	if e.id, err = uuidOf(id); err != nil {
		return e, status.Error(codes.InvalidArgument, err.Error())
	}
	return e, nil
}

func expectedOf(o *streams.AppendReq_Options) expectation {
	switch e := o.GetExpectedStreamRevision().(type) {
	case *streams.AppendReq_Options_Revision:
		return expectation(e.Revision)
	case *streams.AppendReq_Options_NoStream:
		return noStream
	case *streams.AppendReq_Options_StreamExists:
		return streamExists
	}
	return anyRevision
}

// append judges and writes.
func (l *log) append(name string, expected expectation, events []event) (verdict, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := l.streams[name]
	if st != nil && st.tombstoned {
		return verdict{}, status.Error(codes.FailedPrecondition, fmt.Sprintf("stream %q is deleted", name))
	}
	soft := l.softDeleted(name)
	v := verdict{}
	if st != nil && st.next > 0 {
		v.exists, v.current = true, st.next-1
	}
	fits := expected == anyRevision ||
		expected == noStream && (!v.exists || soft) ||
		expected == streamExists && v.exists && !soft ||
		expected >= 0 && v.exists && uint64(expected) == v.current
	if again, at := l.repeated(st, expected, events, fits); again {
		v.known, v.exists, v.current = true, true, at.revision
		v.commit, v.prepare = at.commit, at.prepare
		return v, nil
	}
	if !fits {
		v.wrong = true
		return v, nil
	}
	if len(events) == 0 {
		return v, nil
	}
	if soft { // the stream comes back, and goes on counting
		m := fmt.Sprintf(`{"$tb":%d}`, st.next)
		l.write("$$"+name, []event{{id: uuid.New(), typ: "$metadata", contentType: "application/json", data: []byte(m)}})
	}
	v.commit, v.prepare = l.write(name, events)
	v.exists, v.current = true, l.streams[name].next-1
	return v, nil
}

// repeated says whether the very same events lie where they were expected to go. Where anything was expected, only
// the latest events are looked at.
func (l *log) repeated(st *stream, expected expectation, events []event, fits bool) (bool, *record) {
	if st == nil || len(events) == 0 {
		return false, nil
	}
	from := -1
	switch {
	case expected >= noStream && !fits:
		for i, r := range st.records {
			if expectation(r.revision) == expected+1 {
				from = i
			}
		}
	case expected == anyRevision || expected == streamExists:
		for i := max(0, len(st.records)-1000); i < len(st.records); i++ {
			if st.records[i].id == events[0].id {
				from = i
				break
			}
		}
	}
	if from < 0 || from+len(events) > len(st.records) {
		return false, nil
	}
	for i := range events {
		if st.records[from+i].id != events[i].id {
			return false, nil
		}
	}
	return true, st.records[from+len(events)-1]
}

func answerTo(v verdict, expected expectation) *streams.AppendResp {
	if v.wrong {
		return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: wrongExpected(v, expected)}}
	}
	success := &streams.AppendResp_Success{PositionOption: &streams.AppendResp_Success_NoPosition{NoPosition: &shared.Empty{}}}
	if v.exists {
		success.CurrentRevisionOption = &streams.AppendResp_Success_CurrentRevision{CurrentRevision: v.current}
		success.PositionOption = &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{CommitPosition: v.commit, PreparePosition: v.prepare}}
	} else {
		success.CurrentRevisionOption = &streams.AppendResp_Success_NoStream{NoStream: &shared.Empty{}}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: success}}
}

func wrongExpected(v verdict, expected expectation) *streams.AppendResp_WrongExpectedVersion {
	w := &streams.AppendResp_WrongExpectedVersion{CurrentRevisionOption: &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &shared.Empty{}}}
	if v.exists {
		w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: v.current}
	}
	switch expected {
	case noStream:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &shared.Empty{}}
	case streamExists:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &shared.Empty{}}
	case anyRevision:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: &shared.Empty{}}
	default:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: uint64(expected)}
	}
	return w
}

// follows refuses a call that requires the leader at a node that is none, and tells who is.
func (s *Server) follows(ctx context.Context, setTrailer func(metadata.MD)) error {
	md, _ := metadata.FromIncomingContext(ctx)
	s.log.mu.Lock()
	leader := s.log.leader
	s.log.mu.Unlock()
	if required := md.Get("requires-leader"); leader == s || len(required) == 0 || required[0] != "true" {
		return nil
	}
	return notLeader(leader, setTrailer)
}

func notLeader(leader *Server, setTrailer func(metadata.MD)) error {
	setTrailer(metadata.Pairs("exception", "not-leader", "leader-endpoint-host", leader.host(), "leader-endpoint-port", strconv.Itoa(leader.port())))
	return status.Error(codes.NotFound, "leader info available")
}
