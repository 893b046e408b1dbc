package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Store is the log in memory. Its zero value is not ready: call [New].
type Store struct {
	mu       sync.RWMutex
	closed   bool
	moved    chan struct{} // closed and replaced whenever the log grows or the store closes
	log      []*row
	streams  map[domain.Stream]*stream
	commands map[eventstore.CommandKey]eventstore.KnownCommand
	evidence map[evidenceKey][]byte
}

// A row is one event as it is stored: nothing in it is shared with whoever wrote or reads it.
type row struct {
	position   uint64
	stream     domain.Stream
	revision   domain.Revision
	id         uuid.UUID
	typ        string
	version    int
	subject    domain.Entity
	recordedAt time.Time
	occurredAt time.Time
	data, meta []byte
}

// A stream keeps how far it went apart from its rows, so that rows that are missing are noticed.
type stream struct {
	last       domain.Revision
	recordedAt time.Time
	rows       []*row
	bySubject  map[domain.Entity][]*row
}

type evidenceKey struct {
	stream domain.Stream
	digest domain.Digest
}

var _ eventstore.Store = (*Store)(nil)

// errClosed is the cause of everything that is asked of a closed store.
var errClosed = errors.New("the store is closed")

// New is an empty log.
func New() *Store {
	return &Store{
		moved:    make(chan struct{}),
		streams:  map[domain.Stream]*stream{},
		commands: map[eventstore.CommandKey]eventstore.KnownCommand{},
		evidence: map[evidenceKey][]byte{},
	}
}

// Append writes slices. See [eventstore.Appender].
func (s *Store) Append(ctx context.Context, slices []eventstore.Slice) ([]eventstore.SliceResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	plan := eventstore.Plan{
		At:      map[domain.Stream]domain.Revision{},
		Damaged: map[domain.Stream]*eventstore.DamagedError{},
		Known:   s.commands,
	}
	for i := range slices {
		name := slices[i].Stream
		if st := s.streams[name]; st != nil {
			plan.At[name] = st.last
			if err := st.damage(name); err != nil {
				plan.Damaged[name] = err
			}
		}
	}
	results, write := plan.Judge(slices)
	for i := range slices {
		if eventstore.MayBeRepeated(&slices[i], results[i]) {
			s.compare(&slices[i], &results[i])
		}
	}
	for _, i := range write {
		s.write(&slices[i], results[i])
	}
	if len(write) > 0 {
		close(s.moved)
		s.moved = make(chan struct{})
	}
	return results, nil
}

// compare turns a conflict into a duplicate where the very same events lie right after what the slice expected.
func (s *Store) compare(sl *eventstore.Slice, r *eventstore.SliceResult) {
	first := domain.Revision(sl.Expected) + 1
	rows := s.streams[sl.Stream].rows
	for i := range sl.Events {
		at := int(first) + i
		if at >= len(rows) || rows[at].id != sl.Events[i].EventID {
			return
		}
	}
	*r = eventstore.SliceResult{First: first, Last: first + domain.Revision(len(sl.Events)) - 1, Duplicate: true}
}

func (s *Store) write(sl *eventstore.Slice, r eventstore.SliceResult) {
	st := s.streams[sl.Stream]
	if st == nil {
		st = &stream{last: domain.NoRevision, bySubject: map[domain.Entity][]*row{}}
		s.streams[sl.Stream] = st
	}
	for i := range sl.Events {
		e := &sl.Events[i]
		rw := &row{
			position:   uint64(len(s.log) + 1),
			stream:     sl.Stream,
			revision:   r.First + domain.Revision(i),
			id:         e.EventID,
			typ:        e.Type,
			version:    e.Version,
			subject:    e.Subject,
			recordedAt: e.RecordedAt.UTC().Truncate(time.Microsecond),
			occurredAt: e.OccurredAt.UTC().Truncate(time.Microsecond),
			data:       bytes.Clone(e.Data),
			meta:       bytes.Clone(e.MetaData),
		}
		s.log = append(s.log, rw)
		st.rows = append(st.rows, rw)
		st.bySubject[rw.subject] = append(st.bySubject[rw.subject], rw)
		st.last, st.recordedAt = rw.revision, rw.recordedAt
	}
	if sl.CommandID != "" {
		s.commands[eventstore.CommandKey{Stream: sl.Stream, ID: sl.CommandID}] = eventstore.KnownCommand{
			ID: sl.CommandID, RequestDigest: sl.RequestDigest, First: r.First, Last: r.Last,
		}
	}
	for _, ev := range sl.Evidence {
		key := evidenceKey{sl.Stream, ev.Digest}
		if _, known := s.evidence[key]; !known {
			s.evidence[key] = bytes.Clone(ev.Bytes)
		}
	}
}

// damage says how the rows of a stream differ from what was appended to it.
func (st *stream) damage(name domain.Stream) *eventstore.DamagedError {
	if len(st.rows) == 0 {
		return &eventstore.DamagedError{Stream: name, Reason: fmt.Sprintf("it went to revision %d and has no events", st.last)}
	}
	if last := st.rows[len(st.rows)-1].revision; last != st.last {
		return &eventstore.DamagedError{Stream: name, Reason: fmt.Sprintf("it went to revision %d and ends at %d", st.last, last)}
	}
	if n := domain.Revision(len(st.rows)); n != st.last+1 {
		return &eventstore.DamagedError{Stream: name, Reason: fmt.Sprintf("%d of its %d events are missing", st.last+1-n, st.last+1)}
	}
	return nil
}

// Close ends followers. A closed store answers nothing any more.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.moved)
		s.moved = make(chan struct{})
	}
	return nil
}

// ready is asked with the lock held.
func (s *Store) ready(ctx context.Context) error {
	if s.closed {
		return &eventstore.UnavailableError{Cause: errClosed}
	}
	if err := ctx.Err(); err != nil {
		return &eventstore.UnavailableError{Cause: err}
	}
	return nil
}

// Cut removes the events of a stream from a revision on, behind the store's back, as an operator with a knife
// would; from 0 it removes them all. The suite's damage tests use it.
func (s *Store) Cut(name domain.Stream, from domain.Revision) {
	s.remove(name, func(r *row) bool { return r.revision >= from })
}

// Pierce removes one event from the middle of a stream.
func (s *Store) Pierce(name domain.Stream, at domain.Revision) {
	s.remove(name, func(r *row) bool { return r.revision == at })
}

func (s *Store) remove(name domain.Stream, gone func(*row) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streams[name]
	st.rows = without(st.rows, gone)
	for e, rows := range maps.Clone(st.bySubject) {
		st.bySubject[e] = without(rows, gone)
	}
	s.log = without(s.log, func(r *row) bool { return r.stream == name && gone(r) })
}

func without(rows []*row, gone func(*row) bool) []*row {
	kept := make([]*row, 0, len(rows))
	for _, r := range rows {
		if !gone(r) {
			kept = append(kept, r)
		}
	}
	return kept
}
