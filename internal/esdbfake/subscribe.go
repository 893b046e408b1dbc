package esdbfake

import (
	"slices"
	"sort"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// subscribe sends what comes after a place, for ever: first what is there, then that it has caught up, then what is
// written. Filtered ones send a checkpoint after so many records that were looked at, and one when they go live.
func (s *Server) subscribe(name string, o *streams.ReadReq_Options, filter filter, out streams.Streams_ReadServer) error {
	f := s.take(OpSubscribe)
	if err := f.before(s, out.Context(), out.SetTrailer); err != nil {
		return err
	}
	confirmation := &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: uuid.NewString()}
	if err := out.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{Confirmation: confirmation}}); err != nil {
		return err
	}
	if o.GetStream().GetEnd() == nil && s.log.tombstoned(name) {
		return refuseDeleted(out.SetTrailer, name)
	}
	idAsText := o.GetUuidOption().GetString_() != nil
	at, scanned, live := s.log.after(name, o), 0, false
	var last *record // looked at, and behind the last checkpoint
	checkpoint := func() error {
		if filter.every == 0 || last == nil {
			return nil
		}
		p := &streams.ReadResp_Checkpoint{CommitPosition: last.commit, PreparePosition: last.prepare}
		last, scanned = nil, 0
		return out.Send(&streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{Checkpoint: p}})
	}
	for {
		records, moved := s.log.since(name, at)
		for _, r := range records {
			if err := f.during(s, out.Context(), out.SetTrailer); err != nil {
				return err
			}
			at, last = next(r), r
			if filter.wants(r) {
				if err := out.Send(s.sent(r, idAsText)); err != nil {
					return err
				}
			}
			if name != "$all" && r.revision == lastRevision {
				return refuseDeleted(out.SetTrailer, name)
			}
			if scanned++; scanned == filter.every {
				if err := checkpoint(); err != nil {
					return err
				}
			}
		}
		if len(records) > 0 {
			continue
		}
		if !live {
			live = true
			if err := checkpoint(); err != nil {
				return err
			}
			if err := s.caughtUp(name, at, out); err != nil {
				return err
			}
		}
		select {
		case <-moved:
		case <-out.Context().Done():
			return out.Context().Err()
		}
	}
}

func (s *Server) caughtUp(name string, at place, out streams.Streams_ReadServer) error {
	if s.log.lie == LieCaughtUp {
		return nil
	}
	said := &streams.ReadResp_CaughtUp{}
	if s.newer(25, 1) {
		said.ProtoReflect().SetUnknown(whereCaughtUp(name, at))
	}
	return out.Send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: said}})
}

// whereCaughtUp is what servers from 25.1 on add to that word: when (field 1), and behind which revision of a stream
// (2) or position of $all (3). The messages of the client that is used here do not know these fields.
func whereCaughtUp(name string, at place) []byte {
	when, _ := proto.Marshal(timestamppb.Now()) // of two numbers
	b := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), when)
	switch {
	case name != "$all" && at.revision > 0:
		b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), at.revision-1)
	case name == "$all" && at.prepare > 0:
		p := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), at.commit)
		p = protowire.AppendVarint(protowire.AppendTag(p, 2, protowire.VarintType), at.prepare-1)
		b = protowire.AppendBytes(protowire.AppendTag(b, 3, protowire.BytesType), p)
	}
	return b
}

// A place is where a subscription goes on: the least record that it has not seen.
type place struct{ commit, prepare, revision uint64 }

func next(r *record) place {
	return place{r.commit, r.prepare + 1, r.revision + 1}
}

func (l *log) tombstoned(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := l.streams[name]
	return st != nil && st.tombstoned
}

// after turns the exclusive start of a subscription into a place.
func (l *log) after(name string, o *streams.ReadReq_Options) place {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch from := o.GetStream().GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		return place{revision: from.Revision + 1}
	case *streams.ReadReq_Options_StreamOptions_End:
		if st := l.streams[name]; st != nil && st.tombstoned {
			return place{revision: lastRevision + 1}
		}
		return place{revision: l.next(name)}
	}
	switch from := o.GetAll().GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Position:
		return place{commit: from.Position.GetCommitPosition(), prepare: from.Position.GetPreparePosition() + 1}
	case *streams.ReadReq_Options_AllOptions_End:
		if len(l.records) > 0 {
			return next(l.records[len(l.records)-1])
		}
	}
	return place{}
}

// since are records from a place on, and what closes when there are more.
func (l *log) since(name string, at place) ([]*record, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if name == "$all" {
		i := sort.Search(len(l.records), func(i int) bool { return !l.records[i].before(at.commit, at.prepare) })
		return slices.Clone(l.records[i:]), l.moved
	}
	records := l.alive(name)
	i := sort.Search(len(records), func(i int) bool { return records[i].revision >= at.revision })
	return slices.Clone(records[i:]), l.moved
}
