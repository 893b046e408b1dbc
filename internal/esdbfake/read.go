package esdbfake

import (
	"slices"
	"sort"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// Read answers reads and subscriptions, of a stream or of $all.
func (s *Server) Read(req *streams.ReadReq, out streams.Streams_ReadServer) error {
	o := req.GetOptions()
	name := "$all"
	if o.GetStream() != nil {
		name = string(o.GetStream().GetStreamIdentifier().GetStreamName())
	}
	if err := s.admit(out.Context(), name, reading); err != nil {
		return err
	}
	if err := s.follows(out.Context(), out.SetTrailer); err != nil {
		return err
	}
	if o.GetSubscription() != nil {
		return s.subscribe(name, o, out)
	}
	f := s.take(OpRead)
	if err := f.before(s, out.Context(), out.SetTrailer); err != nil {
		return err
	}
	records, err := s.log.read(name, o)
	switch {
	case err != nil:
		out.SetTrailer(metadata.Pairs("exception", "stream-deleted", "stream-name", name))
		return err
	case records == nil && name != "$all":
		return out.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{StreamNotFound: &streams.ReadResp_StreamNotFound{StreamIdentifier: streamID(name)}}})
	}
	filter, err := filterOf(o)
	if err != nil {
		return err
	}
	left := o.GetCount()
	for _, r := range records {
		if left == 0 {
			break
		}
		if !filter.wants(r) {
			continue
		}
		if err := f.during(s, out.Context(), out.SetTrailer); err != nil {
			return err
		}
		if err := out.Send(s.sent(r)); err != nil {
			return err
		}
		left--
	}
	return f.after(s, out.Context(), out.SetTrailer)
}

// read is nil where there is no such stream. It may hold more than was asked for.
func (l *log) read(name string, o *streams.ReadReq_Options) ([]*record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	backward := o.GetReadDirection() == streams.ReadReq_Options_Backwards
	if name == "$all" {
		return page(l.records, l.place(o.GetAll(), backward), backward, o), nil
	}
	st := l.streams[name]
	if st != nil && st.tombstoned {
		return nil, status.Error(codes.FailedPrecondition, "stream is deleted")
	}
	records := l.alive(name)
	if st == nil || st.next == 0 || l.softDeleted(name) || len(records) == 0 {
		return nil, nil
	}
	at := 0
	switch from := o.GetStream().GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_End:
		at = len(records)
	case *streams.ReadReq_Options_StreamOptions_Revision:
		at = sort.Search(len(records), func(i int) bool {
			return records[i].revision > from.Revision || !backward && records[i].revision == from.Revision
		})
	}
	return page(records, at, backward, o), nil
}

// place is the index at which reading $all begins: forward with the record at the position, backward with the one
// before it.
func (l *log) place(o *streams.ReadReq_Options_AllOptions, backward bool) int {
	switch from := o.GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_End:
		return len(l.records)
	case *streams.ReadReq_Options_AllOptions_Position:
		return sort.Search(len(l.records), func(i int) bool {
			return !l.records[i].before(from.Position.GetCommitPosition(), from.Position.GetPreparePosition())
		})
	}
	return 0
}

// page copies what is asked for; with a filter, all there is.
func page(records []*record, at int, backward bool, o *streams.ReadReq_Options) []*record {
	most := o.GetCount()
	if o.GetFilter() != nil {
		most = uint64(len(records))
	}
	if backward {
		records = records[:at]
		records = slices.Clone(records[len(records)-int(min(most, uint64(len(records)))):])
		slices.Reverse(records)
	} else {
		records = records[at:]
		records = slices.Clone(records[:min(most, uint64(len(records)))])
	}
	if records == nil {
		records = []*record{}
	}
	return records
}
