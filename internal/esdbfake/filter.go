package esdbfake

import (
	"regexp"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// window is how many records are looked at between two checkpoints where nothing is said.
const window = 32

// A filter chooses records by stream or by type.
type filter struct {
	on     bool
	byType bool
	prefix []string
	regex  *regexp.Regexp
	every  int // scanned records between two checkpoints; 0: none
}

func (s *Server) filterOf(o *streams.ReadReq_Options) (f filter, err error) {
	in := o.GetFilter()
	if in == nil {
		return f, nil
	}
	if in.GetWindow() == nil || in.GetFilter() == nil {
		return f, status.Error(codes.InvalidArgument, "a filter needs an expression and a window")
	}
	f.on = s.log.lie != LieFilter
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
	if o.GetSubscription() == nil {
		return f, nil
	}
	if in.GetCheckpointIntervalMultiplier() == 0 {
		return f, status.Error(codes.Unknown, "Exception was thrown by handler.")
	}
	wide := window
	if _, said := in.GetWindow().(*streams.ReadReq_Options_FilterOptions_Max); said {
		wide = int(max(1, in.GetMax()))
	}
	f.every = wide * int(in.GetCheckpointIntervalMultiplier())
	if s.log.lie == LieCheckpoint {
		f.every = 0
	}
	return f, nil
}

// wants says whether a record passes. A filter with neither prefix nor expression lets nothing through.
func (f filter) wants(r *record) bool {
	subject := r.stream
	if f.byType {
		subject = r.typ
	}
	switch {
	case !f.on:
		return true
	case f.regex != nil:
		return f.regex.MatchString(subject)
	}
	return slices.ContainsFunc(f.prefix, func(p string) bool { return strings.HasPrefix(subject, p) })
}
