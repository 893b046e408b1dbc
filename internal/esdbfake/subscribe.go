package esdbfake

import (
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// subscribe sends what comes after a place, for ever.
func (s *Server) subscribe(name string, o *streams.ReadReq_Options, out streams.Streams_ReadServer) error {
	f := s.take(OpSubscribe)
	if err := f.before(s, out.Context(), out.SetTrailer); err != nil {
		return err
	}
	filter, err := filterOf(o)
	if err != nil {
		return err
	}
	confirmation := &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: uuid.NewString()}
	if err := out.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{Confirmation: confirmation}}); err != nil {
		return err
	}
	at, scanned, live := s.log.after(name, o), 0, false
	for {
		records, moved := s.log.since(name, at)
		for _, r := range records {
			if err := f.during(s, out.Context(), out.SetTrailer); err != nil {
				return err
			}
			at = next(name, r)
			if filter.wants(r) {
				if err := out.Send(s.sent(r)); err != nil {
					return err
				}
			}
			if scanned++; filter.every > 0 && scanned%filter.every == 0 {
				checkpoint := &streams.ReadResp_Checkpoint{CommitPosition: r.commit, PreparePosition: r.prepare}
				if err := out.Send(&streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{Checkpoint: checkpoint}}); err != nil {
					return err
				}
			}
		}
		if len(records) > 0 {
			continue
		}
		if !live {
			live = true
			if err := out.Send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}}); err != nil {
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

// A place is where a subscription goes on: the least record that it has not seen.
type place struct{ commit, prepare, revision uint64 }

func next(name string, r *record) place {
	return place{r.commit, r.prepare + 1, r.revision + 1}
}

// after turns the exclusive start of a subscription into a place.
func (l *log) after(name string, o *streams.ReadReq_Options) place {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch from := o.GetStream().GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		return place{revision: from.Revision + 1}
	case *streams.ReadReq_Options_StreamOptions_End:
		if st := l.streams[name]; st != nil {
			return place{revision: st.next}
		}
	}
	switch from := o.GetAll().GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Position:
		return place{commit: from.Position.GetCommitPosition(), prepare: from.Position.GetPreparePosition() + 1}
	case *streams.ReadReq_Options_AllOptions_End:
		return place{commit: l.end}
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

// A filter chooses records by stream or by type.
type filter struct {
	byType bool
	prefix []string
	regex  *regexp.Regexp
	every  int // scanned records between two checkpoints; 0: none
}

func filterOf(o *streams.ReadReq_Options) (f filter, err error) {
	in := o.GetFilter()
	if in == nil {
		return f, nil
	}
	e := in.GetStreamIdentifier()
	if e == nil {
		e, f.byType = in.GetEventType(), true
	}
	f.prefix = e.GetPrefix()
	if e.GetRegex() != "" {
		if f.regex, err = regexp.Compile(e.GetRegex()); err != nil {
			return f, status.Error(codes.InvalidArgument, err.Error())
		}
	}
	if o.GetSubscription() != nil {
		f.every = int(max(1, in.GetMax()) * max(1, in.GetCheckpointIntervalMultiplier()))
	}
	return f, nil
}

func (f filter) wants(r *record) bool {
	subject := r.stream
	if f.byType {
		subject = r.typ
	}
	switch {
	case f.regex != nil:
		return f.regex.MatchString(subject)
	case len(f.prefix) > 0:
		return slices.ContainsFunc(f.prefix, func(p string) bool { return strings.HasPrefix(subject, p) })
	}
	return true
}
