package esdbfake

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// Delete deletes a stream softly: it cannot be read, and goes on counting when it is written to again.
func (s *Server) Delete(ctx context.Context, req *streams.DeleteReq) (*streams.DeleteResp, error) {
	name := string(req.GetOptions().GetStreamIdentifier().GetStreamName())
	expected := anyRevision
	switch e := req.GetOptions().GetExpectedStreamRevision().(type) {
	case *streams.DeleteReq_Options_Revision:
		expected = expectation(e.Revision)
	case *streams.DeleteReq_Options_NoStream:
		expected = noStream
	case *streams.DeleteReq_Options_StreamExists:
		expected = streamExists
	}
	commit, prepare, err := s.remove(ctx, name, expected, func(v verdict) (uint64, uint64, bool) {
		if v.current < 0 && s.log.streams["$$"+name] == nil {
			return 0, 0, false // there is nothing to delete
		}
		commit, prepare := s.log.write("$$"+name, []event{metadataEvent(fmt.Sprintf(`{"$tb":%d}`, deletedMark))})
		return commit, prepare, true
	})
	if err != nil {
		return nil, err
	}
	return &streams.DeleteResp{PositionOption: &streams.DeleteResp_Position_{Position: &streams.DeleteResp_Position{CommitPosition: commit, PreparePosition: prepare}}}, nil
}

// Tombstone deletes a stream for ever.
func (s *Server) Tombstone(ctx context.Context, req *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	name := string(req.GetOptions().GetStreamIdentifier().GetStreamName())
	expected := anyRevision
	switch e := req.GetOptions().GetExpectedStreamRevision().(type) {
	case *streams.TombstoneReq_Options_Revision:
		expected = expectation(e.Revision)
	case *streams.TombstoneReq_Options_NoStream:
		expected = noStream
	case *streams.TombstoneReq_Options_StreamExists:
		expected = streamExists
	}
	commit, prepare, err := s.remove(ctx, name, expected, func(verdict) (uint64, uint64, bool) {
		commit, prepare := s.log.write(name, []event{{id: uuid.New(), typ: streamDeletedType, contentType: octets}})
		st := s.log.streams[name]
		if s.log.lie != LieTombstone {
			st.tombstoned = true
			st.records[len(st.records)-1].revision = lastRevision
		}
		return commit, prepare, true
	})
	if err != nil {
		return nil, err
	}
	return &streams.TombstoneResp{PositionOption: &streams.TombstoneResp_Position_{Position: &streams.TombstoneResp_Position{CommitPosition: commit, PreparePosition: prepare}}}, nil
}

// remove checks and carries out a deletion, as a write of an event that nobody has seen yet.
func (s *Server) remove(ctx context.Context, name string, expected expectation, do func(verdict) (uint64, uint64, bool)) (commit, prepare uint64, err error) {
	set := func(md metadata.MD) { _ = grpc.SetTrailer(ctx, md) }
	if err := s.admit(ctx, name, deleting, set); err != nil {
		return 0, 0, err
	}
	if err := s.follows(ctx, set); err != nil {
		return 0, 0, err
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	v := s.log.judge(name, expected, []uuid.UUID{uuid.New()})
	switch v.decision {
	case deleted:
		return 0, 0, refuseDeleted(set, name)
	case fits:
		if commit, prepare, there := do(v); there {
			return commit, prepare, nil
		}
	}
	return 0, 0, refuseDelete(set, name, expected, v.current)
}
