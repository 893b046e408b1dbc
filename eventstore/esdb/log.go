package esdb

import (
	"context"
	"fmt"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A mark is how far a stream was met in the log.
type mark struct {
	revision domain.Revision
	hash     domain.Digest
}

// A stretch of the log holds nothing of ours, after from and up to to.
type stretch struct{ from, to eventstore.Position }

// ReadAll reads a page of the log. See [eventstore.Reader]. The server's own events and those of other users are
// passed over; a page's Next is the last of ours, and the store remembers how much behind it was none of ours.
func (s *Store) ReadAll(ctx context.Context, after eventstore.Position, limit int) (eventstore.Page, error) {
	var p eventstore.Page
	var d eventstore.Decoder
	var err error
	p.Next, p.CaughtUp, err = s.walk(ctx, after, limit, func(r *record, c *custom) error {
		e, err := r.recorded(c, &d)
		p.Events = append(p.Events, e)
		return err
	})
	if err != nil {
		return eventstore.Page{}, err
	}
	return p, nil
}

// walk takes at most limit events of ours out of the log, behind a position, and says where to go on.
func (s *Store) walk(ctx context.Context, after eventstore.Position, limit int, take func(*record, *custom) error) (next eventstore.Position, caughtUp bool, err error) {
	if err := s.ready(ctx); err != nil {
		return after, false, err
	}
	next, at, taken := after, after, 0
	s.mu.Lock()
	if s.foreign.from == after {
		at = s.foreign.to
	}
	s.mu.Unlock()
	// Reading is inclusive, and one more tells whether there is more. Where others fill the log, more is read at once.
	for most := limit + 2; ; most = max(most, min(4*most, 4096)) {
		q := query{count: most}
		if at != (eventstore.Position{}) {
			from := at
			q.position = &from
		}
		records, err := s.cluster.read(ctx, q)
		if err != nil {
			return after, false, fmt.Errorf("read the log after %s: %w", after, unavailable(ctx, err))
		}
		for i := range records {
			r := &records[i]
			if r.position.Compare(at) <= 0 {
				continue
			}
			if taken == limit && r.ours() {
				return next, false, nil
			}
			c, err := s.meet(ctx, r)
			if err == nil && c != nil {
				err = take(r, c)
				taken++
				next = r.position
			}
			if err != nil {
				return after, false, err
			}
			at = r.position
		}
		if len(records) < q.count {
			s.mu.Lock()
			s.foreign = stretch{from: next, to: at}
			s.mu.Unlock()
			return next, true, s.audit(ctx)
		}
	}
}

// meet takes an event out of the log, nil when it is not one of ours, and checks that it follows the one before it
// in its stream.
func (s *Store) meet(ctx context.Context, r *record) (*custom, error) {
	if r.system() {
		return nil, s.meetSystem(ctx, r)
	}
	s.mu.Lock()
	before, met := s.seen[r.stream]
	s.mu.Unlock()
	if !r.ours() && !met {
		return nil, nil
	}
	c, err := r.open()
	if err != nil {
		return nil, err
	}
	switch {
	case met && r.revision <= before.revision: // read before
	case met && r.revision == before.revision+1:
		if c.Annals.Previous != before.hash {
			return nil, broken(r.stream, r.revision)
		}
	case r.revision > 0:
		if err := s.follows(ctx, r, c.Annals); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	if len(s.seen) >= maxStates {
		s.seen = map[domain.Stream]mark{}
	}
	if m, ok := s.seen[r.stream]; !ok || m.revision < r.revision {
		s.seen[r.stream] = mark{r.revision, c.Annals.Hash}
	}
	if r.position.Compare(s.top) > 0 {
		s.top = r.position
	}
	s.mu.Unlock()
	return c, nil
}

// follows checks that the event before one is there.
func (s *Store) follows(ctx context.Context, r *record, e *envelope) error {
	records, err := s.cluster.read(ctx, query{stream: r.stream, revision: r.revision - 1, count: 1})
	if err != nil {
		if _, damaged := s.sound(ctx, r.stream); damaged != nil {
			return damaged
		}
		return fmt.Errorf("read stream %s: %w", r.stream, unavailable(ctx, err))
	}
	if len(records) == 0 || records[0].revision != r.revision-1 {
		return missing(r.stream, r.revision-1)
	}
	c, err := records[0].open()
	if err != nil {
		return err
	}
	if c.Annals.Hash != e.Previous {
		return broken(r.stream, r.revision)
	}
	return nil
}

// meetSystem looks at what happened to a stream of ours: its metadata changed, or it was deleted for ever.
func (s *Store) meetSystem(ctx context.Context, r *record) error {
	name, isMeta := strings.CutPrefix(string(r.stream), "$$")
	stream := domain.Stream(name)
	switch {
	case isMeta && truncation(r.data) != "":
	case !isMeta && r.typ == "$streamDeleted":
		stream = r.stream
	default:
		return nil
	}
	s.mu.Lock()
	_, met := s.seen[stream]
	st := s.states[stream]
	s.mu.Unlock()
	if !met && st == nil {
		return nil
	}
	if st, err := s.state(ctx, stream); err == nil {
		st.loaded = false
		st.leave()
	}
	_, err := s.sound(ctx, stream) // it may have been mended since
	return err
}

// headPage is how many events are read at once in search of the last of ours.
const headPage = 64

// Head is the position of the last event of ours.
func (s *Store) Head(ctx context.Context) (eventstore.Position, error) {
	if err := s.ready(ctx); err != nil {
		return eventstore.Position{}, err
	}
	s.mu.Lock()
	top := s.top
	s.mu.Unlock()
	q := query{backward: true, count: headPage}
	for {
		records, err := s.cluster.read(ctx, q)
		if err != nil {
			return eventstore.Position{}, fmt.Errorf("read the head of the log: %w", unavailable(ctx, err))
		}
		for i := range records {
			r := &records[i]
			if r.position.Compare(top) <= 0 {
				return top, nil
			}
			if r.ours() {
				s.mu.Lock()
				if r.position.Compare(s.top) > 0 {
					s.top = r.position
				}
				s.mu.Unlock()
				return r.position, nil
			}
		}
		if len(records) < q.count {
			return eventstore.Position{}, nil
		}
		at := records[len(records)-1].position
		q.position, q.count = &at, min(4096, 4*q.count)
	}
}
