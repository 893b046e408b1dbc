package esdbfake

import (
	"errors"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// A batch is an append on its way in; several share one call, each under its own correlation.
type batch struct {
	name     string
	expected expectation
	deadline time.Time // zero: none
	events   []event
	size     int
}

// BatchAppend takes batches in parts, under one call for many. What is wrong with a batch is told in its own answer;
// the call goes on.
func (s *Server) BatchAppend(in streams.Streams_BatchAppendServer) error {
	open := map[string]*batch{}
	for {
		req, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer, err := s.part(in, open, req)
		if err != nil {
			return err
		}
		if answer == nil {
			continue
		}
		answer.CorrelationId = req.GetCorrelationId()
		if err := in.Send(answer); err != nil {
			return err
		}
	}
}

// part takes one part, and answers where the batch is complete or refused. Parts of a batch that was refused are
// passed over.
func (s *Server) part(in streams.Streams_BatchAppendServer, open map[string]*batch, req *streams.BatchAppendReq) (*streams.BatchAppendResp, error) {
	id, err := uuidOf(req.GetCorrelationId())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	key := id.String()
	if o := req.GetOptions(); o != nil {
		b := batchOf(o)
		if err := s.admit(in.Context(), b.name, writing, func(metadata.MD) {}); errors.Is(err, errUnauthenticated) {
			return nil, err
		} else if err != nil {
			return refused(b.name, codes.PermissionDenied, "AccessDenied", &shared.AccessDenied{}), nil
		}
		open[key] = b
	}
	b := open[key]
	if b == nil {
		return nil, nil
	}
	for _, m := range req.GetProposedMessages() {
		e, err := proposed(func(metadata.MD) {}, m.GetId(), m.GetMetadata(), m.GetCustomMetadata(), m.GetData())
		if err != nil {
			delete(open, key)
			return refused(b.name, codes.InvalidArgument, "BadRequest", &shared.BadRequest{Message: err.Error()}), nil
		}
		b.events = append(b.events, e)
		if b.size += e.size(); b.size > s.opts.MaxAppendSize {
			delete(open, key)
			return refused(b.name, codes.InvalidArgument, "MaximumAppendSizeExceeded", &shared.MaximumAppendSizeExceeded{MaxAppendSize: uint32(s.opts.MaxAppendSize)}), nil
		}
	}
	if !req.GetIsFinal() {
		return nil, nil
	}
	delete(open, key)
	if !b.deadline.IsZero() && !time.Now().Before(b.deadline) {
		return refused(b.name, codes.DeadlineExceeded, "Timeout", &shared.Timeout{}), nil
	}
	return s.carryOut(in, b)
}

// carryOut writes a complete batch.
func (s *Server) carryOut(in streams.Streams_BatchAppendServer, b *batch) (*streams.BatchAppendResp, error) {
	f := s.take(OpAppend)
	if err := f.during(s, in.Context(), in.SetTrailer); err != nil {
		return nil, err
	}
	if err := f.before(s, in.Context(), in.SetTrailer); err != nil {
		return nil, err
	}
	if err := s.follows(in.Context(), in.SetTrailer); err != nil {
		return nil, err
	}
	v, commit, prepare := s.log.append(b.name, b.expected, b.events)
	if err := f.after(s, in.Context(), in.SetTrailer); err != nil {
		return nil, err
	}
	switch v.decision {
	case deleted:
		return refused(b.name, codes.NotFound, "StreamDeleted", &shared.StreamDeleted{StreamIdentifier: streamID(b.name)}), nil
	case wrong:
		return refused(b.name, codes.AlreadyExists, "WrongExpectedVersion", batchWrong(v, b.expected)), nil
	}
	success := &streams.BatchAppendResp_Success{
		CurrentRevisionOption: &streams.BatchAppendResp_Success_NoStream{NoStream: &emptypb.Empty{}},
		PositionOption:        &streams.BatchAppendResp_Success_NoPosition{NoPosition: &emptypb.Empty{}},
	}
	if v.current >= 0 {
		success.CurrentRevisionOption = &streams.BatchAppendResp_Success_CurrentRevision{CurrentRevision: uint64(v.current)}
		success.PositionOption = &streams.BatchAppendResp_Success_Position{Position: &shared.AllStreamPosition{CommitPosition: commit, PreparePosition: prepare}}
	}
	return &streams.BatchAppendResp{StreamIdentifier: streamID(b.name), Result: &streams.BatchAppendResp_Success_{Success: success}}, nil
}

func batchOf(o *streams.BatchAppendReq_Options) *batch {
	b := &batch{name: string(o.GetStreamIdentifier().GetStreamName()), expected: anyRevision}
	switch e := o.GetExpectedStreamPosition().(type) {
	case *streams.BatchAppendReq_Options_StreamPosition:
		b.expected = expectation(e.StreamPosition)
	case *streams.BatchAppendReq_Options_NoStream:
		b.expected = noStream
	case *streams.BatchAppendReq_Options_StreamExists:
		b.expected = streamExists
	}
	switch d := o.GetDeadlineOption().(type) {
	case *streams.BatchAppendReq_Options_Deadline:
		b.deadline = time.Now().Add(d.Deadline.AsDuration())
	case *streams.BatchAppendReq_Options_Deadline_21_10_0:
		b.deadline = d.Deadline_21_10_0.AsTime()
	}
	return b
}

// refused is an error in the answer itself, with its details.
func refused(name string, code codes.Code, message string, details protoadapt.MessageV1) *streams.BatchAppendResp {
	told, err := status.New(code, message).WithDetails(details)
	if err != nil {
		told = status.New(codes.Internal, err.Error())
	}
	return &streams.BatchAppendResp{StreamIdentifier: streamID(name), Result: &streams.BatchAppendResp_Error{Error: told.Proto()}}
}

func batchWrong(v verdict, expected expectation) *shared.WrongExpectedVersion {
	w := &shared.WrongExpectedVersion{CurrentStreamRevisionOption: &shared.WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &emptypb.Empty{}}}
	if v.current >= 0 {
		w.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: uint64(v.current)}
	}
	switch expected {
	case noStream:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &emptypb.Empty{}}
	case streamExists:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &emptypb.Empty{}}
	case anyRevision:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedAny{ExpectedAny: &emptypb.Empty{}}
	default:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamPosition{ExpectedStreamPosition: uint64(expected)}
	}
	return w
}
