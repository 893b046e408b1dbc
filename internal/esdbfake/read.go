package esdbfake

import (
	"slices"
	"sort"

	"google.golang.org/grpc/codes"
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
	if err := s.admit(out.Context(), name, reading, out.SetTrailer); err != nil {
		return err
	}
	if err := possible(o); err != nil {
		return err
	}
	if err := s.follows(out.Context(), out.SetTrailer); err != nil {
		return err
	}
	filter, err := s.filterOf(o)
	if err != nil {
		return err
	}
	if o.GetSubscription() != nil {
		return s.subscribe(name, o, filter, out)
	}
	f := s.take(OpRead)
	if err := f.before(s, out.Context(), out.SetTrailer); err != nil {
		return err
	}
	p := s.log.read(name, o)
	switch {
	case p.tombstoned:
		return refuseDeleted(out.SetTrailer, name)
	case p.absent && s.log.lie != LieNotFound:
		return out.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{StreamNotFound: &streams.ReadResp_StreamNotFound{StreamIdentifier: streamID(name)}}})
	}
	records := p.records
	if s.log.lie == LieReadFrom && len(records) > 0 {
		records = records[1:]
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
		if err := out.Send(s.sent(r, o.GetUuidOption().GetString_() != nil)); err != nil {
			return err
		}
		left--
	}
	if name != "$all" && o.GetControlOption().GetCompatibility() >= 1 {
		if err := out.Send(&streams.ReadResp{Content: &streams.ReadResp_LastStreamPosition{LastStreamPosition: p.last}}); err != nil {
			return err
		}
	}
	return f.after(s, out.Context(), out.SetTrailer)
}

// possible refuses what cannot be asked for together.
func possible(o *streams.ReadReq_Options) error {
	switch backward := o.GetReadDirection() == streams.ReadReq_Options_Backwards; {
	case o.GetUuidOption() == nil:
		return status.Error(codes.InvalidArgument, "`uuidOption` is a required argument")
	case o.GetStreamOption() == nil, o.GetCountOption() == nil, o.GetStream() != nil && o.GetFilter() != nil, o.GetSubscription() != nil && backward:
		return status.Error(codes.InvalidArgument, "The combination of options is invalid.")
	}
	return nil
}

// A page is what a read finds. It may hold more than was asked for.
type page struct {
	records            []*record
	last               uint64
	absent, tombstoned bool
}

// read looks. A stream of which every event was truncated is there, and empty.
func (l *log) read(name string, o *streams.ReadReq_Options) page {
	l.mu.Lock()
	defer l.mu.Unlock()
	backward := o.GetReadDirection() == streams.ReadReq_Options_Backwards
	if name == "$all" {
		return page{records: cut(l.records, l.place(o.GetAll()), backward, o)}
	}
	st := l.streams[name]
	switch {
	case st != nil && st.tombstoned:
		return page{tombstoned: true}
	case st == nil || st.next == 0 || l.softDeleted(name):
		return page{absent: true}
	}
	records := l.alive(name)
	from := o.GetStream().GetRevision() // the start is revision 0
	at := sort.Search(len(records), func(i int) bool {
		return records[i].revision > from || !backward && records[i].revision == from
	})
	if o.GetStream().GetEnd() != nil {
		at = len(records)
	}
	return page{records: cut(records, at, backward, o), last: st.next - 1}
}

// place is the index at which reading $all begins: forward with the record at the position, backward with the one
// before it.
func (l *log) place(o *streams.ReadReq_Options_AllOptions) int {
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

// cut copies what is asked for; with a filter, all there is.
func cut(records []*record, at int, backward bool, o *streams.ReadReq_Options) []*record {
	most := o.GetCount()
	if o.GetFilter() != nil {
		most = uint64(len(records))
	}
	if backward {
		records = records[:at]
		records = slices.Clone(records[len(records)-int(min(most, uint64(len(records)))):])
		slices.Reverse(records)
		return records
	}
	records = records[at:]
	return slices.Clone(records[:min(most, uint64(len(records)))])
}
