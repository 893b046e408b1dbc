package esdbfake

import (
	"errors"
	"io"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

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
	if err := s.admit(ctx, name, writing, in.SetTrailer); err != nil {
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
		e, err := proposed(in.SetTrailer, m.GetId(), m.GetMetadata(), m.GetCustomMetadata(), m.GetData())
		if err != nil {
			return err
		}
		if size += e.size(); size > s.opts.MaxAppendSize {
			return refuseSize(in.SetTrailer, s.opts.MaxAppendSize)
		}
		events = append(events, e)
	}
	if err := f.before(s, ctx, in.SetTrailer); err != nil {
		return err
	}
	expected := expectedOf(options)
	v, commit, prepare := s.log.append(name, expected, events)
	if v.decision == deleted {
		return refuseDeleted(in.SetTrailer, name)
	}
	if err := f.after(s, ctx, in.SetTrailer); err != nil {
		return err
	}
	return in.SendAndClose(answerTo(v, expected, commit, prepare))
}

// proposed is an event as it will be kept. What is not JSON is octets, whatever it was called.
func proposed(set trailer, id *shared.UUID, system map[string]string, meta, data []byte) (event, error) {
	e := event{typ: system["type"], contentType: octets, data: data, meta: meta}
	for _, property := range []string{"type", "content-type"} {
		if system[property] == "" {
			return e, refuseProperty(set, property)
		}
	}
	if system["content-type"] == asJSON {
		e.contentType = asJSON
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
func (l *log) append(name string, expected expectation, events []event) (v verdict, commit, prepare uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make([]uuid.UUID, len(events))
	for i := range events {
		ids[i] = events[i].id
	}
	v = l.judge(name, expected, ids)
	switch {
	case v.decision == known:
		v.current = int64(v.at.revision)
		return v, v.at.commit, v.at.prepare
	case v.decision != fits || len(events) == 0:
		return v, 0, 0
	}
	original := strings.TrimPrefix(name, "$$")
	revived := original != name && l.softDeleted(original)
	commit, prepare = l.write(name, events)
	if v.soft {
		l.revive(name, uint64(v.current+1))
	}
	if revived {
		l.revive(original, l.next(original))
	}
	v.current += int64(len(events))
	return v, commit, prepare
}

func answerTo(v verdict, expected expectation, commit, prepare uint64) *streams.AppendResp {
	if v.decision == wrong {
		return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: wrongExpected(v, expected)}}
	}
	success := &streams.AppendResp_Success{PositionOption: &streams.AppendResp_Success_NoPosition{NoPosition: &shared.Empty{}}}
	if v.current >= 0 {
		success.CurrentRevisionOption = &streams.AppendResp_Success_CurrentRevision{CurrentRevision: uint64(v.current)}
		success.PositionOption = &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{CommitPosition: commit, PreparePosition: prepare}}
	} else {
		success.CurrentRevisionOption = &streams.AppendResp_Success_NoStream{NoStream: &shared.Empty{}}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: success}}
}

func wrongExpected(v verdict, expected expectation) *streams.AppendResp_WrongExpectedVersion {
	w := &streams.AppendResp_WrongExpectedVersion{CurrentRevisionOption: &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &shared.Empty{}}}
	if v.current >= 0 {
		w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(v.current)}
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
