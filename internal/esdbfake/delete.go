package esdbfake

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

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
	commit, prepare, err := s.remove(ctx, name, expected, func() (uint64, uint64) {
		mark := fmt.Sprintf(`{"$tb":%d}`, deletedMark)
		return s.log.write("$$"+name, []event{{id: uuid.New(), typ: "$metadata", contentType: "application/json", data: []byte(mark)}})
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
	commit, prepare, err := s.remove(ctx, name, expected, func() (uint64, uint64) {
		commit, prepare := s.log.write(name, []event{{id: uuid.New(), typ: "$streamDeleted", contentType: "application/json"}})
		s.log.streams[name].tombstoned = true
		return commit, prepare
	})
	if err != nil {
		return nil, err
	}
	return &streams.TombstoneResp{PositionOption: &streams.TombstoneResp_Position_{Position: &streams.TombstoneResp_Position{CommitPosition: commit, PreparePosition: prepare}}}, nil
}

// remove checks and carries out a deletion.
func (s *Server) remove(ctx context.Context, name string, expected expectation, do func() (uint64, uint64)) (commit, prepare uint64, err error) {
	trailer := func(md metadata.MD) { _ = grpc.SetTrailer(ctx, md) }
	if err := s.admit(ctx, name, deleting); err != nil {
		return 0, 0, err
	}
	if err := s.follows(ctx, trailer); err != nil {
		return 0, 0, err
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	st := s.log.streams[name]
	if st != nil && st.tombstoned {
		trailer(metadata.Pairs("exception", "stream-deleted", "stream-name", name))
		return 0, 0, status.Error(codes.FailedPrecondition, fmt.Sprintf("stream %q is deleted", name))
	}
	exists := st != nil && st.next > 0 && !s.log.softDeleted(name)
	if expected == streamExists && !exists || expected == noStream && exists || expected >= 0 && (!exists || uint64(expected) != st.next-1) {
		trailer(metadata.Pairs("exception", "wrong-expected-version", "stream-name", name))
		return 0, 0, status.Error(codes.FailedPrecondition, "wrong expected version")
	}
	commit, prepare = do()
	return commit, prepare, nil
}

// Cut removes the events of a stream from a revision on from stream and log, and counts back: what a restore of an
// older backup does.
func (s *Server) Cut(name string, from uint64) {
	s.knife(name, func(r *record) bool { return r.revision >= from })
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if st := s.log.streams[name]; st != nil {
		st.next = min(st.next, from)
	}
}

// Pierce removes one event.
func (s *Server) Pierce(name string, at uint64) {
	s.knife(name, func(r *record) bool { return r.revision == at })
}

func (s *Server) knife(name string, gone func(*record) bool) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	st := s.log.streams[name]
	if st == nil {
		return
	}
	keep := func(records []*record) (kept []*record) {
		for _, r := range records {
			if r.stream != name || !gone(r) {
				kept = append(kept, r)
			}
		}
		return kept
	}
	st.records, s.log.records = keep(st.records), keep(s.log.records)
}

// Truncate sets metadata of a stream, as an operator does: a JSON object with $maxCount, $maxAge, $tb or $acl.
func (s *Server) Truncate(name, meta string) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.write("$$"+name, []event{{id: uuid.New(), typ: "$metadata", contentType: "application/json", data: []byte(meta)}})
}

// Put writes an event as somebody else would, past all checks.
func (s *Server) Put(name, typ, data string) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.write(name, []event{{id: uuid.New(), typ: typ, contentType: "application/json", data: []byte(data)}})
}

// Metadata is the $metadata of a stream, empty where there is none.
func (s *Server) Metadata(name string) string {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if st := s.log.streams["$$"+name]; st != nil && len(st.records) > 0 {
		return string(st.records[len(st.records)-1].data)
	}
	return ""
}

// Alter changes the data of an event, as who can write to the server's disk does.
func (s *Server) Alter(name string, at uint64, data string) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for _, r := range s.log.streams[name].records {
		if r.revision == at {
			r.data = []byte(data)
		}
	}
}
