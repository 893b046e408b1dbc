package eventstore

import "github.com/annals-io/annals/domain"

// A Plan judges the slices of one Append in order, before anything is written. A backend that writes all slices of
// a call in one transaction fills in what it knows and asks [Plan.Judge]; the contract of chains, duplicates and
// conflicts stands here once.
type Plan struct {
	// At says where the streams of the call are; a stream that is absent has no event.
	At map[domain.Stream]domain.Revision
	// Damaged are streams that nothing is appended to.
	Damaged map[domain.Stream]*DamagedError
	// Known are the commands known before the call.
	Known map[CommandKey]KnownCommand
}

// A CommandKey names a command in the whole log.
type CommandKey struct {
	Stream domain.Stream
	ID     string
}

// Judge answers what becomes of each slice, moves At to where the streams will be, and lists the indexes of the
// slices to write. A slice that is a duplicate or does not fit is left out and moves nothing. One that counts on it,
// because it expects the revision that the one left out would have reached, is left out too: the stream may be at
// that revision by chance, with somebody else's events.
func (p *Plan) Judge(slices []Slice) (results []SliceResult, write []int) {
	results, write = make([]SliceResult, len(slices)), make([]int, 0, len(slices))
	now := map[CommandKey]KnownCommand{}
	broken := map[link]bool{}
	for i := range slices {
		if i > 0 {
			follow(broken, &slices[i-1], &results[i-1])
		}
		s, r := &slices[i], &results[i]
		if r.Err = s.Prepare(); r.Err != nil {
			continue
		}
		if d := p.Damaged[s.Stream]; d != nil {
			r.Err = d
			continue
		}
		key := CommandKey{s.Stream, s.CommandID}
		if s.CommandID != "" {
			known, ok := p.Known[key]
			if !ok {
				known, ok = now[key]
			}
			if ok {
				*r = repeated(s, known)
				continue
			}
		}
		actual, ok := p.At[s.Stream]
		if !ok {
			actual = domain.NoRevision
		}
		if !s.Expected.Fits(actual) || len(broken) > 0 && broken[link{s.Stream, s.Expected}] {
			r.Err = &WrongExpectedError{Stream: s.Stream, Expected: s.Expected, Actual: actual}
			continue
		}
		r.First, r.Last = actual+1, actual+domain.Revision(len(s.Events))
		p.At[s.Stream] = r.Last
		if s.CommandID != "" {
			now[key] = KnownCommand{ID: s.CommandID, RequestDigest: s.RequestDigest, First: r.First, Last: r.Last}
		}
		write = append(write, i)
	}
	return results, write
}

// A link is the revision that a stream has for those who count on a slice of the same call.
type link struct {
	stream domain.Stream
	at     Expected
}

// follow notes whether the slice is where those that count on it will look for it; the last one to promise a revision
// is the one that is counted on.
func follow(broken map[link]bool, s *Slice, r *SliceResult) {
	if s.Expected < NoStream {
		return
	}
	promised := link{s.Stream, s.Expected + Expected(len(s.Events))}
	if r.Err != nil || r.Duplicate {
		broken[promised] = true
	} else {
		delete(broken, promised)
	}
}

// repeated answers a slice whose command is known.
func repeated(s *Slice, known KnownCommand) SliceResult {
	if known.RequestDigest != s.RequestDigest {
		return SliceResult{Err: &CommandConflictError{Stream: s.Stream, CommandID: s.CommandID, Known: known}}
	}
	return SliceResult{First: known.First, Last: known.Last, Duplicate: true}
}

// MayBeRepeated says whether a slice that did not fit could have been written before, event by event: then its
// events lie right after what it expected, and a backend compares their ids.
func MayBeRepeated(s *Slice, r SliceResult) bool {
	wrong, ok := r.Err.(*WrongExpectedError)
	return ok && s.Expected >= NoStream && wrong.Actual >= domain.Revision(s.Expected)+domain.Revision(len(s.Events))
}
